"""What has to hold in every world: no method is better than the limit of its class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from neurotranscoder.evaluate.benchmark.rows import CheckRow, RunRow, Verdict
from neurotranscoder.evaluate.methods.registry import MethodSpec, holds
from neurotranscoder.signal.correlation import Interval, mean_interval

TOLERANCE = 0.002
"""How far below 0 the whole interval of a difference in r has to be."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A world, and what is compared in it."""

    scenario: str
    seed: int
    quantity: str
    kind: str

    @classmethod
    def of(cls, row: RunRow) -> _Place:
        """Return the place of a row."""
        return cls(row.scenario, row.geometry_seed, row.quantity, row.source_kind)


def check_oracles(rows: Sequence[RunRow], specs: Sequence[MethodSpec]) -> tuple[CheckRow, ...]:
    """Compare every oracle with the methods that its class holds, run by run.

    Parameters
    ----------
    rows : sequence of RunRow
        r of every held-out run.
    specs : sequence of MethodSpec
        What each method is.

    Returns
    -------
    checks : tuple of CheckRow
        One for each world, oracle, method, quantity and kind of source that both predict.
    """
    known = {spec.name: spec for spec in specs}
    checks = []
    for place, of_place in groupby(sorted(rows, key=_order), key=_Place.of):
        scores: dict[str, dict[str, float]] = {}
        for row in of_place:
            scores.setdefault(row.method, {})[row.run] = row.r
        for oracle in (spec for spec in specs if spec.role == "oracle" and spec.name in scores):
            for name in scores:
                if name != oracle.name and holds(oracle.bound, known[name].bound):
                    found = _difference(scores[oracle.name], scores[name])
                    checks.append(_check(place, oracle.name, name, found))
    return tuple(checks)


def _order(row: RunRow) -> tuple[str, int, str, str]:
    """Sort by what is compared; the order of methods and runs stays."""
    return row.scenario, row.geometry_seed, row.quantity, row.source_kind


def _difference(oracle: Mapping[str, float], method: Mapping[str, float]) -> Interval:
    """Return the mean difference over the runs that both have, with its interval."""
    both = {run: oracle[run] - method[run] for run in oracle if run in method}
    return mean_interval(list(both.values()), [_subject_of(run) for run in both])


def _subject_of(label: str) -> str:
    """Return the subject of a run, as ``sub-01`` of ``sub-01_task-oddball_run-05``."""
    return label.partition("_")[0]


def _check(place: _Place, oracle: str, method: str, found: Interval) -> CheckRow:
    """Return the verdict on one comparison."""
    verdict: Verdict = "violated" if found.high < -TOLERANCE else "holds"
    if not np.isfinite(found.high):
        verdict = "no interval"
    return CheckRow(
        place.scenario,
        place.seed,
        oracle,
        method,
        place.quantity,  # type: ignore[arg-type]
        place.kind,  # type: ignore[arg-type]
        found.mean,
        found.low,
        found.high,
        found.n,
        verdict,
    )


def describe(check: CheckRow) -> str:
    """Return a check in words."""
    return (
        f"{check.scenario} seed {check.geometry_seed}: {check.oracle} - {check.method} = "
        f"{check.difference:+.4f} [{check.ci_low:+.4f}, {check.ci_high:+.4f}] in "
        f"{check.quantity} ({check.source_kind})"
    )
