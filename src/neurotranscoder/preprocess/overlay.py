"""Images on shared voxels, so that a picture can show whether a registration has worked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.preprocess.anatomy import Anatomy
from neurotranscoder.preprocess.bold import PreprocessedBold
from neurotranscoder.preprocess.lookup import look_up, thin_image
from neurotranscoder.preprocess.template import mni_template
from neurotranscoder.signal.rigid import apply_matrix

_VOXEL = 2  # mm


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """Two images of one head on the same voxels.

    Parameters
    ----------
    below, above : array, shape (x, y, z)
        Drawn in grey, and as lines over it; 0 where there is none.
    grid : VoxelGrid
        Where both are; its axes grow to the right, to the front and upwards.
    """

    below: Float[ndarray, "x y z"]
    above: Float[ndarray, "x y z"]
    grid: VoxelGrid


def epi_on_t1(t1: Anatomy, result: PreprocessedBold, epi: VoxelGrid) -> Overlay:
    """Return the anatomy below the mean EPI, in the space of the anatomy.

    Parameters
    ----------
    t1 : Anatomy
        That the run was brought to.
    result : PreprocessedBold
        What `preprocess_bold` returned.
    epi : VoxelGrid
        The voxels of the run as it was stored.
    """
    corners = np.array(np.meshgrid(*((0, size - 1) for size in epi.shape))).reshape(3, -1).T
    there = apply_matrix(result.epi_to_t1, epi.world(corners))
    first, last = there.min(axis=0), there.max(axis=0)
    x, y, z = (np.ceil((last - first) / _VOXEL).astype(int) + 1).tolist()
    place = np.diag([_VOXEL, _VOXEL, _VOXEL, 1.0])
    place[:3, 3] = first
    grid = VoxelGrid((x, y, z), place)
    points = grid.world(np.indices(grid.shape).reshape(3, -1).T)
    back = apply_matrix(np.linalg.inv(result.epi_to_t1), points)
    return Overlay(
        _at(t1.image, t1.grid, points).reshape(grid.shape),
        _at(result.reference, epi, back).reshape(grid.shape),
        grid,
    )


def t1_on_template(t1: Anatomy, result: PreprocessedBold) -> Overlay:
    """Return the anatomy, warped to MNI, below the template.

    Parameters
    ----------
    t1 : Anatomy
        That was normalised.
    result : PreprocessedBold
        What `preprocess_bold` returned.
    """
    template = mni_template(_VOXEL)
    points = template.grid.world(np.indices(template.grid.shape).reshape(3, -1).T)
    there = result.normalisation.template_to_t1.apply(points)
    warped = _at(t1.image, t1.grid, there).reshape(template.grid.shape)
    return Overlay(warped, template.image, template.grid)


def _at(
    image: Float[ndarray, "x y z"], grid: VoxelGrid, points: Float[ndarray, "points 3"]
) -> Float[ndarray, " points"]:
    """Return an image at points, smoothed to the voxels of the picture; 0 outside."""
    thin, thinned = thin_image(image, grid, _VOXEL)
    return np.asarray(np.nan_to_num(look_up(thin, thinned, points, order=1)))
