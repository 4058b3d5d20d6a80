"""Place EEG on the scanner clock: a line through the volume triggers, or a declared start."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from neurotranscoder.core.errors import ClockError
from neurotranscoder.core.recording import Clock
from neurotranscoder.core.settings import Settings

_PAUSE = 10  # volumes without a trigger: a scan may have ended


class SyncSettings(Settings):
    """When volume triggers are good enough."""

    max_residual: float = 5e-3
    """Largest standard deviation of the triggers around the line, in seconds."""
    max_error: float = 1e-3
    """Largest alignment error at the ends of a run (2.5 standard errors), in seconds."""
    max_drift_ppm: float = 500.0
    """Largest difference between the EEG clock and the TR, in parts per million."""
    min_share: float = 0.5
    """Smallest share of the volumes that need a trigger."""
    n_triggers_before: int | None = None
    """Triggers before the first stored volume (discarded volumes); None: triggers and volumes
    have to span the same time."""


@dataclass(frozen=True, slots=True)
class ClockReport:
    """A clock and what had to be repaired to measure it, in words."""

    clock: Clock
    notes: tuple[str, ...]


def fit_clock(
    trigger_times: Float[ndarray, " triggers"],
    *,
    tr: float,
    n_volumes: int,
    resolution: float = 0.0,
    settings: SyncSettings | None = None,
) -> Clock:
    """Return the clock of `measure_clock` without its notes."""
    report = measure_clock(
        trigger_times, tr=tr, n_volumes=n_volumes, resolution=resolution, settings=settings
    )
    return report.clock


def measure_clock(
    trigger_times: Float[ndarray, " triggers"],
    *,
    tr: float,
    n_volumes: int,
    resolution: float = 0.0,
    settings: SyncSettings | None = None,
) -> ClockReport:
    """Fit a line through volume triggers; repair what is certain, refuse what is not.

    Parameters
    ----------
    trigger_times : array, shape (triggers,)
        Times of the triggers on the EEG clock, in seconds, in any order.
    tr : float
        Time from one volume to the next on the scanner clock, in seconds.
    n_volumes : int
        Number of stored volumes.
    resolution : float
        Sample period of the EEG, in seconds; triggers are rounded to it.
    settings : SyncSettings, optional
        What is good enough.

    Returns
    -------
    report : ClockReport
        The clock, and a note for each repair.

    Raises
    ------
    ClockError
        When the triggers do not follow the TR, scatter too much, or leave open which of them
        belongs to the first stored volume.
    """
    limits = settings or SyncSettings()
    times = np.unique(trigger_times[np.isfinite(trigger_times)])
    check_spacing(
        times, tr, limits.max_drift_ppm * 1e-6 * tr + 2 * limits.max_residual + resolution
    )
    index, kept = number_triggers(times, tr)
    notes = [f"{len(times) - len(kept)} stray triggers left out"] if len(kept) < len(times) else []
    times, index, doubled = drop_doubles(times[kept], index, tr)
    if doubled:
        notes.append(f"{doubled} doubled triggers left out")
    volume = _volume_numbers(index, n_volumes, limits.n_triggers_before)
    inside = (volume >= 0) & (volume < n_volumes)
    times, volume = times[inside], volume[inside]
    if not inside.all():
        notes.append(f"{int(np.sum(~inside))} triggers outside the stored volumes left out")
    good = _near_line(times, volume, resolution)
    times, volume = times[good], volume[good]
    if not good.all():
        notes.append(f"{int(np.sum(~good))} displaced triggers left out")
    if len(times) < max(2, limits.min_share * n_volumes):
        raise ClockError(
            f"{len(times)} of {n_volumes} volumes have a trigger; need at least "
            f"{limits.min_share:.0%}; check study.trigger_name, or "
            "declare the clock with study.clock.eeg_start"
        )
    if len(times) < n_volumes:
        notes.append(f"{n_volumes - len(times)} of {n_volumes} triggers missing")
    return ClockReport(_line(times, volume, tr, resolution, limits), tuple(notes))


def declared_clock(eeg_start: float) -> Clock:
    """Return a clock whose EEG starts at a scanner time that the user declares, in seconds."""
    if not np.isfinite(eeg_start):
        raise ClockError(f"eeg_start is {eeg_start}; need a finite number of seconds")
    return Clock("declared", eeg_start)


def check_spacing(times: Float[ndarray, " times"], tr: float, tolerance: float) -> None:
    """Refuse triggers whose usual spacing is not the TR."""
    steps = np.diff(times)
    steps = steps[steps > 0.05 * tr]
    spacing = float(np.median(steps)) if len(steps) else float("nan")
    if not abs(spacing - tr) <= tolerance:
        raise ClockError(
            f"{len(times)} triggers follow each other every {spacing:.4f} s; need every {tr:.4f} "
            "s (the TR); check RepetitionTime and study.trigger_name, or "
            "declare the clock with study.clock.eeg_start"
        )


def number_triggers(
    times: Float[ndarray, " times"], tr: float
) -> tuple[Int[ndarray, " kept"], Int[ndarray, " kept"]]:
    """Return volume numbers relative to the first kept trigger, and which triggers are kept.

    Each trigger is compared with the last kept one, so a slow drift never adds up; a trigger
    that is not a whole number of TR later (to 5 %) is a stray. The first trigger may be one:
    of the first five starts, the one that keeps most triggers wins.
    """
    best: tuple[list[int], list[int]] = ([], [])
    for start in range(min(5, len(times))):
        index, kept = [0], [start]
        for i in range(start + 1, len(times)):
            step = (times[i] - times[kept[-1]]) / tr
            if abs(step - round(step)) < 0.05:
                index.append(index[-1] + round(step))
                kept.append(i)
        if len(kept) > len(best[1]):
            best = (index, kept)
    return np.asarray(best[0], dtype=np.int64), np.asarray(best[1], dtype=np.int64)


def drop_doubles(
    times: Float[ndarray, " times"], index: Int[ndarray, " times"], tr: float
) -> tuple[Float[ndarray, " single"], Int[ndarray, " single"], int]:
    """Keep, of triggers with the same number, the one nearest to the line through the others."""
    single = np.isin(index, index[np.append(True, np.diff(index) > 0)])
    counts = np.bincount(index)
    alone = counts[index] == 1
    offset = float(np.median((times - tr * index)[alone] if alone.any() else times - tr * index))
    slope = tr
    if alone.sum() >= 2:
        slope, offset = np.polyfit(index[alone], times[alone], 1)
    order = np.lexsort((np.abs(times - offset - slope * index), index))
    first = order[np.append(True, np.diff(index[order]) > 0)]
    return times[first], index[first], int(np.sum(single)) - len(first)


def _volume_numbers(
    index: Int[ndarray, " triggers"], n_volumes: int, n_before: int | None
) -> Int[ndarray, " triggers"]:
    """Return the stored volume that each trigger belongs to; refuse when that is open."""
    if n_before is not None:
        return index - n_before
    n_spanned = int(index[-1] - index[0]) + 1
    if n_spanned != n_volumes:
        more = "fewer" if n_spanned < n_volumes else "more"
        parts = np.split(index, np.flatnonzero(np.diff(index) > _PAUSE) + 1)
        sizes = ", ".join(str(len(part)) for part in parts)
        several = "if they are several runs, take the run label out of the name of the EEG file"
        pauses = f" (in {len(parts)} stretches of {sizes}: {several})" if len(parts) > 1 else ""
        raise ClockError(
            f"triggers span {n_spanned} volumes, {abs(n_spanned - n_volumes)} {more} than the "
            f"{n_volumes} that are stored{pauses}; need to know which of them is the first; set "
            "study.sync.n_triggers_before to the number of triggers before the first stored volume"
        )
    return index


def _near_line(
    times: Float[ndarray, " triggers"], volume: Int[ndarray, " triggers"], resolution: float
) -> Bool[ndarray, " triggers"]:
    """Return which triggers lie near a line that a few displaced ones cannot move (Theil-Sen)."""
    if len(times) < 5:
        return np.ones(len(times), dtype=bool)
    half = len(times) // 2
    gaps = volume[half:] - volume[: len(times) - half]
    slope = float(np.median((times[half:] - times[: len(times) - half]) / gaps))
    residual = times - slope * volume
    residual -= np.median(residual)
    scatter = 1.4826 * float(np.median(np.abs(residual)))
    return np.asarray(np.abs(residual) <= 6 * scatter + max(1e-3, 2 * resolution))


def _line(
    times: Float[ndarray, " triggers"],
    volume: Int[ndarray, " triggers"],
    tr: float,
    resolution: float,
    limits: SyncSettings,
) -> Clock:
    """Fit ``time = a + b volume`` by least squares and refuse a poor fit."""
    spacing, first = np.polyfit(volume, times, 1)
    residual = times - first - spacing * volume
    spread = float(np.sqrt(np.sum(residual**2) / max(1, len(times) - 2)))
    drift_ppm = (tr / spacing - 1) * 1e6
    jitter = np.sqrt(max(0.0, spread**2 - (resolution / 2) ** 2))
    error = 2.5 * 2 * jitter / np.sqrt(len(times))
    if jitter > limits.max_residual or error > limits.max_error:
        raise ClockError(
            f"triggers scatter by {spread * 1e3:.2f} ms around a line, an alignment error of up "
            f"to {error * 1e3:.2f} ms; need at most {limits.max_residual * 1e3:g} ms and "
            f"{limits.max_error * 1e3:g} ms; check the triggers, or "
            "declare the clock with study.clock.eeg_start"
        )
    if abs(drift_ppm) > limits.max_drift_ppm:
        raise ClockError(
            f"triggers come every {spacing:.6f} s for a TR of {tr:.6f} s, a drift of "
            f"{drift_ppm:.0f} ppm; need at most {limits.max_drift_ppm:g} ppm; check RepetitionTime"
        )
    return Clock("measured", -first * tr / spacing, drift_ppm, spread, len(times))
