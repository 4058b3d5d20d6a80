"""The tables of the page: methods by quantities, and key results in one line each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

from neurotranscoder.evaluate.table import MeasureRow, MetricRow
from neurotranscoder.report.words import KINDS, QUANTITIES, ROLES, in_order, name_of, role_of

MISSING = "n/a"


@dataclass(frozen=True, slots=True)
class Cell:
    """One score as text; empty where a method was not scored."""

    r: str
    interval: str
    n: str


@dataclass(frozen=True, slots=True)
class MethodRow:
    """All scores of one method, one cell per column of its table."""

    method: str
    name: str
    role: str
    tag: str
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True, slots=True)
class ResultTable:
    """Scores of one scenario: methods by quantities.

    Parameters
    ----------
    scenario : str
        What was simulated, or the name of the study.
    columns : tuple of (str, str, str)
        Quantity and kind of source in words, and n where it is the same for all methods.
    rows : tuple of MethodRow
        Ours, rivals, limits, nulls.
    """

    scenario: str
    columns: tuple[tuple[str, str, str], ...]
    rows: tuple[MethodRow, ...]


@dataclass(frozen=True, slots=True)
class TidyTable:
    """Rows exactly as the TSV file holds them, floats shortened."""

    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class KeyResult:
    """One quantity: the score of our method beside null and oracle."""

    quantity: str
    method: str
    r: str
    interval: str
    beside: tuple[str, ...]


def number(value: float, digits: int = 2) -> str:
    """Return a number with a true minus sign, 'n/a' where there is none."""
    if not math.isfinite(value):
        return MISSING
    return f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}")


def interval(low: float, high: float) -> str:
    """Return a 95 % interval in brackets; a missing one is said to be missing."""
    if math.isfinite(low) and math.isfinite(high):
        return f"[{number(low)}, {number(high)}]"
    return "no interval"


def result_table(rows: Sequence[MetricRow]) -> ResultTable:
    """Return the scores of one scenario, methods by quantities."""
    columns = [
        (quantity, kind)
        for quantity in QUANTITIES
        for kind in KINDS
        if any((row.quantity, row.source_kind) == (quantity, kind) for row in rows)
    ]
    by_place: dict[tuple[str, ...], MetricRow] = {
        (row.method, row.quantity, row.source_kind): row for row in reversed(rows)
    }
    common = [_common_n(rows, column) for column in columns]
    method_rows = tuple(
        MethodRow(
            method,
            name_of(method),
            role_of(method),
            ROLES[role_of(method)],
            tuple(
                _cell(by_place.get((method, *column)), with_n=not n)
                for column, n in zip(columns, common, strict=True)
            ),
        )
        for method in in_order(row.method for row in rows)
    )
    heads = tuple(
        (QUANTITIES[quantity], "" if kind == "all" else kind, n)
        for (quantity, kind), n in zip(columns, common, strict=True)
    )
    return ResultTable(rows[0].scenario, heads, method_rows)


def _common_n(rows: Sequence[MetricRow], column: tuple[str, str]) -> str:
    """Return 'n = 6' where all methods of a column have the same n, else nothing."""
    counts = {row.n for row in rows if (row.quantity, row.source_kind) == column}
    return f"n = {counts.pop()}" if len(counts) == 1 else ""


def _cell(row: MetricRow | None, *, with_n: bool) -> Cell | None:
    """Return a score as text."""
    if row is None:
        return None
    n = f"n = {row.n}" if with_n else ""
    return Cell(number(row.r), interval(row.ci_low, row.ci_high), n)


def key_results(rows: Sequence[MetricRow]) -> tuple[KeyResult, ...]:
    """Return the scores of the first of our methods beside the null and the oracle.

    Quantities of the page's headline only: BOLD from EEG, EEG from BOLD, source from EEG.
    """
    own = [m for m in in_order(row.method for row in rows) if role_of(m) == "own"]
    if not own:
        return ()
    shown = tuple(QUANTITIES)[:3]
    ours = [row for row in rows if row.method == own[0] and row.quantity in shown]
    ours.sort(key=lambda row: (shown.index(row.quantity), KINDS.index(row.source_kind)))
    return tuple(
        KeyResult(_named(row), name_of(own[0]), number(row.r), _with_interval(row), beside)
        for row in ours
        for beside in [_beside(row, rows)]
    )


def _named(row: MetricRow) -> str:
    """Return a quantity and its kind of source."""
    kind = "" if row.source_kind == "all" else f", {row.source_kind}"
    return QUANTITIES[row.quantity] + kind


def _with_interval(row: MetricRow) -> str:
    """Return the interval, and n."""
    return f"{interval(row.ci_low, row.ci_high)}, n = {row.n}"


def _beside(row: MetricRow, rows: Sequence[MetricRow]) -> tuple[str, ...]:
    """Return nulls and oracles of the same quantity, one line each."""
    same = [
        other
        for other in rows
        if (other.quantity, other.source_kind) == (row.quantity, row.source_kind)
        and role_of(other.method) in {"null", "limit"}
    ]
    order = in_order(other.method for other in same)
    same.sort(key=lambda other: order.index(other.method))
    return tuple(f"{name_of(other.method)}: {number(other.r)}" for other in same)


def tidy_table(name: str, rows: Sequence[MetricRow] | Sequence[MeasureRow]) -> TidyTable:
    """Return rows as the TSV file ``name`` holds them, floats with four significant digits."""
    header = tuple(field.name for field in fields(rows[0])) if rows else ()
    cells = tuple(tuple(_plain(getattr(row, column)) for column in header) for row in rows)
    return TidyTable(name, header, cells)


def _plain(value: object) -> str:
    """Return one cell."""
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else MISSING
    return str(value)
