"""``neurotranscoder analyse --stage subject``: what conditions do, in the movies of subjects."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.analyse.conditions import (
    Answer,
    Question,
    TrialAnalysisSettings,
    answer,
    answer_across,
    questions_of,
)
from neurotranscoder.analyse.conditions_store import write_answer, write_untested
from neurotranscoder.analyse.trials import Trials, cut_trials
from neurotranscoder.cli.common import progress, say
from neurotranscoder.cli.workspace import MODELS, STATISTICS, Workspace
from neurotranscoder.config import Config
from neurotranscoder.core.errors import GridError, StoreError
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.recording import Events, RunId
from neurotranscoder.io.manifest import MANIFEST, read_manifest, sha256_of, write_manifest
from neurotranscoder.io.movies import load_movie, movie_path
from neurotranscoder.report.effect_frames import write_frames
from neurotranscoder.train.trained_subject import load_subject

_KIND = "statistics of trials"


@dataclass(frozen=True, slots=True, eq=False)
class _Subject:
    """The movies of a subject's runs, cut at their events."""

    name: str
    trials: Trials
    sources: list[str]
    metadata: Mapping[str, object]
    identity: str
    anatomy: Float[ndarray, "x y z"]


def analyse_trials(bids: Path, out: Path, config: Config) -> None:
    """Test all means and contrasts, within each subject and across subjects that share a grid.

    Raises
    ------
    StoreError
        When no run has a movie.
    """
    space = Workspace.open(bids, out, config)
    settings = config.analyse.trials
    runs = [run for run in space.study.runs if movie_path(out, run, "eeg").is_dir()]
    if not runs:
        raise StoreError(
            f"{out}: no movie of any of these runs; run `neurotranscoder reconstruct BIDS OUT "
            "--stage subject` first"
        )
    with space.started():
        names = sorted({run.subject for run in runs})
        cut = [_cut(space, [r for r in runs if r.subject == name], settings) for name in names]
        subjects = [one for one in cut if one is not None]
        if not subjects:
            raise GridError("no subject has a run to analyse; see analyse.trials.unseen_runs")
        asked = questions_of([c for one in subjects for c in one.trials.trial_type], settings)
        with progress("testing conditions within subjects") as advance:
            for done, subject in enumerate(subjects, 1):
                _within(out / STATISTICS / f"sub-{subject.name}", subject, asked, settings)
                advance(done, len(subjects))
        if len(subjects) > 1:
            _across(out / STATISTICS / "group", subjects, asked, settings)
    say(f"statistics in {out / STATISTICS}")


def _cut(space: Workspace, runs: list[RunId], settings: TrialAnalysisSettings) -> _Subject | None:
    """Cut the runs of a subject at their events; say which the model was fitted on."""
    name = runs[0].subject
    fitted = load_subject(space.out / MODELS / "subjects" / f"sub-{name}").runs
    seen = [run.label for run in runs if run.label in fitted]
    if settings.unseen_runs:
        runs = [run for run in runs if run.label not in fitted]
        seen = []
    if not runs:
        say(f"NOT TESTED: sub-{name}: the model was fitted on all of its runs; left out")
        return None
    if seen:
        say(
            f"sub-{name}: the model was fitted on {len(seen)} of these {len(runs)} runs, on all "
            "conditions pooled; it has seen their BOLD (analyse.trials.unseen_runs=true leaves "
            "them out)"
        )
    paths = [movie_path(space.out, run, "eeg") for run in runs]
    parts = [
        (load_movie(path), _events_of(space, run, settings))
        for path, run in zip(paths, runs, strict=True)
    ]
    trials = cut_trials(parts, settings.window)
    say(f"sub-{name}: {trials!r}")
    events = [[e.onset.tolist(), list(e.trial_type)] for _, e in parts]
    facts = [settings.digest(), [sha256_of(path / MANIFEST) for path in paths], events]
    window = settings.window.model_dump(mode="json")
    return _Subject(
        name,
        trials,
        [path.relative_to(space.out).as_posix() for path in paths],
        {"Window": window, "RunsThatTheModelWasFittedOn": seen, "Runs": [r.label for r in runs]},
        hashlib.sha256(json.dumps(facts).encode()).hexdigest(),
        np.asarray(space.study.load(runs[0]).bold.data.mean(axis=-1)),
    )


