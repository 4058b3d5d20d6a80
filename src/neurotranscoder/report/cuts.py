"""Cuts through a head at any place: the anatomy behind them, and what lies on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from nilearn.datasets import load_mni152_template
from numpy import ndarray
from scipy.ndimage import map_coordinates

from neurotranscoder.core.blocks import BlockMap

_ENDS = (("P", "A"), ("L", "R"), ("L", "R"))  # of the horizontal axis, per normal of the cut
BRAIN_LOW, BRAIN_HIGH = np.array([-80.0, -114.0, -72.0]), np.array([80.0, 82.0, 90.0])
"""Corners of a box around the brain in MNI152, RAS mm."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A plane through the head: its normal (0 = x, 1 = y, 2 = z) and where it lies, in mm."""

    normal: int
    place: float

    @property
    def title(self) -> str:
        """Where it is, for a picture."""
        return f"{'xyz'[self.normal]} = {self.place:.0f} mm".replace("-", "\N{MINUS SIGN}")

    @property
    def in_plane(self) -> tuple[int, int]:
        """World axes that run to the right and up."""
        return (1, 2) if self.normal == 0 else (0, 1) if self.normal == 2 else (0, 2)


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """A cut, sampled every millimetre of a box.

    Parameters
    ----------
    cut : Cut
        Which.
    points : array, shape (up, right, 3)
        RAS mm.
    extent : tuple of float
        Left, right, bottom and top, in mm.
    """

    cut: Cut
    points: Float[ndarray, "up right 3"]
    extent: tuple[float, float, float, float]

    @classmethod
    def of(cls, cut: Cut, low: Float[ndarray, " 3"], high: Float[ndarray, " 3"]) -> Plane:
        """Return the part of a cut that is inside a box, given by two corners in mm."""
        right, up = cut.in_plane
        horizontal = np.arange(low[right] + 0.5, high[right])
        vertical = np.arange(low[up] + 0.5, high[up])
        points = np.empty((len(vertical), len(horizontal), 3))
        points[..., cut.normal] = cut.place
        points[..., right], points[..., up] = horizontal, vertical[:, np.newaxis]
        return cls(cut, points, (low[right], high[right], low[up], high[up]))

    @property
    def width(self) -> float:
        """From left to right, in mm."""
        return self.extent[1] - self.extent[0]

    def indices(self, voxel_to_world: Float[ndarray, "4 4"]) -> Float[ndarray, "3 up right"]:
        """Return the voxel indices of the points on a grid, not rounded."""
        world_to_voxel = np.linalg.inv(voxel_to_world)
        moved = self.points @ world_to_voxel[:3, :3].T + world_to_voxel[:3, 3]
        return np.asarray(np.moveaxis(moved, -1, 0))

    def nearest(self, volume: ndarray, voxel_to_world: Float[ndarray, "4 4"]) -> ndarray:
        """Return the value of the voxel around each point, 0 outside of the volume."""
        index = np.rint(self.indices(voxel_to_world)).astype(np.int64)
        shape = np.reshape(volume.shape, (3, 1, 1))
        inside = np.all((index >= 0) & (index < shape), axis=0)
        return np.where(inside, volume[tuple(np.clip(index, 0, shape - 1))], 0)


@dataclass(frozen=True, slots=True, eq=False)
class Anatomy:
    """A head to draw on.

    Parameters
    ----------
    image : array, shape (x, y, z)
        Any unit; what is below ``edge`` is not drawn.
    voxel_to_world : array, shape (4, 4)
        From voxels to RAS mm.
    black, white, edge : float
        Values of the grey scale, and from which on there is a head.
    words : str
        What it is, for a caption.
    """

    image: Float[ndarray, "x y z"]
    voxel_to_world: Float[ndarray, "4 4"]
    black: float
    white: float
    edge: float
    words: str

    def on(self, plane: Plane) -> Float[ndarray, "up right"]:
        """Return its values on a plane, 0 outside."""
        indices = plane.indices(self.voxel_to_world)
        return np.asarray(map_coordinates(self.image, indices, order=1, cval=0.0))

    def draw(self, axes: Axes, plane: Plane) -> None:
        """Draw a cut of it in grey."""
        values = self.on(plane)
        grey = np.ma.masked_where(values <= self.edge, values)
        look: dict[str, Any] = {"origin": "lower", "extent": plane.extent}
        look |= {"cmap": "gray", "vmin": self.black, "vmax": self.white}
        axes.imshow(grey, interpolation="bilinear", **look)


@cache
def mni_anatomy() -> Anatomy:
    """Return nilearn's MNI152 template at 2 mm (it ships with the wheel)."""
    image = load_mni152_template(resolution=2)
    values = np.asarray(image.get_fdata())
    return Anatomy(values, np.asarray(image.affine), -0.25, 1.15, 0.05, "MNI152 template")


def mean_bold_anatomy(image: Float[ndarray, "x y z"], blocks: BlockMap) -> Anatomy:
    """Return a mean BOLD image on the voxels of blocks, for images in a space of their own."""
    words = "mean BOLD image, as images are not named as in MNI space"
    return image_anatomy(image, blocks.labels >= 0, blocks.voxels.voxel_to_world, words)


def image_anatomy(
    image: Float[ndarray, "x y z"],
    brain: Bool[ndarray, "x y z"],
    voxel_to_world: Float[ndarray, "4 4"],
    words: str,
) -> Anatomy:
    """Return an image as an anatomy whose greys span its brain."""
    dark, bright = (float(q) for q in np.percentile(image[brain], (2, 98)))
    return Anatomy(image, voxel_to_world, 0.0, 1.1 * bright, 0.5 * dark, words)


def outline_anatomy(blocks: BlockMap) -> Anatomy:
    """Return the voxels of blocks in one grey, where neither an image nor the space is known."""
    words = "all source blocks, as results do not say in which space images are"
    inside = (blocks.labels >= 0).astype(np.float64)
    return Anatomy(inside, blocks.voxels.voxel_to_world, 0.0, 1.5, 0.5, words)


def finish_plane(axes: Axes, plane: Plane, *, named: bool = True) -> None:
    """Take the frame away, and name the ends of the horizontal axis."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    for x, text in zip((0.02, 0.98), _ENDS[plane.cut.normal], strict=True):
        if named:
            axes.text(x, 0.02, text, transform=axes.transAxes, ha="left" if x < 0.5 else "right")
