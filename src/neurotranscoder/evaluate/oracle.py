"""The limit: the best linear spatial filter for someone who knows everything but the run."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.recording import RunId
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.scoring import Prediction
from neurotranscoder.signal.fir import apply_fir


@dataclass(frozen=True, slots=True, eq=False)
class KnownBrain:
    """What the oracle knows of the brain of a run.

    Parameters
    ----------
    leadfield : array, shape (channels, regions)
        True leadfield of the regions.
    strengths : array, shape (regions,)
        How strong their sources are, relative to those of other brains.
    hrf : array, shape (lags,)
        True response at the group rate, from source at group rate to BOLD.
    """

    leadfield: Float[ndarray, "channels regions"]
    strengths: Float[ndarray, " regions"]
    hrf: Float[ndarray, " lags"]


@dataclass(frozen=True, slots=True, eq=False)
class _Filters:
    """The filters of one brain: from EEG to sources, and from ``h * EEG`` to BOLD."""

    of_source: Float[ndarray, "regions channels"]
    of_bold: Float[ndarray, "regions channels"]


class SpatialWiener:
    """The spatial Wiener filters that are given the leadfield, regions and covariances.

    ``S = C G' (G C G' + N)^-1 E``: C is the true covariance of the region sources at group
    rate, N what the training EEG holds beyond the sources (white, its mean power). BOLD has a
    filter of its own, with the covariances of ``h * P`` and of the filtered noise, applied to
    ``h * E``: what is best for sources is not best for their slow part. Where brains differ, C is
    that of sources of equal strength, with the strengths of the brain.

    Parameters
    ----------
    training : sequence of AlignedRun
        Runs that noise is learnt from.
    brain_of : callable
        From a run to its brain, the same object for runs of the same brain.
    regions : sequence of array, shape (regions, frames)
        True sources of the regions in the training runs.
    shares : array, shape (blocks, regions)
        Which regions a block averages.
    white : bool
        Whether N is white. Otherwise it is the covariance of what the training EEG holds beyond
        the sources, such as their differences within a region.
    independent : bool
        Whether the sources are known to be independent, so that C is diagonal.
    """

    def __init__(
        self,
        training: Sequence[AlignedRun],
        *,
        brain_of: Callable[[RunId], KnownBrain],
        regions: Sequence[Float[ndarray, "regions _"]],
        shares: Float[ndarray, "blocks regions"],
        white: bool = True,
        independent: bool = False,
    ) -> None:
        known = [
            (run, source, brain_of(run.run)) for run, source in zip(training, regions, strict=True)
        ]
        rest = [run.eeg - brain.leadfield @ source for run, source, brain in known]
        relative = [source / brain.strengths[:, np.newaxis] for _, source, brain in known]
        self._brain_of = brain_of
        self._shares = shares
        self._filters_of = functools.cache(
            functools.partial(
                _filters, relative=relative, rest=rest, white=white, independent=independent
            )
        )

    def predict(self, run: AlignedRun) -> Prediction:
        """Return ``source_from_eeg`` and ``bold_from_eeg`` of a run."""
        brain = self._brain_of(run.run)
        filters = self._filters_of(brain)
        eeg = run.eeg - run.eeg.mean(axis=1, keepdims=True)
        return Prediction(
            source_from_eeg=self._shares @ filters.of_source @ eeg,
            bold_from_eeg=self._shares @ filters.of_bold @ apply_fir(eeg, brain.hrf),
        )


def _filters(
    brain: KnownBrain,
    *,
    relative: Sequence[Float[ndarray, "regions _"]],
    rest: Sequence[Float[ndarray, "channels _"]],
    white: bool,
    independent: bool,
) -> _Filters:
    """Return the filters of a brain, given sources of equal strength and the rest of the EEG."""
    own = np.outer(brain.strengths, brain.strengths)
    if independent:
        own = np.diag(np.diag(own))
    slow = [apply_fir(source, brain.hrf)[:, len(brain.hrf) :] for source in relative]
    if white:
        noise = _mean_power(rest) * np.eye(len(brain.leadfield))
        slow_noise = float(np.sum(brain.hrf**2)) * noise
    else:
        noise = _regular(pooled_covariance(rest))
        slow_rest = [apply_fir(one, brain.hrf)[:, len(brain.hrf) :] for one in rest]
        slow_noise = _regular(pooled_covariance(slow_rest))
    return _Filters(
        wiener(brain.leadfield, own * pooled_covariance(relative), noise),
        wiener(brain.leadfield, own * pooled_covariance(slow), slow_noise),
    )


def wiener(
    leadfield: Float[ndarray, "channels regions"],
    covariance: Float[ndarray, "regions regions"],
    noise: Float[ndarray, "channels channels"],
) -> Float[ndarray, "regions channels"]:
    """Return the linear filter of least squared error for sources and noise of a covariance."""
    seen = covariance @ leadfield.T
    total = leadfield @ seen + noise
    return np.asarray(np.linalg.solve(total, seen.T).T)


def pooled_covariance(
    series: Sequence[Float[ndarray, "rows times"]],
) -> Float[ndarray, "rows rows"]:
    """Return the covariance of rows, pooled over runs in their order, means removed per run."""
    size = len(series[0])
    gram, count = np.zeros((size, size)), 0
    for run in series:
        part = run - run.mean(axis=1, keepdims=True)
        gram += part @ part.T
        count += run.shape[1]
    return gram / count


def _mean_power(rest: Sequence[Float[ndarray, "channels frames"]]) -> float:
    """Return the mean power over channels of what is not signal, the mean over runs."""
    return float(np.mean([float(np.mean(np.var(run, axis=1))) for run in rest]))


def _regular(
    covariance: Float[ndarray, "channels channels"],
) -> Float[ndarray, "channels channels"]:
    """Return a covariance that an average reference does not make singular."""
    return covariance + 1e-6 * np.mean(np.diag(covariance)) * np.eye(len(covariance))
