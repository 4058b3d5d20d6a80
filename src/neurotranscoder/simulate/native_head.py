"""What each voxel of a subject's images holds of the head that lies in the scanner."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy.sparse import csr_array

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.physics.template_head import (
    bias_field,
    points_of,
    surroundings,
    template_head,
    values_at,
)
from neurotranscoder.simulate.native_space import (
    covering_grid,
    draw_space,
    native_of,
)
from neurotranscoder.simulate.regions import Regions
from neurotranscoder.simulate.scenario import Scenario
from neurotranscoder.simulate.seeds import Stage, generator

_FINE = 2.5  # mm between the points that stand for a voxel
_ACTIVE = 0.5
_T1_LEVEL = 800.0
_T1_CURVE = 0.8  # exponent of the template's brightness: another sequence
_T1_SCALP, _T1_BONE = 0.9, 0.1


@dataclass(frozen=True, slots=True, eq=False)
class NativeHead:
    """A head as the EPI voxels of its subject see it: means over their volumes.

    Parameters
    ----------
    grid : VoxelGrid
        The voxels, in RAS mm of the scanner.
    brain : array of bool, shape (x, y, z)
        Voxels that are brain (grey and white matter) for the most part.
    grey, white : array, shape (voxels,)
        Shares of tissue in voxels of the brain.
    contrast : array, shape (x, y, z)
        Brightness of all voxels, 1 in grey matter.
    mixing : tuple of csr_array, each of shape (voxels of a slice, regions)
        Activity of the voxels of each slice (x and y in C order) per activity of each region.
    """

    grid: VoxelGrid
    brain: Bool[ndarray, "x y z"]
    grey: Float[ndarray, " voxels"]
    white: Float[ndarray, " voxels"]
    contrast: Float[ndarray, "x y z"]
    mixing: tuple[csr_array, ...]

    @property
    def places(self) -> Float[ndarray, "voxels 3"]:
        """Centres of the voxels of the brain, in RAS mm of the scanner."""
        return self.grid.world(np.argwhere(self.brain))

    @property
    def active(self) -> Bool[ndarray, "x y z"]:
        """Voxels that hold sources for the most part."""
        sums = [np.asarray(one.sum(axis=1)).reshape(self.grid.shape[:2]) for one in self.mixing]
        return np.asarray(np.stack(sums, axis=2) >= _ACTIVE)


def native_head(scenario: Scenario, regions: Regions, subject: int) -> NativeHead:
    """Return a head as the EPI voxels of its subject see it.

    Each voxel is the mean over points in its volume, 2.5 mm apart or less, at their places in MNI.

    Parameters
    ----------
    scenario : Scenario
        With a section ``native``.
    regions : Regions
        Division of the brain in MNI.
    subject : int
        Which subject, from 0.
    """
    settings, space = native_of(scenario), draw_space(scenario, subject)
    grid = space.epi_grid
    head = template_head()
    sums = np.zeros((4, int(np.prod(grid.shape))))
    mixing = csr_array((sums.shape[1], regions.n_regions))
    count = 0
    for points in _points_within(grid):
        there = space.from_epi(points)
        images = (head.grey, head.white, head.fluid, _bone_and_scalp()[1])
        sums += [values_at(image, head.grid, there) for image in images]
        mixing = mixing + _regions_at(regions, scenario.head.grid, there)
        count += 1
    grey, white, fluid, scalp = (mean.reshape(grid.shape) for mean in sums / count)
    contrast = grey + settings.white * white + settings.fluid * fluid + settings.scalp * scalp
    brain = grey + white > scenario.head.min_tissue
    slices = np.arange(sums.shape[1]).reshape(grid.shape)
    mixing = csr_array(mixing / count)
    by_slice = tuple(mixing[slices[:, :, z].ravel()] for z in range(grid.shape[2]))
    return NativeHead(grid, brain, grey[brain], white[brain], contrast, by_slice)


def t1_image(scenario: Scenario, subject: int) -> tuple[Float[ndarray, "x y z"], VoxelGrid]:
    """Return the T1 image of a subject, scalp and bone included, and where its voxels are.

    It has another curve of brightness than the template, a bias field and noise.

    Parameters
    ----------
    scenario : Scenario
        With a section ``native``.
    subject : int
        Which subject, from 0.
    """
    settings, grid = native_of(scenario), covering_grid(native_of(scenario).t1_size)
    space, head = draw_space(scenario, subject), template_head()
    mean = np.zeros(int(np.prod(grid.shape)))
    many = list(_points_within(grid))
    for points in many:
        there = space.from_t1(points)
        brain = np.clip(values_at(head.t1, head.grid, there), 0, 1) ** _T1_CURVE
        bone, scalp = (values_at(image, head.grid, there) for image in _bone_and_scalp())
        mean += (brain + _T1_SCALP * scalp + _T1_BONE * bone) / len(many)
    rng = generator(scenario.seed, Stage.T1, subject=subject)
    image = mean.reshape(grid.shape) * bias_field(grid.shape, rng, settings.t1_bias)
    image += settings.t1_noise / 100 * rng.standard_normal(grid.shape)
    return (_T1_LEVEL * np.abs(image)).astype(np.float32), grid


def _points_within(grid: VoxelGrid) -> Iterator[Float[ndarray, "voxels 3"]]:
    """Yield one point of every voxel after the other, evenly spread over their volumes."""
    counts = [max(1, int(np.ceil(size / _FINE))) for size in grid.voxel_sizes]
    centres = points_of(grid)
    for which in np.ndindex(*counts):
        part = (np.asarray(which) + 0.5) / counts - 0.5
        yield centres + grid.voxel_to_world[:3, :3] @ part


def _regions_at(
    regions: Regions, grid: VoxelGrid, points: Float[ndarray, "points 3"]
) -> csr_array:
    """Return the activity at points of MNI per activity of each region."""
    indices, inside = grid.voxels_at(points)
    rows = np.flatnonzero(inside)
    where = tuple(indices[rows].T)
    labels, weights = regions.labels[where], regions.weights[where]
    active = labels >= 0
    shape = (len(points), regions.n_regions)
    return csr_array((weights[active], (rows[active], labels[active])), shape=shape)


@cache
def _bone_and_scalp() -> tuple[Float[ndarray, "x y z"], Float[ndarray, "x y z"]]:
    """Return bone and scalp around the template's brain, 0 or 1."""
    bone, scalp = surroundings(template_head().brain)
    return bone.astype(np.float32), scalp.astype(np.float32)
