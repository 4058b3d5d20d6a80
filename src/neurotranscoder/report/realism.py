"""How a recording looks: spectra, courses with their references, and the table's words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurotranscoder.evaluate.findings import REFERENCE, Panel, Realism
from neurotranscoder.evaluate.table import RealismRow, Verdict
from neurotranscoder.report.figures import (
    BLACK,
    BLUE,
    GREEN,
    ORANGE,
    VERMILLION,
    Picture,
    drawing_style,
    picture_of,
    wrapped,
)
from neurotranscoder.report.tables import MISSING

_COLOURS = (BLUE, VERMILLION, GREEN, ORANGE, BLACK)
_DASHES = ("-", (0, (6, 1.5)), (0, (2, 1)), (0, (6, 1.5, 1, 1.5)), (0, (1, 1)))
_REFERENCE_DASHES = ((0, (4, 2)), (0, (1, 1.2)), (0, (6, 2, 1, 2)))
_GREY = "#555555"
_SIZE = (5.2, 3.4)
_CROWDED = 150
_MARKS: dict[Verdict, str] = {
    "inside": "\N{CHECK MARK} inside",
    "outside": "\N{BALLOT X} outside",
    "no reference": "\N{EN DASH} no reference",
    "no value": "\N{EN DASH} no value",
}
_BASES = {
    "measured": "measured",
    "published": "published",
    "usual": "usual range",
    "null": "chance",
    "none": "",
}


@dataclass(frozen=True, slots=True)
class RealismWords:
    """One row of the table of realism, as text."""

    measure: str
    value: str
    reference: str
    verdict: str
    basis: str
    source: str


def realism_words(rows: Sequence[RealismRow]) -> tuple[RealismWords, ...]:
    """Return rows as text: values with three digits, ranges, and the verdict with a mark."""
    return tuple(
        RealismWords(
            row.measure,
            with_unit(row.value, row.unit),
            reference_range(row),
            _MARKS[row.verdict],
            _BASES[row.basis],
            "" if row.basis == "none" else row.source,
        )
        for row in rows
    )


def with_unit(value: float, unit: str) -> str:
    """Return a value with its unit, 'n/a' where there is none."""
    if math.isnan(value):
        return MISSING
    return _digits(value) + ("" if unit == "1" else f" {unit}")


def reference_range(row: RealismRow) -> str:
    """Return the borders of a reference: both, one of them, or nothing."""
    low, high = math.isnan(row.low), math.isnan(row.high)
    if low and high:
        return ""
    if high:
        return f"above {with_unit(row.low, row.unit)}"
    if low:
        return f"below {with_unit(row.high, row.unit)}"
    return f"{_digits(row.low)} to {with_unit(row.high, row.unit)}"


def _digits(value: float) -> str:
    """Return three significant digits with a true minus sign."""
    return f"{value:.3g}".replace("-", "\N{MINUS SIGN}")


def draw_realism(realism: Realism) -> list[Picture]:
    """Draw all panels: spectra on logarithmic axes, the others on linear ones."""
    spectra = [draw_panel(panel, logarithmic=True) for panel in realism.spectra]
    return [*spectra, *(draw_panel(panel) for panel in realism.courses)]


def draw_panel(panel: Panel, *, logarithmic: bool = False) -> Picture:
    """Draw what was measured in colour, and references as thin grey lines.

    Parameters
    ----------
    panel : Panel
        Lines whose labels begin with 'reference: ' are references; an empty label goes with the
        line before.
    logarithmic : bool
        Whether both axes are.
    """
    with drawing_style():
        figure = Figure(figsize=_SIZE, layout="constrained")
        axes = figure.subplots()
        axes.set_title(wrapped(panel.title, 62))
        axes.set_xlabel(panel.x_label)
        axes.set_ylabel(panel.y_label)
        if logarithmic:
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.xaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_major_formatter("{x:g}")
        else:
            axes.axhline(0.0, color="#BBBBBB", lw=0.5, zorder=0)
        _draw_lines(axes, panel)
        columns = 2 if len(panel.lines) > 2 else 1
        figure.legend(loc="outside lower center", ncols=columns, handlelength=2.6)
        names = ", ".join(line.label for line in panel.lines if line.label)
        alt = f"{panel.title}: {panel.y_label} over {panel.x_label} for {names}."
        return picture_of(figure, alt=alt, caption="Colour: this run. Grey: references.")


def _draw_lines(axes: Axes, panel: Panel) -> None:
    """Draw all lines; those without a label look like the one before."""
    measured = references = 0
    look: dict[str, object] = {}
    for line in panel.lines:
        if line.label.startswith(REFERENCE):
            dash = _REFERENCE_DASHES[references % len(_REFERENCE_DASHES)]
            upright = len(line.x) == 2 and line.x[0] == line.x[1]
            look = {"color": _GREY, "ls": dash, "lw": 1.0, "zorder": 1.5}
            look["marker"] = "_" if upright else ""
            references += 1
        elif line.label:
            look = {
                "color": _COLOURS[measured % len(_COLOURS)],
                "ls": _DASHES[measured % len(_DASHES)],
                "lw": 1.5 if len(line.x) <= _CROWDED else 0.9,
            }
            measured += 1
        axes.plot(line.x, line.y, label=line.label or "_", **look)  # type: ignore[arg-type]
