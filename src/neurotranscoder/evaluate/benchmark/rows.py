"""The rows of the benchmark's tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from neurotranscoder.evaluate.table import MeasureRow, MetricRow, Quantity, SourceKind

Statistic = Literal["r", "ratio", "difference"]
Verdict = Literal["holds", "violated", "no interval"]


@dataclass(frozen=True, slots=True)
class BenchmarkRow(MetricRow):
    """A line of ``benchmark.tsv``: mean r over the held-out runs of one world.

    Parameters
    ----------
    geometry_seed : int
        Seed of the world.
    """

    geometry_seed: int


@dataclass(frozen=True, slots=True)
class BenchmarkMeasure(MeasureRow):
    """A line of ``benchmark_measures.tsv``: a fact about one world that is no correlation.

    Parameters
    ----------
    geometry_seed : int
        Seed of the world.
    """

    geometry_seed: int


@dataclass(frozen=True, slots=True)
class RunRow:
    """A line of ``benchmark_runs.tsv``: r of one held-out run, so that methods can be paired."""

    scenario: str
    method: str
    quantity: Quantity
    source_kind: SourceKind
    geometry_seed: int
    run: str
    r: float


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """A line of ``summary.tsv``: a statistic over the worlds of a scenario.

    Parameters
    ----------
    scenario, method, quantity, source_kind : str
        As in ``benchmark.tsv``.
    statistic : {'r', 'ratio', 'difference'}
        Mean r (Fisher z); r over that of the reference; r minus that of the reference.
    reference : str
        A method, 'best_rival', 'best_informed' or 'better_single'; 'none' for 'r'.
    value, ci_low, ci_high : float
        Mean over geometry seeds and its 95 % t interval over them.
    n : int
        Geometry seeds.
    """

    scenario: str
    method: str
    quantity: Quantity
    source_kind: SourceKind
    statistic: Statistic
    reference: str
    value: float
    ci_low: float
    ci_high: float
    n: int


@dataclass(frozen=True, slots=True)
class CheckRow:
    """A line of ``checks.tsv``: an oracle beside a method of its class, in one world.

    Parameters
    ----------
    difference, ci_low, ci_high : float
        Mean over held-out runs of the oracle's r minus the method's, and its 95 % t interval.
    n : int
        Held-out runs.
    verdict : {'holds', 'violated', 'no interval'}
        Violated when the whole interval is below 0, by more than the tolerance.
    """

    scenario: str
    geometry_seed: int
    oracle: str
    method: str
    quantity: Quantity
    source_kind: SourceKind
    difference: float
    ci_low: float
    ci_high: float
    n: int
    verdict: Verdict
