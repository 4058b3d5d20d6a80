"""A spatial map that reads several groups of rows: EEG, sparse sources, band power."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.train.alternating import Pair, ridge_solve, spatial_statistics
from neurotranscoder.train.closed_form import component_errors


@dataclass(frozen=True, slots=True)
class RowGroup:
    """Rows that are shrunk alike.

    Parameters
    ----------
    size : int
        Number of rows.
    gains : tuple of float
        Candidate factors: the larger one is, the less the weights of the rows are shrunk.
    """

    size: int
    gains: tuple[float, ...] = (1.0,)


@dataclass(frozen=True, slots=True, eq=False)
class GroupedMap:
    """A map, what it was chosen with, and its squared error in validation BOLD."""

    weights: Float[ndarray, "components rows"]
    whitening: float
    gains: tuple[float, ...]
    ridge: float
    error: float


def choose_map(
    training: Sequence[Pair],
    validation: Sequence[Pair],
    hrf: Float[ndarray, " lags"],
    groups: Sequence[RowGroup],
    *,
    whitenings: Sequence[float],
    ridges: Sequence[float],
) -> GroupedMap:
    """Return the map with the whitening, gains and ridge that predict validation BOLD best.

    Parameters
    ----------
    training, validation : sequence of Pair
        Runs whose ``eeg`` are the rows of all groups, one below the other.
    hrf : array, shape (lags,)
        Response at the group rate.
    groups : sequence of RowGroup
        Rows in their order.
    whitenings, ridges : sequence of float
        Candidates of eps and of the ridge weight (see `train.closed_form.ClosedFormSettings`).
    """
    best: GroupedMap | None = None
    for eps in whitenings:
        cross, gram = spatial_statistics(training, hrf, eps)
        for gains in itertools.product(*(group.gains for group in groups)):
            factors = np.repeat(gains, [group.size for group in groups])
            scaled = cross * factors, gram * np.outer(factors, factors)
            for ridge in ridges:
                weights = ridge_solve(*scaled, ridge) * factors
                error = float(component_errors(validation, hrf, weights).sum())
                if best is None or error < best.error:
                    best = GroupedMap(weights, eps, gains, ridge, error)
    if best is None:
        raise ValueError("there are no candidates of a map")
    return best


def with_rows(pairs: Sequence[Pair], rows: Sequence[Float[ndarray, "rows _"]]) -> list[Pair]:
    """Return runs with further rows below those of the EEG."""
    return [
        Pair(np.concatenate([pair.eeg, below]), pair.components)
        for pair, below in zip(pairs, rows, strict=True)
    ]
