"""The way from BOLD to sources: a filter between components, then one in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.spread import Lazily, summed
from neurotranscoder.train.alternating import Pair, filter_products
from neurotranscoder.train.bold_noise_filter import (
    Mixing,
    bold_without_noise,
    choose_noise_filter,
    without_noise,
)
from neurotranscoder.train.regression import Products
from neurotranscoder.train.signals import Signals


@dataclass(frozen=True, slots=True, eq=False)
class Decoder:
    """What turns BOLD components into the sources that EEG gives.

    Parameters
    ----------
    taps : array, shape (taps,)
        Filter in time that all components share.
    first_lag : int
        Lag of its first tap, in frames.
    ridge : float
        Its ridge, as validation runs chose it.
    mixing : array, shape (components, components), or None
        Takes noise that components share out of them first.
    """

    taps: Float[ndarray, " taps"]
    first_lag: int
    ridge: float
    mixing: Mixing | None

    def read(self, pairs: Sequence[Pair]) -> Sequence[Pair]:
        """Return runs with the components that the filter in time reads."""
        if self.mixing is None:
            return pairs
        return Lazily(partial(without_noise, mixing=self.mixing), pairs)

    def read_in_blocks(
        self, runs: Sequence[Signals], maps: Float[ndarray, "blocks components"]
    ) -> Sequence[Signals]:
        """Return runs with these components in their BOLD; what lies outside them stays."""
        if self.mixing is None:
            return runs
        return Lazily(partial(bold_without_noise, maps=maps, mixing=self.mixing), runs)


def choose_decoder(
    training: Sequence[Pair],
    validation: Sequence[Pair],
    weights: Float[ndarray, "components rows"],
    hrf: Float[ndarray, " lags"],
    lags: range,
    ridges: Sequence[float],
    strengths: Sequence[float],
) -> Decoder:
    """Return the decoder that fits training runs, its choices made on validation runs.

    Parameters
    ----------
    training, validation : sequence of Pair
        Rows that the spatial map reads, and components of BOLD.
    weights : array, shape (components, rows)
        The spatial map.
    hrf : array, shape (lags,)
        Response at the group rate.
    lags : range
        Of the filter in time, in frames.
    ridges, strengths : sequence of float
        Candidates for the filter in time and for that between components (see
        `train.bold_noise_filter.choose_noise_filter`).
    """
    taps, ridge = _in_time(training, validation, weights, lags, ridges)
    mixing = choose_noise_filter(training, validation, weights, hrf, (taps, lags.start), strengths)
    found = Decoder(taps, lags.start, ridge, mixing)
    if mixing is None:
        return found
    taps, ridge = _in_time(found.read(training), found.read(validation), weights, lags, ridges)
    return replace(found, taps=taps, ridge=ridge)


def _in_time(
    training: Sequence[Pair],
    validation: Sequence[Pair],
    weights: Float[ndarray, "components rows"],
    lags: range,
    ridges: Sequence[float],
) -> tuple[Float[ndarray, " taps"], float]:
    """Return the filter in time from BOLD components to sources, and its ridge."""
    of_run = partial(_products, weights=weights, lags=lags)
    known, unseen = (summed(of_run, runs) for runs in (training, validation))
    taps, ridge = known.best(unseen, ridges)
    return taps[0], ridge


def _products(pair: Pair, weights: Float[ndarray, "components rows"], lags: range) -> Products:
    sources = weights @ pair.eeg
    return filter_products(pair.components, sources, n_lags=len(lags), first_lag=lags.start)
