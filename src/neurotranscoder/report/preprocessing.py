"""Pictures of preprocessing: motion, carpet, temporal signal to noise, registration."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy import ndarray

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.preprocess.motion import HeadMotion
from neurotranscoder.preprocess.quality import Carpet
from neurotranscoder.report.figures import (
    BLUE,
    GREEN,
    GREY,
    SEQUENTIAL,
    VERMILLION,
    Picture,
    drawing_style,
    picture_of,
)

_COLOURS = (BLUE, VERMILLION, GREEN)
_CONTOUR = 0.5
_CUTS = 7
_DPI = 120  # pages hold five of these pictures for each run
_UP: dict[str, Any] = {"origin": "lower"}


def draw_motion(motion: HeadMotion, *, tr: float) -> Picture:
    """Draw translations, rotations and framewise displacement of a run over time.

    Parameters
    ----------
    motion : HeadMotion
        Where the head was.
    tr : float
        Time from one volume to the next, in s.
    """
    parameters, steps = motion.parameters, motion.framewise_displacement
    times = tr * np.arange(len(parameters))
    with drawing_style():
        figure = Figure(figsize=(8.0, 4.2), layout="constrained")
        shifts, turns, moved = figure.subplots(3, 1, sharex=True)
        for axis, name in enumerate("xyz"):
            shifts.plot(times, parameters[:, axis], color=_COLOURS[axis], label=name, lw=0.9)
            degrees = np.rad2deg(parameters[:, 3 + axis])
            turns.plot(times, degrees, color=_COLOURS[axis], lw=0.9)
        moved.plot(times, steps, color=GREY, lw=0.9)
        labels = ("translation (mm)", "rotation (°)", "displacement (mm)")
        for axes, label in zip((shifts, turns, moved), labels, strict=True):
            axes.set_ylabel(label)
        shifts.legend(ncols=3, loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2)
        moved.set_ylim(bottom=0)
        moved.set_xlabel("time (s)")
        median = float(np.nanmedian(steps))
        alt = f"Head motion over {times[-1]:.0f} s; median framewise displacement {median:.2f} mm."
        return picture_of(figure, alt=alt, caption=_MOTION_CAPTION)


_MOTION_CAPTION = (
    "How the head moved from the reference to each volume: x to the right, y to the front, z up; "
    "rotations about them. Below: framewise displacement (Power 2012), the sum of the absolute "
    "steps, rotations on a sphere of 50 mm."
)


def draw_carpet(carpet: Carpet, displacement: Float[ndarray, " volumes"]) -> Picture:
    """Draw a run as a carpet under its framewise displacement.

    Parameters
    ----------
    carpet : Carpet
        Rows of voxels.
    displacement : array, shape (volumes,)
        Framewise displacement, in mm.
    """
    n_rows, n_volumes = carpet.values.shape
    times = carpet.tr * np.arange(n_volumes)
    extent = (-carpet.tr / 2, times[-1] + carpet.tr / 2, float(n_rows), 0.0)
    with drawing_style():
        figure = Figure(figsize=(8.0, 4.6), layout="constrained")
        above, rows = figure.subplots(2, 1, sharex=True, height_ratios=(1, 5))
        above.plot(times, displacement, color=GREY, lw=0.9)
        above.set_ylabel("FD (mm)")
        shown = rows.imshow(
            carpet.values, aspect="auto", cmap="gray", vmin=-2, vmax=2, extent=extent,
            interpolation="nearest",
        )  # fmt: skip
        edges = np.cumsum([0, *carpet.sizes])
        rows.set_yticks((edges[1:] + edges[:-1]) / 2, carpet.groups)
        for edge in edges[1:-1]:
            rows.axhline(edge, color=VERMILLION, lw=0.8)
        rows.set_xlabel("time (s)")
        figure.colorbar(shown, ax=rows, label="z", pad=0.01)
        alt = f"Carpet of {n_rows} rows of voxels over {n_volumes} volumes."
        return picture_of(figure, alt=alt, caption=_CARPET_CAPTION, dense=True, dpi=_DPI)


_CARPET_CAPTION = (
    "Rows are neighbouring voxels, columns volumes: z of each row after its mean and line. "
    "Columns that differ from their neighbours in all rows are motion or a fault. Above: "
    "framewise displacement."
)


def draw_snr(snr: Float[ndarray, "x y z"]) -> Picture:
    """Draw a map of temporal signal to noise on axial slices; left is left.

    Parameters
    ----------
    snr : array, shape (x, y, z)
        On axes that grow to the right, to the front and upwards; NaN outside the brain.
    """
    known = snr[np.isfinite(snr)]
    top = float(np.quantile(known, 0.98)) if known.size else 1.0
    with drawing_style():
        figure = Figure(figsize=(9.6, 1.9), layout="constrained")
        panels = figure.subplots(1, _CUTS)
        for axes, cut in zip(panels, _cuts(np.isfinite(snr)), strict=True):
            image = axes.imshow(
                snr[:, :, cut].T, origin="lower", cmap=SEQUENTIAL, vmin=0, vmax=top
            )
            _bare(axes)
            _name_sides(axes, 2, colour=GREY)
        figure.colorbar(image, ax=panels, label="mean / sd", pad=0.01)
        median = float(np.median(known)) if known.size else float("nan")
        alt = f"Temporal signal to noise on {_CUTS} axial slices; median {median:.0f}."
        caption = "Mean over standard deviation in time after a straight line; left is left."
        return picture_of(figure, alt=alt, caption=caption, dense=True, dpi=_DPI)


def draw_registration(
    below: Float[ndarray, "x y z"],
    edges_of: Float[ndarray, "x y z"],
    grid: VoxelGrid,
    *,
    names: tuple[str, str],
) -> Picture:
    """Draw the contours of one image over another one on the same voxels.

    Parameters
    ----------
    below : array, shape (x, y, z)
        Drawn in grey, such as the mean BOLD image in MNI.
    edges_of : array, shape (x, y, z)
        Drawn as contours at half of its 98th percentile, such as the template.
    grid : VoxelGrid
        Where both are; its axes grow to the right, to the front and upwards.
    names : tuple of str
        What the two are.
    """
    title, lines = names
    level = _CONTOUR * float(np.quantile(edges_of[edges_of > 0], 0.98))
    look: dict[str, Any] = {"vmin": 0, "vmax": float(np.nanquantile(below, 0.99)), **_UP}
    with drawing_style():
        figure = Figure(figsize=(9.6, 1.9), layout="constrained")
        cuts = _three_ways(edges_of > level)
        for axes, (axis, cut) in zip(figure.subplots(1, _CUTS), cuts, strict=True):
            across, up = (one for one in range(3) if one != axis)
            aspect = grid.voxel_sizes[up] / grid.voxel_sizes[across]
            axes.imshow(below.take(cut, axis).T, cmap="gray", aspect=aspect, **look)
            outline = edges_of.take(cut, axis).T
            axes.contour(outline, levels=[level], colors=VERMILLION, linewidths=0.6)
            axes.set_title(_place(grid, axis, cut), fontsize=7, fontweight="normal")
            _bare(axes)
            _name_sides(axes, axis)
        alt = f"Contours of {lines} over {title} on axial, coronal and sagittal slices."
        caption = (
            f"Grey: {title}. Lines: {lines}. They follow each other where registration has "
            "worked; left is left, and the front is on the right of the sagittal slice."
        )
        return picture_of(figure, alt=alt, caption=caption, dense=True, dpi=_DPI)


def _three_ways(where: ndarray) -> list[tuple[int, int]]:
    """Return axis and number of slices: five axial ones, a coronal and a sagittal one."""
    axial = [(2, cut) for cut in _cuts(where, _CUTS - 2)]
    return [*axial, (1, _cuts(where, 1, axis=1)[0]), (0, _cuts(where, 3, axis=0)[0])]


def _place(grid: VoxelGrid, axis: int, cut: int) -> str:
    """Return where a slice is, in mm."""
    index = np.zeros((1, 3), dtype=np.int64)
    index[0, axis] = cut
    return f"{'xyz'[axis]} = {grid.world(index)[0, axis]:.0f} mm".replace("-", "\N{MINUS SIGN}")


def _name_sides(axes: Axes, axis: int, colour: str = "white") -> None:
    """Write which side is which."""
    sides = ("P", "A") if axis == 0 else ("L", "R")
    for side, (place, where) in zip(sides, ((0.02, "left"), (0.98, "right")), strict=True):
        axes.text(place, 0.02, side, transform=axes.transAxes, color=colour, fontsize=6, ha=where)


def _cuts(where: ndarray, count: int = _CUTS, *, axis: int = 2) -> list[int]:
    """Return slices across an axis, spread over what is shown."""
    others = tuple(one for one in range(3) if one != axis)
    levels = np.flatnonzero(where.any(axis=others))
    first, last = (levels[0], levels[-1]) if levels.size else (0, where.shape[axis] - 1)
    return [round(one) for one in np.linspace(float(first), float(last), count + 2)[1:-1].tolist()]


def _bare(axes: Axes) -> None:
    """Take frame and ticks away."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
