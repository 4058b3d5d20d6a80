"""Time and memory of a fit to many runs: linear in their number, and small enough for a laptop.

A few runs of one world are simulated at full size; each stands for as many as are asked for (every
copy with EEG noise of its own, so that no two are alike), in a file of its own. Each fit has a
process of its own. Printed is one line of JSON for each number of runs: seconds of the fit from
these files to weights, peak memory of this process and its workers together (`peak_gib`, summed
over processes, files that the system caches left out), and ratios to the smallest number.

    python benchmarks/many_runs.py [--runs 30 300] [--architecture sparse] [--jobs 2]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import tempfile
import threading
import time
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from neurotranscoder.cluster.pool import pool
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.benchmark.plan import BenchmarkPlan
from neurotranscoder.evaluate.benchmark.world import open_world
from neurotranscoder.io.scratch import scratch_folder
from neurotranscoder.io.stored_runs import StoredRuns
from neurotranscoder.train.recipe import fit_transcoder
from neurotranscoder.train.split import Split

SIMULATED = 10
NOISE = 0.3  # of the sd of the EEG


def one_of_many(number: int, *, runs: StoredRuns[AlignedRun]) -> AlignedRun:
    """Return a copy of a run, with noise of its own."""
    run = runs[number % len(runs)]
    noise = np.random.default_rng(number).standard_normal(run.eeg.shape)
    return replace(run, eeg=run.eeg + NOISE * run.eeg.std() * noise)


def resident(process: int) -> int:
    """Return the bytes of memory of a process and all its children that are no cached files."""
    folder = Path(f"/proc/{process}")
    try:
        status = (folder / "status").read_text()
        children = (folder / f"task/{process}/children").read_text().split()
    except OSError:
        return 0
    [own] = [line.split()[1] for line in status.splitlines() if line.startswith("RssAnon")]
    return 1024 * int(own) + sum(resident(int(child)) for child in children)


class Peak:
    """The largest memory of this process and its children while a context lasts."""

    def __init__(self) -> None:
        self.bytes = 0
        self._done = threading.Event()

    def __enter__(self) -> Peak:
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.1):
            self.bytes = max(self.bytes, resident(os.getpid()))


def fit(
    runs: StoredRuns[AlignedRun], n_runs: int, arguments: argparse.Namespace, answer: Connection
) -> None:
    """Fit to many runs; answer with seconds and bytes."""
    plan = BenchmarkPlan(scenarios=(arguments.scenario,), train_runs=n_runs)
    settings = plan.train.model_copy(update={"architecture": arguments.architecture})
    n_known = plan.counts[0]
    with pool(arguments.jobs) as spread, scratch_folder(runs.folder) as folder:
        many = StoredRuns.of(partial(one_of_many, runs=runs), range(n_runs), folder, spread=spread)
        names = tuple(str(number) for number in range(n_runs))
        split = Split(names[:n_known], names[n_known:], ("unseen",))
        start = time.perf_counter()
        with Peak() as peak:
            fit_transcoder(many[:n_known], many[n_known:], split, settings)
        answer.send((time.perf_counter() - start, peak.bytes))


def main() -> None:
    """Print a line of JSON for each number of runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, nargs="+", default=[30, 300])
    parser.add_argument("--architecture", default="closed_form")
    parser.add_argument("--scenario", default="interleave5-snr10")
    parser.add_argument("--geometry-seed", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    plan = BenchmarkPlan(
        scenarios=(arguments.scenario,),
        geometry_seeds=(arguments.geometry_seed,),
        train_runs=SIMULATED,
        test_runs=1,
    )
    [world_plan] = plan.worlds()
    context = multiprocessing.get_context("spawn")
    first: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with open_world(world_plan, plan.align, folder) as world:
            runs = StoredRuns.of(_same, (*world.training, *world.validation), folder)
        for n_runs in arguments.runs:
            here, there = context.Pipe(duplex=False)
            process = context.Process(target=fit, args=(runs, n_runs, arguments, there))
            process.start()
            there.close()
            seconds, peak = here.recv()
            process.join()
            line = {"runs": n_runs, "seconds": seconds, "peak_gib": peak / 2**30}
            first = first or line
            ratios = {f"{key}_ratio": value / first[key] for key, value in line.items()}
            facts = {"architecture": arguments.architecture, "jobs": arguments.jobs}
            print(json.dumps(facts | {k: round(v, 3) for k, v in (line | ratios).items()}))


def _same(run: AlignedRun) -> AlignedRun:
    return run


if __name__ == "__main__":
    main()
