"""What the statistics of subjects start from, all of it checked before anything is computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from neurotranscoder.analyse.condition_settings import TrialAnalysisSettings
from neurotranscoder.analyse.conditions import Question, questions_of
from neurotranscoder.analyse.trials import whole_windows
from neurotranscoder.cli.common import say
from neurotranscoder.cli.cut_subjects import SubjectRuns
from neurotranscoder.cli.regions import AtlasFiles, AtlasInUse
from neurotranscoder.cli.subjects import by_subject, subject_folder
from neurotranscoder.cli.workspace import Workspace, group_models
from neurotranscoder.core.axes import TimeAxis
from neurotranscoder.core.errors import InputError, Problem, StoreError, StudyError
from neurotranscoder.core.recording import Events, RunId
from neurotranscoder.io.movies import movie_axis, movie_path
from neurotranscoder.preprocess.checks import relative_to
from neurotranscoder.preprocess.listing import events_of, events_path
from neurotranscoder.train.trained import TrainedTranscoder
from neurotranscoder.train.trained_subject import TrainedSubject, load_subject

Part = TypeVar("Part")


@dataclass(frozen=True, slots=True, eq=False)
class SubjectInputs:
    """Everything that the statistics of subjects start from.

    Parameters
    ----------
    subjects : tuple of SubjectRuns
        One of each subject.
    asked : tuple of Question
        What is asked of each, and across them.
    groups : mapping
        Group models by digest.
    atlas : AtlasInUse or None
        Regions that are looked at as well.
    """

    subjects: tuple[SubjectRuns, ...]
    asked: tuple[Question, ...]
    groups: Mapping[str, TrainedTranscoder]
    atlas: AtlasInUse | None


def subject_inputs(
    space: Workspace, settings: TrialAnalysisSettings, *, model: Path | None, atlas: AtlasFiles
) -> SubjectInputs:
    """Find what there is to analyse; nothing is written, and of recordings events alone are read.

    Subjects without any movie are left out, unless they were asked for; tasks without any event
    (rest) are, too.

    Raises
    ------
    StoreError
        When no run has a movie.
    StudyError
        With everything that is wrong: movies that are missing or damaged, subjects without a
        model, runs without events or whose events lie outside, conditions that do not exist, a
        group model or an atlas that belongs to something else.
    """
    known = _with_movies(space)
    check = _Check(space, settings, [], {})
    subjects = tuple(one for runs in known.values() if (one := check.subject(runs)) is not None)
    groups = check.attempt(str(model), "model", lambda: group_models(space.out, model)) or {}
    used = check.attempt(str(atlas.atlas), "grid", lambda: check.atlas(atlas.read()))
    if model is not None:
        check.model(model, groups)
    names = [name for one in subjects for events in one.events for name in events.trial_type]
    asked: tuple[Question, ...] = ()
    if names:
        asked = check.questions(names)
    if not check.problems and not names:
        check.nothing()
    if check.problems:
        raise StudyError(relative_to(space.study.root, check.problems))
    return SubjectInputs(subjects, asked, groups, used)


def _with_movies(space: Workspace) -> dict[str, list[RunId]]:
    """Return the runs of each subject that has a movie; say which subjects have none."""
    found = by_subject(space.study.runs)
    have = {
        name: runs for name, runs in found.items() if any(_movie(space, r).is_dir() for r in runs)
    }
    if not have or (space.config.study.participants and len(have) < len(found)):
        absent = ", ".join(f"sub-{name}" for name in sorted(found.keys() - have.keys()))
        raise StoreError(
            f"{space.out}: no movie of any of these runs of {absent}; run `neurotranscoder "
            "reconstruct BIDS OUT --stage subject` first"
        )
    for name in sorted(found.keys() - have.keys()):
        say(f"sub-{name}: NO MOVIES: left out; `reconstruct --stage subject` makes them")
    return have


def _movie(space: Workspace, run: RunId) -> Path:
    """Return where the movie of a run is."""
    return movie_path(space.out, run, "eeg")


@dataclass(frozen=True, slots=True, eq=False)
class _Check:
    """Looks at the inputs and lists what is wrong."""

    space: Workspace
    settings: TrialAnalysisSettings
    problems: list[Problem]
    models: dict[str, TrainedSubject]

    def attempt(self, where: str, field: str, read: Callable[[], Part]) -> Part | None:
        """Return what can be read; list what is wrong with it."""
        try:
            return read()
        except StudyError as error:
            self.problems.extend(error.problems)
        except InputError as error:
            text = str(error).removeprefix(f"{where}: ")
            got, needed, cure = [*text.split("; ", 2), "see above", "repair it"][:3]
            got, needed = got.removeprefix("got "), needed.removeprefix("need ")
            self.problems.append(Problem(where, field, got, needed, cure))
        return None

    def subject(self, runs: Sequence[RunId]) -> SubjectRuns | None:
        """Return what is looked at of a subject; None where nothing is, which is said."""
        name = runs[0].subject
        folder = subject_folder(self.space.out, name)
        trained = self.attempt(str(folder), "model", lambda: load_subject(folder))
        if trained is not None:
            self.models[name] = trained
        fitted = trained.runs if trained else ()
        if self.settings.unseen_runs:
            runs = [run for run in runs if run.label not in fitted]
        if not runs:
            say(f"NOT TESTED: sub-{name}: the model was fitted on all of its runs; left out")
            return None
        events = {run: self._events(run) for run in runs}
        resting = {run.task for run in runs} - {
            r.task for r, one in events.items() if one.onset.size
        }
        for task in sorted(resting):
            say(f"sub-{name}: task-{task}: none of its runs has an event; left out")
        kept = [run for run in runs if run.task not in resting]
        for run in kept:
            self._run(run, events[run])
        return (
            SubjectRuns(name, tuple(kept), tuple(events[r] for r in kept), fitted)
            if kept
            else None
        )

    def _events(self, run: RunId) -> Events:
        """Return the events of a run; none where they cannot be read, which is listed."""
        path = str(events_path(self.space.study, run))
        found = self.attempt(path, "events", lambda: events_of(self.space.study, run))
        return Events.none() if found is None else found

    def _run(self, run: RunId, events: Events) -> None:
        """List what is wrong with one run that others of its task are looked at with."""
        movie, path = _movie(self.space, run), events_path(self.space.study, run)
        listed = any(problem.where == str(path) for problem in self.problems)
        if not events.onset.size and not listed:
            needed = "events, as the other runs of this task have"
            self._list(path, "rows", "no event", needed, "add the table of this run")
        if not movie.is_dir():
            needed = "a movie of each run of a subject"
            cure = "run `neurotranscoder reconstruct BIDS OUT --stage subject` again"
            self._list(movie, "movie", "none", needed, cure)
            return
        axis = self.attempt(str(movie), "movie", lambda: movie_axis(movie))
        if axis is not None and events.onset.size:
            self._window(path, events, axis)

    def _window(self, path: Path, events: Events, axis: TimeAxis) -> None:
        """List a run none of whose events has its window inside."""
        window, onset = self.settings.window, events.onset
        if whole_windows(axis, onset, window).any():
            return
        last = axis.start + axis.n_times / axis.sfreq
        self._list(
            path,
            "onset",
            f"{len(onset)} events from {onset.min():g} to {onset.max():g} s, none with its window "
            f"({window.start:g} to {window.stop:g} s) inside",
            f"onsets in s on the scanner clock; the movie is {axis.start:g} to {last:g} s",
            "correct the onsets, or use a shorter window",
        )

    def model(self, model: Path, groups: Mapping[str, TrainedTranscoder]) -> None:
        """List the subjects that were not fitted with the group model that was named."""
        for name, trained in self.models.items():
            if groups and trained.group not in groups:
                needed = f"that which sub-{name} was fitted with, {trained.group[:16]}..."
                got = f"a group model {next(iter(groups))[:16]}..."
                self._list(model, "model", got, needed, "name its folder, or leave out --model")

    def atlas(self, used: AtlasInUse | None) -> AtlasInUse | None:
        """Return an atlas that is on the grid of every subject.

        Raises
        ------
        GridError
            When it is not.
        """
        if used is not None:
            for trained in self.models.values():
                used.atlas.on(trained.grid)
        return used

    def questions(self, names: Sequence[str]) -> tuple[Question, ...]:
        """Return what is asked about conditions."""
        asked = self.attempt("settings", "names", lambda: questions_of(names, self.settings))
        return asked or ()

    def nothing(self) -> None:
        """List that nothing is left to analyse."""
        root, got = self.space.study.root, "no run with events that is left to analyse"
        needed = "one run at least; see analyse.trials.unseen_runs"
        self._list(root, "runs", got, needed, "add events.tsv, or set unseen_runs to false")

    def _list(self, where: Path, field: str, got: str, needed: str, cure: str) -> None:
        """Add a problem."""
        self.problems.append(Problem(str(where), field, got, needed, cure))
