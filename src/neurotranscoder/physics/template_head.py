"""The template as a head at 1 mm: tissues and T1, and what makes other heads and images of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from nilearn import datasets
from numpy import ndarray
from scipy.ndimage import (
    binary_dilation,
    binary_fill_holes,
    gaussian_filter,
    map_coordinates,
)

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.signal.rigid import apply_matrix

_BRAIN = 0.05  # of the brightest voxel
_BONE, _SCALP = 6, 5  # mm


@dataclass(frozen=True, slots=True, eq=False)
class TemplateHead:
    """The template at 1 mm.

    Parameters
    ----------
    grid : VoxelGrid
        Where the voxels are in MNI.
    t1 : array, shape (x, y, z)
        Brightness of the brain, 1 at most.
    grey, white, fluid : array, shape (x, y, z)
        Shares of grey matter, of white matter, and of what else the brain holds.
    brain : array of bool, shape (x, y, z)
        Voxels of the brain.
    """

    grid: VoxelGrid
    t1: Float[ndarray, "x y z"]
    grey: Float[ndarray, "x y z"]
    white: Float[ndarray, "x y z"]
    fluid: Float[ndarray, "x y z"]
    brain: Bool[ndarray, "x y z"]


@cache
def template_head() -> TemplateHead:
    """Return nilearn's ICBM 2009a symmetric template."""
    t1: Any = datasets.load_mni152_template(resolution=1)
    tissues: list[Any] = [
        datasets.load_mni152_gm_template(resolution=1),
        datasets.load_mni152_wm_template(resolution=1),
    ]
    grey, white = (np.clip(tissue.get_fdata(), 0, 1) for tissue in tissues)
    values = t1.get_fdata() / t1.get_fdata().max()
    brain = np.asarray(binary_fill_holes(values > _BRAIN), dtype=bool)
    fluid = brain * np.clip(1 - grey - white, 0, 1)
    x, y, z = values.shape
    grid = VoxelGrid((x, y, z), np.asarray(t1.affine, dtype=np.float64))
    return TemplateHead(grid, values, grey, white, fluid, brain)


def values_at(
    image: ndarray, grid: VoxelGrid, points: Float[ndarray, "points 3"], order: int = 1
) -> Float[ndarray, " points"]:
    """Return values of an image at points (RAS mm), 0 outside; splines of some degree."""
    places = apply_matrix(np.linalg.inv(grid.voxel_to_world), points).T
    values = map_coordinates(image, places, order=order, mode="constant", prefilter=order > 1)
    return np.asarray(values)


def points_of(grid: VoxelGrid) -> Float[ndarray, "points 3"]:
    """Return the centres of all voxels, in RAS mm and C order."""
    return grid.world(np.indices(grid.shape).reshape(3, -1).T)


def surroundings(
    brain: Bool[ndarray, "x y z"], size: float = 1.0
) -> tuple[Bool[ndarray, "x y z"], Bool[ndarray, "x y z"]]:
    """Return 6 mm of bone around a brain, and 5 mm of scalp around that.

    ``size`` is the edge of the voxels in mm. They are plausible, not anatomical.
    """
    inside = binary_dilation(brain, iterations=max(1, round(_BONE / size)))
    outside = binary_dilation(inside, iterations=max(1, round(_SCALP / size)))
    return np.asarray(inside & ~brain), np.asarray(outside & ~inside)


def bias_field(
    shape: tuple[int, ...], rng: np.random.Generator, size: float
) -> Float[ndarray, " ..."]:
    """Return a smooth positive field around 1; ``size`` is the sd of its logarithm."""
    coarse = rng.standard_normal((4, 4, 4))
    scale = [np.linspace(0, 3, n) for n in shape]
    field = map_coordinates(coarse, np.meshgrid(*scale, indexing="ij"), order=3)
    return np.asarray(np.exp(size * (field - field.mean()) / field.std()))


def random_displacement(
    shape: tuple[int, int, int], rng: np.random.Generator, *, smoothness: float, size: float
) -> Float[ndarray, "3 x y z"]:
    """Draw a smooth displacement.

    Parameters
    ----------
    shape : tuple of int
        Nodes along x, y and z.
    rng : Generator
        Source of chance.
    smoothness : float
        Standard deviation of the Gaussian that smooths white noise, in nodes.
    size : float
        Mean length of the displacement over the nodes, in mm.
    """
    field = np.stack([gaussian_filter(rng.standard_normal(shape), smoothness) for _ in range(3)])
    return np.asarray(field * (size / np.linalg.norm(field, axis=0).mean()))
