"""What the statistics of subjects start from, all of it checked before anything is computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from neurotranscoder.analyse.condition_settings import MovieKind, TrialAnalysisSettings
from neurotranscoder.analyse.conditions import (
    POOLED,
    Question,
    problems_of_questions,
    questions_of,
)
from neurotranscoder.analyse.moments import FigureSettings
from neurotranscoder.analyse.trials import whole_windows
from neurotranscoder.cli.common import say
from neurotranscoder.cli.cut_subjects import SubjectRuns
from neurotranscoder.cli.movies import identity_of
from neurotranscoder.cli.regions import AtlasFiles, AtlasInUse
from neurotranscoder.cli.run_movies import FROM, RunMovie, run_movies
from neurotranscoder.cli.usable_events import usable_events
from neurotranscoder.cli.workspace import Workspace, group_models
from neurotranscoder.core.axes import TimeAxis
from neurotranscoder.core.errors import InputError, Problem, StoreError, StudyError
from neurotranscoder.core.recording import Events, RunId
from neurotranscoder.io.manifest import MANIFEST, read_manifest
from neurotranscoder.io.movies import KIND, movie_axis
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
    known = _with_movies(space, settings.movies)
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
        check.figures(names, asked)
    if not check.problems and not names:
        check.nothing()
    if check.problems:
        raise StudyError(relative_to(space.study.root, check.problems))
    return SubjectInputs(subjects, asked, groups, used)


def _with_movies(space: Workspace, kind: MovieKind) -> dict[str, list[RunMovie]]:
    """Return the movies of each subject that has one; say which subjects have none."""
    found: dict[str, list[RunMovie]] = {}
    for one in run_movies(space.study, kind):
        found.setdefault(one.run.subject, []).append(one)
    have = {
        name: movies
        for name, movies in found.items()
        if any(one.path(space.out).is_dir() for one in movies)
    }
    if not found:
        raise StoreError(
            f"{space.study.root}: analyse.trials.movies is {kind!r}, and no run has what such a "
            f"movie is made from; set it to {' or '.join(_other_kinds(space, kind))}"
        )
    if not have or (space.config.study.participants and len(have) < len(found)):
        absent = ", ".join(f"sub-{name}" for name in sorted(found.keys() - have.keys()))
        raise StoreError(
            f"{space.out}: no movie of any of these runs of {absent}; run `{_command(kind)}` first"
        )
    for name in sorted(found.keys() - have.keys()):
        say(f"sub-{name}: NO MOVIES: left out; `{_command(kind)}` makes them where it has a model")
    return have


def _other_kinds(space: Workspace, kind: MovieKind) -> list[str]:
    """Return the kinds of movies that lone runs can have."""
    known = {lone.modality for lone in space.study.alone.values()} - {kind}
    return [repr(one) for one in sorted(known)] or ["'eeg'"]


def _command(kind: MovieKind) -> str:
    """Return what makes movies of a kind."""
    return f"neurotranscoder reconstruct BIDS OUT --stage subject{FROM.get(kind, ' --from both')}"


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

    def subject(self, movies: Sequence[RunMovie]) -> SubjectRuns | None:
        """Return what is looked at of a subject; None where nothing is, which is said."""
        name = movies[0].run.subject
        folder = self.space.model_of(name)
        trained = self._trained(folder)
        if trained is not None:
            self.models[name] = trained
        fitted = trained.runs if trained else ()
        if self.settings.unseen_runs:
            movies = [one for one in movies if one.run.label not in fitted]
        if not movies:
            say(f"NOT TESTED: sub-{name}: the model was fitted on all of its runs; left out")
            return None
        events = {one.run: self._events(one.run) for one in movies}
        resting = {run.task for run in events} - {
            run.task for run, one in events.items() if one.onset.size
        }
        unread = {one.run.task for one in movies if self._is_listed(one.run)}
        for task in sorted(resting - unread):
            say(f"sub-{name}: task-{task}: none of its runs has an event; left out")
        kept = tuple(one for one in movies if one.run.task not in resting)
        for one in kept:
            self._run(one, events[one.run], trained)
        happened = tuple(events[one.run] for one in kept)
        return SubjectRuns(name, kept, happened, fitted) if kept else None

    def _trained(self, folder: Path) -> TrainedSubject | None:
        """Return the model of a subject; list where there is none, or a damaged one."""
        if (folder / MANIFEST).is_file():
            return self.attempt(str(folder), "model", lambda: load_subject(folder))
        cure = "name the folder of models with --subject-models, or run `train --stage subject`"
        self._list(folder, "model", f"no {MANIFEST}", "the model of this subject", cure)
        return None

    def _events(self, run: RunId) -> Events:
        """Return the events of a run; none where they cannot be read, which is listed."""
        path = str(events_path(self.space.study, run))
        found = self.attempt(path, "events", lambda: events_of(self.space.study, run))
        return Events.none() if found is None else usable_events(found, run.label)

    def _is_listed(self, run: RunId) -> bool:
        """Return whether the events of a run could not be read."""
        path = str(events_path(self.space.study, run))
        return any(problem.where == path for problem in self.problems)

    def _run(self, one: RunMovie, events: Events, trained: TrainedSubject | None) -> None:
        """List what is wrong with one run that others of its task are looked at with."""
        movie, path = one.path(self.space.out), events_path(self.space.study, one.run)
        if not events.onset.size and not self._is_listed(one.run):
            needed = "events, as the other runs of this task have"
            self._list(path, "rows", "no event", needed, "add the table of this run")
        if not movie.is_dir():
            needed = "a movie of each run of a subject"
            cure = f"run `{_command(self.settings.movies)}` again"
            self._list(movie, "movie", "none", needed, cure)
            return
        axis = self.attempt(str(movie), "movie", lambda: movie_axis(movie))
        if axis is not None and trained is not None:
            self._of_model(movie, one.run, trained)
        if axis is not None and events.onset.size:
            self._window(path, events, axis)

    def _of_model(self, movie: Path, run: RunId, trained: TrainedSubject) -> None:
        """List a movie of another model: whether that has seen the run would not be known."""
        made = read_manifest(movie, kind=KIND).settings_hash
        if made not in ("", identity_of(trained, run)):
            needed = f"one of the model in {self.space.model_of(run.subject)}"
            cure = (
                "name the folder of models that made it with --subject-models, or run "
                f"`{_command(self.settings.movies)}` again"
            )
            self._list(movie, "movie", "one of another model", needed, cure)

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
        if problems := problems_of_questions(names, self.settings):
            self.problems.extend(problems)
            return ()
        return questions_of(names, self.settings)

    def figures(self, names: Sequence[str], asked: Sequence[Question]) -> None:
        """List what can never be drawn: times outside of the window, conditions of no event."""
        settings: FigureSettings = self.space.config.analyse.figures
        window, root = self.settings.window, Path("settings")
        for time in sorted({*settings.activations, *settings.deactivations}):
            if not window.start <= time < window.stop:
                needed = f"times in the window of trials, {window.start:g} to {window.stop:g} s"
                cure = "choose times inside, or a longer window"
                self._list(root, "analyse.figures", f"a frame at {time:g} s", needed, cure)
        single = {POOLED, *names, *self.settings.pools}
        parts = [name.split(" less ") for name in settings.conditions]
        if asked and parts and not any(single.issuperset(one) for one in parts):
            known = ", ".join(repr(one.name) for one in asked)
            got = ", ".join(map(repr, settings.conditions))
            self._list(
                root, "analyse.figures.conditions", got, f"some of {known}", "choose among these"
            )

    def nothing(self) -> None:
        """List that nothing is left to analyse."""
        root, got = self.space.study.root, "no run with events that is left to analyse"
        needed = "one run at least; see analyse.trials.unseen_runs"
        self._list(root, "runs", got, needed, "add events.tsv, or set unseen_runs to false")

    def _list(self, where: Path, field: str, got: str, needed: str, cure: str) -> None:
        """Add a problem."""
        self.problems.append(Problem(str(where), field, got, needed, cure))
