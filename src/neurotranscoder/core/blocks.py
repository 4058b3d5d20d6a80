"""The source grid: blocks of voxels, about 12 mm wide."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import GridError


@dataclass(frozen=True, slots=True, eq=False)
class BlockMap:
    """Which block of the source grid each voxel belongs to.

    Parameters
    ----------
    voxels : VoxelGrid
        The fine grid.
    factors : tuple of int
        Voxels per block along x, y and z.
    mask : array of bool, shape (block_x, block_y, block_z)
        Blocks in use; they are numbered in C order of this mask.
    labels : array of int, shape (x, y, z)
        Number of the block that a voxel belongs to, -1 outside the brain or unused blocks.
    """

    voxels: VoxelGrid
    factors: tuple[int, int, int]
    mask: Bool[ndarray, "block_x block_y block_z"]
    labels: Int[ndarray, "x y z"]

    @classmethod
    def from_mask(
        cls,
        voxels: VoxelGrid,
        brain: Bool[ndarray, "x y z"],
        *,
        factors: tuple[int, int, int],
        min_share: float = 0.25,
    ) -> BlockMap:
        """Group the voxels of a brain mask into blocks.

        Parameters
        ----------
        voxels : VoxelGrid
            The fine grid.
        brain : array of bool, shape (x, y, z)
            Voxels that count.
        factors : tuple of int
            Voxels per block along each axis.
        min_share : float
            A block is used when at least this share of its voxels is brain.

        Raises
        ------
        GridError
            When the mask does not fit the grid, or no block is left.
        """
        if brain.shape != voxels.shape:
            raise GridError(f"the brain mask is {brain.shape}, its grid is {voxels.shape}")
        coarse = voxels.coarsen(factors)
        where = np.argwhere(brain)
        block = np.ravel_multi_index(tuple((where // np.asarray(factors)).T), coarse.shape)
        counts = np.bincount(block, minlength=int(np.prod(coarse.shape)))
        used = counts >= min_share * np.prod(factors)
        if not used.any():
            raise GridError(
                f"no block of {factors} voxels holds {min_share:.0%} brain; use smaller blocks "
                "or check the brain mask"
            )
        numbers = np.where(used, np.cumsum(used) - 1, -1)
        labels = np.full(voxels.shape, -1, dtype=np.int32)
        labels[tuple(where.T)] = numbers[block]
        return cls(voxels, factors, used.reshape(coarse.shape), labels)

    @property
    def grid(self) -> VoxelGrid:
        """The coarse grid, all blocks of the bounding box."""
        return self.voxels.coarsen(self.factors)

    @property
    def n_blocks(self) -> int:
        """Number of blocks in use."""
        return int(self.mask.sum())

    @property
    def centres(self) -> Float[ndarray, "blocks 3"]:
        """Centres of the blocks in use, in RAS mm."""
        return self.grid.world(np.argwhere(self.mask))

    def average(self, values: Float[ndarray, "x y z ..."]) -> Float[ndarray, "blocks ..."]:
        """Return the mean over the voxels of each block, shape (blocks, ...)."""
        inside = self.labels >= 0
        flat = self.labels[inside]
        picked = values[inside]
        sums = np.zeros((self.n_blocks, *picked.shape[1:]))
        np.add.at(sums, flat, picked)
        counts = np.bincount(flat, minlength=self.n_blocks)
        return np.asarray(sums / counts.reshape(-1, *[1] * (picked.ndim - 1)))

    def unmask(self, values: Float[ndarray, "blocks ..."]) -> Float[ndarray, "bx by bz ..."]:
        """Return values on the whole coarse grid, zero where no block is in use."""
        full = np.zeros((*self.mask.shape, *values.shape[1:]), dtype=values.dtype)
        full[self.mask] = values
        return full

    def matches(self, other: BlockMap) -> bool:
        """Return whether both maps have the same grid, block size and blocks in use."""
        return (
            self.voxels.matches(other.voxels)
            and self.factors == other.factors
            and bool(np.array_equal(self.labels, other.labels))
        )
