"""Moments of deactivation and activation on the anatomy, as panels i and ii of Figs. 2 and 3.

Each row is a moment: a sagittal, a coronal and an axial cut through its place, with z beyond the
threshold at that time. What the correction leaves is outlined.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, ListedColormap, Normalize
from matplotlib.figure import Figure, SubFigure

from neurotranscoder.analyse.moments import SIGNS, FigureSettings, Moment, Sign
from neurotranscoder.analyse.stored_maps import StoredMap
from neurotranscoder.report.cuts import (
    BRAIN_HIGH,
    BRAIN_LOW,
    Anatomy,
    Cut,
    Plane,
    finish_plane,
    mni_anatomy,
)
from neurotranscoder.report.figures import drawing_style, wrapped, write_figure

_COLOURS: dict[Sign, LinearSegmentedColormap] = {
    "deactivation": LinearSegmentedColormap.from_list(
        "cold", ["#08306B", "#2171B5", "#4FB3E8", "#C8F4FF"]
    ),
    "activation": LinearSegmentedColormap.from_list(
        "hot", ["#7F0000", "#D7301F", "#FC8D3C", "#FFF0A0"]
    ),
}
_VEIL = ListedColormap(["#5F7488"])
_PANELS: dict[Sign, str] = {"deactivation": "i", "activation": "ii"}
_INCHES, _ROW = 7.2, 1.2


@dataclass(frozen=True, slots=True, eq=False)
class MomentsFigure:
    """What is drawn.

    Parameters
    ----------
    name : str
        Of the subject or group.
    found : StoredMap
        The map.
    moments : tuple of Moment
        Of both signs.
    anatomy : Anatomy
        What it is drawn on.
    settings : FigureSettings
        For the threshold, and whether times were given.
    """

    name: str
    found: StoredMap
    moments: tuple[Moment, ...]
    anatomy: Anatomy
    settings: FigureSettings

    def of(self, sign: Sign) -> list[Moment]:
        """Return the moments of one sign."""
        return [one for one in self.moments if one.sign == sign]

    @property
    def title(self) -> str:
        """What is shown, and of whom."""
        least = f"|z| \u2265 {self.settings.threshold:g}"
        return f"{self.name}, {self.found.name}: z of sources, uncorrected, where {least}"

    @property
    def words(self) -> str:
        """By which standard, and how to read it."""
        found = self.found
        times = [self.settings.activations, self.settings.deactivations]
        chosen = "given times" if all(times) else "strongest places and times"
        return (
            f"{found.over}; outlined: {found.standard}; tested: {found.voxels}. Moments: "
            f"{chosen}. Left is left; on the {self.anatomy.words}; blue-grey: not tested."
        ).replace("<=", "\u2264")

    @property
    def limit(self) -> float:
        """Largest |z| of the moments, where the colours end."""
        strongest = [abs(one.z) for one in self.moments]
        return max([*strongest, 1.05 * self.settings.threshold])

    @property
    def is_mni(self) -> bool:
        """Whether it is drawn on the template."""
        return self.anatomy is mni_anatomy()


def figure_of_moments(drawn: MomentsFigure) -> Figure:
    """Return the figure: panel i with deactivation on the left, panel ii with activation."""
    rows = max(1, *(len(drawn.of(sign)) for sign in SIGNS))
    heading, words = wrapped(drawn.title, 100), wrapped(drawn.words, 132)
    high = (0.16 + 0.14 * (1 + heading.count("\n")) + 0.125 * (1 + words.count("\n")), 0.62)
    high = (high[0], high[1] + _ROW * rows)
    figure = Figure(figsize=(_INCHES, sum(high)), layout="constrained")
    head, body = figure.subfigures(2, 1, squeeze=False, height_ratios=high)[:, 0]
    head.text(0.008, 0.97, heading, va="top", fontsize=8.5, fontweight="bold")
    below = 0.97 - 0.16 * (1 + heading.count("\n")) / high[0]
    head.text(0.008, below, words, va="top", fontsize=7)
    for part, sign in zip(
        body.subfigures(1, 2, squeeze=False, wspace=0.03)[0], SIGNS, strict=True
    ):
        _draw_panel(part, drawn, sign, rows)
    return figure


def write_moments(folder: Path, stem: str, drawn: MomentsFigure) -> None:
    """Write ``STEM_moments.png`` and ``.svg``; equal maps give equal bytes."""
    with drawing_style():
        write_figure(folder / f"{stem}_moments", figure_of_moments(drawn))


def _draw_panel(part: SubFigure, drawn: MomentsFigure, sign: Sign, rows: int) -> None:
    """Draw the moments of one sign below each other, and their scale."""
    moments = drawn.of(sign)
    part.suptitle(f"{_PANELS[sign]}   {sign}", x=0.01, ha="left", fontsize=9, fontweight="bold")
    box = _box(drawn)
    sizes = [Plane.of(Cut(normal, 0.0), *box).width for normal in range(3)]
    grid = part.subplots(rows, 3, squeeze=False, width_ratios=sizes)
    for axes in grid[len(moments) :].flat:
        axes.set_axis_off()
    for axes, moment in zip(grid, moments, strict=False):
        for normal, one in enumerate(axes):
            plane = Plane.of(Cut(normal, moment.place[normal]), *box)
            _draw_cut(one, plane, drawn, moment)
        words = _words(moment, drawn)
        axes[0].set_title(words, loc="left", fontweight="normal", fontsize=7.5, pad=2.5)
    if not moments:
        words = f"nowhere beyond |z| = {drawn.settings.threshold:g}"
        grid[0][0].text(0.0, 0.5, words, transform=grid[0][0].transAxes, fontsize=8)
    _draw_scale(part, drawn, sign, grid)


def _words(moment: Moment, drawn: MomentsFigure) -> str:
    """Return when and where a moment is."""
    place = ", ".join(f"{value:.0f}" for value in moment.place)
    space = "MNI " if drawn.is_mni else ""
    below = "" if moment.n_voxels else ", below the threshold"
    text = f"{1000 * moment.time:.0f} ms   {space}({place}) mm   z = {moment.z:.1f}{below}"
    return text.replace("-", "\N{MINUS SIGN}")


def _box(drawn: MomentsFigure) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners of what is drawn: the brain of the template, or that of the map."""
    if drawn.is_mni:
        return BRAIN_LOW, BRAIN_HIGH
    centres = drawn.found.grid.world(np.argwhere(drawn.found.brain))
    margin = 2 * np.asarray(drawn.found.grid.voxel_sizes)
    return centres.min(axis=0) - margin, centres.max(axis=0) + margin


