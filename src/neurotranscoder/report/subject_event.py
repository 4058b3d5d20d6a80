"""One evoked event through time beside its truth, and the course of its strongest voxel."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy import ndarray

from neurotranscoder.evaluate.subject_event import SubjectEvent
from neurotranscoder.report.figures import (
    BLACK,
    BLUE,
    DIVERGING,
    GREEN,
    PURPLE,
    VERMILLION,
    Picture,
    drawing_style,
    picture_of,
    wrapped,
)

_MOMENTS, _BAR = 6, 50.0  # mm
_COLOURS = (BLACK, VERMILLION, BLUE, GREEN, PURPLE)


def draw_subject_event(event: SubjectEvent, *, title: str) -> Picture:
    """Draw six moments of each row from above, and the courses of the truth's strongest voxel.

    Each picture is a projection along z: the value of largest magnitude. Each row has one scale,
    its largest magnitude at any voxel and frame.

    Parameters
    ----------
    event : SubjectEvent
        Truth and estimates.
    title : str
        What was simulated; the picture says that it was.
    """
    moments, rows = event.moments(_MOMENTS), len(event.names)
    scaled = event.averages / np.maximum(
        np.abs(event.averages).max(axis=(1, 2), keepdims=True), np.finfo(float).tiny
    )
    with drawing_style():
        figure = Figure(figsize=(8.0, 0.9 + 1.4 * rows + 1.9), layout="constrained")
        ratios = 1.4 * rows + 0.6, 1.9
        maps, below = figure.subfigures(2, 1, squeeze=False, height_ratios=ratios)[:, 0]
        grid = maps.subplots(rows, _MOMENTS, squeeze=False)
        for axes_of_row, values, name in zip(grid, scaled, event.names, strict=True):
            for axes, frame in zip(axes_of_row, moments, strict=True):
                _draw_projection(axes, event, values[:, frame])
            axes_of_row[0].set_ylabel(wrapped(name, 16), fontweight="bold")
        for axes, time in zip(grid[0], event.times[moments], strict=True):
            axes.set_title(f"{1000 * time:.0f} ms", loc="center", fontweight="normal")
        _draw_scale(grid[-1][0])
        whole = f"Simulated: {title}"
        maps.suptitle(wrapped(whole, 110), x=0.01, ha="left", fontsize=9, fontweight="bold")
        bar = maps.colorbar(
            ScalarMappable(Normalize(-1, 1), cmap=DIVERGING), ax=grid, aspect=30, pad=0.015
        )
        bar.set_label("share of the largest magnitude of the row")
        _draw_courses(below.subplots(), event, scaled, moments)
        alt = f"{whole}. Rows: {', '.join(event.names)}; six moments from above, courses below."
        return picture_of(figure, alt=alt, caption=_CAPTION, dense=True)


_CAPTION = (
    "Simulated. Seen from above, neurological convention: left is left, front is up. Projection "
    "along z of the value of largest magnitude; each row is divided by its largest magnitude "
    "over all voxels and frames. The circle is the voxel whose courses are drawn below, each "
    "divided by its own peak."
)


def _draw_courses(
    axes: Axes,
    event: SubjectEvent,
    scaled: Float[ndarray, "rows voxels frames"],
    moments: Int[ndarray, " moments"],
) -> None:
    """Draw the courses of the voxel where the truth is strongest."""
    for values, name, colour in zip(scaled, event.names, _COLOURS, strict=False):
        course = values[event.peak[0]]
        top = max(float(np.abs(course).max()), float(np.finfo(float).tiny))
        width = 2.2 if colour == BLACK else 1.2
        axes.plot(1000 * event.times, course / top, color=colour, lw=width, label=name)
    for time in event.times[moments]:
        axes.axvline(1000 * time, color="#bbbbbb", lw=0.6, zorder=0)
    place = ", ".join(f"{value:.0f}" for value in event.place).replace("-", "\N{MINUS SIGN}")
    axes.set_xlabel("ms after the stimulus (grey lines: the moments above)")
    axes.set_ylabel("share of its own peak")
    axes.set_title(f"Voxel where the truth is strongest ({place} mm, circle above)")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def _draw_projection(axes: Axes, event: SubjectEvent, values: Float[ndarray, " voxels"]) -> None:
    """Draw values of largest magnitude along z, the outline of the brain and the voxel."""
    full = np.zeros(event.mask.shape)
    full[event.mask] = values
    index = np.abs(full).argmax(axis=2)[:, :, np.newaxis]
    flat = np.take_along_axis(full, index, axis=2)[:, :, 0]
    brain = event.mask.any(axis=2)
    x, y = _places(event)
    masked = np.ma.masked_array(flat, ~brain).T
    axes.pcolormesh(x, y, masked, cmap=DIVERGING, vmin=-1, vmax=1, rasterized=True)
    axes.contour(x, y, brain.T.astype(float), levels=[0.5], colors="#555555", linewidths=0.6)
    axes.plot(*event.place[:2], "o", ms=9, mfc="none", mec="black", mew=0.7)
    where, edges = np.nonzero(brain), 6.0
    axes.set_xlim(x[where[0]].min() - edges, x[where[0]].max() + edges)
    axes.set_ylim(y[where[1]].min() - edges, y[where[1]].max() + edges)
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    for place, text in ((0.0, "L"), (1.0, "R")):
        axes.text(place, 0.94, text, transform=axes.transAxes, ha="left" if place < 1 else "right")


def _places(event: SubjectEvent) -> tuple[ndarray, ndarray]:
    """Return x and y of voxel centres, in RAS mm."""
    affine = event.grid.voxel_to_world
    x, y = (affine[k, k] * np.arange(event.mask.shape[k]) + affine[k, 3] for k in (0, 1))
    return x, y


def _draw_scale(axes: Axes) -> None:
    """Draw a bar of 50 mm below the brain."""
    left, bottom = axes.get_xlim()[0], axes.get_ylim()[0]
    axes.plot([left, left + _BAR], [bottom, bottom], color="black", lw=2, clip_on=False)
    axes.text(left, bottom - 3, f"{_BAR:.0f} mm", ha="left", va="top")
