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
from neurotranscoder.train.regression import centred

_WHOLE = slice(None)


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

    Where the EEG sees more of the sources than what is scored (coupling by power: the waveform of
    rhythms), the first C is the covariance of what it sees with the part that is scored.

    Parameters
    ----------
    training : sequence of AlignedRun
        Runs that noise is learnt from.
    brain_of : callable
        From a run to its brain, the same object for runs of the same brain.
    regions : sequence of array, shape (regions, frames)
        What the EEG sees of the regions in the training runs, P.
    shared : sequence of array, shape (regions, frames), or None
        The part of P that is scored, where that is not all of it.
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
        shared: Sequence[Float[ndarray, "regions _"]] | None = None,
        white: bool = True,
        independent: bool = False,
    ) -> None:
        brains = [brain_of(run.run) for run in training]
        self._brain_of = brain_of
        self._shares = shares
        self._filters_of = functools.cache(
            functools.partial(
                _filters,
                seen=_relative(regions, brains),
                wanted=None if shared is None else _relative(shared, brains),
                rest=[
                    run.eeg - brain.leadfield @ source
                    for run, source, brain in zip(training, regions, brains, strict=True)
                ],
                white=white,
                independent=independent,
            )
        )
        self._bold_gain = 1.0

    def predict(self, run: AlignedRun) -> Prediction:
        """Return ``source_from_eeg`` and ``bold_from_eeg`` of a run."""
        brain = self._brain_of(run.run)
        filters = self._filters_of(brain)
        eeg = run.eeg - run.eeg.mean(axis=1, keepdims=True)
        return Prediction(
            source_from_eeg=self._shares @ filters.of_source @ eeg,
            bold_from_eeg=self._bold_gain
            * (self._shares @ filters.of_bold @ apply_fir(eeg, brain.hrf)),
        )

    def fit_bold_gain(self, training: Sequence[AlignedRun]) -> None:
        """Scale predictions of BOLD so that they have the least squared error on runs."""
        products = np.zeros(2)
        for run in training:
            part = slice(len(self._brain_of(run.run).hrf), None)
            predicted = self.predict(run).bold_from_eeg
            assert predicted is not None
            one, two = centred(predicted, part), centred(run.bold, part)
            products += np.vdot(one, two), np.vdot(one, one)
        if products[1] > 0:
            self._bold_gain *= float(products[0] / products[1])


def _relative(
    sources: Sequence[Float[ndarray, "regions _"]], brains: Sequence[KnownBrain]
) -> list[Float[ndarray, "regions _"]]:
    """Return sources of runs as brains whose sources are equally strong would have them."""
    pairs = zip(sources, brains, strict=True)
    return [source / brain.strengths[:, np.newaxis] for source, brain in pairs]


def _filters(
    brain: KnownBrain,
    *,
    seen: Sequence[Float[ndarray, "regions _"]],
    wanted: Sequence[Float[ndarray, "regions _"]] | None,
    rest: Sequence[Float[ndarray, "channels _"]],
    white: bool,
    independent: bool,
) -> _Filters:
    """Return the filters of a brain, given sources of equal strength and the rest of the EEG."""
    own = np.outer(brain.strengths, brain.strengths)
    if independent:
        own = np.diag(np.diag(own))
    slow = _slow(seen, brain.hrf)
    if white:
        noise = _mean_power(rest) * np.eye(len(brain.leadfield))
        slow_noise = float(np.sum(brain.hrf**2)) * noise
    else:
        noise = _regular(pooled_covariance(rest))
        slow_noise = _regular(pooled_covariance(_slow(rest, brain.hrf)))
    with_seen = with_slow = None
    if wanted is not None:
        with_seen = own * pooled_covariance(wanted, seen)
        with_slow = own * pooled_covariance(_slow(wanted, brain.hrf), slow)
    return _Filters(
        wiener(brain.leadfield, own * pooled_covariance(seen), noise, with_seen),
        wiener(brain.leadfield, own * pooled_covariance(slow), slow_noise, with_slow),
    )


def _slow(
    series: Sequence[Float[ndarray, "rows _"]], hrf: Float[ndarray, " lags"]
) -> list[Float[ndarray, "rows _"]]:
    """Return series after the hemodynamic response, from where it has its whole past."""
    return [apply_fir(one, hrf)[:, len(hrf) :] for one in series]


def wiener(
    leadfield: Float[ndarray, "channels regions"],
    covariance: Float[ndarray, "regions regions"],
    noise: Float[ndarray, "channels channels"],
    with_seen: Float[ndarray, "regions regions"] | None = None,
) -> Float[ndarray, "regions channels"]:
    """Return the linear filter of least squared error for sources and noise of a covariance.

    Parameters
    ----------
    leadfield : array, shape (channels, regions)
        What is seen of sources.
    covariance : array, shape (regions, regions)
        Of the sources that are seen.
    noise : array, shape (channels, channels)
        Covariance of what else is seen.
    with_seen : array, shape (regions, regions), or None
        Covariance of what is wanted with the sources that are seen, where that is not the same.
    """
    seen = covariance @ leadfield.T
    total = leadfield @ seen + noise
    wanted = seen if with_seen is None else with_seen @ leadfield.T
    return np.asarray(np.linalg.solve(total, wanted.T).T)


def pooled_covariance(
    series: Sequence[Float[ndarray, "rows times"]],
    others: Sequence[Float[ndarray, "others times"]] | None = None,
) -> Float[ndarray, "rows others"]:
    """Return the covariance of rows, among themselves or with other rows.

    It is pooled over runs in their order, means removed per run.
    """
    others = series if others is None else others
    gram, count = np.zeros((len(series[0]), len(others[0]))), 0
    for run, other in zip(series, others, strict=True):
        part = centred(run, _WHOLE)
        gram += part @ (part if other is run else centred(other, _WHOLE)).T
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
