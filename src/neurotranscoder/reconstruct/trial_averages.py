"""Averages over trials of what a group model makes of both modalities at voxels (paper 4.3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from neurotranscoder.core.axes import TimeAxis
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.recording import Events, Recording
from neurotranscoder.core.spread import each
from neurotranscoder.reconstruct.fast import interpolated
from neurotranscoder.reconstruct.movies import compact
from neurotranscoder.reconstruct.rest_windows import peak_windows, single_windows
from neurotranscoder.signal.overlap import inflation_of, inverse_of, lagged_design, products_of
from neurotranscoder.train.average_tiles import SubjectAverages, TrialAverage
from neurotranscoder.train.paper_subject import PaperSubjectSettings
from neurotranscoder.train.trained import TrainedTranscoder

_POOLED = "all"
PEAKS = "windows around peaks of global power"


def trial_averages(
    recordings: Sequence[Recording], group: TrainedTranscoder, settings: PaperSubjectSettings
) -> SubjectAverages:
    """Return averages of both group estimates over trials, in factors.

    Each trial begins at the frame that is nearest to its event: BOLD, interpolated to these
    frames, is at its true time after the event to half a frame. Trials that leave their run do
    not count, unless averages are corrected for overlap: then all events are in the regression.
    Where no run has an event, windows of rest take the place of trials (`settings.rest`).

    Parameters
    ----------
    recordings : sequence of Recording
        Runs of one subject; one of `core.spread.Lazily` is in memory at a time.
    group : TrainedTranscoder
        Of the first stage.
    settings : PaperSubjectSettings
        Window, rate, whether conditions are pooled, and what is done about overlap and rest.

    Raises
    ------
    GridError
        When there is no run, grids differ, no trial lies within its run, or responses that
        overlap cannot be told apart.
    """
    runs = [*each(partial(_of_run, group=group, settings=settings), recordings)]
    if not runs:
        raise GridError("no run was given; the subject stage needs at least one")
    grid = runs[0].estimates[0].grid
    if not all(one.estimates[0].grid.matches(grid) for one in runs):
        raise GridError("runs have different grids; bring all runs of a subject to one grid first")
    mask = np.logical_and.reduce([run.estimates[0].mask for run in runs])
    if not any(run.n_events for run in runs):
        found = _of_rest(runs, mask, settings)
    elif settings.overlap_correction:
        found = _corrected(runs, mask)
    else:
        found = _plain(runs, mask)
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

    @property
    def n_events(self) -> int:
        """How many events there are, also near the ends of the run."""
        return sum(map(len, self.starts.values()))

    def inside(self, name: str) -> Int[ndarray, " trials"]:
        """Return the first frames of the trials of a condition that lie in the run."""
        first = self.starts.get(name, np.zeros(0, dtype=np.int64))
        last = self.estimates[0].axis.n_times - self.axis.n_times
        return first[(first >= 0) & (first <= last)]


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
    """Return the first frames of all trials, by condition."""
    first = np.rint((events.onset + trial.start - run.start) * run.sfreq).astype(np.int64)
    named = np.array(events.trial_type if by_condition else [_POOLED] * len(first), dtype=object)
    return {name: first[named == name] for name in sorted(set(named))}


def _plain(runs: Sequence[_Run], mask: Bool[ndarray, "x y z"]) -> list[TrialAverage]:
    """Return the means over trials that lie in their runs, of each condition that has any."""
    found = []
    for name in sorted({name for run in runs for name in run.starts}):
        frames = [run.inside(name) for run in runs]
        n_trials = sum(map(len, frames))
        if n_trials:
            means = [
                [_mean(run, which, cut, n_trials) for run, cut in zip(runs, frames, strict=True)]
                for which in (0, 1)
            ]
            found.append(TrialAverage(*_joined(runs, mask, means), name, n_trials))
    return found


def _mean(
    run: _Run, which: int, first: Int[ndarray, " trials"], n_trials: int
) -> Float[ndarray, "components frames"]:
    """Return what a run adds to the mean course of each component."""
    cut = run.estimates[which].courses[:, first[:, np.newaxis] + np.arange(run.axis.n_times)]
    return np.asarray(cut.sum(axis=1, dtype=np.float64) / n_trials)


def _corrected(runs: Sequence[_Run], mask: Bool[ndarray, "x y z"]) -> list[TrialAverage]:
    """Return the responses that, added up over all events, come closest to the runs."""
    names = sorted({name for run in runs for name in run.starts})
    n_frames = runs[0].axis.n_times
    gram = np.zeros((len(names) * n_frames,) * 2)
    crosses = []
    for run in runs:
        frames = [run.starts.get(name, np.zeros(0, dtype=np.int64)) for name in names]
        design = lagged_design(frames, np.arange(n_frames), run.estimates[0].axis.n_times)
        both = [products_of(design, movie.courses) for movie in run.estimates]
        gram += both[0][0]
        crosses.append([cross for _, cross in both])
    inverse = inverse_of(gram)
    counts = [sum(len(run.starts.get(name, ())) for run in runs) for name in names]
    costs = inflation_of(inverse, counts)
    found = []
    for number, (name, count, cost) in enumerate(zip(names, counts, costs, strict=True)):
        rows = inverse[number * n_frames : (number + 1) * n_frames]
        means = [[(rows @ cross[which]).T for cross in crosses] for which in (0, 1)]
        words = f"{name}, corrected for overlap (standard error x {cost:.1f})"
        found.append(TrialAverage(*_joined(runs, mask, means), words, count))
    return found


def _of_rest(
    runs: Sequence[_Run], mask: Bool[ndarray, "x y z"], settings: PaperSubjectSettings
) -> list[TrialAverage]:
    """Return what takes the place of trials where there is no event."""
    n_frames = runs[0].axis.n_times
    if settings.rest == "single":
        return single_windows(
            [run.estimates for run in runs],
            mask,
            n_windows=settings.rest_windows,
            n_frames=n_frames,
            rng=np.random.default_rng(settings.seed),
        )
    axis = TimeAxis(-(n_frames // 2) / settings.rate, settings.rate, n_frames)
    windows = [
        replace(run, starts={PEAKS: peak_windows(run.estimates[0], n_frames)}, axis=axis)
        for run in runs
    ]
    return _plain(windows, mask)


def _joined(
    runs: Sequence[_Run],
    mask: Bool[ndarray, "x y z"],
    means: Sequence[Sequence[Float[ndarray, "_ frames"]]],
) -> tuple[SourceMovie, SourceMovie]:
    """Return both averages: the maps of all runs side by side, as few as their rank."""
    found = []
    for which, courses in enumerate(means):
        maps = [run.estimates[which].maps[mask[run.estimates[which].mask]] for run in runs]
        first = runs[0].estimates[which]
        factors = np.hstack(maps), np.vstack(courses).astype(np.float32)
        found.append(compact(SourceMovie(*factors, first.grid, mask, runs[0].axis, first.origin)))
    return found[0], found[1]
