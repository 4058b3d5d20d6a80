"""The score chart: r with its 95 % interval, between null and oracle (paper's Figs. 4-5)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MultipleLocator

from neurotranscoder.evaluate.table import MetricRow
from neurotranscoder.report.figures import (
    BLACK,
    BLUE,
    GREY,
    VERMILLION,
    Picture,
    drawing_style,
    picture_of,
)
from neurotranscoder.report.words import KINDS, QUANTITIES, in_order, name_of, role_of

_SHOWN = tuple(QUANTITIES)[:5]
_COLOURS = {"all": BLACK, "evoked": BLUE, "oscillatory": VERMILLION}
_MARKERS = {"all": "s", "evoked": "o", "oscillatory": "D"}
_OFFSETS = {"all": 0.0, "evoked": -0.17, "oscillatory": 0.17}
_BANDS = {"own": "#FFFFFF", "rival": "#FFFFFF", "limit": "#E6F2EC", "null": "#E8E8E8"}


def draw_scores(rows: Sequence[MetricRow]) -> Picture | None:
    """Draw r and its interval, one panel per quantity, one line per method.

    Parameters
    ----------
    rows : sequence of MetricRow
        Scores of one scenario.

    Returns
    -------
    picture : Picture or None
        None where no score belongs in the chart.
    """
    shown = [row for row in rows if row.quantity in _SHOWN and math.isfinite(row.r)]
    if not shown:
        return None
    methods = in_order(row.method for row in shown)
    quantities = [name for name in _SHOWN if any(row.quantity == name for row in shown)]
    with drawing_style():
        size = (2.3 + 1.75 * len(quantities), 1.15 + 0.29 * len(methods))
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(1, len(quantities), sharex=True, sharey=True, squeeze=False)[0]
        for panel, quantity in zip(axes, quantities, strict=True):
            _draw_rows(panel, methods)
            _draw_quantity(panel, [row for row in shown if row.quantity == quantity], methods)
            panel.set_title(QUANTITIES[quantity])
        _label_methods(axes[0], methods)
        figure.supxlabel(
            "Pearson r over time, mean over held-out runs and 95 % interval", fontsize=8
        )
        figure.legend(handles=_legend(shown), loc="outside upper center", ncols=7)
        return picture_of(figure, alt=_alt(shown), caption=_CAPTION)


_CAPTION = (
    "Scores per method: mean r over held-out runs and its 95 % interval. Green rows are oracles "
    "that know the truth (a limit, no rival); dashed lines carry the best of them through each "
    "panel. Grey rows are nulls. A mark without a bar has no interval."
)


def _draw_rows(panel: Axes, methods: Sequence[str]) -> None:
    """Draw the ground of every method: white, green for limits, grey for nulls."""
    for place, method in enumerate(methods):
        panel.axhspan(place - 0.5, place + 0.5, color=_BANDS[role_of(method)], lw=0, zorder=0)
    for place in range(len(methods) + 1):
        panel.axhline(place - 0.5, color="#D5D5D5", lw=0.5, zorder=1)
    panel.axvline(0.0, color="#333333", lw=0.7, zorder=1)
    panel.grid(axis="x", color="#D5D5D5", lw=0.4, zorder=0)
    panel.set_ylim(len(methods) - 0.5, -0.5)
    panel.xaxis.set_major_locator(MultipleLocator(0.25))
    panel.xaxis.set_major_formatter("{x:g}")
    panel.tick_params(axis="y", length=0)


def _draw_quantity(panel: Axes, rows: Sequence[MetricRow], methods: Sequence[str]) -> None:
    """Draw the scores of one quantity, and the best oracle of each kind as a dashed line."""
    for kind in KINDS:
        own = [row for row in rows if row.source_kind == kind]
        limits = [row.r for row in own if role_of(row.method) == "limit"]
        if limits:
            panel.axvline(max(limits), color=_COLOURS[kind], lw=0.9, ls=(0, (4, 3)), zorder=2)
        for row in own:
            _draw_score(panel, row, methods.index(row.method) + _OFFSETS[kind])


def _draw_score(panel: Axes, row: MetricRow, height: float) -> None:
    """Draw one score; limits and nulls have open marks."""
    colour = _COLOURS[row.source_kind]
    if math.isfinite(row.ci_low) and math.isfinite(row.ci_high):
        panel.plot([row.ci_low, row.ci_high], [height, height], color=colour, lw=1.6, zorder=3)
    filled = role_of(row.method) in {"own", "rival"}
    panel.plot(
        row.r,
        height,
        marker=_MARKERS[row.source_kind],
        ms=4.2,
        mfc=colour if filled else "white",
        mec=colour,
        mew=1.1,
        zorder=4,
    )


def _label_methods(panel: Axes, methods: Sequence[str]) -> None:
    """Write the names of the methods; ours are bold, nulls grey."""
    panel.set_yticks(range(len(methods)), [name_of(method) for method in methods])
    for text, method in zip(panel.get_yticklabels(), methods, strict=True):
        text.set_fontweight("bold" if role_of(method) == "own" else "normal")
        text.set_color(GREY if role_of(method) == "null" else BLACK)


def _legend(rows: Sequence[MetricRow]) -> list[Line2D | Patch]:
    """Return the key of kinds and grounds that the chart holds."""
    words = {"all": "all", "evoked": "evoked source", "oscillatory": "oscillatory source"}
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=_COLOURS[kind], marker=_MARKERS[kind], ms=4.2, lw=1.6, label=label)
        for kind, label in words.items()
        if any(row.source_kind == kind for row in rows)
    ]
    roles = {role_of(row.method) for row in rows}
    if "limit" in roles:
        handles.append(Line2D([], [], color=BLACK, lw=0.9, ls=(0, (4, 3)), label="best oracle"))
        handles.append(Patch(color=_BANDS["limit"], label="oracle"))
    if "null" in roles:
        handles.append(Patch(color=_BANDS["null"], label="null"))
    return handles


def _alt(rows: Sequence[MetricRow]) -> str:
    """Return the scores of the first method in words; the table holds all of them."""
    first = in_order(row.method for row in rows)[0]
    parts = [
        f"{QUANTITIES[row.quantity]} ({row.source_kind}) r {row.r:.2f}"
        for row in rows
        if row.method == first
    ]
    count = len({row.method for row in rows})
    return (
        f"Chart of correlations with 95 % intervals for {count} methods; {name_of(first)}: "
        f"{', '.join(parts)}. The table below holds every number."
    )
