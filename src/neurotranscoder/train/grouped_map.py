"""A spatial map that reads several groups of rows: EEG, sparse sources, band power."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.spread import summed
from neurotranscoder.train.alternating import Pair, spatial_products


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
    plain = summed(partial(spatial_products, hrf=hrf), validation)
    best: GroupedMap | None = None
    for eps in whitenings:
        products = summed(partial(spatial_products, hrf=hrf, eps=eps), training)
        for gains in itertools.product(*(group.gains for group in groups)):
            factors = np.repeat(gains, [group.size for group in groups])
            scaled = products.scaled(factors)
            for ridge in ridges:
                weights = scaled.weights(ridge) * factors
                error = float(plain.errors(weights).sum())
                if best is None or error < best.error:
                    best = GroupedMap(weights, eps, gains, ridge, error)
    if best is None:
        raise ValueError("there are no candidates of a map")
    return best
