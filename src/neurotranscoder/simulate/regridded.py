"""A brain on other voxels in MNI than those that it was simulated on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Int
from numpy import ndarray

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.physics.head import Head
from neurotranscoder.simulate.cohort import Cohort, Subject
from neurotranscoder.simulate.regions import Regions


def cohort_on(cohort: Cohort, grid: VoxelGrid) -> Cohort:
    """Return a cohort on other voxels: each is what the voxel that its centre lies in was.

    Levels, potentials and responses of regions stay those of the voxels that were simulated.
    """
    old = cohort.template.head.grid
    heads: dict[int, Head] = {}

    def moved(subject: Subject) -> Subject:
        key = id(subject.head)
        heads[key] = heads.get(key) or _head_on(subject.head, grid)
        return replace(subject, head=heads[key])

    return replace(
        cohort,
        regions=_regions_on(cohort.regions, old, grid),
        template=moved(cohort.template),
        subjects=tuple(moved(subject) for subject in cohort.subjects),
    )


def _regions_on(regions: Regions, old: VoxelGrid, grid: VoxelGrid) -> Regions:
    """Return a division of the brain on other voxels."""
    where, inside = _sources_of(old, grid)
    labels = np.full(grid.shape, -1, dtype=regions.labels.dtype)
    weights = np.zeros(grid.shape)
    labels[inside], weights[inside] = regions.labels[where], regions.weights[where]
    return replace(regions, labels=labels, weights=weights)


def _head_on(head: Head, grid: VoxelGrid) -> Head:
    """Return a head on other voxels."""
    where, inside = _sources_of(head.grid, grid)
    numbers = np.full(head.grid.shape, -1)
    numbers[head.brain] = np.arange(head.n_voxels)
    brain = np.zeros(grid.shape, dtype=bool)
    brain[inside] = head.brain[where]
    of = numbers[where][head.brain[where]]
    free = None if head.free_leadfield is None else head.free_leadfield[:, of]
    return replace(
        head,
        grid=grid,
        brain=brain,
        leadfield=head.leadfield[:, of],
        orientations=head.orientations[of],
        grey=head.grey[of],
        white=head.white[of],
        free_leadfield=free,
    )


def _sources_of(
    old: VoxelGrid, grid: VoxelGrid
) -> tuple[tuple[Int[ndarray, " inside"], ...], Bool[ndarray, "x y z"]]:
    """Return the old voxels that new ones lie in, and which new ones do, in C order."""
    centres = grid.world(np.indices(grid.shape).reshape(3, -1).T)
    indices, inside = old.voxels_at(centres)
    return tuple(indices[inside].T), inside.reshape(grid.shape)
