"""A simulated world at the group resolution: its runs, and the truth that they came from."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy import ndarray

from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.core.recording import RunId
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.benchmark.plan import WorldPlan
from neurotranscoder.evaluate.methods.protocol import Knowledge
from neurotranscoder.evaluate.scoring import HeldOut
from neurotranscoder.evaluate.truths import with_details, with_truth
from neurotranscoder.io.scratch import scratch_folder
from neurotranscoder.physics.head import build_head
from neurotranscoder.preprocess.align import AlignSettings, align, common_blocks
from neurotranscoder.simulate.cohort import Cohort, make_cohort
from neurotranscoder.simulate.draw import DrawnSources, draw_events, draw_sources
from neurotranscoder.simulate.run import simulate_run_of
from neurotranscoder.simulate.truth import Truth

IN_MEMORY = 2_000_000_000
"""Bytes of aligned runs that a world holds in memory; larger ones are mapped from files."""

Report = Callable[[str], None]


@dataclass(slots=True)
class Keeper:
    """Where large arrays are kept: in memory, or in files of a folder that are mapped."""

    folder: Path | None = None
    count: int = field(default=0, init=False)

    def array(self, values: ndarray) -> ndarray:
        """Return the same values; writing to them never changes the file."""
        if self.folder is None:
            return values
        path = self.folder / f"{self.count}.npy"
        self.count += 1
        np.save(path, values, allow_pickle=False)
        return np.asarray(np.load(path, mmap_mode="c", allow_pickle=False))

    def run(self, run: AlignedRun) -> AlignedRun:
        """Return the same run, its signals kept."""
        if self.folder is None:
            return run
        cells = replace(run.cells, data=self.array(run.cells.data))
        power = None if run.power is None else self.array(run.power)
        signals = self.array(run.eeg), self.array(run.bold)
        return replace(run, eeg=signals[0], bold=signals[1], cells=cells, power=power)


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """All runs of a world, shared out, and its truth.

    Parameters
    ----------
    plan : WorldPlan
        What was simulated.
    training, validation : tuple of AlignedRun
        Runs to fit and to choose on.
    test : tuple of HeldOut
        Runs that are scored, with their true sources.
    truth : Truth
        Of all runs.
    keeper : Keeper
        Where further large arrays go.
    """

    plan: WorldPlan
    training: tuple[AlignedRun, ...]
    validation: tuple[AlignedRun, ...]
    test: tuple[HeldOut, ...]
    truth: Truth
    keeper: Keeper

    def knowledge(self) -> Knowledge:
        """Return what informed methods are given: sources of training and validation alone."""
        known = tuple(run.run for run in (*self.training, *self.validation))
        truth = replace(self.truth, runs=known)
        training, validation = (
            tuple(map(self._kept, with_truth(runs, truth)))
            for runs in (self.training, self.validation)
        )
        return Knowledge(truth, training, validation)

    def _kept(self, run: HeldOut) -> HeldOut:
        """Return a run whose true sources are kept as large arrays are."""
        return run if run.sources is None else replace(run, sources=self.keeper.array(run.sources))


@contextmanager
def open_world(
    plan: WorldPlan,
    settings: AlignSettings,
    folder: Path,
    *,
    in_memory: int = IN_MEMORY,
    cohort: Cohort | None = None,
) -> Iterator[World]:
    """Simulate a world; it is there within the context only.

    Runs are simulated and aligned one after the other, and recordings dropped.

    Parameters
    ----------
    plan : WorldPlan
        Scenario and split.
    settings : AlignSettings
        The group resolution.
    folder : Path
        Where files of a large world are put while it is open.
    in_memory : int
        Bytes up to which its runs are held in memory; the results are the same.
    cohort : Cohort, optional
        The brains of the scenario where they are no ordinary ones.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with scratch_folder(folder) as scratch:
        if cohort is None:
            cohort = make_cohort(plan.scenario, build_head(plan.scenario.head))
        yield _simulate(plan, cohort, settings, scratch, in_memory)


def _simulate(
    plan: WorldPlan, cohort: Cohort, settings: AlignSettings, scratch: Path, in_memory: int
) -> World:
    """Simulate all runs of a world."""
    scenario, split = plan.scenario, plan.split
    by_label = {run.label: run for run in scenario.run_ids}
    labels = (*split.training, *split.validation, *split.test)
    keeper, blocks = Keeper(), None
    runs: dict[str, AlignedRun] = {}
    for label in labels:
        run, blocks = _aligned(cohort, by_label[label], blocks, settings)
        if not runs and len(labels) * _size(run) > in_memory:
            keeper.folder = scratch
        runs[label] = keeper.run(run)
    draw = functools.lru_cache(maxsize=8)(functools.partial(_drawn, cohort))
    truth = Truth(cohort, tuple(by_label[label] for label in labels), draw)
    training, validation, test = (
        tuple(runs[label] for label in part)
        for part in (split.training, split.validation, split.test)
    )
    scored = tuple(with_details(with_truth(test, truth), truth))
    return World(plan, training, validation, scored, truth, keeper)


def _aligned(
    cohort: Cohort, run: RunId, blocks: BlockMap | None, settings: AlignSettings
) -> tuple[AlignedRun, BlockMap]:
    """Simulate one run and bring it to the blocks; those of the first run are everybody's."""
    recording = simulate_run_of(cohort, *cohort.scenario.numbers_of(run)).recording
    if blocks is None:
        blocks = common_blocks([recording.bold], settings)
    return align(recording, blocks, settings), blocks


def _drawn(cohort: Cohort, run: RunId) -> DrawnSources:
    """Draw the sources of a run again: they are a function of scenario and seed."""
    subject, number = cohort.scenario.numbers_of(run)
    events = draw_events(cohort.scenario, subject, number)
    return draw_sources(cohort, events, subject, number)


def _size(run: AlignedRun) -> int:
    """Return the bytes of a run's signals."""
    signals = (run.eeg, run.bold, run.cells.data, run.power)
    return sum(values.nbytes for values in signals if values is not None)
