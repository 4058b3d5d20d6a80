"""From results to tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from neurotranscoder.evaluate.benchmark.checks import check_oracles
from neurotranscoder.evaluate.benchmark.plan import WorldPlan
from neurotranscoder.evaluate.benchmark.results import MethodResult
from neurotranscoder.evaluate.benchmark.rows import (
    BenchmarkMeasure,
    BenchmarkRow,
    CheckRow,
    RunRow,
    SummaryRow,
)
from neurotranscoder.evaluate.benchmark.summary import summarise
from neurotranscoder.evaluate.methods.registry import MethodSpec
from neurotranscoder.evaluate.table import Row, read_rows, write_rows


@dataclass(frozen=True, slots=True)
class WorldResults:
    """What the methods of one world reached."""

    world: WorldPlan
    results: tuple[MethodResult, ...]


@dataclass(frozen=True, slots=True)
class Tables:
    """All tables of a benchmark."""

    metrics: tuple[BenchmarkRow, ...]
    measures: tuple[BenchmarkMeasure, ...]
    runs: tuple[RunRow, ...]
    summary: tuple[SummaryRow, ...]
    checks: tuple[CheckRow, ...]

    @property
    def violated(self) -> tuple[CheckRow, ...]:
        """Checks that do not hold."""
        return tuple(check for check in self.checks if check.verdict == "violated")


def tables_of(worlds: Sequence[WorldResults], specs: Sequence[MethodSpec]) -> Tables:
    """Return the tables of finished worlds.

    Parameters
    ----------
    worlds : sequence of WorldResults
        Their results.
    specs : sequence of MethodSpec
        What each method is.
    """
    every = [(one.world.seed, result) for one in worlds for result in one.results]
    metrics = tuple(
        BenchmarkRow(**asdict(row), geometry_seed=seed)
        for seed, result in every
        for row in result.metrics
    )
    measures = tuple(
        BenchmarkMeasure(**asdict(row), geometry_seed=seed)
        for seed, result in every
        for row in result.measures
    )
    runs = tuple(row for _, result in every for row in result.runs)
    return Tables(metrics, measures, runs, summarise(metrics, specs), check_oracles(runs, specs))


def write_tables(out: Path, tables: Tables) -> None:
    """Write all tables; one that has no row is absent."""
    for name, rows in (
        ("benchmark", tables.metrics),
        ("benchmark_measures", tables.measures),
        ("benchmark_runs", tables.runs),
        ("summary", tables.summary),
        ("checks", tables.checks),
    ):
        path = out / f"{name}.tsv"
        if rows:
            write_rows(path, rows)
        else:
            path.unlink(missing_ok=True)


def read_tables(out: Path) -> Tables:
    """Read all tables; one that is absent has no row.

    Raises
    ------
    StoreError, StudyError
        When a table cannot be read, or lacks a column.
    """
    return Tables(
        _read(out / "benchmark.tsv", BenchmarkRow),
        _read(out / "benchmark_measures.tsv", BenchmarkMeasure),
        _read(out / "benchmark_runs.tsv", RunRow),
        _read(out / "summary.tsv", SummaryRow),
        _read(out / "checks.tsv", CheckRow),
    )


def _read(path: Path, kind: type[Row]) -> tuple[Row, ...]:
    return read_rows(path, kind) if path.is_file() else ()
