"""Tables of what is no correlation: measures, and responses and leadfields that were learnt."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from neurotranscoder.evaluate.benchmark.rows import BenchmarkMeasure
from neurotranscoder.report.benchmark.book import Book
from neurotranscoder.report.benchmark.tables import (
    EMPTY,
    Cell,
    Line,
    Sheet,
    line_of,
    rounded,
    score_cell,
)
from neurotranscoder.report.tables import MISSING
from neurotranscoder.report.words import KINDS, QUANTITIES, measure_name, name_of
from neurotranscoder.signal.correlation import mean_interval

READOUTS = ("hrf", "leadfield")
_GATE = "gate"
_TRUTH_BESIDE = "truth_beside_"


def measure_sheets(book: Book, scenario: str) -> list[Sheet]:
    """Return all measures that are no read-outs, one table for each quantity."""
    rows = [
        row for row in book.tables.measures if row.scenario == scenario and not _is_learnt(row)
    ]
    return [
        _measures(book, quantity, [row for row in rows if row.quantity == quantity])
        for quantity in _quantities(row.quantity for row in rows)
    ]


def _measures(book: Book, quantity: str, rows: Sequence[BenchmarkMeasure]) -> Sheet:
    """Return the measures of a quantity: a row for each method and kind of source."""
    columns = list(dict.fromkeys((row.measure, _unit(row)) for row in rows))
    methods = book.in_order(row.method for row in rows)
    lines = []
    for method in methods:
        for kind in (
            k for k in KINDS if any((r.method, r.source_kind) == (method, k) for r in rows)
        ):
            own = [row for row in rows if (row.method, row.source_kind) == (method, kind)]
            name = named(method) if kind == "all" else f"{named(method)}, {kind}"
            lines.append(line_of(book, method, [_mean(own, *one) for one in columns], name=name))
    heads = tuple((measure_name(measure, ""), unit) for measure, unit in columns)
    return Sheet(QUANTITIES.get(quantity, quantity), heads, tuple(lines))


def readout_sheet(book: Book, scenario: str) -> Sheet | None:
    """Return responses, leadfields and gates that were learnt, with the truth beside them.

    Returns
    -------
    sheet : Sheet or None
        None where no method has any.
    """
    measures = [
        row for row in book.tables.measures if row.scenario == scenario and _is_learnt(row)
    ]
    facts = [
        fact for fact in book.scores if fact.scenario == scenario and fact.quantity in READOUTS
    ]
    found = dict.fromkeys((row.quantity, row.measure, _unit(row)) for row in measures)
    of_measures = sorted(found, key=lambda one: one[0] not in READOUTS)
    own = [score.method for fact in facts for score in book.scores[fact]]
    methods = book.in_order([*own, *(row.method for row in measures)])
    lines = []
    for method in methods:
        cells = [
            score_cell(
                next((s for s in book.scores[fact] if s.method == method), None),
                len(book.seeds(scenario)),
            )
            for fact in facts
        ]
        rows = [row for row in measures if row.method == method]
        cells += [
            _mean([r for r in rows if r.quantity == q], m, unit) for q, m, unit in of_measures
        ]
        lines.append(line_of(book, method, cells, name=named(method)))
    lines = _one_truth(lines)
    heads = [(QUANTITIES[fact.quantity], "r") for fact in facts]
    heads += [(f"{QUANTITIES[q]}: {m.replace('_', ' ')}", unit) for q, m, unit in of_measures]
    return Sheet("Read-outs", tuple(heads), tuple(lines)) if lines else None


def _is_learnt(row: BenchmarkMeasure) -> bool:
    """Return whether a measure is about what was learnt, not about what was estimated."""
    return row.quantity in READOUTS or row.measure == _GATE


def _one_truth(lines: Sequence[Line]) -> list[Line]:
    """Return rows with the truth last, once where it is the same beside all methods."""
    learnt = [line for line in lines if not line.code.startswith(_TRUTH_BESIDE)]
    truths = [replace(line, part="Truth") for line in lines if line not in learnt]
    if len({line.cells for line in truths}) == 1:
        truths = [replace(truths[0], name="True response", code="")]
    return [*learnt, *truths]


def named(method: str) -> str:
    """Return the name of a method, or of the truth beside one."""
    if method.startswith(_TRUTH_BESIDE):
        return f"Truth, beside {name_of(method.removeprefix(_TRUTH_BESIDE))}"
    return name_of(method)


def _mean(rows: Sequence[BenchmarkMeasure], measure: str, unit: str) -> Cell:
    """Return the mean of a measure over geometry seeds; over runs where there is one seed."""
    own = [row for row in rows if (row.measure, _unit(row)) == (measure, unit)]
    if not own:
        return Cell(EMPTY)
    found = mean_interval([row.value for row in own], [str(row.geometry_seed) for row in own])
    low, high = (found.low, found.high) if len(own) > 1 else (own[0].ci_low, own[0].ci_high)
    interval = f"[{rounded(low)},\N{NO-BREAK SPACE}{rounded(high)}]"
    return Cell(rounded(found.mean), (interval,) if math.isfinite(low) else ())


def _unit(row: BenchmarkMeasure) -> str:
    """Return the unit of a measure, nothing where it has none."""
    return "" if row.unit in ("", MISSING, "1") else row.unit


def _quantities(quantities: Iterable[str]) -> list[str]:
    """Return distinct quantities in the order of showing."""
    known = list(QUANTITIES)
    return sorted(
        dict.fromkeys(quantities), key=lambda q: known.index(q) if q in known else len(known)
    )
