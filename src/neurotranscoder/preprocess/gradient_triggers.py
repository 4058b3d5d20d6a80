"""From volume triggers with faults to the nominal start of every volume of every scan block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from neurotranscoder.core.errors import CleaningError
from neurotranscoder.preprocess.scan_blocks import (
    FEWEST_VOLUMES,
    LONGEST_GAP,
    OFF_BEAT,
    split_blocks,
)
from neurotranscoder.preprocess.sync import (
    SyncSettings,
    check_spacing,
    drop_doubles,
    number_triggers,
)

_DISPLACED = 2e-3  # s


@dataclass(frozen=True, slots=True, eq=False)
class Volumes:
    """Volumes of a recording, at places that are nominal or were aligned.

    Parameters
    ----------
    starts : array, shape (volumes,)
        Where volumes begin, in samples of the EEG.
    number : array of int, shape (volumes,)
        Place of each in its block, in TRs after the block's first trigger.
    block : array of int, shape (volumes,)
        Scan block of each, from 0.
    notes : tuple of str
        What was repaired, in words.
    """

    starts: Float[ndarray, " volumes"]
    number: Int[ndarray, " volumes"]
    block: Int[ndarray, " volumes"]
    notes: tuple[str, ...]


def volumes_of_triggers(
    trigger_times: Float[ndarray, " triggers"], *, tr: float, sfreq: float
) -> Volumes:
    """Find scan blocks among triggers; fill what is missing, drop what is too much.

    Where triggers of a block lie on a line but for some, the line counts, since the scanner is
    regular; where they do not, each trigger does.

    Parameters
    ----------
    trigger_times : array, shape (triggers,)
        Seconds after the first EEG sample, in any order.
    tr : float
        Time from one volume to the next, in s.
    sfreq : float
        Sampling frequency of the EEG, in Hz.

    Raises
    ------
    ClockError
        When the usual spacing of triggers is not the TR.
    CleaningError
        When no block has enough volumes.
    """
    limits = SyncSettings()
    times = np.unique(trigger_times[np.isfinite(trigger_times)])
    tolerance = limits.max_drift_ppm * 1e-6 * tr + 2 * limits.max_residual + 1 / sfreq
    check_spacing(times, tr, tolerance)
    starts: list[Float[ndarray, " volumes"]] = []
    numbers: list[Int[ndarray, " volumes"]] = []
    notes = _Notes()
    for found, index in _blocks(times, tr, notes):
        found, index, n_doubled = drop_doubles(found, index, tr)
        notes.doubled += n_doubled
        if len(found) < FEWEST_VOLUMES:
            notes.stray += len(found)
            continue
        number = np.arange(index[0], index[-1] + 1)
        notes.missing += len(number) - len(index)
        numbers.append(number - index[0])
        starts.append(sfreq * _nominal(found, index, number, notes))
    if not starts:
        raise CleaningError(
            f"{len(times)} triggers are no scan: no {FEWEST_VOLUMES} of them follow each other "
            f"every {tr:g} s (the TR); check the triggers and the TR"
        )
    block = np.repeat(np.arange(len(starts)), [len(number) for number in numbers])
    return Volumes(
        np.concatenate(starts), np.concatenate(numbers), block, notes.words(len(starts))
    )


def robust_line(number: Int[ndarray, " points"], values: Float[ndarray, " points"]) -> np.poly1d:
    """Return the line through points that a few outliers cannot move (Theil-Sen, paired halves).

    Parameters
    ----------
    number : array of int, shape (points,)
        Ascending.
    values : array, shape (points,)
        Any unit.
    """
    half = len(values) // 2
    rise = values[half:] - values[: len(values) - half]
    slope = float(np.median(rise / (number[half:] - number[: len(number) - half])))
    return np.poly1d([slope, float(np.median(values - slope * number))])


@dataclass(slots=True)
class _Notes:
    """Counts of what was repaired."""

    missing: int = 0
    doubled: int = 0
    stray: int = 0
    displaced: int = 0

    def words(self, n_blocks: int) -> tuple[str, ...]:
        """Return what there is to say."""
        said = [f"{n_blocks} scan blocks"] if n_blocks > 1 else []
        said += [f"{self.doubled} doubled triggers left out"] if self.doubled else []
        said += [f"{self.stray} stray triggers left out"] if self.stray else []
        said += [f"{self.missing} missing triggers filled in"] if self.missing else []
        said += [f"{self.displaced} displaced triggers put right"] if self.displaced else []
        return tuple(said)


def _blocks(
    times: Float[ndarray, " times"], tr: float, notes: _Notes
) -> list[tuple[Float[ndarray, " kept"], Int[ndarray, " kept"]]]:
    """Return triggers of each scan block and their numbers; others are strays."""
    found = []
    for part in split_blocks(times, tr):
        found += _blocks_of_part(part, tr, notes)
    return found


def _blocks_of_part(
    times: Float[ndarray, " times"], tr: float, notes: _Notes
) -> list[tuple[Float[ndarray, " kept"], Int[ndarray, " kept"]]]:
    """Return triggers of scans without a clear cut between them, and their numbers."""
    found: list[tuple[Float[ndarray, " kept"], Int[ndarray, " kept"]]] = []
    while len(times):
        index, kept = number_triggers(times, tr)
        notes.stray += int(kept[-1]) + 1 - len(kept)
        steps, volumes = np.diff(times[kept]), np.diff(index)
        late = np.abs(steps - tr * volumes) > OFF_BEAT
        cuts = np.flatnonzero((volumes > 1) & (late | (volumes > LONGEST_GAP))) + 1
        parts = zip(np.split(times[kept], cuts), np.split(index, cuts), strict=True)
        found += list(parts)
        times = times[kept[-1] + 1 :]
    return found


def _nominal(
    times: Float[ndarray, " triggers"],
    index: Int[ndarray, " triggers"],
    number: Int[ndarray, " volumes"],
    notes: _Notes,
) -> Float[ndarray, " volumes"]:
    """Return when volumes of a block begin, in s, by its line where it has one."""
    away = np.abs(times - robust_line(index, times)(index))
    near = away <= _DISPLACED
    if np.median(away) > _DISPLACED / 2:
        return np.asarray(np.interp(number, index, times))
    notes.displaced += int(np.sum(~near))
    return np.asarray(np.polyval(np.polyfit(index[near], times[near], 1), number))
