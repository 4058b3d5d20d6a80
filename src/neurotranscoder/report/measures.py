"""The table of measures that are no correlation over whole runs: measures by methods."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from neurotranscoder.evaluate.table import MeasureRow
from neurotranscoder.report.tables import Cell, interval, number
from neurotranscoder.report.words import (
    KINDS,
    MEASURES,
    QUANTITIES,
    in_order,
    measure_name,
    name_of,
)


@dataclass(frozen=True, slots=True)
class MeasureLine:
    """One measure of all methods.

    Parameters
    ----------
    quantity, kind, measure : str
        In words, with the unit; ``kind`` is empty where it is all.
    cells : tuple of Cell or None
        One for each method.
    """

    quantity: str
    kind: str
    measure: str
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True, slots=True)
class MeasureTable:
    """Measures of one scenario.

    Parameters
    ----------
    scenario : str
        What was simulated, or the name of the study.
    methods : tuple of str
        In words.
    lines : tuple of MeasureLine
        By quantity, kind of source and measure.
    """

    scenario: str
    methods: tuple[str, ...]
    lines: tuple[MeasureLine, ...]


def measure_table(rows: Sequence[MeasureRow]) -> MeasureTable:
    """Return the measures of one scenario, a line for each and a column for each method."""
    methods = in_order(row.method for row in rows)
    by_place: dict[tuple[str, ...], dict[str, MeasureRow]] = {}
    for row in sorted(rows, key=_order):
        place = row.quantity, row.source_kind, row.measure, row.unit
        by_place.setdefault(place, {})[row.method] = row
    lines = tuple(
        MeasureLine(
            QUANTITIES[quantity],
            "" if kind == "all" else kind,
            measure_name(measure, unit),
            tuple(_cell(found.get(method)) for method in methods),
        )
        for (quantity, kind, measure, unit), found in by_place.items()
    )
    return MeasureTable(rows[0].scenario, tuple(map(name_of, methods)), lines)


def _order(row: MeasureRow) -> tuple[int, int, int]:
    """Return where a row is shown; unknown measures come last."""
    known = list(MEASURES)
    rank = known.index(row.measure) if row.measure in MEASURES else len(known)
    return list(QUANTITIES).index(row.quantity), KINDS.index(row.source_kind), rank


def _cell(row: MeasureRow | None) -> Cell | None:
    """Return a value as text, with one digit where it is large."""
    if row is None:
        return None
    digits = 1 if abs(row.value) >= 10 else 2
    text = interval(row.ci_low, row.ci_high) if math.isfinite(row.ci_low) else ""
    return Cell(number(row.value, digits), text, f"n = {row.n}")
