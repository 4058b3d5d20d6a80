"""Compact regions: Gaussian spots of grey matter in a brain that is silent elsewhere."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy.spatial.distance import cdist

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.physics.head import Head

SILENT = -1
"""Label of voxels without a source."""
_REACH = 2.0  # standard deviations


def compact_regions(
    head: Head,
    n_regions: int,
    *,
    extent: tuple[float, float],
    min_distance: float,
    rng: np.random.Generator,
    free: Bool[ndarray, " voxels"] | None = None,
) -> tuple[Int[ndarray, " voxels"], Float[ndarray, " voxels"]]:
    """Draw regions around random voxels of grey matter.

    Parameters
    ----------
    head : Head
        Voxels of the brain.
    n_regions : int
        How many.
    extent : tuple of float
        Range of the standard deviation of a region, in mm.
    min_distance : float
        Least distance between centres, in mm.
    rng : Generator
        Source of chance.
    free : array of bool, shape (voxels,), optional
        Where they may be; the whole brain by default.

    Returns
    -------
    labels : array of int, shape (voxels,)
        Region of each voxel of the brain, -1 beyond two standard deviations of all; where
        regions meet, the one that is stronger there.
    weights : array, shape (voxels,)
        Activity relative to that at the centre, 0 where silent.

    Raises
    ------
    SettingsError
        When so many centres do not fit.
    """
    free = np.ones(head.n_voxels, dtype=bool) if free is None else free
    centres = _scattered(head, n_regions, min_distance, rng, free)
    sizes = rng.uniform(*extent, n_regions)
    scaled = cdist(head.places, centres) / sizes
    labels = scaled.argmin(axis=1)
    nearest = scaled[np.arange(len(labels)), labels]
    inside = (nearest <= _REACH) & free
    weights = np.where(inside, np.exp(-(nearest**2) / 2), 0.0)
    return np.where(inside, labels, SILENT), weights


def _scattered(
    head: Head,
    n_regions: int,
    min_distance: float,
    rng: np.random.Generator,
    free: Bool[ndarray, " voxels"],
) -> Float[ndarray, "regions 3"]:
    """Return random voxels of grey matter that keep their distance, each taken if it fits."""
    places = rng.permutation(head.places[free & (head.grey >= head.white)])
    kept = np.empty((0, 3))
    for place in places:
        if np.all(np.linalg.norm(kept - place, axis=1) >= min_distance):
            kept = np.vstack([kept, place])
        if len(kept) == n_regions:
            return kept
    raise SettingsError(
        f"regions: {len(kept)} compact regions at least {min_distance:g} mm apart fit into the "
        f"grey matter, and {n_regions} are asked for; lower min_distance or their number"
    )
