"""Sources of a leadfield sorted into the voxels of a grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.physics.tissue import apply_affine


def voxels_of(grid: VoxelGrid, places: ndarray) -> Int[ndarray, "points 3"]:
    """Return the indices of the voxels that hold places, also beyond the grid."""
    indices = apply_affine(np.linalg.inv(grid.voxel_to_world), places)
    return np.asarray(np.floor(indices + 0.5), dtype=np.int64)


def inside_grid(grid: VoxelGrid, indices: ndarray) -> Bool[ndarray, " points"]:
    """Return which indices are those of voxels."""
    return np.asarray(np.all((indices >= 0) & (indices < grid.shape), axis=1))


@dataclass(frozen=True, slots=True, eq=False)
class SourceBins:
    """Which voxel each source falls into."""

    brain: Bool[ndarray, "x y z"]
    voxel: Int[ndarray, " sources"]
    counts: Int[ndarray, " voxels"]

    @classmethod
    def of(cls, grid: VoxelGrid, positions: ndarray) -> SourceBins:
        """Return the voxels of sources that all lie in the grid."""
        flat = np.ravel_multi_index(tuple(voxels_of(grid, positions).T), grid.shape)
        used, voxel, counts = np.unique(flat, return_inverse=True, return_counts=True)
        brain = np.zeros(grid.shape, dtype=bool)
        brain.ravel()[used] = True
        return cls(brain, voxel, counts)

    def mean(self, values: Float[ndarray, "rows sources"]) -> Float[ndarray, "rows voxels"]:
        """Return the mean over the sources of each voxel."""
        sums = [np.bincount(self.voxel, row, len(self.counts)) for row in values]
        return np.asarray(np.asarray(sums) / self.counts)
