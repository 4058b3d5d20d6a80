"""Segments of source movies that are locked to events, and their averages, from the factors.

All runs of a subject share maps, so segments are cut from the courses alone. A mean over trials
is the maps times the mean course. Nothing is materialised for single trials.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from pydantic import model_validator

from neurotranscoder.core.axes import TimeAxis, VoxelGrid
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.recording import Events
from neurotranscoder.core.settings import Settings

RunOfMovie = tuple[SourceMovie, Events]


class TrialSettings(Settings):
    """Which times around an event a trial has."""

    start: float = -0.5
    """First time of a trial, in s after the event."""
    stop: float = 3.0
    """Where a trial ends, in s after the event; the last frame is before it."""
    baseline_start: float = -0.5
    """First time of the baseline, whose mean is taken off each trial, in s after the event."""
    baseline_stop: float = 0.0
    """Where the baseline ends, in s after the event; the last frame is before it."""

    @model_validator(mode="after")
    def _baseline_inside(self) -> TrialSettings:
        """Refuse a baseline that is empty, or not inside the trial."""
        if not self.start <= self.baseline_start < self.baseline_stop <= self.stop:
            raise ValueError(
                f"the baseline is {self.baseline_start:g} to {self.baseline_stop:g} s; it needs "
                f"to lie inside the trial, {self.start:g} to {self.stop:g} s, and not be empty"
            )
        return self

    def offsets(self, sfreq: float) -> Int[ndarray, " frames"]:
        """Return the frames of a trial, counted from that of its event."""
        return np.arange(round(self.start * sfreq), round(self.stop * sfreq))

    def baseline(self, sfreq: float) -> Bool[ndarray, " frames"]:
        """Return which frames of a trial are its baseline.

        Raises
        ------
        GridError
            When none is.
        """
        offsets = self.offsets(sfreq)
        first, stop = round(self.baseline_start * sfreq), round(self.baseline_stop * sfreq)
        inside = (offsets >= first) & (offsets < stop)
        if not inside.any():
            raise GridError(
                f"the baseline, {self.baseline_start:g} to {self.baseline_stop:g} s, has no frame "
                f"at {sfreq:g} Hz; it needs at least one; make it longer"
            )
        return np.asarray(inside)


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """Trials of one subject: courses around events, less their baseline, and the shared maps.

    Parameters
    ----------
    courses : array, shape (trials, components, frames)
        Baseline-corrected courses; maps times these are the sources of a trial.
    trial_type : tuple of str
        Condition of each trial.
    jitter : array, shape (trials,)
        Time of the frame that was taken for the event less that of the event, in s; half a frame
        at most.
    overlaps : array of bool, shape (trials,)
        Whether the window of a trial reaches into the baseline of the next event, of any
        condition. Such trials share frames; tests are over `units` of trials.
    run : array of int, shape (trials,)
        Number of the run of each trial, in the order of the runs.
    onset : array, shape (trials,)
        When its event was, in s on the scanner clock of its run.
    n_left_out : int
        Events whose trial would have left its run; they are not in the arrays.
    movie : SourceMovie
        The first run, for its maps, grid and mask.
    axis : TimeAxis
        When the frames are, in s after the event.
    pools : mapping from str to tuple of str
        Names that stand for several conditions.
    """

    courses: Float[ndarray, "trials components frames"]
    trial_type: tuple[str, ...]
    jitter: Float[ndarray, " trials"]
    overlaps: Bool[ndarray, " trials"]
    run: Int[ndarray, " trials"]
    onset: Float[ndarray, " trials"]
    n_left_out: int
    movie: SourceMovie
    axis: TimeAxis
    pools: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __repr__(self) -> str:
        counts = ", ".join(f"{name}: {self.trial_type.count(name)}" for name in self.conditions)
        return (
            f"Trials({counts}; {self.n_left_out} left out, {int(self.overlaps.sum())} reach into "
            f"the next baseline, {self.axis.n_times} frames)"
        )

    @property
    def n(self) -> int:
        """Number of trials."""
        return len(self.courses)

    @property
    def grid(self) -> VoxelGrid:
        """Where the voxels are."""
        return self.movie.grid

    @property
    def mask(self) -> Bool[ndarray, "x y z"]:
        """Voxels of the brain."""
        return self.movie.mask

    @property
    def conditions(self) -> tuple[str, ...]:
        """Conditions that have trials, in the order of the alphabet."""
        return tuple(sorted(set(self.trial_type)))

    def of(self, *conditions: str) -> Trials:
        """Return the trials of one or more conditions, or of pools of them.

        Raises
        ------
        GridError
            When one of them has no trial.
        """
        wanted = {name: self.which(name) for name in conditions}
        if unknown := sorted(name for name, one in wanted.items() if not one.any()):
            raise GridError(
                f"no trial of {', '.join(map(repr, unknown))}; the runs have "
                f"{', '.join(map(repr, self.conditions))}; choose among these"
            )
        chosen = np.flatnonzero(np.any(list(wanted.values()), axis=0)).tolist()
        return replace(
            self,
            courses=self.courses[chosen],
            trial_type=tuple(self.trial_type[i] for i in chosen),
            jitter=self.jitter[chosen],
            overlaps=self.overlaps[chosen],
            run=self.run[chosen],
            onset=self.onset[chosen],
        )

    def which(self, condition: str) -> Bool[ndarray, " trials"]:
        """Return which trials are of a condition, or of one of those of a pool."""
        types = self.pools.get(condition, (condition,))
        return np.array([name in types for name in self.trial_type], dtype=bool)

    def average(self) -> SourceMovie:
        """Return the mean over trials, its times in s after the event."""
        return average_movie(self.movie, self.courses.mean(axis=0), self.axis)


def average_movie(
    movie: SourceMovie, courses: Float[ndarray, "components frames"], axis: TimeAxis
) -> SourceMovie:
    """Return a movie with the maps of another one and other courses."""
    return replace(movie, courses=courses.astype(np.float32), axis=axis)


def cut_trials(
    runs: Sequence[RunOfMovie],
    settings: TrialSettings,
    *,
    pools: Mapping[str, tuple[str, ...]] | None = None,
) -> Trials:
    """Return the trials of one subject's runs, each less its own baseline.

    Parameters
    ----------
    runs : sequence of (SourceMovie, Events)
        Runs whose movies share maps, each with its events in s on its scanner clock.
    settings : TrialSettings
        Window and baseline.
    pools : mapping, optional
        Names that stand for several conditions.

    Returns
    -------
    trials : Trials
        In the order of runs and events, at the frame that is nearest to each event.

    Raises
    ------
    GridError
        When runs do not share maps, or no event has its whole window inside its run.
    """
    movie = shared_movie(runs)
    sfreq = movie.axis.sfreq
    offsets, baseline = settings.offsets(sfreq), settings.baseline(sfreq)
    parts, names, jitters, overlaps, n_left_out = [], [], [], [], 0
    numbers, onsets = [], []
    for number, (one, events) in enumerate(runs):
        places = nearest_frames(one.axis, events.onset)
        inside = whole_windows(one.axis, events.onset, settings)
        n_left_out += int(np.sum(~inside))
        kept = np.flatnonzero(inside)
        cut = one.courses.astype(np.float64)[:, places[kept, np.newaxis] + offsets]
        parts.append(np.moveaxis(cut - cut[..., baseline].mean(axis=-1, keepdims=True), 1, 0))
        names += [events.trial_type[i] for i in kept]
        jitters.append(one.axis.start + places[kept] / sfreq - events.onset[kept])
        numbers.append(np.full(len(kept), number))
        onsets.append(events.onset[kept])
        overlaps.append(_reach_next(events.onset, settings.stop - settings.baseline_start)[kept])
    if not names:
        raise GridError(
            f"none of {n_left_out} events has its window, {settings.start:g} to "
            f"{settings.stop:g} s, inside its run; use a shorter window, or check the onsets"
        )
    axis = TimeAxis(offsets[0] / sfreq, sfreq, len(offsets))
    return Trials(
        np.concatenate(parts),
        tuple(names),
        np.concatenate(jitters),
        np.concatenate(overlaps),
        np.concatenate(numbers),
        np.concatenate(onsets),
        n_left_out,
        movie,
        axis,
        dict(pools or {}),
    )


def _reach_next(onsets: Float[ndarray, " events"], span: float) -> Bool[ndarray, " events"]:
    """Return which events are less than a span before the next one of the same run."""
    order = np.argsort(onsets, kind="stable")
    gaps = np.full(len(onsets), np.inf)
    gaps[order[:-1]] = np.diff(onsets[order])
    return gaps < span


def whole_windows(
    axis: TimeAxis, onsets: Float[ndarray, " events"], settings: TrialSettings
) -> Bool[ndarray, " events"]:
    """Return which events have their whole window inside a run."""
    places, offsets = nearest_frames(axis, onsets), settings.offsets(axis.sfreq)
    return np.asarray((places + offsets[0] >= 0) & (places + offsets[-1] < axis.n_times))


def nearest_frames(axis: TimeAxis, times: Float[ndarray, " events"]) -> Int[ndarray, " events"]:
    """Return the frames that are nearest to times, also beyond the ends of the axis."""
    return np.asarray(np.rint((times - axis.start) * axis.sfreq), dtype=np.int64)


def shared_movie(runs: Sequence[RunOfMovie]) -> SourceMovie:
    """Return the first of some movies, after a check that all share its maps.

    Raises
    ------
    GridError
        When there is none, or they differ in maps, mask, grid or rate.
    """
    if not runs:
        raise GridError("got no run; statistics of trials need at least one; pass (movie, events)")
    first = runs[0][0]
    for number, (movie, _) in enumerate(runs):
        same = (
            movie.axis.sfreq == first.axis.sfreq
            and movie.grid.matches(first.grid)
            and np.array_equal(movie.mask, first.mask)
            and np.array_equal(movie.maps, first.maps)
        )
        if not same:
            raise GridError(
                f"run {number} ({movie!r}) has other maps than run 0 ({first!r}); trials are "
                "pooled over runs of one subject and one model; compare subjects with "
                "`SubjectMeans`"
            )
    return first
