"""A head that moves rigidly, seen in voxels: where it comes from, how an image changes."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.ndimage import correlate1d, spline_filter1d

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.signal.rigid import grid_centre, rigid_matrix


def source_affine(parameters: Float[ndarray, " 6"], grid: VoxelGrid) -> Float[ndarray, "4 4"]:
    """Return where, in voxels, the still head has what a voxel of the moved one shows.

    Parameters
    ----------
    parameters : array, shape (6,)
        Translations in mm and rotations in rad.
    grid : VoxelGrid
        Place of the voxels; the head rotates about its centre.
    """
    moved = rigid_matrix(parameters, grid_centre(grid))
    to_world = grid.voxel_to_world
    return np.asarray(np.linalg.solve(to_world, np.linalg.solve(moved, to_world)))


def motion_derivatives(
    image: Float[ndarray, "x y z"], grid: VoxelGrid
) -> Float[ndarray, "x y z 6"]:
    """Return how an image changes with each motion parameter, at rest.

    It is the derivative of the cubic spline through the voxels, per mm and per rad.
    """
    along_axes = [
        correlate1d(spline_filter1d(image, axis=axis), [-0.5, 0, 0.5], axis=axis, mode="mirror")
        for axis in range(3)
    ]
    gradient = np.stack(along_axes, axis=-1) @ np.linalg.inv(grid.voxel_to_world[:3, :3])
    return np.concatenate([-gradient, -np.cross(places_from_centre(grid), gradient)], axis=-1)


def places_from_centre(grid: VoxelGrid) -> Float[ndarray, "x y z 3"]:
    """Return where voxels are from the centre of their grid, in RAS mm."""
    indices = np.indices(grid.shape).reshape(3, -1).T
    return np.asarray((grid.world(indices) - grid_centre(grid)).reshape(*grid.shape, 3))
