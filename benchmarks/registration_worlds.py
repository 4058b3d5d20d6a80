"""Synthetic heads with known transforms for `registration.py`, from nilearn's MNI templates.

A subject is the template, bent by a smooth random warp and an affine, with another contrast (a
curve of the intensities), a bias field, noise and, on request, a skull and scalp. Its EPI has the
contrast of T2*: fluid bright, white matter dark. Nothing of it is used to choose settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates, spline_filter

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.physics.template_head import (
    bias_field,
    points_of,
    random_displacement,
    surroundings,
)
from neurotranscoder.physics.template_head import template_head as tissue
from neurotranscoder.physics.template_head import values_at as at
from neurotranscoder.signal.rigid import apply_matrix, grid_centre, rigid_matrix


def random_pose(rng: np.random.Generator, shift: float, turn: float) -> np.ndarray:
    """Return rigid parameters: translations up to ``shift`` mm, rotations up to ``turn`` rad."""
    return np.concatenate([rng.uniform(-shift, shift, 3), rng.uniform(-turn, turn, 3)])


EPI_SHAPE, EPI_SIZES = (64, 64, 35), np.array([3.0, 3.0, 4.0])


def epi_grid(rng: np.random.Generator) -> VoxelGrid:
    """Return a grid of 3 x 3 x 4 mm, tilted and shifted a little, that holds the brain."""
    affine = np.diag([*EPI_SIZES, 1.0])
    affine[:3, 3] = np.array([0.0, -18.0, 18.0]) - EPI_SIZES * (np.array(EPI_SHAPE) - 1) / 2
    grid = VoxelGrid(EPI_SHAPE, affine)
    tilt = rigid_matrix(random_pose(rng, 5.0, 0.1), grid_centre(grid))
    return VoxelGrid(EPI_SHAPE, tilt @ affine)


@cache
def epi_contrast() -> np.ndarray:
    """Return spline coefficients of the template as T2* sees it, blurred to EPI voxels."""
    head = tissue()
    image = (0.75 * head.grey + 0.6 * head.white + 1.2 * head.fluid) * head.brain
    return spline_filter(gaussian_filter(image, 0.35 * EPI_SIZES), mode="mirror")


def epi_at(points: np.ndarray) -> np.ndarray:
    """Return the brightness of the EPI at points of the template, about 1000 in grey matter."""
    places = apply_matrix(np.linalg.inv(tissue().grid.voxel_to_world), points).T
    values = map_coordinates(epi_contrast(), places, order=3, mode="constant", prefilter=False)
    return 1300 * values


@dataclass(frozen=True, slots=True, eq=False)
class Anatomy:
    """A T1 of a subject.

    Parameters
    ----------
    image : array, shape (x, y, z)
        Contrast by a curve of the template's, with a bias field and noise.
    grid : VoxelGrid
        Where it is.
    fluid, grey, white : array, shape (x, y, z)
        Shares of tissues.
    """

    image: np.ndarray
    grid: VoxelGrid
    fluid: np.ndarray
    grey: np.ndarray
    white: np.ndarray


SHADES = (0.3, 0.65, 0.9)  # of fluid, grey and white matter


def anatomy(
    from_template: np.ndarray, rng: np.random.Generator, *, skull: bool, mixed: bool = False
) -> Anatomy:
    """Return a T1 on 1 mm voxels; ``from_template`` holds the template's place of each voxel.

    With ``mixed`` brightness is that of the tissues in each voxel, in place of the template's.
    """
    head = tissue()
    shape = head.grid.shape
    shares = [
        at(one, head.grid, from_template).reshape(shape)
        for one in (head.fluid, head.grey, head.white)
    ]
    t1 = np.tensordot(SHADES, shares, 1)
    if not mixed:
        t1 = at(head.t1, head.grid, from_template).reshape(shape) ** 0.8
    if skull:
        bone, scalp = surroundings(brain_at(from_template).reshape(shape))
        t1 = np.where(scalp, 0.9, np.where(bone, 0.1, t1))
    image = 800 * t1 * bias_field(shape, rng, 0.12) + 20 * rng.standard_normal(shape)
    return Anatomy(image.astype(np.float32), head.grid, *shares)


def brain_at(points: np.ndarray) -> np.ndarray:
    """Return which points of the template are brain."""
    head = tissue()
    return np.asarray(at(head.brain.astype(np.float64), head.grid, points) > 0.5)


def bent_head(rng: np.random.Generator, *, size: float = 3.0) -> np.ndarray:
    """Return where in the template each voxel of a subject's T1 comes from.

    The subject is up to 8 % larger or smaller along each axis, turned by up to .15 rad, shifted
    by up to 15 mm and bent by ``size`` mm on average, smooth over about 30 mm.
    """
    grid = tissue().grid
    pose = rigid_matrix(random_pose(rng, 15.0, 0.15), grid_centre(grid))
    points = apply_matrix(pose @ np.diag([*rng.uniform(0.92, 1.08, 3), 1.0]), points_of(grid))
    coarse = tuple(-(-n // 4) for n in grid.shape)  # nodes every 4 mm
    field = random_displacement(coarse, rng, smoothness=3.0, size=size)
    places = np.indices(grid.shape).reshape(3, -1) / 4
    return points + np.stack([map_coordinates(axis, places, order=1) for axis in field], axis=-1)


def with_own_folds(
    from_template: np.ndarray, rng: np.random.Generator, *, size: float = 1.5
) -> np.ndarray:
    """Return places in the template that also differ by what no warp follows.

    They move by ``size`` mm on average, smooth over about 9 mm.
    """
    shape = tissue().grid.shape
    field = [gaussian_filter(rng.standard_normal(shape), 4.0).ravel() for _ in range(3)]
    folds = np.stack(field, axis=-1)
    return from_template + folds * (size / np.linalg.norm(folds, axis=1).mean())


def between(places: np.ndarray, grid: VoxelGrid, points: np.ndarray) -> np.ndarray:
    """Return places that are known on the voxels of a grid at points between them."""
    voxels = apply_matrix(np.linalg.inv(grid.voxel_to_world), points).T
    axes = places.reshape(*grid.shape, 3).transpose(3, 0, 1, 2)
    found = [map_coordinates(axis, voxels, order=1, mode="nearest") for axis in axes]
    return np.stack(found, axis=-1)
