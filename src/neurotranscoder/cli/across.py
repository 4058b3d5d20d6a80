"""``analyse --stage subject``: what conditions do across subjects, from the averages of each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.analyse.condition_settings import TrialAnalysisSettings
from neurotranscoder.analyse.conditions import Answer, Question, answer_across
from neurotranscoder.analyse.conditions_store import NUMBER, write_answer, write_untested
from neurotranscoder.analyse.visible import Visible
from neurotranscoder.analyse.zmaps import FEWEST_FOR_FDR
from neurotranscoder.cli.common import say
from neurotranscoder.cli.cut_subjects import CutSubject, mean_anatomy
from neurotranscoder.cli.run_movies import RunMovie, caution_of, words_of
from neurotranscoder.cli.workspace import clear
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.io.manifest import write_manifest
from neurotranscoder.report.effect_frames import write_frames

KIND = "statistics of trials"
Facts = tuple[Sequence[str], Mapping[str, object]]
"""What files were made from, and further fields of their sidecars."""
_FEWEST = 6
"""Subjects that signs alone could take below a p of .05: 2 / 2**6 is .03."""


@dataclass(frozen=True, slots=True, eq=False)
class SubjectEffects:
    """What a subject brings to the group.

    Parameters
    ----------
    name : str
        Label, without ``sub-``.
    sources : list of str
        What it was made from.
    visible : Visible
        Voxels that can be seen.
    anatomy : array, shape (x, y, z)
        Mean BOLD image, or the brain mask where there is none.
    imaged : bool
        Whether it is an image.
    movies : tuple of RunMovie
        What the averages are of.
    averages : dict from str to SourceMovie
        Average of each question, by its label.
    missing : dict from str to str
        Why there is none.
    """

    name: str
    sources: list[str]
    visible: Visible
    anatomy: Float[ndarray, "x y z"]
    imaged: bool
    movies: tuple[RunMovie, ...]
    averages: dict[str, SourceMovie]
    missing: dict[str, str]

    @classmethod
    def of(cls, subject: CutSubject, asked: Sequence[Question]) -> SubjectEffects:
        """Return the averages of a subject."""
        averages, missing = {}, {}
        for question in asked:
            try:
                averages[question.label] = question.average(subject.trials)
            except GridError as error:
                missing[question.label] = f"sub-{subject.name}: {error}"
        return cls(
            subject.name,
            subject.sources,
            subject.visible,
            subject.anatomy,
            subject.imaged,
            subject.of.movies,
            averages,
            missing,
        )


def identity_across(subjects: Sequence[CutSubject]) -> str:
    """Return a hash of all that statistics across subjects depend on."""
    facts = [one.identity for one in subjects]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def across_subjects(
    folder: Path,
    subjects: Sequence[SubjectEffects],
    asked: Sequence[Question],
    settings: TrialAnalysisSettings,
    *,
    identity: str,
) -> None:
    """Test over subjects; the manifest comes last.

    Parameters
    ----------
    folder : Path
        Where files go; earlier ones are removed.
    subjects : sequence of SubjectEffects
        Two or more.
    asked : sequence of Question
        What is asked.
    settings : TrialAnalysisSettings
        How it is tested.
    identity : str
        See `identity_across`.
    """
    clear(folder, "*_contrast-*")
    metadata = _described(subjects, settings)
    sources = [source for one in subjects for source in one.sources]
    for number, question in enumerate(asked, 1):
        facts = (sources, {**metadata, NUMBER: number})
        try:
            one = _answer(question, subjects, settings)
        except GridError as error:
            say(f"NOT TESTED: across subjects, {question.label}: {error}")
            averages = [each.averages.get(question.label) for each in subjects]
            write_effect(folder, "group", question, averages, str(error), facts)
            continue
        anatomy = mean_anatomy([(each.anatomy, each.imaged) for each in subjects])
        write_found(folder, "group", one, anatomy, facts)
    write_manifest(folder, kind=KIND, settings_hash=identity)


def _described(
    subjects: Sequence[SubjectEffects], settings: TrialAnalysisSettings
) -> dict[str, object]:
    """Return what sidecars of the group say; what is to be kept in mind is said as well."""
    movies = [movie for one in subjects for movie in one.movies]
    cautions = [caution_of(movies), _of_few(len(subjects), settings)]
    if cautions[1]:
        say(f"FEW SUBJECTS: {cautions[1]}")
    if cautions[0]:
        say(f"SLOW OR MIXED MOVIES: across subjects: {cautions[0]}")
    known: dict[str, object] = {
        **settings.described(),
        "Subjects": [one.name for one in subjects],
        "MoviesFrom": words_of(movies),
    }
    if any(cautions):
        known["Caution"] = "; ".join(one for one in cautions if one)
    return known


def _of_few(n: int, settings: TrialAnalysisSettings) -> str:
    """Return what few subjects mean for the correction that is asked for; else nothing."""
    if settings.correction == "fdr" and n < FEWEST_FOR_FDR:
        return (
            f"{n} subjects: a false discovery rate is not tested across fewer than "
            f"{FEWEST_FOR_FDR}, as p is then as good as the tails of t with {n - 1} degrees of "
            "freedom; there are effects alone"
        )
    if settings.correction == "cluster" or n >= _FEWEST:
        return ""
    return (
        f"{n} subjects: p holds only as far as their averages are normal; from {_FEWEST} on, "
        "signs alone could say it (correction 'cluster')"
    )


def _answer(
    question: Question, subjects: Sequence[SubjectEffects], settings: TrialAnalysisSettings
) -> Answer:
    """Test one question over subjects; all have to have an average."""
    for one in subjects:
        if reason := one.missing.get(question.label):
            raise GridError(reason)
    averages = [one.averages[question.label] for one in subjects]
    return answer_across(question, averages, settings, [one.visible for one in subjects])


def write_found(
    folder: Path, prefix: str, one: Answer, anatomy: Float[ndarray, "x y z"], facts: Facts
) -> None:
    """Write and draw what was found of one question, and say it."""
    sources, metadata = facts
    say(f"{prefix}, {one.question.label}: {one.n} {one.over}, {one.seen}; {one.visible.words}")
    write_answer(folder, prefix, one, sources=sources, metadata=metadata)
    path = folder / f"{prefix}_contrast-{one.question.label}_frames.png"
    write_frames(path, one, anatomy, name=prefix)


def write_effect(
    folder: Path,
    prefix: str,
    question: Question,
    averages: Sequence[SourceMovie | None],
    reason: str,
    facts: Facts,
) -> None:
    """Write the effect without a test, where all subjects have one in one space."""
    known = [average for average in averages if average is not None]
    sources, metadata = facts
    try:
        if len(known) < len(averages):
            raise GridError(reason)
        write_untested(
            folder,
            prefix,
            question,
            known,
            reason=reason,
            sources=sources,
            metadata=metadata,
        )
    except GridError as error:
        say(f"{prefix}, {question.label}: no effect image: {error}")
