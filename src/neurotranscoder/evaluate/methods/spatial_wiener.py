"""The limit of single EEG frames as a method: the spatial Wiener filter, given the truth."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.methods.protocol import Knowledge
from neurotranscoder.evaluate.oracle import KnownBrain, SpatialWiener
from neurotranscoder.evaluate.scoring import Prediction
from neurotranscoder.evaluate.truths import Units, true_response
from neurotranscoder.simulate.cohort import Subject
from neurotranscoder.simulate.shared_sources import is_coupled_by_power
from neurotranscoder.simulate.truth import Truth

_HRF_SECONDS = 32.0


class SpatialWienerOracle:
    """The best linear estimate from single EEG frames (`evaluate.oracle.SpatialWiener`).

    Parameters
    ----------
    knowledge : Knowledge
        Leadfield, regions, and the sources of the training runs.
    """

    def __init__(self, knowledge: Knowledge) -> None:
        self._truth = knowledge.truth

    def fit(self, training: Sequence[AlignedRun], validation: Sequence[AlignedRun]) -> None:  # noqa: ARG002
        """Learn covariances; nothing is chosen."""
        self._oracle = spatial_wiener(self._truth, training)

    def predict(self, run: AlignedRun) -> Prediction:
        """Return sources and BOLD from EEG."""
        return self._oracle.predict(run)


def spatial_wiener(truth: Truth, training: Sequence[AlignedRun]) -> SpatialWiener:
    """Return the spatial Wiener filter that knows leadfield, regions and covariances.

    Its noise is white where the scenario's EEG noise is; BOLD is in the unit of the training runs.
    Where the power of rhythms is scored, it is known to have no covariance with their waveforms.
    """
    first = training[0]
    rate = first.axis.sfreq
    lags = np.arange(round(_HRF_SECONDS * rate)) / rate
    units = Units.of(truth, first.blocks)

    @functools.cache
    def known(subject: Subject) -> KnownBrain:
        leadfield = truth.cohort.levels.moment * units.leadfield(subject)
        response = true_response(truth, subject, lags) / rate
        return KnownBrain(leadfield, units.strengths(subject), response)

    shared = None
    if is_coupled_by_power(truth):
        shared = [units.evoked(run.run, run.axis) for run in training]
    oracle = SpatialWiener(
        training,
        brain_of=lambda run: known(truth.subject(run)),
        regions=[units.potentials(run.run, run.axis) for run in training],
        shared=shared,
        shares=units.shares,
        white=units.are_regions and truth.cohort.scenario.eeg_noise is None,
        independent=units.are_independent,
    )
    oracle.fit_bold_gain(training)
    return oracle
