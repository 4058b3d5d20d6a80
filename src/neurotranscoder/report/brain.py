"""Source maps on the anatomy: one row per estimate, one column per cut."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from nilearn.datasets import load_mni152_template
from numpy import ndarray
from scipy.ndimage import map_coordinates

from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.evaluate.findings import SourceMap, ValueMap
from neurotranscoder.report.figures import (
    DIVERGING,
    SEQUENTIAL,
    Picture,
    drawing_style,
    picture_of,
    wrapped,
)
from neurotranscoder.report.words import name_of

_LOW, _HIGH = np.array([-80.0, -114.0, -72.0]), np.array([80.0, 82.0, 90.0])  # brain in MNI152, mm
_ENDS = (("P", "A"), ("L", "R"), ("L", "R"))  # of the horizontal axis, per normal of the cut
_FAINT = 0.35


@dataclass(frozen=True, slots=True)
class _Cut:
    """A plane through the head: its normal (0 = x, 1 = y, 2 = z) and where it lies, in mm."""

    normal: int
    place: float

    @property
    def title(self) -> str:
        return f"{'xyz'[self.normal]} = {self.place:.0f} mm".replace("-", "\N{MINUS SIGN}")

    @property
    def in_plane(self) -> tuple[int, int]:
        """World axes that run to the right and up."""
        return (1, 2) if self.normal == 0 else (0, 1) if self.normal == 2 else (0, 2)


@dataclass(frozen=True, slots=True, eq=False)
class _Plane:
    """One cut, sampled every millimetre: anatomy, which block is where, and its edges in mm."""

    cut: _Cut
    anatomy: Float[ndarray, "up right"]
    block: ndarray
    extent: tuple[float, float, float, float]


def draw_source_map(source_map: SourceMap, blocks: BlockMap) -> Picture:
    """Draw the rows of a source map as coloured blocks on slices of the MNI152 template.

    Parameters
    ----------
    source_map : SourceMap
        Truth first, then estimates.
    blocks : BlockMap
        Where the blocks are, in RAS mm of MNI152.
    """
    planes = [_sample(cut, blocks) for cut in _cuts(source_map, blocks)]
    rows = len(source_map.labels)
    widths = [plane.extent[1] - plane.extent[0] for plane in planes]
    with drawing_style():
        height = 0.85 + 1.7 * max(rows, 1)
        figure = Figure(figsize=(10.6, height), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.08, h_pad=0.02, wspace=0.01, hspace=0.02)  # type: ignore[call-arg,union-attr]
        grid = figure.subplots(rows, len(planes), squeeze=False, width_ratios=widths)
        for row, values in enumerate(source_map.values):
            for axes, plane in zip(grid[row], planes, strict=True):
                _draw_plane(axes, plane, _scaled(values))
            label = wrapped(name_of(source_map.labels[row]), 17)
            grid[row][0].set_ylabel(label, fontweight="bold" if row == 0 else "normal")
        for axes, plane in zip(grid[0], planes, strict=True):
            axes.set_title(plane.cut.title, loc="center", fontweight="normal")
        figure.suptitle(
            wrapped(source_map.title, 120), x=0.01, ha="left", fontsize=8.5, fontweight="bold"
        )
        _colour_bar(figure, grid)
        return picture_of(figure, alt=_alt(source_map), caption=_CAPTION, dense=True)


_CAPTION = (
    "Neurological convention: left is left. Every coloured square is one block of the source "
    "grid, unsmoothed; weak values fade out. Cuts run through the strongest block of the first "
    "row. Each row has its own scale (arbitrary units). Background: MNI152 template."
)


def draw_value_map(value_map: ValueMap, blocks: BlockMap) -> Picture:
    """Draw one value per block on slices of the MNI152 template, with its scale.

    Parameters
    ----------
    value_map : ValueMap
        What is shown.
    blocks : BlockMap
        Where the blocks are, in RAS mm of MNI152.
    """
    centre = np.median(blocks.centres, axis=0)
    places = np.unique(np.round(np.quantile(blocks.centres[:, 2], [0.2, 0.5, 0.8])))
    cuts = [_Cut(0, float(centre[0])), _Cut(1, float(centre[1]))]
    planes = [_sample(cut, blocks) for cut in (*cuts, *(_Cut(2, float(z)) for z in places))]
    known = value_map.values[np.isfinite(value_map.values)]
    ends = np.quantile(known, [0.02, 0.98]) if known.size else np.array([0.0, 1.0])
    scale = Normalize(float(ends[0]), float(ends[1]))
    with drawing_style():
        figure = Figure(figsize=(10.6, 2.3), layout="constrained")
        widths = [plane.extent[1] - plane.extent[0] for plane in planes]
        grid = figure.subplots(1, len(planes), squeeze=False, width_ratios=widths)
        for axes, plane in zip(grid[0], planes, strict=True):
            _draw_values(axes, plane, value_map.values, scale)
            axes.set_title(plane.cut.title, loc="center", fontweight="normal")
        figure.suptitle(
            wrapped(value_map.title, 120), x=0.01, ha="left", fontsize=8.5, fontweight="bold"
        )
        colours = ScalarMappable(scale, cmap=SEQUENTIAL)
        bar = figure.colorbar(colours, ax=grid, aspect=14, pad=0.015, extend="both")
        bar.set_label(value_map.label)
        bar.outline.set_linewidth(0.5)
        alt = (
            f"{value_map.title}: {value_map.label} on sagittal, coronal and axial slices of the "
            f"brain, {ends[0]:.3g} to {ends[1]:.3g}."
        )
        return picture_of(figure, alt=alt, caption=_VALUE_CAPTION, dense=True)


_VALUE_CAPTION = (
    "Neurological convention: left is left. Mean over the voxels of each block; the scale runs "
    "from the 2nd to the 98th percentile of blocks. Background: MNI152 template."
)


def _draw_values(
    axes: Axes, plane: _Plane, values: Float[ndarray, " blocks"], scale: Normalize
) -> None:
    """Draw anatomy, and the blocks that have a value over it."""
    _draw_anatomy(axes, plane)
    shown = np.where(plane.block >= 0, np.append(values, np.nan)[plane.block], np.nan)
    look: dict[str, Any] = {"origin": "lower", "extent": plane.extent}
    masked = np.ma.masked_invalid(shown)
    axes.imshow(masked, cmap=SEQUENTIAL, norm=scale, interpolation="nearest", **look)
    _finish_plane(axes, plane)


def _cuts(source_map: SourceMap, blocks: BlockMap) -> list[_Cut]:
    """Return a sagittal, a coronal and an axial cut through the peak, and two axial ones."""
    centres = blocks.centres
    first = np.nan_to_num(np.abs(source_map.values[:1])).sum(axis=0)
    peak = centres[int(np.argmax(first))]
    levels = np.unique(np.round(np.quantile(centres[:, 2], [0.25, 0.55, 0.85])))
    levels[np.argmin(np.abs(levels - peak[2]))] = peak[2]
    axial = [_Cut(2, float(level)) for level in sorted(set(levels.tolist()))]
    return [_Cut(0, float(peak[0])), _Cut(1, float(peak[1])), *axial]


def _sample(cut: _Cut, blocks: BlockMap) -> _Plane:
    """Sample anatomy and block numbers on a cut; at least the whole brain is in the picture."""
    half = np.abs(blocks.grid.voxel_to_world[:3, :3]).sum(axis=1) / 2
    low = np.minimum(_LOW, blocks.centres.min(axis=0) - half)
    high = np.maximum(_HIGH, blocks.centres.max(axis=0) + half)
    right, up = cut.in_plane
    horizontal = np.arange(low[right] + 0.5, high[right])
    vertical = np.arange(low[up] + 0.5, high[up])
    points = np.empty((len(vertical), len(horizontal), 3))
    points[..., cut.normal] = cut.place
    points[..., right], points[..., up] = horizontal, vertical[:, np.newaxis]
    image, voxel_to_world = _template()
    anatomy = map_coordinates(image, _indices(points, voxel_to_world), order=1, cval=0.0)
    extent = (float(low[right]), float(high[right]), float(low[up]), float(high[up]))
    return _Plane(cut, anatomy, _block_at(points, blocks), extent)


def _indices(points: Float[ndarray, "up right 3"], voxel_to_world: ndarray) -> ndarray:
    """Return voxel indices of world points, axis first."""
    world_to_voxel = np.linalg.inv(voxel_to_world)
    moved = points @ world_to_voxel[:3, :3].T + world_to_voxel[:3, 3]
    return np.asarray(np.moveaxis(moved, -1, 0))


def _block_at(points: Float[ndarray, "up right 3"], blocks: BlockMap) -> ndarray:
    """Return the number of the block at each point, -1 where there is none."""
    index = np.rint(_indices(points, blocks.voxels.voxel_to_world)).astype(np.int64)
    shape = np.reshape(blocks.voxels.shape, (3, 1, 1))
    inside = np.all((index >= 0) & (index < shape), axis=0)
    return np.where(inside, blocks.labels[tuple(np.clip(index, 0, shape - 1))], -1)


@cache
def _template() -> tuple[Float[ndarray, "x y z"], Float[ndarray, "4 4"]]:
    """Return nilearn's MNI152 template at 2 mm (it ships with the wheel)."""
    image = load_mni152_template(resolution=2)
    return np.asarray(image.get_fdata()), np.asarray(image.affine)


