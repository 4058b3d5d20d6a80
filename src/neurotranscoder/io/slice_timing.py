"""When slices were acquired, from the sidecar of a BOLD file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.axes import VolumeAxis
from neurotranscoder.core.errors import GridError, Problem, StudyError

TR_TOLERANCE = 1e-3


def volume_axis(
    path: Path, sidecar: Mapping[str, object], header_tr: float, sizes: tuple[int, int]
) -> VolumeAxis:
    """Return when each slice of each volume was acquired.

    Parameters
    ----------
    path : Path
        File of the images, for the message.
    sidecar : mapping
        Its metadata: RepetitionTime; SliceTiming, or SliceTimingCorrected and StartTime.
    header_tr : float
        Repetition time in the header, in seconds; it has to agree with the sidecar.
    sizes : tuple of int
        Number of slices and of volumes.

    Returns
    -------
    volumes : VolumeAxis
        Its ``slice_times`` follow the slices as they are stored.

    Raises
    ------
    StudyError
        With everything that is missing or contradictory.
    """
    n_slices, n_volumes = sizes
    tr = _number(sidecar.get("RepetitionTime"))
    problems = []
    if not abs(tr - header_tr) <= TR_TOLERANCE:
        got = f"{sidecar.get('RepetitionTime', 'nothing')} s in the sidecar, {header_tr:g} s in "
        cure = "correct whichever is wrong (pixdim[4] or RepetitionTime)"
        problems.append(
            Problem(str(path), "RepetitionTime", got + "the header", "the same TR in both", cure)
        )
    times = _slice_times(path, sidecar, n_slices)
    if isinstance(times, Problem):
        problems.append(times)
    if problems or isinstance(times, Problem):
        raise StudyError(problems)
    try:
        return VolumeAxis(tr, n_volumes, times)
    except GridError as error:
        needed = "a TR of 0.1-20 s, at least 2 volumes, slice times within the TR"
        cure = "check the unit (ms written as s?)"
        problem = Problem(str(path), "RepetitionTime, SliceTiming", str(error), needed, cure)
        raise StudyError([problem]) from error


def _slice_times(
    path: Path, sidecar: Mapping[str, object], n_slices: int
) -> Float[ndarray, " slices"] | Problem:
    """Return the time of every slice, or why it is not known."""
    if sidecar.get("SliceTimingCorrected") is True:
        start = _number(sidecar.get("StartTime"))
        if np.isfinite(start):
            return np.full(n_slices, start)
        got, cure = "SliceTimingCorrected alone", "add the time that slices were moved to"
        return Problem(str(path), "StartTime", got, "StartTime, in s", cure)
    stored = sidecar.get("SliceTiming")
    if not isinstance(stored, list):
        needed = "SliceTiming, or SliceTimingCorrected: true and StartTime"
        return Problem(str(path), "SliceTiming", "nothing", needed, "add it to the sidecar")
    times = np.asarray([_number(value) for value in stored], dtype=np.float64)
    if len(times) != n_slices or not np.all(np.isfinite(times)):
        got = f"{int(np.sum(np.isfinite(times)))} numbers"
        needed = f"one per slice ({n_slices})"
        return Problem(str(path), "SliceTiming", got, needed, "correct the sidecar")
    direction = sidecar.get("SliceEncodingDirection", "k")
    if direction not in ("k", "k-"):
        needed, cure = "slices along the third axis ('k')", "reorient images and sidecar"
        return Problem(str(path), "SliceEncodingDirection", repr(direction), needed, cure)
    return times[::-1].copy() if direction == "k-" else times


def _number(value: object) -> float:
    """Return a JSON number as float, NaN for anything else."""
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if plain else float("nan")  # type: ignore[arg-type]
