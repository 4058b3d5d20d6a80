"""A head of smooth blobs that is known everywhere, so that it can be moved without resampling."""

import numpy as np

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.signal.rigid import apply_matrix

_BLOBS = np.random.default_rng(3).uniform(-1, 1, (40, 3)) * [26.0, 30.0, 22.0]
_HEIGHTS = np.random.default_rng(4).uniform(0.3, 1.0, 40)


def grid_of_size(shape=(22, 24, 18), size=4.0):
    affine = np.diag([-size, size, size, 1.0])  # x runs to the left, as scanners store it
    affine[:3, 3] = [size * (shape[0] - 1) / 2, *(-size * (np.array(shape[1:]) - 1) / 2)]
    return VoxelGrid(shape, affine)


def points_of(grid):
    return grid.world(np.indices(grid.shape).reshape(3, -1).T)


def head_at(points):
    """Return brightness at points: an ellipsoid with a soft edge, filled with blobs."""
    radius = np.linalg.norm(points / [34.0, 38.0, 28.0], axis=1)
    inside = 1 / (1 + np.exp((radius - 1) / 0.06))
    distance = ((points[:, np.newaxis] - _BLOBS) ** 2).sum(axis=-1)
    return inside * (1 + np.exp(-distance / (2 * 7.0**2)) @ _HEIGHTS)


def brain_of(grid):
    radius = np.linalg.norm(points_of(grid) / [34.0, 38.0, 28.0], axis=1)
    return (radius < 1).reshape(grid.shape)


def seen_through(matrix, grid):
    """Return the image of a head that a matrix has moved."""
    return head_at(apply_matrix(np.linalg.inv(matrix), points_of(grid))).reshape(grid.shape)


def mean_error(found, true, grid):
    """Return the mean distance between where two matrices take the brain, in mm."""
    points = points_of(grid)[brain_of(grid).ravel()]
    return np.linalg.norm(apply_matrix(found, points) - apply_matrix(true, points), axis=1).mean()


def layers_at(points, lumps=0.0):
    """Return shares of fluid, grey and white matter at points of a head of three layers.

    With lumps, a share of the radius, white matter has folds that tell how the head is turned.
    """
    radius = np.linalg.norm(points / [34.0, 38.0, 28.0], axis=1)
    x, y, z = points.T
    folded = radius * (1 + lumps * np.sin(x / 5) * np.sin(y / 6 + 0.5) * np.cos(z / 5))
    shells = ((radius, 1.0), (radius, 0.85), (folded, 0.6))
    edges = [1 / (1 + np.exp((where - edge) / 0.03)) for where, edge in shells]
    return edges[0] - edges[1], edges[1] - edges[2], edges[2]


def skull_at(points):
    """Return how bright scalp is at points; there is dark bone between it and the brain."""
    radius = np.linalg.norm(points / [34.0, 38.0, 28.0], axis=1)
    return np.where((radius > 1.2) & (radius < 1.35), 0.9, 0.0)
