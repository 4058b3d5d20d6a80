"""The methods of one world: fitted, shown the test runs blindly, scored, and put away."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from neurotranscoder.core.errors import DiskError, NeurotranscoderError
from neurotranscoder.evaluate.benchmark.entrants import Entrant, Entrants
from neurotranscoder.evaluate.benchmark.plan import BenchmarkPlan, WorldPlan, keep_split
from neurotranscoder.evaluate.benchmark.provenance import Provenance
from neurotranscoder.evaluate.benchmark.results import (
    MethodResult,
    identity_of,
    is_done,
    save_result,
    with_seconds,
)
from neurotranscoder.evaluate.benchmark.rows import RunRow
from neurotranscoder.evaluate.benchmark.traces import (
    TRACED,
    save_traces,
    traces_of,
    traces_path,
)
from neurotranscoder.evaluate.benchmark.world import Report, World, open_world
from neurotranscoder.evaluate.methods.protocol import Knowledge, Method, predict_blindly
from neurotranscoder.evaluate.methods.registry import MethodSpec
from neurotranscoder.evaluate.methods.transcoders import TranscoderMethod
from neurotranscoder.evaluate.readout_scores import readout_measures, readout_rows
from neurotranscoder.evaluate.region_readouts import region_response_rows
from neurotranscoder.evaluate.scoring import RunMeasures, RunScore, Scorer
from neurotranscoder.evaluate.table import MeasureRow, MetricRow, Quantity

_NAN = float("nan")
_GATED: dict[str, Quantity] = {
    "eeg_to_source": "source_from_eeg",
    "bold_to_source": "source_from_bold",
    "source_to_eeg": "eeg_from_bold",
    "source_to_bold": "bold_from_eeg",
}


@dataclass(frozen=True, slots=True)
class Work:
    """What all worlds of a benchmark share.

    Parameters
    ----------
    plan : BenchmarkPlan
        Its settings.
    out : Path
        Where results go.
    entrants : callable
        From a world to its methods.
    provenance : Provenance
        The code that runs.
    keep_older : bool
        Whether results of other code count as done.
    report : callable
        Called with what is being done.
    """

    plan: BenchmarkPlan
    out: Path
    entrants: Entrants
    provenance: Provenance
    keep_older: bool
    report: Report

    def wanted(self, world: WorldPlan, entrant: Entrant) -> MethodResult:
        """Return what tells the result of a method from any other, without its rows."""
        return MethodResult(entrant.name, identity_of(self.plan, world, entrant), self.provenance)

    def missing(self, world: WorldPlan) -> list[Entrant]:
        """Return the methods of a world that have no result yet."""
        folder = world.folder(self.out)
        return [
            entrant
            for entrant in self.entrants(world)
            if not is_done(folder, self.wanted(world, entrant), keep_older=self.keep_older)
        ]


def run_world(work: Work, plan: WorldPlan) -> None:
    """Bring the results of one world up to date; it is simulated only if some are missing.

    Everything runs on one thread, so that the results have the same bytes in whatever process.

    Raises
    ------
    SettingsError
        When results in its folder are of another split.
    """
    folder = plan.folder(work.out)
    keep_split(folder, plan.split)
    missing = work.missing(plan)
    if not missing:
        return
    with _one_thread(), open_world(plan, work.plan.align, folder) as world:
        knowledge = functools.cache(world.knowledge)
        for entrant in missing:
            work.report(f"{plan.name}: {entrant.name}")
            save_result(folder, evaluate_method(work, world, entrant, knowledge))


def evaluate_method(
    work: Work, world: World, entrant: Entrant, knowledge: Callable[[], Knowledge]
) -> MethodResult:
    """Fit and score one method; where it fails, its message is the result."""
    spec, wanted = entrant.spec, work.wanted(world.plan, entrant)
    try:
        method = spec.make(knowledge() if spec.informed else None, world.plan.seed)
        start = time.perf_counter()
        method.fit(world.training, world.validation)
        seconds = time.perf_counter() - start
        metrics, measures, runs = _scores(world, spec.name, method)
        traces = _keep_traces(work, world, spec, method)
    except DiskError:
        raise  # no fault of the method
    except (NeurotranscoderError, np.linalg.LinAlgError) as error:
        return replace(wanted, failure=f"{type(error).__name__}: {error}")
    return replace(
        wanted,
        seconds=seconds,
        traces=traces,
        metrics=with_seconds(metrics, seconds),
        measures=tuple(measures),
        runs=tuple(runs),
    )


def _keep_traces(work: Work, world: World, spec: MethodSpec, method: Method) -> str:
    """Write example time courses of the first test run; return their SHA-256, if any are kept."""
    if spec.role != "transcoder" and spec.name not in TRACED:
        return ""
    kept = traces_of(predict_blindly(method, world.test[0].aligned), world.test[0])
    return save_traces(traces_path(world.plan.folder(work.out), spec.name), kept)


def _scores(
    world: World, name: str, method: Method
) -> tuple[list[MetricRow], list[MeasureRow], list[RunRow]]:
    """Score a fitted method run by run; no estimate outlives its run."""
    scorer = Scorer(world.plan.scenario.name)
    scores: list[tuple[RunScore, ...]] = []
    facts: list[tuple[RunMeasures, ...]] = []
    for run in world.test:
        prediction = predict_blindly(method, run.aligned)
        scores.append(scorer.run_scores(prediction, run))
        facts.append(scorer.run_measures(prediction, run))
    subjects = [run.aligned.run.subject for run in world.test]
    metrics = scorer.metric_rows(name, scores, subjects, _NAN)
    measures = scorer.measure_rows(name, facts, subjects)
    if isinstance(method, TranscoderMethod):
        found = _readouts(world, name, method)
        metrics += found[0]
        measures += found[1]
    return metrics, measures, _run_rows(world, name, scores)


def _readouts(
    world: World, name: str, method: TranscoderMethod
) -> tuple[list[MetricRow], list[MeasureRow]]:
    """Return how well response and leadfield were learnt, and the gates of networks."""
    scenario, test = world.plan.scenario.name, [run.aligned for run in world.test]
    trained = method.trained
    gates = [
        MeasureRow(scenario, name, _GATED[coder], "all", "gate", value, "", _NAN, _NAN, 1)
        for coder, value in trained.gates
    ]
    return (
        readout_rows(scenario, name, trained, world.truth, test),
        [
            *readout_measures(scenario, name, trained, world.truth, test),
            *region_response_rows(
                scenario, name, trained, world.truth, world.training, world.validation
            ),
            *gates,
        ],
    )


def _run_rows(world: World, name: str, scores: Sequence[tuple[RunScore, ...]]) -> list[RunRow]:
    """Return r of each held-out run."""
    scenario, seed = world.plan.scenario.name, world.plan.seed
    return [
        RunRow(scenario, name, one.quantity, one.source_kind, seed, run.aligned.run.label, one.r)
        for run, of_run in zip(world.test, scores, strict=True)
        for one in of_run
    ]


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute on one thread: sums are then in one order, whatever the machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(limits=1):
            yield
    finally:
        torch.set_num_threads(before)