def _events_of(space: Workspace, run: RunId, settings: TrialAnalysisSettings) -> Events:
    """Return the events of the wanted conditions."""
    events = space.study.load(run).events
    wanted = settings.conditions
    kept = [i for i, name in enumerate(events.trial_type) if not wanted or name in wanted]
    return Events(
        events.onset[kept],
        events.duration[kept],
        tuple(events.trial_type[i] for i in kept),
        events.response_time[kept],
    )


def _within(
    folder: Path,
    subject: _Subject,
    asked: tuple[Question, ...],
    settings: TrialAnalysisSettings,
) -> None:
    """Test within one subject, unless its statistics are there; the manifest comes last."""
    if _is_complete(folder, subject.identity):
        return
    _clear(folder)
    for question in asked:
        try:
            samples = question.samples(subject.trials, settings.units)
            one = answer(question, samples, settings, "units")
        except GridError as error:
            say(f"NOT TESTED: sub-{subject.name}, {question.label}: {error}")
            _untested(folder, f"sub-{subject.name}", question, [subject], error, subject.metadata)
            continue
        _write(folder, f"sub-{subject.name}", one, subject.sources, subject.metadata)
        _draw(folder, f"sub-{subject.name}", one, subject.anatomy)
    write_manifest(folder, kind=_KIND, settings_hash=subject.identity)


def _across(
    folder: Path,
    subjects: list[_Subject],
    asked: tuple[Question, ...],
    settings: TrialAnalysisSettings,
) -> None:
    """Test over subjects, unless that is there; the manifest comes last."""
    facts = [one.identity for one in subjects]
    identity = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
    if _is_complete(folder, identity):
        return
    _clear(folder)
    sources = [source for one in subjects for source in one.sources]
    metadata: dict[str, object] = {
        "Window": settings.window.model_dump(mode="json"),
        "Subjects": [one.name for one in subjects],
    }
    for question in asked:
        try:
            averages: list[SourceMovie] = [question.average(one.trials) for one in subjects]
            one = answer_across(question, averages, settings)
        except GridError as error:
            say(f"NOT TESTED: across subjects, {question.label}: {error}")
            _untested(folder, "group", question, subjects, error, metadata)
            continue
        _write(folder, "group", one, sources, metadata)
        _draw(folder, "group", one, np.mean([each.anatomy for each in subjects], axis=0))
    write_manifest(folder, kind=_KIND, settings_hash=identity)


def _untested(
    folder: Path,
    prefix: str,
    question: Question,
    subjects: list[_Subject],
    reason: GridError,
    metadata: Mapping[str, object],
) -> None:
    """Write the effect without a test, where all subjects have one in one space."""
    sources = [source for one in subjects for source in one.sources]
    try:
        averages = [question.average(one.trials) for one in subjects]
        write_untested(
            folder,
            prefix,
            question,
            averages,
            reason=str(reason),
            sources=sources,
            metadata=metadata,
        )
    except GridError as error:
        say(f"{prefix}, {question.label}: no effect image: {error}")


def _is_complete(folder: Path, identity: str) -> bool:
    """Return whether these very statistics are there, whole."""
    if not (folder / MANIFEST).is_file():
        return False
    try:
        return read_manifest(folder, kind=_KIND).settings_hash == identity
    except StoreError as error:
        say(f"{error}; they are made again")
        return False


def _draw(folder: Path, prefix: str, one: Answer, anatomy: Float[ndarray, "x y z"]) -> None:
    """Draw frames of what was found on the mean BOLD image."""
    path = folder / f"{prefix}_contrast-{one.question.label}_frames.png"
    write_frames(path, one, anatomy, name=prefix)


def _clear(folder: Path) -> None:
    """Remove earlier statistics, the manifest first: other settings give other files."""
    (folder / MANIFEST).unlink(missing_ok=True)
    for path in sorted(folder.glob("*_contrast-*")):
        path.unlink()


def _write(
    folder: Path,
    prefix: str,
    one: Answer,
    sources: list[str],
    metadata: Mapping[str, object],
) -> None:
    """Write what was found of one question, and say it."""
    say(f"{prefix}, {one.question.label}: {one.n} {one.over}, {one.seen}")
    write_answer(folder, prefix, one, sources=sources, metadata=metadata)
