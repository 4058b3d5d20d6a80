"""Displacements as sums of few cosines, and what it costs to bend them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.preprocess.template import Template

RIM = 4.0  # mm around the brain that are compared
_MARGIN = 8.0  # mm around them that the cosines reach
_SHORTEST = 10.0  # mm: wavelength of the fastest cosine


@dataclass(frozen=True, slots=True, eq=False)
class CosineBasis:
    """Products of cosines along three axes, each a matrix of voxels by cosines."""

    axes: tuple[Float[ndarray, "x k"], Float[ndarray, "y l"], Float[ndarray, "z m"]]

    def fields(self, coefficients: Float[ndarray, "3 k l m"]) -> Float[ndarray, "3 x y z"]:
        """Return the sums of cosines on the voxels."""
        return np.stack([self.field(one) for one in coefficients])

    def field(self, coefficients: Float[ndarray, "k l m"]) -> Float[ndarray, "x y z"]:
        """Return one sum of cosines on the voxels."""
        for axis in self.axes:
            coefficients = np.moveaxis(np.tensordot(axis, coefficients, (1, 0)), 0, -1)
        return coefficients

    def products(self, values: Float[ndarray, "x y z"]) -> Float[ndarray, "k l m"]:
        """Return the inner products of voxels with each cosine."""
        for axis in self.axes:
            values = np.moveaxis(np.tensordot(axis, values, (0, 0)), 0, -1)
        return values


@dataclass(frozen=True, slots=True, eq=False)
class CosineBox:
    """The part of a template that the cosines live on, and what bending each of them costs."""

    grid: VoxelGrid
    first: Int[ndarray, " 3"]
    extent: Int[ndarray, " 3"]
    bending: Float[ndarray, "k l m"]

    @classmethod
    def of(cls, template: Template) -> CosineBox:
        """Return the box around the brain, in voxels of the template."""
        sizes = np.asarray(template.grid.voxel_sizes)
        margin = np.ceil((RIM + _MARGIN) / sizes).astype(int)
        brain = np.argwhere(template.brain)
        first = np.maximum(brain.min(0) - margin, 0)
        extent = np.minimum(brain.max(0) + margin + 1, template.grid.shape) - first
        waves = [
            np.pi * np.arange(min(n, int(2 * n * size / _SHORTEST) + 1)) / (n * size)
            for n, size in zip(extent, sizes, strict=True)
        ]
        square = np.sum(np.meshgrid(*[wave**2 for wave in waves], indexing="ij"), axis=0)
        return cls(template.grid, first, extent, (square**2).astype(np.float32))

    def basis(self, places: Sequence[Float[ndarray, " _"]]) -> CosineBasis:
        """Return the cosines at places along each axis, in voxels of the box's template.

        On all of these voxels they are orthonormal.
        """
        made = []
        for at, first, n, count in zip(
            places, self.first, self.extent, self.bending.shape, strict=True
        ):
            phase = np.outer(at - first + 0.5, np.arange(count)) * np.pi / n
            scale = np.where(np.arange(count) == 0, np.sqrt(1 / n), np.sqrt(2 / n))
            made.append((np.cos(phase) * scale).astype(np.float32))
        return CosineBasis((made[0], made[1], made[2]))

    def whole(self, field: Float[ndarray, "3 a b c"]) -> Float[ndarray, "x y z 3"]:
        """Return a field of the box on all voxels of the template: that of the nearest."""
        after = np.asarray(self.grid.shape) - self.first - self.extent
        pads = [(0, 0), *zip(self.first, after, strict=True)]
        return np.moveaxis(np.pad(field.astype(np.float64), pads, mode="edge"), 0, -1)


def least_volume(field: Float[ndarray, "3 x y z"], sizes: Sequence[float]) -> float:
    """Return to which share of its volume the smallest piece of space shrinks; below 0: folds."""
    slopes = np.stack([np.stack(np.gradient(one, *sizes)) for one in field.astype(np.float64)])
    matrices = np.moveaxis(slopes, (0, 1), (-2, -1)) + np.eye(3)
    return float(np.linalg.det(matrices).min())
