"""The true forward models of Eqs. 1-3 at the resolution of blocks and frames."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.core.recording import RunId
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.methods.fusion_solvers import ForwardModel, Observed
from neurotranscoder.evaluate.scoring import HeldOut
from neurotranscoder.evaluate.truths import Units, true_response
from neurotranscoder.physics.head import Head
from neurotranscoder.signal.fir import apply_fir
from neurotranscoder.simulate.cohort import Subject
from neurotranscoder.simulate.truth import Truth

_HRF_SECONDS = 32.0


def block_potentials(head: Head, blocks: BlockMap) -> Float[ndarray, "channels blocks"]:
    """Return the potential of a unit moment in every voxel of a block, in V/(A m).

    It knows nothing of regions: voxels of a block that are silent, or whose moments cancel in
    their region, count as the others do.
    """
    label = blocks.labels[tuple(head.indices.T)]
    inside = label >= 0
    sums = np.zeros((blocks.n_blocks, len(head.leadfield)))
    np.add.at(sums, label[inside], head.leadfield.T[inside])
    return sums.T


def block_responses(
    truth: Truth, subject: Subject, blocks: BlockMap, times: Float[ndarray, " lags"]
) -> Float[ndarray, "responses lags"]:
    """Return h of each block, or of all where regions do not differ, advanced by the delay of d.

    A block that several regions share has their mean by the voxels that each has in it; one
    without any has the mean of all regions.
    """
    mean = true_response(truth, subject, times)[np.newaxis]
    if len(set(subject.hrfs)) == 1 or not Units.of(truth, blocks).are_regions:
        return mean
    shares = truth.block_shares(blocks)
    total = shares.sum(axis=1, keepdims=True)
    own = shares @ truth.region_hrfs(times + truth.evoked.delay, subject)
    return np.where(total > 0, own / np.where(total > 0, total, 1.0), mean)


@dataclass(frozen=True, slots=True, eq=False)
class Scales:
    """Units in which data and sources are of order one.

    Parameters
    ----------
    moment : float
        What EEG holds of the potentials of unit sources, in A m.
    bold_gain : float
        What BOLD holds of the convolved sources.
    eeg, bold : float
        Root mean square of the data.
    source : float
        Source whose EEG is of unit root mean square at the mean channel, in those units.
    """

    moment: float
    bold_gain: float
    eeg: float
    bold: float
    source: float


class KnownForward:
    """G and h of each run's brain; their gains are fitted to the true sources of training runs.

    Parameters
    ----------
    truth : Truth
        Heads and responses.
    training : sequence of HeldOut
        Runs with their true sources. Where BOLD follows sources linearly the gains that they
        give are those of the simulation; elsewhere they are the best that a linear model has.
    """

    def __init__(self, truth: Truth, training: Sequence[HeldOut]) -> None:
        first = training[0].aligned
        self._truth, self._blocks = truth, first.blocks
        self._lags = np.arange(round(_HRF_SECONDS * first.axis.sfreq)) / first.axis.sfreq
        self._frame = 1 / first.axis.sfreq
        self._parts = functools.cache(self._parts_of)
        self._model = functools.cache(self._model_of)
        self.scales = self._fitted(training)

    def model(self, run: RunId) -> ForwardModel:
        """Return the forward models of the brain of a run, for data as `observed` returns it."""
        return self._model(self._truth.subject(run))

    def observed(self, run: AlignedRun) -> Observed:
        """Return the data of a run without their means, at unit scale."""
        return Observed(_centred(run.eeg) / self.scales.eeg, _centred(run.bold) / self.scales.bold)

    def _model_of(self, subject: Subject) -> ForwardModel:
        """Return the forward models of a brain."""
        scales = self.scales
        potentials, responses = self._parts(subject)
        return ForwardModel(
            scales.moment * scales.source / scales.eeg * potentials,
            scales.bold_gain * scales.source / scales.bold * responses,
        )

    def _parts_of(
        self, subject: Subject
    ) -> tuple[Float[ndarray, "channels blocks"], Float[ndarray, "responses lags"]]:
        """Return potentials of unit sources, and responses that sum to their area."""
        responses = block_responses(self._truth, subject, self._blocks, self._lags)
        return block_potentials(subject.head, self._blocks), responses * self._frame

    def _fitted(self, training: Sequence[HeldOut]) -> Scales:
        """Return the gains of least squared error, and the levels of the data."""
        of_eeg, of_bold, powers = np.zeros(2), np.zeros(2), []
        for run in training:
            assert run.sources is not None
            potentials, responses = self._parts(self._truth.subject(run.aligned.run))
            past = responses.shape[1]
            eeg, bold = _centred(run.aligned.eeg), _centred(run.aligned.bold[:, past:])
            of_eeg += _products(eeg, potentials @ _centred(run.sources))
            of_bold += _products(bold, _centred(convolved(run.sources, responses)[:, past:]))
            powers.append((np.mean(eeg**2), np.mean(bold**2)))
        eeg_sd, bold_sd = np.sqrt(np.mean(powers, axis=0)).tolist()
        moment = float(of_eeg[0] / of_eeg[1])
        potentials, _ = self._parts(self._truth.cohort.template)
        unit = np.sqrt(np.sum(potentials**2) / len(potentials)) * moment / eeg_sd
        return Scales(moment, float(of_bold[0] / of_bold[1]), eeg_sd, bold_sd, float(1 / unit))


def convolved(
    sources: Float[ndarray, "blocks frames"], responses: Float[ndarray, "responses lags"]
) -> Float[ndarray, "blocks frames"]:
    """Return ``h * S``, with one response or that of each block."""
    if len(responses) == 1:
        return apply_fir(sources, responses[0])
    pairs = zip(sources, responses, strict=True)
    return np.concatenate([apply_fir(source[np.newaxis], own) for source, own in pairs])


def _centred(series: Float[ndarray, "rows frames"]) -> Float[ndarray, "rows frames"]:
    """Return rows without their means."""
    return np.asarray(series - series.mean(axis=1, keepdims=True))


def _products(
    data: Float[ndarray, "rows frames"], model: Float[ndarray, "rows frames"]
) -> Float[ndarray, "products=2"]:
    """Return the inner product of data and model, and the squared norm of the model."""
    return np.array([np.vdot(data, model), np.vdot(model, model)])
