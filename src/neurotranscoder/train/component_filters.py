"""Filters in time that differ between components, as responses differ between regions.

Each is the filter that all components share and a deviation, shrunk towards none: how far is
chosen on validation runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.linalg import matmul_toeplitz, solve_toeplitz

from neurotranscoder.signal.fir import apply_fir, valid_slice
from neurotranscoder.train.alternating import centred

Series = Sequence[Float[ndarray, "components _"]]
Run = tuple[Float[ndarray, "components _"], Float[ndarray, "components _"]]
"""Input and target of the filters."""


@dataclass(frozen=True, slots=True, eq=False)
class LaggedProducts:
    """Products of each component's input with itself and with its target, summed over runs.

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
    def of(
        cls, inputs: Series, targets: Series, *, n_lags: int, first_lag: int = 0
    ) -> LaggedProducts:
        """Sum the products of runs, in their order."""
        own, cross = (np.zeros((len(inputs[0]), n_lags)) for _ in range(2))
        for series, target in zip(inputs, targets, strict=True):
            n_fft = 1 << (series.shape[1] + n_lags + abs(first_lag)).bit_length()
            everywhere = slice(None)
            from_input, from_target = (
                np.fft.rfft(centred(one, everywhere), n_fft) for one in (series, target)
            )
            own += np.fft.irfft(np.abs(from_input) ** 2, n_fft)[:, :n_lags]
            products = np.fft.irfft(from_target * from_input.conj(), n_fft)
            cross += products[:, np.arange(first_lag, first_lag + n_lags)]
        return cls(own, cross)

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
        estimates that are the smaller the less is known. Gains are then left out of the choice.
    """
    inputs, targets = ([run[side] for run in known] for side in (0, 1))
    unseen_inputs, unseen_targets = ([run[side] for run in unseen] for side in (0, 1))
    products = LaggedProducts.of(inputs, targets, n_lags=len(shared), first_lag=first_lag)
    same = np.tile(shared, (len(products.own), 1))

    def errors(filters: Float[ndarray, "components lags"]) -> Float[ndarray, " components"]:
        return filter_errors(unseen_inputs, unseen_targets, filters, first_lag=first_lag)

    least = errors(products.with_gain(same) if keep_power else same)
    candidates = [products.filters(shared, ridge) for ridge in ridges]
    if not candidates:
        return same
    found = [errors(one) for one in candidates]
    best = int(np.argmin([one.sum() for one in found]))
    own = candidates[best]
    if keep_power:
        powers = products.power(same) / np.maximum(products.power(own), np.finfo(float).tiny)
        own = own * np.sqrt(powers)[:, np.newaxis]
    return np.where((found[best] < least)[:, np.newaxis], own, same)


def filter_errors(
    inputs: Series,
    targets: Series,
    filters: Float[ndarray, "components lags"],
    *,
    first_lag: int = 0,
) -> Float[ndarray, " components"]:
    """Return the squared error of each component where all lags exist, means removed.

    Parameters
    ----------
    inputs, targets : sequence of array, shape (components, frames)
        Runs.
    filters : array, shape (components, lags)
        Filter of each component.
    first_lag : int
        Lag of the first tap, in frames.
    """
    total = np.zeros(len(filters))
    for series, target in zip(inputs, targets, strict=True):
        valid = valid_slice(series.shape[1], filters.shape[1], first_lag=first_lag)
        error = target - apply_fir(series, filters, first_lag=first_lag)
        total += np.sum(centred(error, valid) ** 2, axis=1)
    return total
