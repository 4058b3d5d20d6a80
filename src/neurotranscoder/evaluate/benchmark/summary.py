"""Statistics over the worlds of a scenario: means, ratios to limits and rivals, differences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from neurotranscoder.evaluate.benchmark.rows import BenchmarkRow, Statistic, SummaryRow
from neurotranscoder.evaluate.methods.registry import MethodSpec, Role
from neurotranscoder.evaluate.table import Quantity, SourceKind
from neurotranscoder.signal.correlation import Interval, correlation_interval, mean_interval

NO_REFERENCE = "none"
BEST_RIVAL, BEST_INFORMED, BETTER_SINGLE = "best_rival", "best_informed", "better_single"
_SINGLES: tuple[Quantity, Quantity] = ("source_from_eeg", "source_from_bold")
_DEFAULT, _SPARSE, _LINEAR = "transcoder", "sparse", "closed_form"
_IMAGING = "minimum_norm_true_leadfield"
_OTHERS = {
    _DEFAULT: (_SPARSE, _LINEAR, _IMAGING),
    _SPARSE: (_LINEAR, _IMAGING),
    _LINEAR: (_IMAGING,),
    "paper": ("vanilla",),
}
"""What the recipe is without its networks, and without its sparse sources as well; what it is to
be better than; the paper's network without its cycle losses."""

BySeed = dict[int, float]
"""r of each geometry seed."""


@dataclass(frozen=True, slots=True)
class _Fact:
    """What was scored."""

    scenario: str
    quantity: Quantity
    kind: SourceKind


def summarise(rows: Sequence[BenchmarkRow], specs: Sequence[MethodSpec]) -> tuple[SummaryRow, ...]:
    """Return the statistics of every method, quantity and kind of source.

    Every statistic is taken in each world, and is then averaged over the geometry seeds: pairs
    stay pairs. A ratio is left out where the reference is not above 0.

    Parameters
    ----------
    rows : sequence of BenchmarkRow
        All scores.
    specs : sequence of MethodSpec
        What each method is; their order is that of the table.
    """
    scores: dict[_Fact, dict[str, BySeed]] = {}
    for row in rows:
        of_fact = scores.setdefault(_Fact(row.scenario, row.quantity, row.source_kind), {})
        of_fact.setdefault(row.method, {})[row.geometry_seed] = row.r
    return tuple(
        row
        for fact, of_fact in scores.items()
        for spec in specs
        if spec.name in of_fact
        for row in _of_method(fact, spec, scores, specs)
    )


def _of_method(
    fact: _Fact,
    spec: MethodSpec,
    scores: Mapping[_Fact, Mapping[str, BySeed]],
    specs: Sequence[MethodSpec],
) -> Iterator[SummaryRow]:
    """Yield the statistics of one method about one fact."""
    of_fact = scores[fact]
    own = of_fact[spec.name]
    found = correlation_interval(list(own.values()), [str(seed) for seed in own])
    yield _row(fact, spec.name, "r", NO_REFERENCE, found)
    for reference, other in _references(spec, of_fact, specs):
        values = [r / other[s] for s, r in own.items() if s in other and other[s] > 0]
        yield _row(fact, spec.name, "ratio", reference, mean_interval(values, _names(values)))
    for reference, other in _paired_with(fact, spec, scores):
        values = [r - other[s] for s, r in own.items() if s in other]
        yield _row(fact, spec.name, "difference", reference, mean_interval(values, _names(values)))


def _references(
    spec: MethodSpec, of_fact: Mapping[str, BySeed], specs: Sequence[MethodSpec]
) -> Iterator[tuple[str, BySeed]]:
    """Yield what a method is divided by: limits, and the best of those who know less.

    Transcoders are divided by each rival as well.
    """
    if spec.role in ("null", "control"):
        return
    others = [one for one in specs if one.name in of_fact and one.name != spec.name]
    each: tuple[Role, ...] = ("oracle",)
    if spec.role == "transcoder":
        each = ("oracle", "rival", "informed")
    for other in others:
        if other.role in each:
            yield other.name, of_fact[other.name]
    best: tuple[tuple[str, Role], ...] = ((BEST_RIVAL, "rival"), (BEST_INFORMED, "informed"))
    for name, role in best:
        if of_role := [of_fact[one.name] for one in others if one.role == role]:
            yield name, _best(of_role)


def _paired_with(
    fact: _Fact, spec: MethodSpec, scores: Mapping[_Fact, Mapping[str, BySeed]]
) -> Iterator[tuple[str, BySeed]]:
    """Yield what is subtracted: the recipe and its parts, the better single estimate."""
    others: tuple[str, ...] = _OTHERS.get(spec.name, ())
    if spec.role == "ablation":
        others = _DEFAULT, _SPARSE, _LINEAR
    for other in others:
        if other in scores[fact]:
            yield other, scores[fact][other]
    if fact.quantity == "source_fused":
        facts = [_Fact(fact.scenario, single, fact.kind) for single in _SINGLES]
        singles = [scores[one][spec.name] for one in facts if spec.name in scores.get(one, {})]
        if len(singles) == len(_SINGLES):
            yield BETTER_SINGLE, _best(singles)


def _best(methods: Sequence[BySeed]) -> BySeed:
    """Return the best r of each geometry seed."""
    seeds = sorted({seed for method in methods for seed in method})
    return {
        seed: float(np.fmax.reduce([method[seed] for method in methods if seed in method]))
        for seed in seeds
    }


def _names(values: Sequence[float]) -> list[str]:
    """Return one name for each world: they are independent."""
    return [str(number) for number in range(len(values))]


def _row(
    fact: _Fact, method: str, statistic: Statistic, reference: str, found: Interval
) -> SummaryRow:
    return SummaryRow(
        fact.scenario,
        method,
        fact.quantity,
        fact.kind,
        statistic,
        reference,
        found.mean,
        found.low,
        found.high,
        found.n,
    )
