"""``neurotranscoder analyse --stage subject``: what conditions do, in the movies of subjects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from neurotranscoder.analyse.conditions import Question, answer
from neurotranscoder.analyse.conditions_store import NUMBER
from neurotranscoder.cli.across import (
    KIND,
    SubjectEffects,
    across_subjects,
    identity_across,
    write_effect,
    write_found,
)
from neurotranscoder.cli.common import Workers, overheard, progress, say
from neurotranscoder.cli.cut_subjects import CutSubject, SubjectRuns, cut_subject
from neurotranscoder.cli.expected import expects, write_expected, write_expected_of_group
from neurotranscoder.cli.figures import Drawing, in_mni
from neurotranscoder.cli.places import REGIONS, STATISTICS
from neurotranscoder.cli.regions import write_regions
from neurotranscoder.cli.subject_inputs import SubjectInputs, subject_inputs
from neurotranscoder.cli.subject_readouts import PlacesAsked
from neurotranscoder.cli.trust import subject_trust
from neurotranscoder.cli.workspace import Workspace, clear, is_complete
from neurotranscoder.cluster.pool import Map, pool
from neurotranscoder.config import Config
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.io.manifest import write_manifest


def analyse_trials(
    bids: Path,
    out: Path,
    config: Config,
    *,
    asked: PlacesAsked,
    model: Path | None = None,
    workers: Workers,
) -> None:
    """Test all means and contrasts, within each subject and across subjects that share a grid.

    The trust map of each subject is written first, and, given an atlas, its regions as well;
    moments of the maps are drawn last.

    Raises
    ------
    SettingsError
        When one of the files of an atlas is named alone.
    StoreError
        When no run has a movie.
    StudyError
        With everything that is wrong with the inputs; nothing is written then.
    """
    asked.check()
    space = Workspace.list(bids, out, config, asked.subject_models)
    inputs = subject_inputs(space, config.analyse.trials, model=model, atlas=asked.files)
    drawing = Drawing.of(space, inputs.asked)
    with space.started(), pool(workers.jobs, workers.cluster) as spread:
        subjects = _analyse(space, inputs, spread)
        drawing.all(subjects, spread)
        if expects(space):
            write_expected_of_group(space, subjects)
    say(f"statistics in {out / STATISTICS}")


def _analyse(space: Workspace, inputs: SubjectInputs, spread: Map) -> list[CutSubject]:
    """Do each subject, then the group; the second pass knows whether the group needs it."""
    subjects: list[CutSubject] = []
    with progress("trust maps") as advance:
        trust = partial(_with_trust, space=space, inputs=inputs)
        for done, (lines, subject) in enumerate(spread(trust, inputs.subjects), 1):
            subjects.append(subject)
            _relay(lines)
            advance(done, len(inputs.subjects))
    folder, identity = space.out / STATISTICS / "group", identity_across(subjects)
    grouped = len(subjects) > 1 and not is_complete(folder, kind=KIND, identity=identity)
    effects: list[SubjectEffects] = []
    with progress("testing conditions within subjects") as advance:
        within = partial(_within, inputs=inputs, grouped=grouped)
        for done, (lines, one) in enumerate(spread(within, subjects), 1):
            _relay(lines)
            effects += [one] if one is not None else []
            advance(done, len(subjects))
    if grouped:
        settings = space.config.analyse.trials
        across_subjects(folder, effects, inputs.asked, settings, identity=identity)
    return subjects


def _relay(lines: Sequence[str]) -> None:
    """Say what a worker said."""
    for line in lines:
        say(line)


def _with_trust(
    runs: SubjectRuns, space: Workspace, inputs: SubjectInputs
) -> tuple[list[str], CutSubject]:
    """Write the trust map of a subject; return what was said, and what its statistics are of."""
    with overheard() as lines:
        subject = cut_subject(space, runs, subject_trust(space, runs.name, inputs.groups))
    return lines, subject


def _within(
    subject: CutSubject, inputs: SubjectInputs, grouped: bool
) -> tuple[list[str], SubjectEffects | None]:
    """Write what is not there of a subject; return what was said, and what the group needs."""
    subject = replace(subject)  # what it reads goes with it when it is done
    with overheard() as lines:
        if inputs.atlas is not None:
            folder = subject.space.out / REGIONS / f"sub-{subject.name}"
            settings = subject.space.config.analyse.trials
            write_regions(folder, subject, inputs.atlas, inputs.asked, settings)
        _test(subject, inputs.asked)
        if in_mni(subject.space):
            write_expected(subject, inputs.asked)
        effects = SubjectEffects.of(subject, inputs.asked) if grouped else None
    return lines, effects


def _test(subject: CutSubject, asked: Sequence[Question]) -> None:
    """Test within one subject, unless its statistics are there; the manifest comes last."""
    name, settings = f"sub-{subject.name}", subject.space.config.analyse.trials
    folder = subject.space.out / STATISTICS / name
    if is_complete(folder, kind=KIND, identity=subject.identity):
        return
    clear(folder, "*_contrast-*")
    for number, question in enumerate(asked, 1):
        facts = (subject.sources, {**subject.metadata, NUMBER: number})
        try:
            samples = question.samples(subject.trials, settings.units)
            one = answer(question, samples, settings, "units", subject.visible)
        except GridError as error:
            say(f"NOT TESTED: {name}, {question.label}: {error}")
            average = _average(question, subject)
            write_effect(folder, name, question, [average], str(error), facts)
            continue
        write_found(folder, name, one, subject.anatomy, facts)
    write_manifest(folder, kind=KIND, settings_hash=subject.identity)


def _average(question: Question, subject: CutSubject) -> SourceMovie | None:
    """Return the average of a question, or None where a condition has no trial."""
    try:
        return question.average(subject.trials)
    except GridError:
        return None
