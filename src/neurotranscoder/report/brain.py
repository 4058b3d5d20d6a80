"""Source maps on the anatomy: one row per estimate, one column per cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy import ndarray

from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.evaluate.findings import SourceMap, ValueMap
from neurotranscoder.report.cuts import (
    BRAIN_HIGH,
    BRAIN_LOW,
    Anatomy,
    Cut,
    Plane,
    finish_plane,
    mni_anatomy,
)
from neurotranscoder.report.figures import (
    DIVERGING,
    SEQUENTIAL,
    Picture,
    drawing_style,
    picture_of,
    wrapped,
)
from neurotranscoder.report.words import name_of

_FAINT = 0.35


@dataclass(frozen=True, slots=True, eq=False)
class _BlockPlane:
    """One cut, and which block is where on it; -1 where there is none."""

    at: Plane
    block: ndarray


def draw_source_map(source_map: SourceMap, blocks: BlockMap, anatomy: Anatomy) -> Picture:
    """Draw the rows of a source map as coloured blocks on slices of a head.

    Parameters
    ----------
    source_map : SourceMap
        Truth first, then estimates.
    blocks : BlockMap
        Where the blocks are, in RAS mm.
    anatomy : Anatomy
        What they are drawn on, in the same space.
    """
    whole = anatomy is mni_anatomy()
    planes = [_sample(cut, blocks, whole=whole) for cut in _cuts(source_map, blocks)]
    rows = len(source_map.labels)
    widths = [one.at.width for one in planes]
    with drawing_style():
        height = 0.85 + 1.7 * max(rows, 1)
        figure = Figure(figsize=(10.6, height), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.08, h_pad=0.02, wspace=0.01, hspace=0.02)  # type: ignore[call-arg,union-attr]
        grid = figure.subplots(rows, len(planes), squeeze=False, width_ratios=widths)
        for row, values in enumerate(source_map.values):
            for axes, plane in zip(grid[row], planes, strict=True):
                _draw_plane(axes, plane, _scaled(values), anatomy)
            label = wrapped(name_of(source_map.labels[row]), 17)
            grid[row][0].set_ylabel(label, fontweight="bold" if row == 0 else "normal")
        for axes, plane in zip(grid[0], planes, strict=True):
            axes.set_title(plane.at.cut.title, loc="center", fontweight="normal")
        figure.suptitle(
            wrapped(source_map.title, 120), x=0.01, ha="left", fontsize=8.5, fontweight="bold"
        )
        _colour_bar(figure, grid)
        return picture_of(
            figure, alt=_alt(source_map), caption=_CAPTION + anatomy.words + ".", dense=True
        )


_CAPTION = (
    "Neurological convention: left is left. Every coloured square is one block of the source "
    "grid, unsmoothed; weak values fade out. Cuts run through the strongest block of the first "
    "row. Each row has its own scale (arbitrary units). Background: "
)


def draw_value_map(value_map: ValueMap, blocks: BlockMap, anatomy: Anatomy) -> Picture:
    """Draw one value per block on slices of a head, with its scale.

    Parameters
    ----------
    value_map : ValueMap
        What is shown.
    blocks : BlockMap
        Where the blocks are, in RAS mm.
    anatomy : Anatomy
        What they are drawn on, in the same space.
    """
    centre = np.median(blocks.centres, axis=0)
    places = np.unique(np.round(np.quantile(blocks.centres[:, 2], [0.2, 0.5, 0.8])))
    cuts = [Cut(0, float(centre[0])), Cut(1, float(centre[1]))]
    cuts += [Cut(2, float(z)) for z in places]
    planes = [_sample(cut, blocks, whole=anatomy is mni_anatomy()) for cut in cuts]
    known = value_map.values[np.isfinite(value_map.values)]
    ends = np.quantile(known, [0.02, 0.98]) if known.size else np.array([0.0, 1.0])
    scale = Normalize(float(ends[0]), float(ends[1]))
    with drawing_style():
        figure = Figure(figsize=(10.6, 2.3), layout="constrained")
        widths = [one.at.width for one in planes]
        grid = figure.subplots(1, len(planes), squeeze=False, width_ratios=widths)
        for axes, plane in zip(grid[0], planes, strict=True):
            _draw_values(axes, plane, value_map.values, scale, anatomy)
            axes.set_title(plane.at.cut.title, loc="center", fontweight="normal")
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
        return picture_of(
            figure, alt=alt, caption=_VALUE_CAPTION + anatomy.words + ".", dense=True
        )


_VALUE_CAPTION = (
    "Neurological convention: left is left. Mean over the voxels of each block; the scale runs "
    "from the 2nd to the 98th percentile of blocks. Background: "
)


def _draw_values(
    axes: Axes,
    plane: _BlockPlane,
    values: Float[ndarray, " blocks"],
    scale: Normalize,
    anatomy: Anatomy,
) -> None:
    """Draw anatomy, and the blocks that have a value over it."""
    anatomy.draw(axes, plane.at)
    shown = np.where(plane.block >= 0, np.append(values, np.nan)[plane.block], np.nan)
    look: dict[str, Any] = {"origin": "lower", "extent": plane.at.extent}
    masked = np.ma.masked_invalid(shown)
    axes.imshow(masked, cmap=SEQUENTIAL, norm=scale, interpolation="nearest", **look)
    finish_plane(axes, plane.at)


def _cuts(source_map: SourceMap, blocks: BlockMap) -> list[Cut]:
    """Return a sagittal, a coronal and an axial cut through the peak, and two axial ones."""
    centres = blocks.centres
    first = np.nan_to_num(np.abs(source_map.values[:1])).sum(axis=0)
    peak = centres[int(np.argmax(first))]
    levels = np.unique(np.round(np.quantile(centres[:, 2], [0.25, 0.55, 0.85])))
    levels[np.argmin(np.abs(levels - peak[2]))] = peak[2]
    axial = [Cut(2, float(level)) for level in sorted(set(levels.tolist()))]
    return [Cut(0, float(peak[0])), Cut(1, float(peak[1])), *axial]


def _sample(cut: Cut, blocks: BlockMap, *, whole: bool = True) -> _BlockPlane:
    """Sample block numbers on a cut, with the whole brain of the template if wanted."""
    size = np.abs(blocks.grid.voxel_to_world[:3, :3]).sum(axis=1)
    low = blocks.centres.min(axis=0) - size
    high = blocks.centres.max(axis=0) + size
    if whole:
        low = np.minimum(BRAIN_LOW, low + size / 2)
        high = np.maximum(BRAIN_HIGH, high - size / 2)
    plane = Plane.of(cut, low, high)
    number = plane.nearest(blocks.labels + 1, blocks.voxels.voxel_to_world) - 1
    return _BlockPlane(plane, number)


def _scaled(values: Float[ndarray, " blocks"]) -> Float[ndarray, " blocks"]:
    """Return a row over its largest magnitude; blocks without a value become zero."""
    filled = np.nan_to_num(values, posinf=0.0, neginf=0.0)
    return np.asarray(filled / (np.max(np.abs(filled), initial=0.0) or 1.0))


def _draw_plane(
    axes: Axes, plane: _BlockPlane, values: Float[ndarray, " blocks"], anatomy: Anatomy
) -> None:
    """Draw anatomy, then blocks; the stronger a block the less anatomy shines through."""
    anatomy.draw(axes, plane.at)
    look: dict[str, Any] = {"origin": "lower", "extent": plane.at.extent}
    shown = np.where(plane.block >= 0, np.append(values, 0.0)[plane.block], 0.0)
    alpha = np.clip((np.abs(shown) - 0.05) / _FAINT, 0.0, 1.0)
    axes.imshow(
        shown, cmap=DIVERGING, vmin=-1, vmax=1, alpha=alpha, interpolation="nearest", **look
    )
    finish_plane(axes, plane.at)


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
