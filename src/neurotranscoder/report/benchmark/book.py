"""The tables of a benchmark, to be looked up."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from neurotranscoder.core.errors import StoreError
from neurotranscoder.evaluate.benchmark.record import Record, WorldRecord, read_record
from neurotranscoder.evaluate.benchmark.rows import BenchmarkRow, SummaryRow
from neurotranscoder.evaluate.benchmark.tables import Tables, are_sealed, read_tables
from neurotranscoder.evaluate.benchmark.traces import (
    RunTraces,
    are_kept,
    load_traces,
    traces_path,
)
from neurotranscoder.report.words import METHODS, PARTS, name_of

Over = Literal["seeds", "runs", "none"]
OTHER = "other"
DEFAULTS = ("transcoder", "sparse", "closed_form", "paper", "vanilla")


@dataclass(frozen=True, slots=True)
class Fact:
    """What was scored: scenario, quantity and kind of source."""

    scenario: str
    quantity: str
    kind: str


@dataclass(frozen=True, slots=True)
class Score:
    """Mean r of a method over geometry seeds.

    Parameters
    ----------
    method : str
        Whose it is.
    r, low, high : float
        Mean and 95 % interval; NaN where there is none.
    n : int
        Geometry seeds.
    over : {'seeds', 'runs', 'none'}
        What the interval is over: held-out runs where there is one seed.
    """

    method: str
    r: float
    low: float
    high: float
    n: int
    over: Over

    @property
    def has_interval(self) -> bool:
        """Whether both bounds are known."""
        return math.isfinite(self.low) and math.isfinite(self.high)


@dataclass(frozen=True, slots=True, eq=False)
class Book:
    """Everything that the page is made from.

    Parameters
    ----------
    record : Record
        ``benchmark.json``.
    tables : Tables
        All TSV tables.
    traces : mapping from (scenario, method) to RunTraces
        Time courses of the first geometry seed of each scenario.
    lost : tuple of str
        Time courses that the record names and that cannot be read.
    sealed : bool
        Whether record and tables have checksums, which they match.
    scores : mapping from Fact to scores
        In the order of showing.
    statistics : mapping from (Fact, method, statistic, reference) to SummaryRow
        Ratios and differences.
    roles : mapping from method to role
        What each method of the record is compared for, in its order.
    """

    record: Record
    tables: Tables
    traces: Mapping[tuple[str, str], RunTraces]
    lost: tuple[str, ...]
    sealed: bool
    scores: Mapping[Fact, tuple[Score, ...]]
    statistics: Mapping[tuple[Fact, str, str, str], SummaryRow]
    roles: Mapping[str, str]

    @classmethod
    def of(
        cls,
        record: Record,
        tables: Tables,
        traces: Mapping[tuple[str, str], RunTraces] | None = None,
        lost: Sequence[str] = (),
        *,
        sealed: bool = True,
    ) -> Book:
        """Return a book whose rows are found by what they are about."""
        roles: dict[str, str] = {method.name: method.role for method in record.methods}
        of_facts: dict[Fact, list[Score]] = {}
        statistics: dict[tuple[Fact, str, str, str], SummaryRow] = {}
        of_worlds: dict[tuple[Fact, str], list[BenchmarkRow]] = {}
        for row in tables.metrics:
            key = Fact(row.scenario, row.quantity, row.source_kind), row.method
            of_worlds.setdefault(key, []).append(row)
        for one in tables.summary:
            fact = Fact(one.scenario, one.quantity, one.source_kind)
            if one.statistic == "r":
                worlds = of_worlds.get((fact, one.method), [])
                of_facts.setdefault(fact, []).append(_score(one, worlds))
            else:
                statistics[fact, one.method, one.statistic, one.reference] = one
        scores = {
            fact: tuple(sorted(found, key=lambda score: _place(score.method, roles)))
            for fact, found in of_facts.items()
        }
        found = dict(traces or {})
        return cls(record, tables, found, tuple(lost), sealed, scores, statistics, roles)

    @property
    def scenarios(self) -> tuple[str, ...]:
        """All scenarios, in the order in which they were asked for."""
        return tuple(dict.fromkeys(world.scenario for world in self.record.worlds))

    def seeds(self, scenario: str) -> tuple[int, ...]:
        """Return the geometry seeds of a scenario."""
        return tuple(world.seed for world in self.record.worlds if world.scenario == scenario)

    def role(self, method: str) -> str:
        """Return what a method is compared for; 'other' where the record does not know it."""
        return self.roles.get(method, OTHER)

    def in_order(self, methods: Iterable[str]) -> tuple[str, ...]:
        """Return distinct methods by role, ours first."""
        order = {method: _place(method, self.roles) for method in methods}
        return tuple(sorted(order, key=order.__getitem__))

    def found(self, scenario: str, quantity: str, kind: str) -> tuple[Score, ...]:
        """Return the scores of one fact that are numbers, ours first."""
        scores = self.scores.get(Fact(scenario, quantity, kind), ())
        return tuple(score for score in scores if math.isfinite(score.r))

    def of_role(self, scores: Iterable[Score], role: str) -> tuple[Score, ...]:
        """Return the scores of the methods of a role."""
        return tuple(score for score in scores if self.role(score.method) == role)

    def best(self, scores: Iterable[Score], role: str) -> Score | None:
        """Return the highest score of a role, or None where it has none."""
        return max(self.of_role(scores, role), key=lambda score: score.r, default=None)

    def default(self, scenario: str) -> str:
        """Return the method that stands for ours in a scenario; empty where nothing was scored."""
        scored = [
            s.method for f, found in self.scores.items() if f.scenario == scenario for s in found
        ]
        ours = [method for method in DEFAULTS if method in scored]
        return (ours or list(self.in_order(scored)) or [""])[0]

    def seconds(self, scenario: str, method: str) -> float:
        """Return the mean time to fit a method, in s; NaN where it is not known."""
        of_seeds = {
            row.geometry_seed: row.seconds
            for row in self.tables.metrics
            if (row.scenario, row.method) == (scenario, method) and math.isfinite(row.seconds)
        }
        return sum(of_seeds.values()) / len(of_seeds) if of_seeds else math.nan


def read_book(out: Path) -> Book:
    """Read what a benchmark left in its folder.

    Raises
    ------
    StoreError, StudyError
        When the record or a table cannot be read, or was changed after it was written.
    """
    sealed = are_sealed(out)
    record, traces, lost = read_record(out), {}, []
    first: dict[str, WorldRecord] = {}
    for world in record.worlds:
        first.setdefault(world.scenario, world)
    for world in first.values():
        for method, digest in world.traces.items():
            path = traces_path(out / "worlds" / world.scenario / f"seed-{world.seed}", method)
            try:
                if not are_kept(path, digest):
                    raise StoreError(f"{path}: missing or changed")
                traces[world.scenario, method] = load_traces(path)
            except StoreError:
                lost.append(f"{world.scenario}/seed-{world.seed}: {name_of(method)}")
    return Book.of(record, read_tables(out), traces, lost, sealed=sealed)


def _score(row: SummaryRow, worlds: Sequence[BenchmarkRow]) -> Score:
    """Return a score, with the interval over runs where one seed gives none."""
    if math.isfinite(row.ci_low) and math.isfinite(row.ci_high):
        return Score(row.method, row.value, row.ci_low, row.ci_high, row.n, "seeds")
    if len(worlds) == 1 and math.isfinite(worlds[0].ci_low):
        low, high = worlds[0].ci_low, worlds[0].ci_high
        return Score(row.method, row.value, low, high, row.n, "runs")
    return Score(row.method, row.value, math.nan, math.nan, row.n, "none")


def _place(method: str, roles: Mapping[str, str]) -> tuple[int, int, int]:
    """Return where a method stands: by role, then known names, then as in the record."""
    parts, known, recorded = list(PARTS), list(METHODS), list(roles)
    role = roles.get(method, OTHER)
    return (
        parts.index(role) if role in parts else len(parts),
        known.index(method) if method in METHODS else len(known),
        recorded.index(method) if method in roles else len(recorded),
    )
