"""The tidy tables: correlations, facts that are no correlation, and how real recordings look."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypeVar

from neurotranscoder.core.errors import StoreError
from neurotranscoder.io.store import read_table, write_table

Quantity = Literal[
    "bold_from_eeg",
    "eeg_from_bold",
    "bold_from_bold",
    "eeg_from_eeg",
    "source_from_eeg",
    "source_from_bold",
    "source_fused",
    "hrf",
    "leadfield",
]
SourceKind = Literal["all", "evoked", "oscillatory"]


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One correlation: mean over held-out runs (Fisher z) and its 95 % interval.

    Parameters
    ----------
    scenario, method : str
        What was simulated (or the name of the study), and what was scored.
    quantity : str
        What was predicted; ``source_kind`` says for which sources.
    source_kind : str
        'all', 'evoked' (the paper's 'sparse') or 'oscillatory'.
    r, ci_low, ci_high : float
        Pearson correlation and interval; NaN where one number gives no interval.
    n : int
        Held-out runs (for 'leadfield': regions).
    seconds : float
        Time to fit the method; prediction is not counted.
    """

    scenario: str
    method: str
    quantity: Quantity
    source_kind: SourceKind
    r: float
    ci_low: float
    ci_high: float
    n: int
    seconds: float


@dataclass(frozen=True, slots=True)
class MeasureRow:
    """One fact that is no correlation over whole runs, with its unit and 95 % interval."""

    scenario: str
    method: str
    quantity: Quantity
    source_kind: SourceKind
    measure: str
    value: float
    unit: str
    ci_low: float
    ci_high: float
    n: int


Verdict = Literal["inside", "outside", "no reference", "no value"]


@dataclass(frozen=True, slots=True)
class RealismRow:
    """One fact about a recording, beside what is known of real ones.

    Parameters
    ----------
    measure : str
        What was measured.
    value : float
        NaN where the recording does not allow it, or nothing was found.
    unit : str
        '1' where there is none.
    low, high : float
        Borders of the reference; NaN where it is open.
    basis : str
        'measured', 'published', 'usual', 'null' (chance in the same run) or 'none'.
    source : str
        Where the reference comes from.
    """

    measure: str
    value: float
    unit: str
    low: float
    high: float
    basis: str
    source: str

    @property
    def verdict(self) -> Verdict:
        """Whether the value lies within the borders of its reference."""
        if math.isnan(self.value):
            return "no value"
        if math.isnan(self.low) and math.isnan(self.high):
            return "no reference"
        return "outside" if self.value < self.low or self.value > self.high else "inside"


Row = TypeVar("Row")
Rows = Sequence[Any]  # dataclasses of one kind


def write_rows(path: Path, rows: Rows) -> None:
    """Write dataclasses of one kind as a TSV file, one column per field."""
    if not rows:
        raise StoreError(f"{path}: no row to write; evaluate at least one method")
    names = [field.name for field in fields(rows[0])]
    columns = zip(*(astuple(row) for row in rows), strict=True)
    write_table(path, dict(zip(names, map(list, columns), strict=True)))


def read_rows(path: Path, row: type[Row]) -> tuple[Row, ...]:
    """Read a TSV file as dataclasses of a kind.

    Raises
    ------
    StoreError
        When a field has no column.
    """
    columns = read_table(path)
    kinds = {field.name: field.type for field in fields(row)}  # type: ignore[arg-type]
    missing = sorted(set(kinds) - set(columns))
    if missing:
        raise StoreError(
            f"{path} lacks the columns {missing}; run the command that wrote it again"
        )
    parsed = [[_value(text, str(kinds[name])) for text in columns[name]] for name in kinds]
    return tuple(row(*values) for values in zip(*parsed, strict=True))


def _value(text: str, kind: str) -> str | int | float:
    """Turn a cell of a table into the type of its field."""
    if kind == "float":
        return float("nan") if text == "n/a" else float(text)
    return int(text) if kind == "int" else text


def read_metrics(path: Path) -> tuple[MetricRow, ...]:
    """Read ``metrics.tsv``."""
    return read_rows(path, MetricRow)


def read_measures(path: Path) -> tuple[MeasureRow, ...]:
    """Read ``measures.tsv``."""
    return read_rows(path, MeasureRow)


def read_realism(path: Path) -> tuple[RealismRow, ...]:
    """Read ``realism.tsv``."""
    return read_rows(path, RealismRow)
