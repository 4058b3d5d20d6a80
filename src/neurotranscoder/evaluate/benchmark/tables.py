"""From results to tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from neurotranscoder.evaluate.benchmark.checks import check_oracles
from neurotranscoder.evaluate.benchmark.plan import WorldPlan
from neurotranscoder.evaluate.benchmark.record import RECORD
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
from neurotranscoder.io.manifest import MANIFEST, read_manifest, write_manifest

KIND = "benchmark"
FILES = (
    "benchmark.tsv",
    "benchmark_measures.tsv",
    "benchmark_runs.tsv",
    "summary.tsv",
    "checks.tsv",
)


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
    """Write all tables; one that has no row is absent. They count once they are sealed."""
    (out / MANIFEST).unlink(missing_ok=True)
    every = (tables.metrics, tables.measures, tables.runs, tables.summary, tables.checks)
    for name, rows in zip(FILES, every, strict=True):
        path = out / name
        if rows:
            write_rows(path, rows)
        else:
            path.unlink(missing_ok=True)


def seal_tables(out: Path) -> None:
    """Write the SHA-256 of record and tables, which are complete, to ``manifest.json``."""
    write_manifest(out, kind=KIND, settings_hash="", names=[RECORD, *FILES])


def are_sealed(out: Path) -> bool:
    """Say whether record and tables are those that were sealed; False where nothing was.

    Raises
    ------
    StoreError
        When one of them is lost or was changed since.
    """
    if not (out / MANIFEST).is_file():
        return False
    read_manifest(out, kind=KIND)
    return True


def read_tables(out: Path) -> Tables:
    """Read all tables; one that is absent has no row.

    Raises
    ------
    StoreError, StudyError
        When a table cannot be read, or lacks a column.
    """
    metrics, measures, runs, summary, checks = (out / name for name in FILES)
    return Tables(
        _read(metrics, BenchmarkRow),
        _read(measures, BenchmarkMeasure),
        _read(runs, RunRow),
        _read(summary, SummaryRow),
        _read(checks, CheckRow),
    )


def _read(path: Path, kind: type[Row]) -> tuple[Row, ...]:
    return read_rows(path, kind) if path.is_file() else ()
