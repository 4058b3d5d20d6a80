"""Slices of a subject's own images: anatomy, a veil over what is not seen, values on both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy import ndarray

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import GridError

N_SLICES = 3
_VEIL = ListedColormap(["#5F7488"])  # bluish, which no anatomy is
_THICKNESS = 0.65
_LEGEND = "#8797A6"  # the veil over bright tissue


@dataclass(frozen=True, slots=True, eq=False)
class Slices:
    """Horizontal slices; left is left and front is up, whatever the grid.

    Parameters
    ----------
    anatomy : array, shape (x, y, z)
        Such as the mean BOLD image.
    grid : VoxelGrid
        Where the voxels are.
    mask : array of bool, shape (x, y, z)
        Voxels of the brain.
    hidden : array of bool, shape (x, y, z)
        Voxels that the veil covers.

    Raises
    ------
    GridError
        When the anatomy has another grid.
    """

    anatomy: Float[ndarray, "_ _ _"]
    grid: VoxelGrid
    mask: Bool[ndarray, "x y z"]
    hidden: Bool[ndarray, "x y z"]

    def __post_init__(self) -> None:
        if self.anatomy.shape != self.mask.shape:
            raise GridError(
                f"the anatomy is {self.anatomy.shape}, the statistics are {self.mask.shape}"
            )

    def levels(self, strength: Float[ndarray, " z"], n: int = N_SLICES) -> list[int]:
        """Return slices with most strength, some way apart, lowest first; then most brain."""
        brain, chosen = self.mask.sum(axis=(0, 1)), list[int]()
        for level in np.lexsort((-brain, -strength)).tolist():
            if brain[level] and all(abs(level - one) >= len(brain) / 10 for one in chosen):
                chosen.append(level)
        return sorted(chosen[:n])

    def draw(
        self, axes: Axes, level: int, values: Float[ndarray, "x y"], *, cmap: str, norm: Normalize
    ) -> None:
        """Draw one slice, with values where they are not zero."""
        dark, bright = np.percentile(self.anatomy[self.mask], (2, 98))
        grey = Normalize(float(dark), float(bright))
        axes.imshow(
            self._turned(self.anatomy[:, :, level]), cmap="gray", norm=grey, origin="lower"
        )
        if self.hidden.any():
            veil = np.ma.masked_equal(self._turned(self.hidden[:, :, level]), False)
            axes.imshow(veil, cmap=_VEIL, alpha=_THICKNESS, origin="lower", interpolation="none")
        shown = np.ma.masked_equal(self._turned(values), 0)
        axes.imshow(shown, cmap=cmap, norm=norm, origin="lower")
        size = self.grid.voxel_sizes
        axes.set_aspect(size[1] / size[0])
        axes.set(xticks=[], yticks=[])

    def words(self, level: int) -> str:
        """Return where a slice is, for its left side."""
        affine = self.grid.voxel_to_world
        return f"z = {affine[2, 2] * level + affine[2, 3]:.0f} mm\nL"

    def add_legend(self, figure: Figure, words: str) -> None:
        """Say what the veil covers, where there is one."""
        if self.hidden.any():
            patch = Patch(facecolor=_LEGEND, edgecolor="#555555", lw=0.5, label=words)
            figure.legend(handles=[patch], loc="outside lower left")

    def _turned(self, plane: ndarray) -> ndarray:
        """Return a slice with rows from back to front and columns from left to right."""
        signs = np.diag(self.grid.voxel_to_world)[:2]
        return plane[tuple(slice(None, None, -1 if sign < 0 else 1) for sign in signs)].T
