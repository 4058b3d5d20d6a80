"""Fit and apply the rivals that know less, and the limits that know more than a transcoder."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence

import numpy as np

from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.methods.imaging import SourceImaging
from neurotranscoder.evaluate.methods.imaging_heads import true_head
from neurotranscoder.evaluate.methods.imaging_specs import family_candidates
from neurotranscoder.evaluate.methods.protocol import Knowledge, Method
from neurotranscoder.evaluate.methods.regression import ridge_lags
from neurotranscoder.evaluate.oracle import KnownBrain, SpatialWiener
from neurotranscoder.evaluate.scoring import HeldOut, Prediction
from neurotranscoder.evaluate.truths import Units, true_response, with_truth
from neurotranscoder.simulate.cohort import Subject
from neurotranscoder.simulate.shared_sources import is_coupled_by_power
from neurotranscoder.simulate.truth import Truth

Rival = tuple[str, list[Prediction], float]
_HRF_SECONDS = 32.0


def predict_rivals(
    training: Sequence[AlignedRun],
    validation: Sequence[AlignedRun],
    test: Sequence[HeldOut],
    truth: Truth | None,
    *,
    progress: Callable[[str], None],
) -> list[Rival]:
    """Fit and apply every rival and limit.

    Parameters
    ----------
    training, validation : sequence of AlignedRun
        Runs to fit on and to choose on.
    test : sequence of HeldOut
        Runs to predict.
    truth : Truth or None
        Where it is known, source imaging and the oracle are given the brain of each run.
    progress : callable
        Called with what is being done.

    Returns
    -------
    rivals : list of (name, predictions, seconds)
        One prediction for each test run.
    """
    progress("fitting ridge regression with lags")
    aligned = [run.aligned for run in test]
    found = [_timed("ridge_lags", lambda: _predict(ridge_lags(), training, validation, aligned))]
    if truth is not None:
        if test[0].aligned.montage.positions is None:
            progress("no source imaging: the places of the electrodes are not known (bipolar?)")
        else:
            progress("source imaging with the true leadfield")
            found.append(
                _timed(
                    "minimum_norm_true_leadfield",
                    lambda: minimum_norm(truth, training, with_truth(validation, truth), test),
                )
            )
        found.append(_timed("oracle_spatial_wiener", lambda: _wiener_of(truth, training, aligned)))
    return found


def _timed(name: str, predict: Callable[[], list[Prediction]]) -> Rival:
    """Return what a method predicts, and how long it took."""
    start = time.perf_counter()
    predictions = predict()
    return name, predictions, time.perf_counter() - start


def _predict(
    method: Method,
    training: Sequence[AlignedRun],
    validation: Sequence[AlignedRun],
    test: Sequence[AlignedRun],
) -> list[Prediction]:
    """Fit a method and predict runs."""
    method.fit(training, validation)
    return [method.predict(run) for run in test]


def minimum_norm(
    truth: Truth,
    training: Sequence[AlignedRun],
    validation: Sequence[HeldOut],
    test: Sequence[HeldOut],
) -> list[Prediction]:
    """Apply minimum norm, given the true leadfield of each run's own head."""
    knowledge = Knowledge(truth, (), tuple(validation))
    method = SourceImaging(knowledge, family_candidates("MNE"), true_head)
    method.fit(training, [run.aligned for run in validation])
    return [method.predict(run.aligned) for run in test]


def _wiener_of(
    truth: Truth, training: Sequence[AlignedRun], test: Sequence[AlignedRun]
) -> list[Prediction]:
    """Predict runs by the spatial Wiener filter."""
    oracle = spatial_wiener(truth, training)
    return [oracle.predict(run) for run in test]


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
