"""EEG files that hold several runs: BOLD has a file for each, EEG one for all of them.

BIDS has no rule for it. Ours: an EEG file without a run label is shared by the BOLD runs of its
subject, session and task that have one, if it is the only EEG file there, and no BOLD file lacks
a run label as well. Where blocks are stated (`study.blocks`), its own run label does not count.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from neurotranscoder.core.recording import RunId


@dataclass(frozen=True, slots=True)
class BoldFile:
    """The images of one of the runs that share an EEG file, and their JSON metadata."""

    run: RunId
    path: Path
    metadata: dict[str, object]


def shared_eegs(
    eegs: Collection[RunId], bolds: Collection[RunId], *, stated: bool
) -> dict[RunId, RunId]:
    """Return which EEG file each BOLD run has that shares one.

    Parameters
    ----------
    eegs, bolds : collection of RunId
        The runs that files are named after.
    stated : bool
        Whether the blocks of EEG files are stated.
    """
    groups: dict[tuple[str, str, str], list[RunId]] = defaultdict(list)
    for eeg in eegs:
        groups[eeg.subject, eeg.session, eeg.task].append(eeg)
    found = {}
    for bold in bolds:
        beside = groups[bold.subject, bold.session, bold.task]
        if len(beside) == 1 and bold.run:
            eeg = beside[0]
            unlabelled = not eeg.run and eeg not in bolds
            if unlabelled or (stated and eeg.run):
                found[bold] = eeg
    return found


def in_order(runs: Collection[RunId]) -> list[RunId]:
    """Return runs in the order of their labels, as numbers where they are."""

    def place(run: RunId) -> tuple[int, int, str]:
        is_number = run.run.isdecimal()
        return (0 if is_number else 1, int(run.run) if is_number else 0, run.run)

    return sorted(runs, key=place)
