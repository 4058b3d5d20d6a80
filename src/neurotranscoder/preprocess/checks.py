"""What can be wrong with the signals of a study, each as a problem that names its cure."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import GridError, Problem, StudyError
from neurotranscoder.core.recording import Bold, Clock, Eeg, RunId

T = TypeVar("T")


def eeg_problems(path: Path, eeg: Eeg, max_eeg: float) -> list[Problem]:
    """Return what is wrong with the samples of EEG: NaN, flat channels, a wrong unit."""
    problems = [*_not_finite(path, eeg), *_flat(path, eeg)]
    deviation = np.abs(eeg.data - np.median(eeg.data, axis=1, keepdims=True))
    size = float(np.nanmedian(deviation)) if not np.all(np.isnan(deviation)) else 0.0
    if size > max_eeg:
        got = f"a median deviation of {size:.3g} V"
        cure = "correct the unit in the header (microvolts read as volts?)"
        problems.append(Problem(str(path), "unit", got, f"at most {max_eeg:g} V", cure))
    return problems


def refuse_unreadable(path: Path, eeg: Eeg) -> None:
    """Refuse EEG that no cleaning can make good: NaN, or channels that are all flat.

    Raises
    ------
    StudyError
        With the channels.
    """
    flat = _flat(path, eeg) if not np.any(np.ptp(eeg.data, axis=1)) else []
    if problems := [*_not_finite(path, eeg), *flat]:
        raise StudyError(problems)


def _not_finite(path: Path, eeg: Eeg) -> list[Problem]:
    """Return what is wrong where samples are NaN or infinite."""
    broken = ~np.all(np.isfinite(eeg.data), axis=1)
    return _of_channels(path, eeg, broken, "NaN", "finite numbers")


def _flat(path: Path, eeg: Eeg) -> list[Problem]:
    """Return what is wrong where channels never move."""
    flat = np.ptp(eeg.data, axis=1) == 0
    return _of_channels(path, eeg, flat, "one constant value", "signals that vary")


def _of_channels(
    path: Path, eeg: Eeg, which: Bool[ndarray, " channels"], got: str, needed: str
) -> list[Problem]:
    """Return one problem of some channels, if there are any."""
    names = np.asarray(eeg.montage.names)[which].tolist()
    cure = (
        "give them another type in channels.tsv (what a run lacks is interpolated), or leave them "
        "out of all runs with study.exclude_channels"
    )
    return [Problem(str(path), "channels", f"{got} in {names}", needed, cure)] if names else []


def hole_words(bold: Bold) -> tuple[str, ...]:
    """Return what to keep in mind where voxels amid the brain are NaN; else nothing."""
    if not bold.n_holes:
        return ()
    plural = "s amid the brain are" if bold.n_holes > 1 else " amid the brain is"
    return (
        f"{bold.n_holes} voxel{plural} NaN: holes of its mask, and 0 where images are resampled; "
        "restore the images if there should be signal",
    )


def length_problems(path: Path, eeg: Eeg, bold: Bold) -> list[Problem]:
    """Return a problem when EEG is too short to cover BOLD, whatever the clock."""
    lasts, needed = eeg.data.shape[1] / eeg.sfreq, bold.volumes.duration
    if lasts >= needed - bold.volumes.tr:
        return []
    got, wanted = f"{lasts:.3f} s of EEG", f"{needed:.3f} s, as long as BOLD"
    return [Problem(str(path), "duration", got, wanted, "crop BOLD, or restore the EEG")]


def span_problems(path: Path, eeg: Eeg, bold: Bold, clock: Clock) -> list[Problem]:
    """Return a problem when EEG begins after BOLD, or ends more than one TR before it."""
    tr, end = bold.volumes.tr, bold.volumes.duration
    times = clock.scanner_times(eeg.data.shape[1] + 1, eeg.sfreq)
    if times[0] <= 1 / eeg.sfreq and times[-1] >= end - tr:
        return []
    got = f"EEG spans {times[0]:.3f}-{times[-1]:.3f} s on the scanner clock"
    needed = f"0.000-{end:.3f} s (BOLD), at the end to within one TR of {tr:g} s"
    cure = "crop BOLD, restore the EEG, or correct the clock"
    return [Problem(str(path), "duration", got, needed, cure)]


class Kind(NamedTuple):
    """What all runs of a study have to have in common; None where a run has no such modality."""

    grid: VoxelGrid | None
    names: tuple[str, ...] | None


def disagreements(seen: Mapping[RunId, Kind]) -> list[Problem]:
    """Return runs whose grid or channels differ from those that most subjects have."""
    grids = {run: kind.grid for run, kind in seen.items() if kind.grid is not None}
    caps = {run: kind.names for run, kind in seen.items() if kind.names is not None}
    return [*other_grids(grids), *_other_channels(caps)]


def other_grids(grids: Mapping[RunId, VoxelGrid]) -> list[Problem]:
    """Return a problem for each run whose grid is not that of most subjects."""
    problems: list[Problem] = []
    if not grids:
        return problems
    usual = _usual(grids, VoxelGrid.matches)
    grid = grids[usual]
    for run, other in sorted(grids.items()):
        if not grid.matches(other):
            got = f"{other.shape} at {other.voxel_to_world[:3, 3]}"
            needed = f"{grid.shape} at {grid.voxel_to_world[:3, 3]}, as in {usual}"
            cure = "resample all images to one space first (fMRIPrep), or restrict participants"
            problems.append(Problem(str(run), "voxel grid", got, needed, cure))
    return problems


def _other_channels(caps: Mapping[RunId, tuple[str, ...]]) -> list[Problem]:
    """Return a problem for each run whose channels are not those of most subjects."""
    problems: list[Problem] = []
    if not caps:
        return problems
    usual = _usual(caps, tuple.__eq__)
    wanted = caps[usual]
    for run, names in sorted(caps.items()):
        if names != wanted:
            different = sorted(set(names) ^ set(wanted)) or "another order"
            needed = f"the channels of {usual}"
            cure = (
                "bring all runs to one set with study.channels = 'most', or leave channels out "
                "with study.exclude_channels"
            )
            problems.append(Problem(str(run), "channels", f"{different}", needed, cure))
    return problems


def _usual(things: Mapping[RunId, T], same: Callable[[T, T], bool]) -> RunId:
    """Return the first run of those that have what most subjects have."""
    alike = {
        one: {run.subject for run, other in things.items() if same(thing, other)}
        for one, thing in sorted(things.items())
    }
    return max(alike, key=lambda run: len(alike[run]))


def relative_to(root: Path, problems: Iterable[Problem]) -> list[Problem]:
    """Return problems whose files are named relative to the data set."""
    prefix = f"{root}/"
    return [dataclasses.replace(p, where=p.where.removeprefix(prefix)) for p in problems]


def refuse_not_finite(what: str, values: Float[ndarray, "*axes"]) -> None:
    """Refuse signals or images with NaN or infinite samples.

    Raises
    ------
    GridError
        With their number.
    """
    broken = values.size - int(np.isfinite(values).sum())
    if broken:
        raise GridError(
            f"{what} holds {broken} samples that are not finite; repair or interpolate them first"
        )
