"""Regressions of every voxel at its own slice times, whose statistics add up over runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy.ndimage import gaussian_filter

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.train.regression import ridge_solve
from neurotranscoder.train.subject_signals import SliceRegressors

_SD = 1 / np.sqrt(8 * np.log(2))  # of a Gaussian whose full width at half maximum is 1


@dataclass(frozen=True, slots=True, eq=False)
class VoxelProducts:
    """Products of BOLD of voxels with the features of their slices, summed over volumes.

    Parameters
    ----------
    cross : array, shape (voxels, features)
        BOLD with features.
    gram : array, shape (slices, features, features)
        Features with features, as each slice sees them.
    powers : array, shape (voxels,)
        Squares of BOLD.
    slices : array of int, shape (voxels,)
        Slice of each voxel.
    """

    cross: Float[ndarray, "voxels features"]
    gram: Float[ndarray, "slices features features"]
    powers: Float[ndarray, " voxels"]
    slices: Int[ndarray, " voxels"]

    @classmethod
    def of(cls, regressors: SliceRegressors, part: slice = slice(None)) -> VoxelProducts:
        """Return the products of one run, or of some of its volumes."""
        run = regressors.run
        n_features = regressors.spline.c.shape[2]
        cross = np.zeros((len(run.slices), n_features))
        gram = np.zeros((run.n_slices, n_features, n_features))
        for index in np.unique(run.slices):
            rows = run.slices == index
            features = regressors(int(index))[:, part]
            cross[rows] = run.bold[rows][:, part] @ features.T
            gram[index] = features @ features.T
        powers = np.sum(np.square(run.bold[:, part], dtype=np.float64), axis=1)
        return cls(cross, gram, powers, run.slices)

    def __add__(self, other: VoxelProducts) -> VoxelProducts:
        return VoxelProducts(
            self.cross + other.cross,
            self.gram + other.gram,
            self.powers + other.powers,
            self.slices,
        )

    def __sub__(self, other: VoxelProducts) -> VoxelProducts:
        return VoxelProducts(
            self.cross - other.cross,
            self.gram - other.gram,
            self.powers - other.powers,
            self.slices,
        )

    def by_slice(
        self,
    ) -> Iterator[tuple[Bool[ndarray, " voxels"], Float[ndarray, "features features"]]]:
        """Yield which voxels a slice has, and its products of features."""
        for index in np.unique(self.slices):
            yield self.slices == index, self.gram[index]

    def weights(
        self, smoothed: Float[ndarray, "voxels features"], ridge: float
    ) -> Float[ndarray, "voxels features"]:
        """Return the maps of features: ridge regression with smoothed products with BOLD."""
        found = np.empty_like(smoothed)
        for rows, gram in self.by_slice():
            found[rows] = ridge_solve(smoothed[rows], gram, ridge)
        return found

    def explained(self, maps: Float[ndarray, "voxels features"]) -> float:
        """Return the squares of BOLD that maps of features take away, summed over voxels."""
        return 2 * float(np.sum(maps * self.cross)) - float(self.energies(maps).sum())

    def energies(self, maps: Float[ndarray, "voxels features"]) -> Float[ndarray, " voxels"]:
        """Return the squares of what maps of features predict of each voxel."""
        found = np.empty(len(maps))
        for rows, gram in self.by_slice():
            found[rows] = np.sum((maps[rows] @ gram) * maps[rows], axis=1)
        return found


def smooth_in_mask(
    values: Float[ndarray, "voxels features"],
    mask: Bool[ndarray, "x y z"],
    grid: VoxelGrid,
    width: float,
) -> Float[ndarray, "voxels features"]:
    """Smooth maps with a Gaussian within a mask: nothing of outside comes in.

    Parameters
    ----------
    values : array, shape (voxels, features)
        Voxels of the mask in C order.
    mask : array of bool, shape (x, y, z)
        Where they are.
    grid : VoxelGrid
        How large voxels are.
    width : float
        Full width at half maximum, in mm; 0 leaves the values as they are.
    """
    if width == 0:
        return values
    sd = [width * _SD / size for size in grid.voxel_sizes]
    inside = gaussian_filter(mask.astype(np.float64), sd, mode="constant")[mask]
    full, out = np.zeros(mask.shape), np.empty_like(values)
    for feature in range(values.shape[1]):
        full[mask] = values[:, feature]
        out[:, feature] = gaussian_filter(full, sd, mode="constant")[mask] / inside
    return out
