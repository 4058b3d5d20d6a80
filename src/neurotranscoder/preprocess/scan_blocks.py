"""Scan blocks of one EEG recording: found by the gaps between triggers, matched with runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.errors import ClockError
from neurotranscoder.preprocess.sync import number_triggers

FEWEST_VOLUMES = 3
LONGEST_GAP = 10  # volumes without a trigger within a block
OFF_BEAT = 5e-3  # s: later than that by the TR after a gap, a new scan has begun
_MISSING = 1.5  # TR between triggers: one is missing, or a scan has ended


@dataclass(frozen=True, slots=True)
class ScanBlock:
    """Triggers of one scan on the clock of the EEG: first and last, in s, and volumes spanned."""

    first: float
    last: float
    n_volumes: int

    def __str__(self) -> str:
        return f"{self.n_volumes} volumes at {self.first:.1f}-{self.last:.1f} s"


def split_blocks(times: Float[ndarray, " triggers"], tr: float) -> list[Float[ndarray, " _"]]:
    """Cut triggers where no volume came for long, or the next one is off the beat.

    Stray triggers neither make a cut nor hide one.

    Parameters
    ----------
    times : array, shape (triggers,)
        Seconds, sorted.
    tr : float
        Time from one volume to the next, in s.
    """
    steps = np.diff(times) / tr
    late = np.abs(steps - np.rint(steps)) * tr > OFF_BEAT
    cuts = np.flatnonzero((steps > _MISSING) & (late | (steps > LONGEST_GAP))) + 1
    parts: list[Float[ndarray, " _"]] = []
    for part in np.split(times, cuts):
        if parts and _goes_on(parts[-1], part, tr):
            parts[-1] = np.concatenate([parts[-1], part])
        else:
            parts.append(part)
    return parts


def _goes_on(one: Float[ndarray, " before"], other: Float[ndarray, " after"], tr: float) -> bool:
    """Return whether volumes after a gap belong to the scan before it, strays aside."""
    if not len(one) or not len(other):
        return False
    last, first = one[number_triggers(one, tr)[1][-1]], other[number_triggers(other, tr)[1][0]]
    step = (first - last) / tr
    return bool(step <= LONGEST_GAP and abs(step - round(step)) * tr <= OFF_BEAT)


def find_blocks(times: Float[ndarray, " triggers"], tr: float) -> tuple[ScanBlock, ...]:
    """Return the scan blocks among the volume triggers of a recording.

    Parameters
    ----------
    times : array, shape (triggers,)
        Seconds on the clock of the EEG, in any order.
    tr : float
        Time from one volume to the next, in s.
    """
    found = []
    for part in split_blocks(np.unique(times[np.isfinite(times)]), tr):
        index, kept = number_triggers(part, tr)
        if len(kept) >= FEWEST_VOLUMES:
            first, last = float(part[kept[0]]), float(part[kept[-1]])
            found.append(ScanBlock(first, last, int(index[-1]) + 1))
    return tuple(found)


def refuse_several(times: Float[ndarray, " triggers"], tr: float, n_volumes: int) -> None:
    """Refuse triggers of several scans that could each be the one run of an EEG file.

    Raises
    ------
    ClockError
        With all scans.
    """
    blocks = find_blocks(times, tr)
    if sum(block.n_volumes == n_volumes for block in blocks) > 1:
        raise ClockError(
            f"the EEG of one run of {n_volumes} volumes holds {len(blocks)} scans "
            f"({', '.join(map(str, blocks))}); need to know which of them it is; where they are "
            "runs of the same task, take the run label out of the name of the EEG file or set "
            "study.blocks to the run label of each ('' for none); else cut the recording"
        )


def assign_blocks(
    blocks: Sequence[ScanBlock],
    runs: Sequence[str],
    counts: Sequence[int],
    *,
    stated: Sequence[str] = (),
    n_before: int | None = None,
) -> tuple[int, ...]:
    """Return the block of each run.

    As many blocks as runs of the same numbers of volumes are taken in order. Where there are more
    blocks, runs get the only ones that have their numbers of volumes in this order.

    Parameters
    ----------
    blocks : sequence of ScanBlock
        In time.
    runs : sequence of str
        Labels of the runs, in their order.
    counts : sequence of int
        Stored volumes of each run.
    stated : sequence of str
        The run of each block, '' for those that are of none; empty to match them by volumes.
    n_before : int, optional
        Triggers before the first stored volume; then numbers of volumes do not count where there
        are as many blocks as runs.

    Raises
    ------
    ClockError
        When no assignment fits, or several do.
    """
    if stated:
        return _as_stated(blocks, runs, counts, stated)
    if n_before is not None and len(blocks) == len(runs):
        return tuple(range(len(runs)))
    fitting = [
        chosen
        for chosen in combinations(range(len(blocks)), len(runs))
        if all(blocks[at].n_volumes == n for at, n in zip(chosen, counts, strict=True))
    ]
    if len(fitting) == 1:
        return fitting[0]
    what = "no order of blocks fits" if not fitting else f"{len(fitting)} choices of blocks fit"
    raise ClockError(
        f"{what}: {_facts(blocks, runs, counts)}; need a block for each run, in their order and "
        "with as many volumes; set study.blocks to the run label of each block ('' for none), or "
        "give each run an EEG file of its own"
    )


def _as_stated(
    blocks: Sequence[ScanBlock], runs: Sequence[str], counts: Sequence[int], stated: Sequence[str]
) -> tuple[int, ...]:
    """Return the block of each run as stated, or refuse it."""
    labels = [label for label in stated if label]
    if len(stated) != len(blocks) or sorted(labels) != sorted(runs):
        raise ClockError(
            f"study.blocks states {list(stated)}, and there are {_facts(blocks, runs, counts)}; "
            "need the run label of each block, '' for those of no run, and each run once; correct "
            "study.blocks"
        )
    return tuple(list(stated).index(run) for run in runs)


def _facts(blocks: Sequence[ScanBlock], runs: Sequence[str], counts: Sequence[int]) -> str:
    """Return what there is: blocks and runs, with their volumes."""
    found = ", ".join(f"{i}: {block}" for i, block in enumerate(blocks, 1)) or "none"
    wanted = ", ".join(f"run-{run} of {n}" for run, n in zip(runs, counts, strict=True))
    return f"the EEG has {len(blocks)} blocks ({found}), BOLD has {wanted} volumes"
