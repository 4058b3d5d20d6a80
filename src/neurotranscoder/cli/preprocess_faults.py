"""The runs of a study, sorted out before anything is cleaned: those that can be, and faults."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from neurotranscoder.cli.common import say
from neurotranscoder.cli.preprocess_images import brings_to_mni, without_t1
from neurotranscoder.config import Config
from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import GridError, Problem, StudyError
from neurotranscoder.core.recording import RunId
from neurotranscoder.io.anatomy import find_t1, read_t1
from neurotranscoder.io.bids import EegFiles, LoneFiles, RunFiles, Search, eeg_files
from neurotranscoder.io.events import read_events
from neurotranscoder.io.nifti import grid_of, open_image
from neurotranscoder.preprocess.checks import Kind, disagreements, other_grids, relative_to
from neurotranscoder.preprocess.study_channels import (
    StudyChannels,
    blind_eyes,
    out_of_reach,
    search_study,
    study_channels,
)
from neurotranscoder.preprocess.study_settings import StudySettings
from neurotranscoder.preprocess.unscanned import gradient_period

_SUBJECT = re.compile(r"sub-([0-9A-Za-z+]+)")


class Sorted(NamedTuple):
    """What is to be cleaned.

    Parameters
    ----------
    subjects : list of lists of RunFiles
        The runs of each subject without a fault.
    faults : dict from str to str
        What is wrong with others, by label.
    config : Config
        The settings, with the channels of the study by name.
    alone : dict from str to list of EegFiles
        EEG without images, by the label of its subject; that of subjects with a fault is not in.
    to_mni : bool
        Whether images are brought to MNI.
    """

    subjects: list[list[RunFiles]]
    faults: dict[str, str]
    config: Config
    alone: dict[str, list[EegFiles]]
    to_mni: bool

    @property
    def recordings(self) -> list[list[EegFiles]]:
        """All EEG that is to be cleaned, of one subject after the other."""
        both = {runs[0].run.subject: runs for runs in self.subjects}
        labels = sorted({*both, *self.alone})
        return [[*both.get(one, ()), *self.alone.get(one, ())] for one in labels]


def sorted_out(bids: Path, config: Config, *, strict: bool, one_grid: bool = False) -> Sorted:
    """Look through a study before it is cleaned.

    Parameters
    ----------
    bids : Path
        The study.
    config : Config
        How it is read.
    strict : bool
        Refuse it where one subject has a fault.
    one_grid : bool
        Whether images that stay as they are need to be on one grid.

    Raises
    ------
    StudyError
        When the study itself has a fault, or nothing to clean, every subject has a fault, or one
        has and that is strictly refused.
    """
    study = config.study
    found, everyone = _searched(bids, study)
    alone, unread = _eeg_alone(found.alone)
    channels = study_channels(bids, found, study)
    runs = [files.run for files in found.runs]
    problems = [
        *found.problems,
        *unread,
        *channels.problems,
        *out_of_reach(channels, runs),
        *_blind_eyes(bids, channels, config),
        *_differing(channels),
        *_damaged_events(found.runs),
    ]
    to_mni = brings_to_mni(config, bids, everyone.runs)
    if to_mni:
        problems += [*without_t1(bids, found.runs), *_damaged_t1(found.runs, bids)]
    elif one_grid:
        problems += _other_grids(everyone.runs, among=runs)
    faults, others = by_subject(relative_to(bids, problems), bids)
    subjects: dict[str, list[RunFiles]] = {}
    for files in found.runs:
        if files.run.subject not in faults:
            subjects.setdefault(files.run.subject, []).append(files)
    whole = {label: files for label, files in alone.items() if label not in faults}
    if not (problems or subjects or whole or study.participants):
        problems = others = [_nothing(bids)]
    if others or (faults and (strict or not (subjects or whole))):
        raise StudyError(relative_to(bids, problems))
    words = {label: "; ".join(map(str, wrong)) for label, wrong in sorted(faults.items())}
    config = config.model_copy(update={"study": channels.settings})
    return Sorted(list(subjects.values()), words, config, whole, to_mni)


def _searched(bids: Path, study: StudySettings) -> tuple[Search, Search]:
    """Return the runs that are asked for, and those of all subjects."""
    found = everyone = search_study(bids, study)
    if study.participants:
        everyone = search_study(bids, study.model_copy(update={"participants": ()}))
    eeg_alone = {lone.modality for lone in found.alone} == {"eeg"}
    if not found.runs and (eeg_alone or everyone.runs):
        found = search_study(bids, study, alone=True)  # none of these needs to have both then
    return found, everyone


def by_subject(
    problems: Iterable[Problem], bids: Path
) -> tuple[dict[str, list[Problem]], Sequence[Problem]]:
    """Return the problems of single subjects, and those of the study."""
    faults: dict[str, list[Problem]] = {}
    others = []
    for problem in problems:
        named = _SUBJECT.match(problem.where)
        if named is None or problem.where == str(bids):
            others.append(problem)
        else:
            faults.setdefault(named.group(1), []).append(problem)
    return faults, others


def _eeg_alone(found: Sequence[LoneFiles]) -> tuple[dict[str, list[EegFiles]], list[Problem]]:
    """Return EEG without images, by subject, and what is wrong with it; say what is left out."""
    alone: dict[str, list[EegFiles]] = {}
    problems: list[Problem] = []
    doubtful = {lone.run.subject for lone in found if lone.modality == "bold"}
    for lone in found:
        if lone.modality == "bold":
            say(f"  {lone}; left out")
            continue
        try:
            files = eeg_files(lone)
            why = _why_not(files, doubtful)
        except StudyError as error:
            problems += error.problems
            continue
        say(f"  {lone}; {f'left out: {why}' if why else 'cleaned, but for gradients and pulse'}")
        if not why:
            alone.setdefault(lone.run.subject, []).append(files)
    return alone, problems


def _nothing(bids: Path) -> Problem:
    """Return what is wrong with a study all of which was left out."""
    needed, cure = "one run at least", "see above why its runs are left out"
    return Problem(str(bids), "runs", "none that can be cleaned", needed, cure)


def _why_not(files: EegFiles, doubtful: set[str]) -> str:
    """Return why EEG without images is not cleaned; nothing where it is."""
    if files.run.subject in doubtful:  # it may be of these images, under another label
        return "there is BOLD without EEG as well; do their labels differ?"
    if (period := gradient_period(files)) is not None:
        return (
            f"it has a gradient artefact every {period:.3g} s, and without images nobody knows TR "
            "and slices; add them under the same labels"
        )
    return ""


def _blind_eyes(bids: Path, channels: StudyChannels, config: Config) -> list[Problem]:
    """Return channels to find blinks in that no run has, where blinks are to go."""
    wanted = config.clean.ocular.eog if "ocular" in config.clean.steps else ()
    return blind_eyes(bids, channels, wanted)


def _differing(channels: StudyChannels) -> list[Problem]:
    """Return runs with other channels, where all have to have the same."""
    if channels.settings.channels != "same":
        return []
    return disagreements({run: Kind(None, names) for run, names in channels.names.items()})


def _damaged_events(runs: Sequence[RunFiles]) -> list[Problem]:
    """Return what is wrong with tables of events; one that several runs share is named once."""
    tables = {table for files in runs for table in (files.bold_events, files.eeg_events) if table}
    problems: list[Problem] = []
    for table in sorted(tables):
        try:
            read_events(table)
        except StudyError as error:
            problems += error.problems
    return problems


def _damaged_t1(runs: Sequence[RunFiles], bids: Path) -> list[Problem]:
    """Return what is wrong with T1 images, each named once; their data are read."""
    problems: list[Problem] = []
    for path in sorted({t1 for files in runs if (t1 := find_t1(bids, files.run)) is not None}):
        try:
            read_t1(path)
        except StudyError as error:
            problems += error.problems
    return problems


def _other_grids(runs: Sequence[RunFiles], *, among: Sequence[RunId]) -> list[Problem]:
    """Return those of some runs whose images are not on the grid of most runs of the study."""
    grids: dict[RunId, VoxelGrid] = {}
    for files in runs:
        with suppress(StudyError, GridError):  # said when it is cleaned
            grids[files.run] = grid_of(open_image(files.bold), files.bold)
    labels = set(map(str, among))
    return [problem for problem in other_grids(grids) if problem.where in labels]
