"""Lines over time or training steps: time courses, responses, loss curves."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from numpy import ndarray

from neurotranscoder.evaluate.findings import Line, Panel
from neurotranscoder.report.figures import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    Picture,
    drawing_style,
    picture_of,
    wrapped,
)
from neurotranscoder.report.words import name_of

_COLOURS = (VERMILLION, BLUE, GREEN, PURPLE, ORANGE, SKY)
_DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1)), (0, (5, 1.5, 1, 1.5)))
_MANY_POINTS = 20_000
_CROWDED = 400


def draw_time_courses(panel: Panel) -> Picture:
    """Draw estimates over their reference, which is the broad grey line."""
    with drawing_style():
        figure, axes = _frame(panel, height=2.1)
        _draw_lines(axes, panel, [name_of(line.label) for line in panel.lines])
        axes.axhline(0.0, color="#999999", lw=0.5, zorder=0)
        spans = [line.x[[0, -1]] for line in panel.lines if len(line.x)]
        if spans:
            axes.set_xlim(np.min(spans), np.max(spans))
        return _finish(figure, panel, "Time courses; the broad grey line is the reference.")


def draw_responses(panel: Panel) -> Picture:
    """Draw responses, the peak of each marked and its time written in the key."""
    with drawing_style():
        figure, axes = _frame(panel, height=2.9, width=7.4)
        peaks = [_peak(line) for line in panel.lines]
        labels = [
            name_of(line.label) + (f", peak {peak[0]:.2f} s" if peak else "")
            for line, peak in zip(panel.lines, peaks, strict=True)
        ]
        _draw_lines(axes, panel, labels)
        for number, peak in enumerate(peaks):
            if peak:
                colour = _look(number, reference=True)[0]
                axes.vlines(peak[0], 0.0, peak[1], color=colour, lw=0.9, ls=":", zorder=2)
                axes.plot(*peak, marker="o", ms=6.5, mfc=colour, mec="white", zorder=5)
        axes.axhline(0.0, color="#999999", lw=0.5, zorder=0)
        caption = (
            "Dots mark the peak of the largest lobe of each response. Sign, lag and scale of a "
            "response learnt without truth are conventions."
        )
        return _finish(figure, panel, caption)


def draw_loss_curves(panel: Panel) -> Picture:
    """Draw losses, on a logarithmic axis where they span more than a factor of three."""
    with drawing_style():
        figure, axes = _frame(panel, height=2.4, width=5.2)
        _draw_lines(axes, panel, [line.label for line in panel.lines], reference=False)
        values = np.concatenate([np.zeros(0), *(line.y for line in panel.lines)])
        values = values[np.isfinite(values)]
        if values.size and values.min() > 0 and values.max() > 3 * values.min():
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_formatter(NullFormatter())
            axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        return _finish(figure, panel, "Loss while training.")


def _frame(panel: Panel, *, height: float, width: float = 10.6) -> tuple[Figure, Axes]:
    """Return an empty figure with the panel's title and axis labels."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.set_title(wrapped(panel.title, 90))
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)
    return figure, axes


def _look(number: int, *, reference: bool) -> tuple[str, object, float]:
    """Return colour, dash and width of a line; the reference is broad and grey."""
    if reference and number == 0:
        return "#9A9A9A", "-", 2.6
    place = number - reference
    return _COLOURS[place % len(_COLOURS)], _DASHES[place % len(_DASHES)], 1.2


def _draw_lines(axes: Axes, panel: Panel, labels: list[str], *, reference: bool = True) -> None:
    """Draw all lines of a panel and their key, which stands outside."""
    for number, (line, label) in enumerate(zip(panel.lines, labels, strict=True)):
        colour, dash, width = _look(number, reference=reference)
        thin = 1.0 if len(line.x) <= _CROWDED else 0.65
        axes.plot(line.x, line.y, color=colour, ls=dash, lw=thin * width, label=label)
    if panel.lines:
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0)


def _finish(figure: Figure, panel: Panel, caption: str) -> Picture:
    """Return the picture of a panel; long recordings become pixels."""
    points = sum(len(line.x) for line in panel.lines)
    names = ", ".join(line.label for line in panel.lines)
    alt = f"{panel.title}: {panel.y_label} over {panel.x_label} for {names}."
    return picture_of(figure, alt=alt, caption=caption, dense=points > _MANY_POINTS)


def _peak(line: Line) -> tuple[float, float] | None:
    """Return where the largest lobe of a line peaks, between samples (parabola)."""
    finite = np.flatnonzero(np.isfinite(line.y))
    if not finite.size or not np.any(line.y[finite]):
        return None
    top = int(finite[np.argmax(np.abs(line.y[finite]))])
    inside = 0 < top < len(line.y) - 1
    return _vertex(line.x, line.y, top) if inside else (float(line.x[top]), float(line.y[top]))


def _vertex(
    x: Float[ndarray, " points"], y: Float[ndarray, " points"], top: int
) -> tuple[float, float]:
    """Return the vertex of the parabola through three neighbouring samples."""
    before, here, after = (float(value) for value in y[top - 1 : top + 2])
    bend = before - 2 * here + after
    if not np.isfinite(bend) or bend == 0:
        return float(x[top]), here
    shift = 0.5 * (before - after) / bend
    step = float(x[top + 1] - x[top - 1]) / 2
    return float(x[top]) + shift * step, here - 0.25 * (before - after) * shift
