"""``neurotranscoder analyse --stage subject``: what conditions do, in the movies of subjects."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
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
from neurotranscoder.cli.common import progress, say
from neurotranscoder.cli.cut_subjects import CutSubject, cut_subject
from neurotranscoder.cli.regions import AtlasInUse, write_regions
from neurotranscoder.cli.trust import subject_trust
from neurotranscoder.cli.workspace import (
    REGIONS,
    STATISTICS,
    Workspace,
    clear,
    group_models,
    is_complete,
)
from neurotranscoder.config import Config
from neurotranscoder.core.errors import GridError, StoreError
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.io.manifest import write_manifest
from neurotranscoder.io.movies import movie_path
from neurotranscoder.report.effect_frames import write_frames

_KIND = "statistics of trials"


def analyse_trials(
    bids: Path,
    out: Path,
    config: Config,
    *,
    atlas: AtlasInUse | None = None,
    model: Path | None = None,
) -> None:
    """Test all means and contrasts, within each subject and across subjects that share a grid.

    The trust map of each subject is written as well, and, given an atlas, its regions.

    Raises
    ------
    StoreError
        When no run has a movie, or the named group model cannot be read.
    """
    space = Workspace.open(bids, out, config)
    settings = config.analyse.trials
    runs = [run for run in space.study.runs if movie_path(out, run, "eeg").is_dir()]
    if not runs:
        raise StoreError(
            f"{out}: no movie of any of these runs; run `neurotranscoder reconstruct BIDS OUT "
            "--stage subject` first"
        )
    groups = group_models(out, model)
    with space.started():
        names = sorted({run.subject for run in runs})
        cut = [
            cut_subject(
                space,
                [r for r in runs if r.subject == name],
                settings,
                subject_trust(space, name, groups),
            )
            for name in names
        ]
        subjects = [one for one in cut if one is not None]
        if not subjects:
            raise GridError("no subject has a run to analyse; see analyse.trials.unseen_runs")
        asked = questions_of([c for one in subjects for c in one.trials.trial_type], settings)
        if atlas is not None:
            for subject in subjects:
                folder = out / REGIONS / f"sub-{subject.name}"
                write_regions(folder, subject, atlas, asked, settings)
        with progress("testing conditions within subjects") as advance:
            for done, subject in enumerate(subjects, 1):
                _within(out / STATISTICS / f"sub-{subject.name}", subject, asked, settings)
                advance(done, len(subjects))
        if len(subjects) > 1:
            _across(out / STATISTICS / "group", subjects, asked, settings)
    say(f"statistics in {out / STATISTICS}")


def _within(
    folder: Path,
    subject: CutSubject,
    asked: tuple[Question, ...],
    settings: TrialAnalysisSettings,
) -> None:
    """Test within one subject, unless its statistics are there; the manifest comes last."""
    if is_complete(folder, kind=_KIND, identity=subject.identity):
        return
    clear(folder, "*_contrast-*")
    for question in asked:
        try:
            samples = question.samples(subject.trials, settings.units)
            one = answer(question, samples, settings, "units", subject.visible)
        except GridError as error:
            say(f"NOT TESTED: sub-{subject.name}, {question.label}: {error}")
            _untested(folder, f"sub-{subject.name}", question, [subject], error, subject.metadata)
            continue
        _write(folder, f"sub-{subject.name}", one, subject.sources, subject.metadata)
        _draw(folder, f"sub-{subject.name}", one, subject.anatomy)
    write_manifest(folder, kind=_KIND, settings_hash=subject.identity)


def _across(
    folder: Path,
    subjects: list[CutSubject],
    asked: tuple[Question, ...],
    settings: TrialAnalysisSettings,
) -> None:
    """Test over subjects, unless that is there; the manifest comes last."""
    facts = [one.identity for one in subjects]
    identity = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
    if is_complete(folder, kind=_KIND, identity=identity):
        return
    clear(folder, "*_contrast-*")
    sources = [source for one in subjects for source in one.sources]
    metadata: dict[str, object] = {
        "Window": settings.window.model_dump(mode="json"),
        "Subjects": [one.name for one in subjects],
    }
    for question in asked:
        try:
            averages: list[SourceMovie] = [question.average(one.trials) for one in subjects]
            visible = [one.visible for one in subjects]
            one = answer_across(question, averages, settings, visible)
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
    subjects: list[CutSubject],
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


def _draw(folder: Path, prefix: str, one: Answer, anatomy: Float[ndarray, "x y z"]) -> None:
    """Draw frames of what was found on the mean BOLD image."""
    path = folder / f"{prefix}_contrast-{one.question.label}_frames.png"
    write_frames(path, one, anatomy, name=prefix)


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
