"""How much of what the EEG gives beyond the reach of BOLD is of the source itself.

Estimates from EEG hold other sources as well: regions leak into each other. Below .2 Hz the
source that BOLD gives tells how much; above it nothing does directly. Two things do indirectly.
What leaks in comes from many sources, so its spectrum is much the same in all components: one
whose estimate has less power beyond the reach of BOLD than that has less of its own there. And
where BOLD still reaches, a source whose part in the estimate falls with frequency has no more of
it beyond.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool, Complex, Float
from numpy import ndarray

from neurotranscoder.core.spread import summed
from neurotranscoder.model.joint import OwnShare
from neurotranscoder.train.alternating import Pair
from neurotranscoder.train.component_filters import Filters
from neurotranscoder.train.regression import centred

_TINY = np.finfo(float).tiny
_RESOLVED = 1e-3  # |h|^2 relative to its largest: BOLD says nothing where it is less
_UNSEEN = 0.1  # of what does not agree with BOLD may be source: BOLD has errors too
_FALL = 2.0  # how far off the fall of an agreement may be
_LEAST_RATIO = 1e-6  # of power beyond the reach of BOLD to that within
_LEAST_WEIGHT = 1e-6  # of a component in the scale of both modalities
_LEAST_AGREEMENT = 0.1  # of both modalities, where it gives that scale


@dataclass(frozen=True, slots=True, eq=False)
class _Powers:
    """Powers of estimates e from EEG and b from BOLD, summed over frequencies and runs.

    Parameters
    ----------
    slow, fast : array, shape (components,)
        Of e within and beyond the reach of BOLD.
    of_bold, shared : array, shape (components,)
        Of b, and of b with e, within it.
    follows, predicted : array, shape (2, components)
        Of BOLD with what e predicts of it, and of that prediction: in the lower and in the upper
        half of the reach.
    """

    slow: Float[ndarray, " components"]
    fast: Float[ndarray, " components"]
    of_bold: Float[ndarray, " components"]
    shared: Float[ndarray, " components"]
    follows: Float[ndarray, "2 components"]
    predicted: Float[ndarray, "2 components"]

    def __add__(self, other: _Powers) -> _Powers:
        return _Powers(
            self.slow + other.slow,
            self.fast + other.fast,
            self.of_bold + other.of_bold,
            self.shared + other.shared,
            self.follows + other.follows,
            self.predicted + other.predicted,
        )


def own_share(sources: Sequence[Pair], filters: Filters) -> OwnShare:
    """Find how much of the estimates from EEG is source beyond the reach of BOLD.

    With ``r`` the part of the power of e that agrees with b, ``q`` the power of e beyond the reach
    of BOLD over that within, and ``q0`` what ``q`` is for leakage, the median over components by
    what does not agree, the part that is source beyond is ``1 - (1 - r) q0 / q``.

    Parameters
    ----------
    sources : sequence of Pair
        Training runs: component sources that the spatial map gives of the EEG, BOLD components.
    filters : Filters
        From sources to BOLD, and back.
    """
    found = summed(partial(_powers, filters=filters), sources)
    slow, of_bold, shared = (
        np.maximum(x, _TINY) for x in (found.slow, found.of_bold, found.shared)
    )
    agrees = np.minimum(shared / slow * (shared / of_bold), 1)
    agrees = agrees + _UNSEEN * (1 - agrees)
    ratio = np.maximum(found.fast / slow, _LEAST_RATIO)
    leaks = _weighted_median(ratio, 1 - agrees)
    share = np.clip((1 - (1 - agrees) * leaks / ratio) / agrees, 0, 1)
    share = np.minimum(share, _FALL * _fall(found))
    return OwnShare(share, _scale(slow, of_bold, shared, 1 - share + _LEAST_WEIGHT))


def _powers(run: Pair, filters: Filters) -> _Powers:
    """Return the powers of one run, where BOLD gives a source."""
    valid = filters.valid(run.eeg.shape[1])
    rows = (run.eeg, filters.decoded(run.components), run.components)
    e, b, bold = (np.fft.rfft(centred(x, valid), norm="ortho") for x in rows)
    frequencies = np.fft.rfftfreq(valid.stop - valid.start)
    lags = np.arange(filters.responses.shape[-1])
    gains = np.atleast_2d(filters.responses) @ np.exp(-2j * np.pi * np.outer(lags, frequencies))
    reach = _reach(gains)
    halves = np.array_split(np.flatnonzero(reach), 2)
    predicted = gains * e
    follows = np.real(bold * predicted.conj())
    return _Powers(
        slow=_power(e[:, reach]),
        fast=_power(e[:, ~reach]),
        of_bold=_power(b[:, reach]),
        shared=np.sum(np.real(b * e.conj())[:, reach], axis=1),
        follows=np.stack([follows[:, half].sum(axis=1) for half in halves]),
        predicted=np.stack([_power(predicted[:, half]) for half in halves]),
    )


def _reach(gains: Complex[ndarray, "rows frequencies"]) -> Bool[ndarray, " frequencies"]:
    """Return the frequencies that BOLD resolves: up to where responses first stop them."""
    strength = np.mean(np.abs(gains) ** 2, axis=0)
    strongest = int(np.argmax(strength))
    stopped = strength < _RESOLVED * strength[strongest]
    stopped[:strongest] = False
    return np.asarray(np.cumsum(stopped) == 0)


def _power(spectrum: Complex[ndarray, "rows frequencies"]) -> Float[ndarray, " rows"]:
    return np.asarray(np.sum(np.abs(spectrum) ** 2, axis=1))


def _scale(
    slow: Float[ndarray, " components"],
    of_bold: Float[ndarray, " components"],
    shared: Float[ndarray, " components"],
    weights: Float[ndarray, " components"],
) -> float:
    """Return the factor of b with which e, a posterior mean, agrees: ``<e e> / <e b>``."""
    eeg, bold, both = weights @ slow, weights @ of_bold, weights @ shared
    return float(eeg / max(both, _LEAST_AGREEMENT * np.sqrt(eeg * bold), _TINY))


def _fall(found: _Powers) -> Float[ndarray, " components"]:
    """Return what e tells of BOLD in the upper half of its reach, relative to the lower half."""
    lower, upper = found.follows / np.maximum(found.predicted, _TINY)
    told = lower > 0
    return np.where(told, np.maximum(upper, 0) / np.where(told, lower, 1), 1)


def _weighted_median(values: Float[ndarray, " n"], weights: Float[ndarray, " n"]) -> float:
    """Return the value that half of the weights are below."""
    order = np.argsort(values)
    below = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(below, below[-1] / 2)])
