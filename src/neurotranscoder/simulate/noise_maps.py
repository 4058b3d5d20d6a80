"""Smooth maps over the brain: where noise is large, early or of one sign."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.simulate.seen_head import SeenHead

_PADDING = 6.0
_LEAST_LOG_WEIGHT = -7.0


def smooth_maps(
    head: SeenHead, count: int, *, smoothness: float, rng: np.random.Generator
) -> Float[ndarray, "voxels count"]:
    """Draw independent smooth maps with mean 0 and sd 1 over the brain.

    Each is white noise smoothed with a Gaussian, drawn as its lowest cosines along the axes.

    Parameters
    ----------
    head : SeenHead
        Grid and brain.
    count : int
        Number of maps.
    smoothness : float
        Standard deviation of the Gaussian, in mm.
    rng : Generator
        Source of chance.
    """
    x, y, z = (_cosines(head.grid, axis, smoothness) for axis in range(3))
    weights = rng.standard_normal((count, x.shape[1], y.shape[1], z.shape[1]))
    along_z = (weights @ z.T).transpose(0, 1, 3, 2) @ y.T
    fields = np.tensordot(along_z, x, axes=(1, 1)).transpose(3, 2, 1, 0)
    maps = fields[head.brain]
    maps -= maps.mean(axis=0)
    return np.asarray(maps / maps.std(axis=0))


def magnitude_map(
    head: SeenHead, spread: float, *, smoothness: float, rng: np.random.Generator
) -> Float[ndarray, " voxels"]:
    """Draw a positive smooth map with a root mean square of 1.

    Parameters
    ----------
    head : SeenHead
        Grid and brain.
    spread : float
        Standard deviation of its logarithm.
    smoothness : float
        As in `smooth_maps`, in mm.
    rng : Generator
        Source of chance.
    """
    magnitude = np.exp(spread * smooth_maps(head, 1, smoothness=smoothness, rng=rng)[:, 0])
    return np.asarray(magnitude / np.sqrt(np.mean(magnitude**2)))


def _cosines(grid: VoxelGrid, axis: int, smoothness: float) -> ndarray:
    """Return weighted cosines along an axis, shape (positions, modes).

    They belong to an axis that is longer at both ends, where reflections would show.
    """
    size = grid.voxel_sizes[axis]
    places = (np.arange(grid.shape[axis]) + 0.5) * size + _PADDING * smoothness / 2
    length = grid.shape[axis] * size + _PADDING * smoothness
    largest = np.sqrt(-2 * _LEAST_LOG_WEIGHT) * length / (np.pi * smoothness)
    omega = np.pi * np.arange(min(np.ceil(largest), length / size)) / length
    return np.asarray(np.exp(-((omega * smoothness) ** 2) / 2) * np.cos(np.outer(places, omega)))
