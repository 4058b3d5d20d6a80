"""Rivals: sources from BOLD by Wiener deconvolution, each block on its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.methods.filters import BankOf
from neurotranscoder.evaluate.methods.protocol import Knowledge
from neurotranscoder.evaluate.scoring import HeldOut, Prediction, Scorer
from neurotranscoder.evaluate.truths import true_response
from neurotranscoder.simulate.sources import MANY_REGIONS
from neurotranscoder.simulate.truth import Truth

NOISES = tuple(float(10.0**power) for power in np.arange(-4, 2.5, 0.5))
"""Candidate noise-to-signal ratios, relative to the largest ``|H|^2``."""

ResponsesOf = Callable[[AlignedRun], Float[ndarray, "rows lags"]]
"""The response of each block of a run, or one row for all, at the group rate."""


def deconvolve(
    bold: Float[ndarray, "blocks frames"], responses: Float[ndarray, "rows lags"], noise: float
) -> Float[ndarray, "blocks frames"]:
    """Return ``conj(H) / (|H|^2 + k max|H|^2)`` applied to BOLD without its means.

    Runs are padded with zeros by twice the response, so that nothing wraps around.

    Parameters
    ----------
    bold : array, shape (blocks, frames)
        BOLD at the group rate.
    responses : array, shape (blocks, lags) or (1, lags)
        Response of each block, or of all.
    noise : float
        k, the noise-to-signal ratio.
    """
    n_times = bold.shape[1]
    n_fft = n_times + 2 * responses.shape[1]
    transfer = np.fft.rfft(responses, n_fft, axis=1)
    power = np.abs(transfer) ** 2
    inverse = transfer.conj() / (power + noise * power.max(axis=1, keepdims=True))
    spectrum = np.fft.rfft(bold - bold.mean(axis=1, keepdims=True), n_fft, axis=1)
    return np.asarray(np.fft.irfft(inverse * spectrum, n_fft, axis=1)[:, :n_times])


def cross_validation_score(
    bold: Float[ndarray, "blocks frames"],
    response: Float[ndarray, " lags"],
    noise: float,
    *,
    largest: float,
) -> float:
    """Return the generalised cross-validation of a deconvolution: no truth is needed.

    It is the error with which deconvolved sources predict samples of BOLD that were left out
    (Golub, Heath and Wahba 1979): ``mean |(1 - A) B|^2 / mean(1 - A)^2`` over frequencies above
    0, where ``A = |H|^2 / (|H|^2 + k max|H|^2)``.

    Parameters
    ----------
    bold : array, shape (blocks, frames)
        BOLD at the group rate.
    response : array, shape (lags,)
        Response of all blocks.
    noise : float
        k, the noise-to-signal ratio.
    largest : float
        Frequencies above this share of the rate are left out: there BOLD was not sampled.
    """
    n_times = bold.shape[1]
    frequencies = np.fft.rfftfreq(n_times)
    inside = (frequencies > 0) & (frequencies <= largest)
    spectrum = np.fft.rfft(bold, axis=1)[:, inside]
    power = np.abs(np.fft.rfft(response, n_times)) ** 2
    left = (1 - power / (power + noise * power.max()))[inside]
    residual = np.mean(np.abs(left * spectrum) ** 2)
    return float(residual / np.mean(left) ** 2)


class BlindDeconvolution:
    """Wiener deconvolution with one assumed response, its noise chosen by cross-validation.

    The noise-to-signal ratio has the least generalised cross-validation over validation runs, in
    the band that volumes hold.

    Parameters
    ----------
    bank_of : callable
        From a run to a bank of one filter, the response.
    noises : sequence of float
        Candidate noise-to-signal ratios.
    """

    def __init__(self, bank_of: BankOf, noises: Sequence[float] = NOISES) -> None:
        self.bank_of = bank_of
        self.noises = tuple(noises)

    def fit(self, training: Sequence[AlignedRun], validation: Sequence[AlignedRun]) -> None:  # noqa: ARG002
        """Choose the noise on validation runs; nothing else is learnt."""
        totals = [sum(self._score(run, noise) for run in validation) for noise in self.noises]
        self.noise = self.noises[int(np.argmin(totals))]

    def predict(self, run: AlignedRun) -> Prediction:
        """Estimate sources from BOLD."""
        source = deconvolve(run.bold, self.bank_of(run).taps, self.noise)
        return Prediction(source_from_bold=source)

    def _score(self, run: AlignedRun, noise: float) -> float:
        """Return the cross-validation of one run."""
        largest = 0.5 / (run.cells.volumes.tr * run.axis.sfreq)
        return cross_validation_score(run.bold, self.bank_of(run).taps[0], noise, largest=largest)


class InformedDeconvolution:
    """Wiener deconvolution with the true response of each block.

    The noise-to-signal ratio gives the largest r with the true sources of the validation runs.

    Parameters
    ----------
    knowledge : Knowledge
        True responses, and true sources of validation runs.
    noises : sequence of float
        Candidate noise-to-signal ratios.
    """

    def __init__(self, knowledge: Knowledge, noises: Sequence[float] = NOISES) -> None:
        self.knowledge = knowledge
        self.noises = tuple(noises)

    def fit(self, training: Sequence[AlignedRun], validation: Sequence[AlignedRun]) -> None:  # noqa: ARG002
        """Choose the noise on the validation runs whose sources are known."""
        scores = [self._score(noise) for noise in self.noises]
        self.noise = self.noises[int(np.nanargmax(scores))]

    def predict(self, run: AlignedRun) -> Prediction:
        """Estimate sources from BOLD."""
        return self._deconvolved(run, self.noise)

    def _score(self, noise: float) -> float:
        """Return the mean r of the validation runs."""
        runs: Sequence[HeldOut] = self.knowledge.validation
        predictions = [self._deconvolved(run.aligned, noise) for run in runs]
        return Scorer("").score("", predictions, runs, 0.0)[0].r

    def _deconvolved(self, run: AlignedRun, noise: float) -> Prediction:
        """Return the sources of a run at a noise-to-signal ratio."""
        responses = block_responses(self.knowledge.truth, run)
        return Prediction(source_from_bold=deconvolve(run.bold, responses, noise))


def block_responses(
    truth: Truth, run: AlignedRun, *, duration: float = 32.0
) -> Float[ndarray, "rows lags"]:
    """Return the true response of each block at the group rate, or one row where all are alike.

    It leads from P = X * d to BOLD. A block has the mean response of its voxels with a source; one
    without any, and every block where there are too many regions to tell, that of the brain.

    Parameters
    ----------
    truth : Truth
        Of the study.
    run : AlignedRun
        Whose brain, blocks and rate.
    duration : float
        Length of the responses, in s.
    """
    subject, rate = truth.subject(run.run), run.axis.sfreq
    lags = np.arange(round(duration * rate)) / rate
    mean = true_response(truth, subject, lags)[np.newaxis] / rate
    if len(set(subject.hrfs)) == 1 or truth.regions.n_regions > MANY_REGIONS:
        return mean
    shares = truth.block_shares(run.blocks)
    totals = shares.sum(axis=1, keepdims=True)
    responses = truth.region_hrfs(lags + truth.evoked.delay, subject) / rate
    mixed = shares @ responses / np.maximum(totals, np.finfo(float).tiny)
    return np.asarray(np.where(totals > 0, mixed, mean))