def _scaled(values: Float[ndarray, " blocks"]) -> Float[ndarray, " blocks"]:
    """Return a row over its largest magnitude; blocks without a value become zero."""
    filled = np.nan_to_num(values, posinf=0.0, neginf=0.0)
    return np.asarray(filled / (np.max(np.abs(filled), initial=0.0) or 1.0))


def _draw_plane(axes: Axes, plane: _Plane, values: Float[ndarray, " blocks"]) -> None:
    """Draw anatomy, then blocks; the stronger a block the less anatomy shines through."""
    _draw_anatomy(axes, plane)
    look: dict[str, Any] = {"origin": "lower", "extent": plane.extent}
    shown = np.where(plane.block >= 0, np.append(values, 0.0)[plane.block], 0.0)
    alpha = np.clip((np.abs(shown) - 0.05) / _FAINT, 0.0, 1.0)
    axes.imshow(
        shown, cmap=DIVERGING, vmin=-1, vmax=1, alpha=alpha, interpolation="nearest", **look
    )
    _finish_plane(axes, plane)


def _draw_anatomy(axes: Axes, plane: _Plane) -> None:
    """Draw the template in grey."""
    brain: Bool[ndarray, "up right"] = plane.anatomy > 0.05
    grey = np.ma.masked_where(~brain, plane.anatomy)
    look: dict[str, Any] = {"origin": "lower", "extent": plane.extent}
    axes.imshow(grey, cmap="gray", vmin=-0.25, vmax=1.15, interpolation="bilinear", **look)


def _finish_plane(axes: Axes, plane: _Plane) -> None:
    """Take the frame away and name the ends of the horizontal axis."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    for x, text in zip((0.02, 0.98), _ENDS[plane.cut.normal], strict=True):
        axes.text(x, 0.02, text, transform=axes.transAxes, ha="left" if x < 0.5 else "right")


def _colour_bar(figure: Figure, grid: Any) -> None:  # noqa: ANN401 - an array of Axes
    """Draw the scale that all rows share."""
    scale = ScalarMappable(Normalize(-1.0, 1.0), cmap=DIVERGING)
    bar = figure.colorbar(scale, ax=grid, shrink=min(1.0, 1.6 / len(grid)), aspect=14, pad=0.015)
    bar.set_label("activity (a.u.),\nshare of the row's maximum")
    bar.set_ticks([-1, 0, 1])
    bar.outline.set_linewidth(0.5)


def _alt(source_map: SourceMap) -> str:
    """Return which rows the map has."""
    names = ", ".join(name_of(label) for label in source_map.labels)
    return (
        f"{source_map.title}: source activity at {source_map.time:g} s on sagittal, coronal and "
        f"axial slices of the brain; rows: {names}."
    )
