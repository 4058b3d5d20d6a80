"""Find the markers that the scanner sent at the start of each volume."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.errors import ClockError

REGULAR_WITHIN = 0.02
REGULAR_SHARE = 0.8
AMPLIFIER_NAMES = ("SyncStatus", "New Segment")


def volume_triggers(
    onsets: Float[ndarray, " markers"],
    descriptions: Sequence[str],
    *,
    tr: float,
    n_volumes: int,
    name: str | None = None,
) -> Float[ndarray, " triggers"]:
    """Return the times of the volume triggers among the markers of a recording.

    Vendors name them differently (``R128``, ``T  1``, ``Scanner/Scan Start``), so they are found
    by their spacing: most of them follow each other after one TR.

    Parameters
    ----------
    onsets : array, shape (markers,)
        Times of all markers on the EEG clock, in seconds.
    descriptions : sequence of str
        Their names, such as ``Response/R128``.
    tr : float
        Time from one volume to the next, in seconds.
    n_volumes : int
        Number of stored volumes.
    name : str, optional
        Name of the volume triggers, or its last part, when the spacing does not decide.

    Returns
    -------
    times : array, shape (triggers,)
        Sorted times, in seconds; not repaired.

    Raises
    ------
    ClockError
        When no marker, or more than one, repeats with the TR; every marker is listed.
    """
    chosen = trigger_names(onsets, descriptions, tr=tr, n_volumes=n_volumes, name=name)
    return np.sort(onsets[np.isin(np.asarray(descriptions, dtype=str), chosen)])


def trigger_names(
    onsets: Float[ndarray, " markers"],
    descriptions: Sequence[str],
    *,
    tr: float,
    n_volumes: int,
    name: str | None = None,
) -> tuple[str, ...]:
    """Return the full names of the markers that `volume_triggers` chooses; one, as a rule."""
    names = np.asarray(descriptions, dtype=str)
    groups = {n: np.sort(onsets[names == n]) for n in sorted(set(descriptions))}
    if name is not None:
        return _named(groups, name, tr, n_volumes)
    regular = {
        n: times
        for n, times in groups.items()
        if not n.startswith(AMPLIFIER_NAMES) and _is_regular(times, tr, n_volumes)
    }
    if not regular:
        raise ClockError(
            f"no volume triggers: the EEG marks {_summary(groups)}; need markers every {tr:g} s "
            f"(the TR), {n_volumes} of them ('SyncStatus' is the amplifier's own check of its "
            "clock, not a volume); name them with study.trigger_name, or declare the start of "
            "the EEG (s on the scanner clock) with study.clock.eeg_start"
        )
    best = min(regular, key=lambda n: (abs(len(regular[n]) - n_volumes), n))
    if not all(_same_times(times, regular[best]) for times in regular.values()):
        raise ClockError(
            f"volume triggers are ambiguous: {_summary(regular)} all follow the TR of {tr:g} s; "
            f"need one; choose with study.trigger_name = '{best}'"
        )
    return (best,)


def _named(
    groups: dict[str, Float[ndarray, " times"]], name: str, tr: float, n_volumes: int
) -> tuple[str, ...]:
    """Return the markers of a name that the user gave, if they can be volumes."""
    chosen = [n for n in groups if name in (n, n.rpartition("/")[2])]
    if not chosen:
        raise ClockError(
            f"no marker is named {name!r}; the EEG marks {_summary(groups)}; set "
            "study.trigger_name to one of them"
        )
    times = np.sort(np.concatenate([groups[n] for n in chosen]))
    if not _is_regular(times, tr, n_volumes):
        raise ClockError(
            f"markers {_summary({name: times})} are no volume triggers; need one every {tr:g} s "
            f"(the TR), {n_volumes} of them; the EEG marks {_summary(groups)}; set "
            "study.trigger_name to another of them"
        )
    return tuple(chosen)


def _is_regular(times: Float[ndarray, " times"], tr: float, n_volumes: int) -> bool:
    """Return whether most markers follow each other after one TR."""
    steps = np.diff(times)
    steps = steps[steps > 0.05 * tr]
    if len(times) < max(2, n_volumes // 2) or len(steps) == 0:
        return False
    return bool(np.mean(np.abs(steps / tr - 1) < REGULAR_WITHIN) >= REGULAR_SHARE)


def _same_times(one: Float[ndarray, " one"], other: Float[ndarray, " other"]) -> bool:
    """Return whether two markers stand at the same places (to 1 ms)."""
    return len(one) == len(other) and bool(np.max(np.abs(one - other)) < 1e-3)


def _summary(groups: dict[str, Float[ndarray, " times"]]) -> str:
    """Return what the markers are, for a message: name, count and median spacing."""
    parts = []
    for name, times in groups.items():
        every = f" every {np.median(np.diff(times)):.3f} s" if len(times) > 1 else ""
        parts.append(f"'{name}' x {len(times)}{every}")
    shown = ", ".join(parts[:8]) + (f" and {len(parts) - 8} more" if len(parts) > 8 else "")
    return shown or "nothing"