def _draw_cut(axes: Axes, plane: Plane, drawn: MomentsFigure, moment: Moment) -> None:
    """Draw one cut: anatomy, what was not tested, z of the sign, and the outline."""
    found, frame, sign = drawn.found, moment.frame, SIGNS[moment.sign]
    affine = found.grid.voxel_to_world
    look: dict[str, Any] = {"origin": "lower", "extent": plane.extent, "interpolation": "nearest"}
    drawn.anatomy.draw(axes, plane)
    hidden = plane.nearest(found.brain & ~found.tested, affine)
    if hidden.any():
        axes.imshow(np.ma.masked_equal(hidden, 0), cmap=_VEIL, alpha=0.45, **look)
    z = plane.nearest(np.where(found.tested, sign * found.z[..., frame], 0), affine)
    scale = Normalize(drawn.settings.threshold, drawn.limit)
    strong = np.ma.masked_less(z, drawn.settings.threshold)
    axes.imshow(strong, cmap=_COLOURS[moment.sign], norm=scale, **look)
    outline = plane.nearest(found.found[..., frame] & (sign * found.z[..., frame] > 0), affine)
    if outline.any():
        across, up = (plane.points[..., k] for k in plane.cut.in_plane)
        axes.contour(across, up, outline, levels=[0.5], colors="white", linewidths=0.7)
    for k, draw in zip(plane.cut.in_plane, (axes.axvline, axes.axhline), strict=True):
        draw(moment.place[k], color="white", lw=0.35, alpha=0.55)
    finish_plane(axes, plane)


def _draw_scale(part: SubFigure, drawn: MomentsFigure, sign: Sign, grid: np.ndarray) -> None:
    """Draw the colours of a sign below its moments."""
    scale = ScalarMappable(Normalize(drawn.settings.threshold, drawn.limit), cmap=_COLOURS[sign])
    bar = part.colorbar(scale, ax=grid, orientation="horizontal", aspect=30, pad=0.02, shrink=0.6)
    bar.set_label("z, uncorrected" if SIGNS[sign] > 0 else "\N{MINUS SIGN}z, uncorrected")
    bar.outline.set_linewidth(0.5)
