"""Values of an image between its voxels."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.ndimage import gaussian_filter, map_coordinates

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.signal.rigid import apply_matrix

_FWHM_PER_SD = 2 * np.sqrt(2 * np.log(2))


def smooth_image(
    image: Float[ndarray, "x y z"], grid: VoxelGrid, fwhm: float
) -> Float[ndarray, "x y z"]:
    """Return an image smoothed by a Gaussian of a width in mm, in double precision."""
    sd = [fwhm / _FWHM_PER_SD / size for size in grid.voxel_sizes]
    return np.asarray(gaussian_filter(np.asarray(image, np.float64), sd, mode="nearest"))


def thin_image(
    image: Float[ndarray, "x y z"], grid: VoxelGrid, fwhm: float
) -> tuple[Float[ndarray, "i j k"], VoxelGrid]:
    """Return an image smoothed by a width in mm, on voxels no smaller than half that width."""
    smooth = smooth_image(image, grid, fwhm)
    every = [max(1, int(fwhm / 2 / size)) for size in grid.voxel_sizes]
    thin = smooth[:: every[0], :: every[1], :: every[2]]
    x, y, z = thin.shape
    return thin, VoxelGrid((x, y, z), grid.voxel_to_world @ np.diag([*every, 1.0]))


def look_up(
    coefficients: Float[ndarray, "x y z"],
    grid: VoxelGrid,
    points: Float[ndarray, "points 3"],
    *,
    order: int = 3,
) -> Float[ndarray, " points"]:
    """Return the spline through an image at any points, NaN outside its grid.

    Parameters
    ----------
    coefficients : array, shape (x, y, z)
        For orders above 1 those of `scipy.ndimage.spline_filter` with ``mode="mirror"``; else the
        image itself.
    grid : VoxelGrid
        Where the voxels of the image are.
    points : array, shape (points, 3)
        Where to look, in RAS mm.
    order : int
        Degree of the spline.
    """
    places = apply_matrix(np.linalg.inv(grid.voxel_to_world), points).T
    values = map_coordinates(coefficients, places, order=order, mode="mirror", prefilter=False)
    last = np.reshape(grid.shape, (3, 1)) - 1
    inside = np.all((places >= -0.5) & (places <= last + 0.5), axis=0)
    return np.where(inside, values, np.nan)
