"""Example time courses: truth or measurement, and what methods make of it (paper's Fig. 4 a-f)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from neurotranscoder.evaluate.benchmark.traces import N_PLACES, SHOWN_SECONDS, Trace
from neurotranscoder.evaluate.pictures import median_row
from neurotranscoder.report.benchmark.book import Book
from neurotranscoder.report.benchmark.look import look_of
from neurotranscoder.report.figures import Picture, drawing_style, picture_of
from neurotranscoder.report.words import QUANTITIES, name_of

_PANELS = (
    ("source_from_eeg", "evoked"),
    ("source_from_eeg", "oscillatory"),
    ("source_from_bold", "evoked"),
    ("source_from_bold", "oscillatory"),
    ("bold_from_eeg", "all"),
    ("eeg_from_bold", "all"),
)
_DASHES = {"rival": (0, (5, 1.5)), "informed": (0, (5, 1.5, 1, 1.5))}
_TRUTH = "#A8A8A8"
_WIDTH, _HEIGHT = 7.2, 1.65


@dataclass(frozen=True, slots=True)
class _Example:
    """One place, and what methods say about it, ours first."""

    kind: str
    place: int
    traces: tuple[tuple[str, Trace], ...]


def draw_traces(book: Book, scenario: str) -> Picture | None:
    """Draw one place of each kind for the first test run of the first geometry seed.

    Parameters
    ----------
    book : Book
        All tables, and the time courses that were kept.
    scenario : str
        What is shown.

    Returns
    -------
    picture : Picture or None
        None where no time courses were kept.
    """
    examples = [
        found for panel in _PANELS if (found := _example(book, scenario, *panel)) is not None
    ]
    if not examples:
        return None
    n_rows = (len(examples) + 1) // 2
    with drawing_style():
        figure = Figure(figsize=(_WIDTH, 0.45 + _HEIGHT * n_rows), layout="constrained")
        grid = figure.subplots(n_rows, 2, squeeze=False).ravel()
        for number, (axes, example) in enumerate(zip(grid, examples, strict=False)):
            _draw_example(axes, book, example, "abcdef"[number])
        for axes in grid[len(examples) :]:
            axes.set_axis_off()
        figure.legend(handles=_key(book, examples), loc="outside lower center", ncols=2)
        run = next(run.run for (name, _), run in book.traces.items() if name == scenario)
        alt = _alt(scenario, examples)
        return picture_of(figure, alt=alt, caption=_caption(book, scenario, run))


def _example(book: Book, scenario: str, quantity: str, kind: str) -> _Example | None:
    """Return the place whose score is the median under our method, and all that is drawn."""
    kept = {
        method: trace
        for (name, method), run in book.traces.items()
        if name == scenario
        for trace in run.traces
        if trace.quantity == quantity and kind in trace.kinds
    }
    methods = book.in_order(kept)
    if not methods:
        return None
    chosen = book.default(scenario) if book.default(scenario) in kept else methods[0]
    of_kind = [place for place, one in enumerate(kept[chosen].kinds) if one == kind]
    r = kept[chosen].r[of_kind]
    place = of_kind[median_row(r) if np.isfinite(r).any() else 0]
    firsts = [next((m for m in methods if book.role(m) == role), "") for role in _DASHES]
    shown = [method for method in dict.fromkeys((chosen, *firsts)) if method]
    same = [method for method in shown if _of_one_truth(kept[method], kept[chosen])]
    return _Example(kind, place, tuple((method, kept[method]) for method in same))


def _key(book: Book, examples: Sequence[_Example]) -> list[Line2D]:
    """Return the entries of the key, with the panels that a method is in unless it is in all."""
    methods = book.in_order(method for one in examples for method, _ in one.traces)
    lines = [Line2D([], [], color=_TRUTH, lw=2.6, label="true or measured")]
    for method in methods:
        shown = [
            (letter, [name for name, _ in one.traces].index(method))
            for letter, one in zip("abcdef", examples, strict=False)
            if method in dict(one.traces)
        ]
        panels = f" ({', '.join(letter for letter, _ in shown)})"
        label = name_of(method) + (panels if len(shown) < len(examples) else "")
        lines.append(Line2D([], [], label=label, **_look(book, method, first=not shown[0][1])))
    return lines


def _look(book: Book, method: str, *, first: bool) -> dict[str, Any]:
    """Return how the line of a method looks; ours is drawn through."""
    dash = "-" if first else _DASHES.get(book.role(method), "-")
    return {"color": look_of(book, method).colour, "ls": dash, "lw": 1.2 if first else 0.9}


def _of_one_truth(one: Trace, other: Trace) -> bool:
    """Return whether two methods were asked about the same places of the same run."""
    return one.places == other.places and np.array_equal(one.truth, other.truth)


def _draw_example(axes: Axes, book: Book, example: _Example, letter: str) -> None:
    """Draw one panel: the truth broad and grey, each method in its colour, r above."""
    place, first = example.place, example.traces[0][1]
    kind = "" if example.kind == "all" else f", {example.kind}"
    axes.set_title(f"{letter}  {QUANTITIES[first.quantity]}{kind}, {first.places[place]}")
    axes.plot(first.times(place), first.truth[place], color=_TRUTH, lw=2.6)
    for number, (method, trace) in enumerate(example.traces):
        look = _look(book, method, first=not number)
        axes.plot(trace.times(place), trace.estimate[place], zorder=4 - 0.1 * number, **look)
        text = f"r = {trace.r[place]:.2f}".replace("-", "\N{MINUS SIGN}")
        where = (0.01 + 0.22 * number, 0.985)
        axes.text(
            *where, text, color=look["color"], transform=axes.transAxes, va="top", fontsize=7.5
        )
    _fit(axes, example)
    axes.set_xlabel("time (s)")
    unit = first.unit if first.unit != "sd" else "source (sd)"
    names = {"µV": "EEG (µV)", "image units": "BOLD (a.u.)"}
    axes.set_ylabel(names.get(unit, unit))


def _fit(axes: Axes, example: _Example) -> None:
    """Leave room above the lines for the values of r."""
    times = example.traces[0][1].times(example.place)
    values = [trace.estimate[example.place] for _, trace in example.traces]
    every = np.concatenate([example.traces[0][1].truth[example.place], *values])
    low, high = float(np.nanmin(every)), float(np.nanmax(every))
    span = max(high - low, 1e-12)
    axes.set_ylim(low - 0.05 * span, high + 0.27 * span)
    axes.set_xlim(times[0], times[-1])
    axes.axhline(0.0, color="#BBBBBB", lw=0.5, zorder=0)


def _caption(book: Book, scenario: str, run: str) -> str:
    """Return the rule by which places are chosen."""
    own = name_of(book.default(scenario))
    return (
        f"{scenario}: example time courses of the first test run ({run}) of the first geometry "
        f"seed ({book.seeds(scenario)[0]}), the first {SHOWN_SECONDS:g} s of what is scored. "
        f"Of {N_PLACES} blocks of each kind (cells of BOLD in blocks with a source, channels), "
        "evenly spaced in the order of their numbers, the one is shown whose r over the whole "
        f"run is the median under “{own}”. Values of r are those of the place shown, over the "
        "whole run. Sources have their mean removed and sd 1: sign and scale of an estimate are "
        "conventions, and are left as they came. BOLD and EEG have their mean removed."
    )


def _alt(scenario: str, examples: Sequence[_Example]) -> str:
    """Return what is seen in words."""
    parts = [
        f"{QUANTITIES[one.traces[0][1].quantity]} ({one.kind}) "
        + ", ".join(f"{name_of(name)} r {trace.r[one.place]:.2f}" for name, trace in one.traces)
        for one in examples
    ]
    return f"Time courses over {SHOWN_SECONDS:g} s in {scenario}. {'; '.join(parts)}."
