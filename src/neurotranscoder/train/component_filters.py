"""Filters in time that differ between components, as responses differ between regions.

Each is the filter that all components share and a deviation, shrunk towards none: how far is
chosen on validation runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.linalg import matmul_toeplitz, solve_toeplitz

from neurotranscoder.core.spread import summed
from neurotranscoder.signal.fir import apply_fir, valid_slice
from neurotranscoder.train.regression import centred

Run = tuple[Float[ndarray, "components _"], Float[ndarray, "components _"]]
"""Input and target of the filters."""


@dataclass(frozen=True, slots=True, eq=False)
class Filters:
    """Filters of each component: from sources to BOLD, and back.

    Parameters
    ----------
    responses : array, shape (lags,) or (components, lags)
        BOLD of each source, from lag 0.
    decoders : array, shape (taps,) or (components, taps)
        From BOLD to sources.
    first_lag : int
        Lag of their first tap, in frames.
    """

    responses: Float[ndarray, "*rows lags"]
    decoders: Float[ndarray, "*rows taps"]
    first_lag: int

    def decoded(self, components: Float[ndarray, "components times"]) -> ndarray:
        """Return the sources that BOLD gives, shape (components, times)."""
        return apply_fir(components, self.decoders, first_lag=self.first_lag)

    def valid(self, n_times: int) -> slice:
        """Return the times at which these sources have all of their BOLD."""
        return valid_slice(n_times, self.decoders.shape[-1], first_lag=self.first_lag)


@dataclass(frozen=True, slots=True, eq=False)
class LaggedProducts:
    """Products of each component's input with itself and with its target; they add up over runs.

    Series are without their means and zero beyond their ends, so that products of an input with
    itself depend on the distance of two lags alone.

    Parameters
    ----------
    own : array, shape (components, lags)
        ``sum_t input[t] input[t + i]``.
    cross : array, shape (components, lags)
        ``sum_t target[t] input[t - first_lag - i]``.
    """

    own: Float[ndarray, "components lags"]
    cross: Float[ndarray, "components lags"]

    @classmethod
    def of(cls, run: Run, *, n_lags: int, first_lag: int = 0) -> LaggedProducts:
        """Return the products of one run."""
        series, target = run
        n_fft = 1 << (series.shape[1] + n_lags + abs(first_lag)).bit_length()
        everywhere = slice(None)
        from_input, from_target = (
            np.fft.rfft(centred(one, everywhere), n_fft) for one in (series, target)
        )
        own = np.fft.irfft(np.abs(from_input) ** 2, n_fft)[:, :n_lags]
        products = np.fft.irfft(from_target * from_input.conj(), n_fft)
        return cls(own, products[:, np.arange(first_lag, first_lag + n_lags)])

    def __add__(self, other: LaggedProducts) -> LaggedProducts:
        return LaggedProducts(self.own + other.own, self.cross + other.cross)

    def power(self, filters: Float[ndarray, "components lags"]) -> Float[ndarray, " components"]:
        """Return the power of filtered inputs."""
        return np.array(
            [one @ matmul_toeplitz(own, one) for own, one in zip(self.own, filters, strict=True)]
        )

    def with_gain(
        self, filters: Float[ndarray, "components lags"]
    ) -> Float[ndarray, "components lags"]:
        """Return filters times the gains that suit the targets best."""
        agree = np.sum(filters * self.cross, axis=1)
        gains = agree / np.maximum(self.power(filters), np.finfo(float).tiny)
        return np.asarray(gains[:, np.newaxis] * filters)

    def filters(
        self, shared: Float[ndarray, " lags"], ridge: float
    ) -> Float[ndarray, "components lags"]:
        """Return the filter of each component; a large ridge leaves the shared one."""
        found = np.empty_like(self.own)
        for number, (own, cross) in enumerate(zip(self.own, self.cross, strict=True)):
            damped = own.copy()
            damped[0] += ridge * own[0] + np.finfo(float).tiny
            unexplained = cross - matmul_toeplitz(own, shared)
            found[number] = shared + solve_toeplitz(damped, unexplained)
        return found


def own_filters(
    known: Sequence[Run],
    unseen: Sequence[Run],
    shared: Float[ndarray, " lags"],
    *,
    ridges: Sequence[float],
    first_lag: int = 0,
    keep_power: bool = False,
) -> Float[ndarray, "components lags"]:
    """Return the filter of each component that turns its input into its target.

    Parameters
    ----------
    known, unseen : sequence of (array, array), shapes (components, frames)
        Input and target in training runs, and in the validation runs that choose.
    shared : array, shape (lags,)
        The filter that all components share. A component whose own filter does not do better in
        the validation runs keeps it.
    ridges : sequence of float
        Candidate weights of the deviation, relative to the power of the inputs.
    first_lag : int
        Lag of the first tap, in frames.
    keep_power : bool
        Give each component the power that the shared filter gives it, as where targets are
        estimates that are the smaller the less is known. The choice gives the shared filter the
        gain that suits it best.
    """
    of_run = partial(LaggedProducts.of, n_lags=len(shared), first_lag=first_lag)
    products = summed(of_run, known)
    same = np.tile(shared, (len(products.own), 1))
    candidates = [products.filters(shared, ridge) for ridge in ridges]
    if not candidates:
        return same
    tried = np.stack([products.with_gain(same) if keep_power else same, *candidates])
    errors = summed(partial(filter_errors, filters=tried, first_lag=first_lag), unseen)
    best = 1 + int(np.argmin(errors[1:].sum(axis=1)))
    own = tried[best]
    if keep_power:
        powers = products.power(same) / np.maximum(products.power(own), np.finfo(float).tiny)
        own = own * np.sqrt(powers)[:, np.newaxis]
    return np.where((errors[best] < errors[0])[:, np.newaxis], own, same)


def filter_errors(
    run: Run, filters: Float[ndarray, "candidates components lags"], *, first_lag: int = 0
) -> Float[ndarray, "candidates components"]:
    """Return the squared error of each component where all lags exist, means removed.

    Parameters
    ----------
    run : (array, array), shapes (components, frames)
        Input and target.
    filters : array, shape (candidates, components, lags)
        Filters of each component.
    first_lag : int
        Lag of the first tap, in frames.
    """
    series, target = run
    valid = valid_slice(series.shape[1], filters.shape[2], first_lag=first_lag)
    errors = (target - apply_fir(series, one, first_lag=first_lag) for one in filters)
    return np.stack([np.sum(centred(error, valid) ** 2, axis=1) for error in errors])
