"""A benchmark from its plan to its tables; what is done already is not done again."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from neurotranscoder.core.spread import Map
from neurotranscoder.evaluate.benchmark.entrants import Entrants
from neurotranscoder.evaluate.benchmark.job import Work, run_world
from neurotranscoder.evaluate.benchmark.plan import BenchmarkPlan, WorldPlan, keep_split
from neurotranscoder.evaluate.benchmark.provenance import Provenance
from neurotranscoder.evaluate.benchmark.record import write_record
from neurotranscoder.evaluate.benchmark.results import load_result
from neurotranscoder.evaluate.benchmark.tables import (
    KIND,
    Tables,
    WorldResults,
    seal_tables,
    tables_of,
    write_tables,
)
from neurotranscoder.evaluate.benchmark.world import Report
from neurotranscoder.evaluate.methods.registry import MethodSpec
from neurotranscoder.io.output_folder import open_output_folder
from neurotranscoder.physics.head import build_head


@dataclass(frozen=True, slots=True)
class Failure:
    """A method that failed in a world."""

    world: str
    method: str
    message: str

    def __str__(self) -> str:
        return f"{self.world}: {self.method}: {self.message}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The tables of a benchmark, and the methods that failed."""

    tables: Tables
    failures: tuple[Failure, ...]


def run_benchmark(
    plan: BenchmarkPlan,
    out: Path,
    entrants: Entrants,
    *,
    keep_older: bool = False,
    report: Report = lambda _: None,
    progress: Callable[[int, int], None] | None = None,
    map: Map = map,
) -> Outcome:
    """Simulate worlds, fit and score methods, write the tables.

    Parameters
    ----------
    plan : BenchmarkPlan
        Which worlds.
    out : Path
        New or empty folder, or one that a benchmark made.
    entrants : callable
        From a world to the methods that take part there.
    keep_older : bool
        Whether results that other code made are kept, not computed again.
    report : callable
        Called with what is being done, in the process that does it.
    progress : callable, optional
        Called with the number of worlds that are done and of all worlds.
    map : callable
        Like the built-in; may spread worlds over processes.

    Returns
    -------
    outcome : Outcome
        What was written to ``out``.

    Raises
    ------
    SettingsError, MethodError
        When a world or a method is impossible, before anything is computed.
    StoreError
        When the folder holds something else, or another process has it open.
    """
    worlds = plan.worlds()
    specs = _every(entrants, worlds)
    work = Work(plan, out, entrants, Provenance.here(), keep_older, report)
    with open_output_folder(out, kind=KIND, identity=KIND):
        return _run(work, worlds, specs, progress, map)


def _run(
    work: Work,
    worlds: Sequence[WorldPlan],
    specs: tuple[MethodSpec, ...],
    progress: Callable[[int, int], None] | None,
    map: Map,
) -> Outcome:
    """Do what is not done yet, then write the tables of everything."""
    for world in worlds:
        keep_split(world.folder(work.out), world.split)
    for head in {world.scenario.head for world in worlds if work.missing(world)}:
        build_head(head)  # once, before processes need it
    for done, _ in enumerate(map(functools.partial(run_world, work), worlds), start=1):
        if progress is not None:
            progress(done, len(worlds))
    found = [_read(work, world) for world in worlds]
    tables = tables_of(found, specs)
    write_tables(work.out, tables)
    failures = tuple(
        Failure(one.world.name, result.method, result.failure)
        for one in found
        for result in one.results
        if result.failure
    )
    _write_record(work, specs, found, failures)
    seal_tables(work.out)
    return Outcome(tables, failures)


def _every(entrants: Entrants, worlds: Sequence[WorldPlan]) -> tuple[MethodSpec, ...]:
    """Return the methods of all worlds, each once."""
    found: dict[str, MethodSpec] = {}
    for world in worlds:
        for entrant in entrants(world):
            found.setdefault(entrant.name, entrant.spec)
    return tuple(found.values())


def _read(work: Work, world: WorldPlan) -> WorldResults:
    """Read the results of a world, in the order of its methods."""
    folder = world.folder(work.out)
    results = (load_result(folder, entrant.name) for entrant in work.entrants(world))
    return WorldResults(world, tuple(results))


def _write_record(
    work: Work,
    specs: Sequence[MethodSpec],
    found: Sequence[WorldResults],
    failures: Sequence[Failure],
) -> None:
    """Write what the tables come from: plan, code, methods, worlds, failures, day."""
    made_by = {result.provenance: None for one in found for result in one.results}
    methods = [
        {"name": s.name, "role": s.role, "bound": s.bound, "informed": s.informed} for s in specs
    ]
    worlds = [
        {
            "scenario": one.world.scenario.name,
            "seed": one.world.seed,
            "test_run": one.world.split.test[0],
            "traces": {result.method: result.traces for result in one.results if result.traces},
            "outside": {
                entrant.name: {"origin": entrant.origin, "sha256": entrant.fingerprint}
                for entrant in work.entrants(one.world)
                if entrant.origin
            },
        }
        for one in found
    ]
    content = {
        "plan": work.plan.model_dump(mode="json"),
        "runs": dict(zip(("fit", "choose", "test"), work.plan.counts, strict=True)),
        "made_by": [asdict(one) for one in made_by],
        "methods": methods,
        "worlds": worlds,
        "failures": [asdict(one) for one in failures],
    }
    write_record(work.out, content)
