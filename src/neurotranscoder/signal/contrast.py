"""Components in space that are strong at some times and weak at all others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from jaxtyping import Bool, Float
from numpy import ndarray

_RANK = 1e-8  # of the largest eigenvalue: data may be average referenced, or interpolated


@dataclass(frozen=True, slots=True, eq=False)
class Contrast:
    """Components, the one with the largest ratio first.

    Parameters
    ----------
    ratios : array, shape (components,)
        Power at the marked times over power at all others.
    patterns : array, shape (channels, components)
        How a component is seen in the channels.
    filters : array, shape (components, channels)
        How it is read from them; filters times patterns is the identity.
    """

    ratios: Float[ndarray, " components"]
    patterns: Float[ndarray, "channels components"]
    filters: Float[ndarray, "components channels"]


def contrast_components(
    data: Float[ndarray, "channels times"], marked: Bool[ndarray, " times"]
) -> Contrast:
    """Return components in space by how much stronger they are at marked times.

    Generalised eigenvectors of two covariances, that of the marked times and that of the others:
    all components are uncorrelated at both, and have power 1 at the others.

    Parameters
    ----------
    data : array, shape (channels, times)
        Signals; there are as many components as the other times have ranks.
    marked : array of bool, shape (times,)
        Some of the times, but not all of them.
    """
    strong, quiet = (np.atleast_2d(np.cov(data[:, chosen])) for chosen in (marked, ~marked))
    sizes, basis = np.linalg.eigh(quiet)
    basis = basis[:, sizes > _RANK * sizes[-1]]
    ratios, vectors = scipy.linalg.eigh(basis.T @ strong @ basis, basis.T @ quiet @ basis)
    filters = (basis @ vectors[:, ::-1]).T
    return Contrast(ratios[::-1], quiet @ filters.T, filters)
