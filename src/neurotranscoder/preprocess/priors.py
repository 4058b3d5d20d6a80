"""What the template says of the voxels of an anatomy: probabilities of tissues by place alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy.ndimage import binary_dilation, map_coordinates

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import GridError
from neurotranscoder.preprocess.lookup import look_up, smooth_image
from neurotranscoder.preprocess.template import Template
from neurotranscoder.preprocess.warp import Warp
from neurotranscoder.signal.rigid import apply_matrix

_NODES = 3.0  # mm between points at which the warp is inverted
_AROUND = 12.0  # mm around the brain: bone and scalp, which the brain has to be told from


@dataclass(frozen=True, slots=True, eq=False)
class Priors:
    """Tissues of the template on the voxels of an anatomy.

    Parameters
    ----------
    box : tuple of slice
        The part of the anatomy that holds the head.
    near : array of bool, shape (x, y, z)
        Voxels of the box within some millimetres of the template's brain.
    fluid, grey, white : array, shape (x, y, z)
        Probabilities on the voxels of the box.
    """

    box: tuple[slice, slice, slice]
    near: Bool[ndarray, "x y z"]
    fluid: Float[ndarray, "x y z"]
    grey: Float[ndarray, "x y z"]
    white: Float[ndarray, "x y z"]


def carry_back(
    grid: VoxelGrid, template_to_t1: Warp, template: Template, *, blur: float
) -> Priors:
    """Carry the tissues of the template back to the voxels of an anatomy.

    Parameters
    ----------
    grid : VoxelGrid
        That of the anatomy.
    template_to_t1 : Warp
        From `normalise`.
    template : Template
        With grey and white matter.
    blur : float
        Width of the Gaussian that smooths tissues, in mm.

    Raises
    ------
    GridError
        When the template has no tissues, the warp has folded, or the head lies outside the image.
    """
    if template.grey is None or template.white is None:
        raise GridError(
            "the template has no tissues; give grey and white matter on its voxels, or a map of "
            "white matter of the anatomy itself"
        )
    size = min(template.grid.voxel_sizes)
    near = binary_dilation(template.brain, iterations=round(_AROUND / size))
    box = _box(grid, template_to_t1, template.grid.world(np.argwhere(near)))
    there = _places(grid, box, template_to_t1)
    shape = tuple(one.stop - one.start for one in box)

    def on_box(image: Float[ndarray, "i j k"]) -> Float[ndarray, "x y z"]:
        values = np.nan_to_num(look_up(image, template.grid, there, order=1))
        return np.asarray(values.reshape(shape))

    grey, white = template.grey * template.brain, template.white * template.brain
    fluid = np.clip(template.brain - grey - white, 0.0, 1.0)
    maps = (on_box(smooth_image(one, template.grid, blur)) for one in (fluid, grey, white))
    return Priors(box, on_box(near.astype(np.float64)) > 0.5, *maps)


def _box(
    grid: VoxelGrid, template_to_t1: Warp, points: Float[ndarray, "points 3"]
) -> tuple[slice, slice, slice]:
    """Return the part of an image that holds points of the template."""
    places = apply_matrix(np.linalg.inv(grid.voxel_to_world), template_to_t1.apply(points))
    first = np.maximum(np.floor(places.min(axis=0)), 0).astype(int)
    last = np.minimum(np.ceil(places.max(axis=0)) + 1, grid.shape).astype(int)
    if np.any(last - first < 2):
        raise GridError(
            f"the template lies at voxels {first.tolist()} to {last.tolist()} of the anatomy, of "
            f"{grid.shape}; registration has failed; check both images and their headers"
        )
    x, y, z = (slice(*ends) for ends in zip(first.tolist(), last.tolist(), strict=True))
    return x, y, z


def _places(
    grid: VoxelGrid, box: tuple[slice, slice, slice], template_to_t1: Warp
) -> Float[ndarray, "points 3"]:
    """Return where the voxels of a box are in the template.

    The warp is inverted on nodes some millimetres apart, as its inverse is as smooth as itself.
    """
    every = np.array([max(1, round(_NODES / size)) for size in grid.voxel_sizes])
    start = np.array([one.start for one in box])
    shape = np.array([one.stop - one.start for one in box])
    back = np.linalg.inv(template_to_t1.matrix)
    counts = (-(-(shape - 1) // every) + 1).tolist()
    nodes = grid.world(start + every * np.indices(counts).reshape(3, -1).T)
    left = template_to_t1.invert(nodes) - apply_matrix(back, nodes)
    voxels = np.indices(shape.tolist()).reshape(3, -1).T
    places = apply_matrix(back, grid.world(start + voxels))
    within = (voxels / every).T
    for axis in range(3):
        field = left[:, axis].reshape(counts)
        places[:, axis] += map_coordinates(field, within, order=1, mode="nearest")
    return places
