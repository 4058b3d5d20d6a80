"""What a method scores when EEG and BOLD belong to different runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.scoring import HeldOut

Item = TypeVar("Item")


def rotated(items: Sequence[Item]) -> list[Item]:
    """Return the items moved on by one place: no item keeps its place when there are two."""
    return [*items[1:], *items[:1]]


def wrong_run_pairs(runs: Sequence[AlignedRun]) -> list[AlignedRun]:
    """Return runs in which each EEG stands beside the BOLD of the next run.

    Where lengths differ both are cut to the shorter one.
    """
    pairs = []
    for run, other in zip(runs, rotated(runs), strict=True):
        n_times = min(run.axis.n_times, other.axis.n_times)
        pairs.append(
            replace(
                run,
                eeg=run.eeg[:, :n_times],
                power=None if run.power is None else run.power[..., :n_times],
                bold=other.bold[:, :n_times],
                cells=other.cells,
                axis=replace(run.axis, n_times=n_times),
            )
        )
    return pairs


def wrong_run_truths(runs: Sequence[HeldOut]) -> list[HeldOut]:
    """Return held-out runs in which everything measured or true is that of the next run.

    Predictions made for a run are then scored against a run with another random design.
    """
    return rotated(runs)
