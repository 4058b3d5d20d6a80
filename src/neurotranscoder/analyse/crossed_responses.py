"""Responses of the regions of one subject, each run (or segment) held out in turn.

Subjects differ in their responses more than the regions of one subject do. So the mean response
of the subject leaves that of the group first, and regions leave that mean; how far either may,
is chosen on what is held out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.analyse.instruments import InstrumentStatistics
from neurotranscoder.analyse.response_shapes import (
    RegionResponses,
    ResponseSettings,
    responses_with_shapes,
)
from neurotranscoder.analyse.responses import (
    LagStatistics,
    basis_of,
    fit_responses,
    roughness,
    total_of,
    weights_of,
)
from neurotranscoder.core.response import Response

Fit = Callable[[LagStatistics, float], Float[ndarray, "regions basis"]]
Folds = Sequence[tuple[LagStatistics, LagStatistics]]


@dataclass(frozen=True, slots=True, eq=False)
class Crossed:
    """The responses of regions from all parts, and without each.

    Parameters
    ----------
    weights : array, shape (regions, basis)
        Of basis functions.
    curves : array, shape (regions, lags)
        Responses.
    without : tuple of array, shape (regions, lags)
        Responses without each part in turn.
    left : array, shape (regions,)
        Share of held-out BOLD that is not explained; 1 where that was not asked.
    shrinkage : float
        Weight of the penalty.
    """

    weights: Float[ndarray, "regions basis"]
    curves: Float[ndarray, "regions lags"]
    without: tuple[Float[ndarray, "regions lags"], ...]
    left: Float[ndarray, " regions"]
    shrinkage: float


def crossed_responses(
    parts: Sequence[LagStatistics],
    response: Response,
    settings: ResponseSettings,
    *,
    with_intervals: bool = True,
) -> RegionResponses:
    """Return the response of each region of a subject.

    Parameters
    ----------
    parts : sequence of LagStatistics
        Of two or more runs, or segments of a run, with the basis of `basis_of`.
    response : Response
        Of the group.
    settings : ResponseSettings
        Choices.
    with_intervals : bool
        Whether parts are long enough that leaving one out tells how far others would move it.
    """
    found = crossed_curves(parts, response, settings)
    return responses_with_shapes(
        response.times,
        found.curves,
        found.without if with_intervals else [],
        1 - found.left,
        settings,
        shrinkage=found.shrinkage,
    )


def crossed_curves(
    parts: Sequence[LagStatistics], response: Response, settings: ResponseSettings
) -> Crossed:
    """Return curves of regions, how far they leave the group's chosen on parts held out."""
    basis = basis_of(response, settings)
    of_group, penalty = weights_of(response, basis), roughness(basis)
    whole = total_of(parts)
    folds = [(whole - one, one) for one in parts]

    def mean_fit(known: LagStatistics, shrinkage: float) -> Float[ndarray, "one basis"]:
        return fit_responses(known.pooled, of_group, penalty, shrinkage)

    pooled = [(known, unseen.pooled) for known, unseen in folds]
    of_mean, _ = _chosen(pooled, mean_fit, settings.shrinkages)

    def fit(known: LagStatistics, shrinkage: float) -> Float[ndarray, "regions basis"]:
        return fit_responses(known, mean_fit(known, of_mean)[0], penalty, shrinkage)

    shrinkage, left = _chosen(folds, fit, settings.shrinkages)
    weights = fit(whole, shrinkage)
    without = tuple(fit(known, shrinkage) @ basis.T for known, _ in folds)
    return Crossed(weights, weights @ basis.T, without, left, shrinkage)


def instrumented_curves(
    parts: Sequence[InstrumentStatistics], response: Response, settings: ResponseSettings
) -> Crossed:
    """Return curves of regions by instruments; held-out BOLD cannot tell how far to shrink them.

    What predicts BOLD best from a noisy source is what is bent by its noise.
    """
    basis = basis_of(response, settings)
    of_group, penalty = weights_of(response, basis), roughness(basis)
    shrinkage = settings.instrument_shrinkage

    def fit(known: Sequence[InstrumentStatistics]) -> Float[ndarray, "regions basis"]:
        lags = reduce(add, known).lags
        [mean] = fit_responses(lags.pooled, of_group, penalty, shrinkage)
        return fit_responses(lags, mean, penalty, shrinkage)

    weights = fit(parts)
    left_out = [[*parts[:k], *parts[k + 1 :]] for k in range(len(parts))]
    without = tuple(fit(known) @ basis.T for known in left_out)
    return Crossed(weights, weights @ basis.T, without, np.ones(len(weights)), shrinkage)


def _chosen(
    folds: Folds, fit: Fit, candidates: Sequence[float]
) -> tuple[float, Float[ndarray, " regions"]]:
    """Return the shrinkage that leaves least of held-out BOLD, and the share that it leaves."""
    left = [_share_left(folds, fit, one) for one in candidates]
    best = int(np.argmin([one.mean() for one in left]))
    return candidates[best], left[best]


def _share_left(folds: Folds, fit: Fit, shrinkage: float) -> Float[ndarray, " regions"]:
    """Return the share of held-out BOLD that responses leave, over all folds."""
    energies = np.stack([unseen.energy for _, unseen in folds])
    shares = [unseen.unexplained(fit(known, shrinkage)) for known, unseen in folds]
    total, left = energies.sum(axis=0), np.sum(shares * energies, axis=0)
    return np.asarray(np.divide(left, total, out=np.ones(len(total)), where=total > 0))
