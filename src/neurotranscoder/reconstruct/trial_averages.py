"""Averages over trials of what a group model makes of both modalities at voxels (paper 4.3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool, Int
from numpy import ndarray

from neurotranscoder.core.axes import TimeAxis
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.recording import Events, Recording
from neurotranscoder.core.spread import each
from neurotranscoder.reconstruct.fast import interpolated
from neurotranscoder.reconstruct.movies import compact
from neurotranscoder.train.average_tiles import SubjectAverages, TrialAverage
from neurotranscoder.train.paper_subject import PaperSubjectSettings
from neurotranscoder.train.trained import TrainedTranscoder

_POOLED = "all"


def trial_averages(
    recordings: Sequence[Recording], group: TrainedTranscoder, settings: PaperSubjectSettings
) -> SubjectAverages:
    """Return averages of both group estimates over trials, in factors.

    Each trial begins at the frame that is nearest to its event: BOLD, interpolated to these
    frames, is at its true time after the event to half a frame. Trials that leave their run do
    not count.

    Parameters
    ----------
    recordings : sequence of Recording
        Runs of one subject; one of `core.spread.Lazily` is in memory at a time.
    group : TrainedTranscoder
        Of the first stage.
    settings : PaperSubjectSettings
        Window, rate, and whether conditions are pooled.

    Raises
    ------
    GridError
        When there is no run, grids differ, or no trial lies within its run.
    """
    runs = [*each(partial(_of_run, group=group, settings=settings), recordings)]
    if not runs:
        raise GridError("no run was given; the subject stage needs at least one")
    grid = runs[0].estimates[0].grid
    if not all(one.estimates[0].grid.matches(grid) for one in runs):
        raise GridError("runs have different grids; bring all runs of a subject to one grid first")
    mask = np.logical_and.reduce([run.estimates[0].mask for run in runs])
    names = sorted({name for run in runs for name in run.starts})
    found = []
    for name in names:
        n_trials = sum(len(run.starts.get(name, ())) for run in runs)
        eeg, bold = (_average(runs, name, n_trials, mask, which) for which in (0, 1))
        found.append(TrialAverage(eeg, bold, name, n_trials))
    if not found:
        raise GridError(
            f"no event has its window, {settings.start:g} to {settings.stop:g} s, inside its run; "
            "the averages need some; use a shorter window, or check the onsets"
        )
    return SubjectAverages(tuple(found), tuple(run.label for run in runs))


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """Both estimates of a run, the first frames of its trials by condition, and their frames."""

    label: str
    estimates: tuple[SourceMovie, SourceMovie]
    starts: dict[str, Int[ndarray, " trials"]]
    axis: TimeAxis


def _of_run(
    recording: Recording, group: TrainedTranscoder, settings: PaperSubjectSettings
) -> _Run:
    """Return what the averages need of a run."""
    both = interpolated(group, recording, rate=settings.rate)
    n_frames = round((settings.stop - settings.start) * settings.rate)
    axis = TimeAxis(settings.start, settings.rate, n_frames)
    starts = _starts(recording.events, both.from_eeg.axis, axis, settings.by_condition)
    return _Run(recording.run.label, (both.from_eeg, both.from_bold), starts, axis)


def _starts(
    events: Events, run: TimeAxis, trial: TimeAxis, by_condition: bool
) -> dict[str, Int[ndarray, " trials"]]:
    """Return the first frames of trials that lie in the run, by condition."""
    first = np.rint((events.onset + trial.start - run.start) * run.sfreq).astype(int)
    inside = (first >= 0) & (first + trial.n_times <= run.n_times)
    named = np.array(events.trial_type if by_condition else [_POOLED] * len(first), dtype=object)
    return {name: first[inside & (named == name)] for name in sorted(set(named[inside]))}


def _average(
    runs: Sequence[_Run], name: str, n_trials: int, mask: Bool[ndarray, "x y z"], which: int
) -> SourceMovie:
    """Return the mean over trials of all runs: maps side by side, as few as their rank."""
    maps, courses = [], []
    for run in runs:
        movie = run.estimates[which]
        frames = run.starts.get(name, np.zeros(0, dtype=int))
        if not len(frames):
            continue
        cut = movie.courses[:, frames[:, np.newaxis] + np.arange(run.axis.n_times)]
        maps.append(movie.maps[mask[movie.mask]])
        courses.append(cut.sum(axis=1, dtype=np.float64) / n_trials)
    first = runs[0].estimates[which]
    factors = np.hstack(maps), np.vstack(courses).astype(np.float32)
    return compact(SourceMovie(*factors, first.grid, mask, runs[0].axis, first.origin))
