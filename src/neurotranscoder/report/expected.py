"""Courses of the regions that an experiment expects to act, with what is expected marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from neurotranscoder.analyse.expected import ExpectedRegion, RegionMeans
from neurotranscoder.report.figures import (
    BLACK,
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    VERMILLION,
    drawing_style,
    wrapped,
    write_figure,
)

_COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, BLACK)
_STYLES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))
_MARKS = {"activation": "#F7D9CC", "deactivation": "#CFE4F5"}
_COLUMNS, _INCHES = 4, 7.2


def figure_of_regions(
    means: Mapping[str, RegionMeans],
    expected: Sequence[ExpectedRegion],
    *,
    name: str,
    over: str,
) -> Figure:
    """Return a panel for each region, a line with its 95 % band for each condition.

    Parameters
    ----------
    means : mapping from str to RegionMeans
        By condition; the first six are drawn.
    expected : sequence of ExpectedRegion
        Marked behind the lines.
    name : str
        Of the subject or group.
    over : str
        What intervals are over.
    """
    drawn = dict(list(means.items())[: len(_COLOURS)])
    regions = list(dict.fromkeys(n for found in drawn.values() for n in found.names))
    columns = min(_COLUMNS, max(len(regions), 2))
    rows = -(-len(regions) // columns)
    figure = Figure(figsize=(_INCHES, 0.95 + 1.45 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True)
    for axes in grid.flat[len(regions) :]:
        axes.set_axis_off()
    for axes, region in zip(grid.flat, regions, strict=False):
        _mark(axes, [one for one in expected if one.region == region], list(drawn))
        for found, colour, style in zip(drawn.values(), _COLOURS, _STYLES, strict=False):
            if region in found.names:
                _draw_course(axes, found, found.names.index(region), colour, style)
        axes.axhline(0.0, color="#777777", lw=0.5, zorder=1)
        axes.axvline(0.0, color="#777777", lw=0.5, zorder=1)
        own = sorted({f.n[f.names.index(region)] for f in drawn.values() if region in f.names})
        n = "n = " + "\N{EN DASH}".join(str(count) for count in dict.fromkeys((own[0], own[-1])))
        axes.set_title(wrapped(f"{_words(region)} ({n})", 26), loc="left", fontsize=7.5)
        axes.margins(x=0)
    for axes in grid.flat[max(0, len(regions) - columns) : len(regions)]:
        axes.set_xlabel("s after the event")
        axes.xaxis.set_tick_params(labelbottom=True)
    for axes in grid[:, 0]:
        axes.set_ylabel("sources (a.u.)")
    _add_legend(figure, list(drawn), expected)
    title = (
        f"{name}: regions, mean and 95 % interval over {over}; shaded: when neurons are "
        "expected to act, not shifted by the model's lag (a convention)"
    )
    unseen = dict.fromkeys(one.region for one in expected if one.region not in regions)
    if unseen:
        title += f"; not seen: {', '.join(map(_words, unseen))}"
    figure.suptitle(wrapped(title, 105), x=0.01, ha="left", fontsize=8.5, fontweight="bold")
    return figure


def write_regions_picture(
    folder: Path,
    stem: str,
    means: Mapping[str, RegionMeans],
    expected: Sequence[ExpectedRegion],
    *,
    name: str,
    over: str,
) -> None:
    """Write the figure as ``STEM_courses.png`` and ``.svg``; equal means give equal bytes."""
    with drawing_style():
        figure = figure_of_regions(means, expected, name=name, over=over)
        write_figure(folder / f"{stem}_courses", figure)


def _words(region: str) -> str:
    """Return the name of a region as words."""
    return region.replace("_", " ")


def _draw_course(
    axes: Axes,
    found: RegionMeans,
    row: int,
    colour: str,
    style: Any,  # noqa: ANN401 - of a line
) -> None:
    """Draw one line with its band."""
    low, high = found.courses.low[row], found.courses.high[row]
    axes.fill_between(found.times, low, high, color=colour, alpha=0.22, lw=0, zorder=2)
    axes.plot(found.times, found.courses.value[row], color=colour, ls=style, lw=1.1, zorder=3)


def _mark(axes: Axes, expected: Sequence[ExpectedRegion], drawn: Sequence[str]) -> None:
    """Shade when a region is expected, and say in which conditions if not in all."""
    for one in expected:
        axes.axvspan(one.start, max(one.stop, one.start + 0.01), color=_MARKS[one.sign], zorder=0)
        inside = [name for name in drawn if one.holds(name)]
        if len(inside) < len(drawn):
            words = ", ".join(inside) or "not drawn"
            axes.text(
                one.stop, 0.98, f" {words}", transform=axes.get_xaxis_transform(), va="top",
                fontsize=6.5, color="#555555",
            )  # fmt: skip


def _add_legend(figure: Figure, drawn: Sequence[str], expected: Sequence[ExpectedRegion]) -> None:
    """Name conditions and marks below the panels."""
    handles: list[Any] = [
        Line2D([], [], color=colour, ls=style, lw=1.4, label=name)
        for name, colour, style in zip(drawn, _COLOURS, _STYLES, strict=False)
    ]
    for sign, colour in _MARKS.items():
        if any(one.sign == sign for one in expected):
            handles.append(Patch(facecolor=colour, label=f"{sign} of neurons expected"))
    figure.legend(handles=handles, loc="outside lower left", ncols=min(6, len(handles)))
