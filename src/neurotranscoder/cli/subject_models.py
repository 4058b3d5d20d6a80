"""Models of single subjects that a command finds, each with its group model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from neurotranscoder.cli.common import say
from neurotranscoder.cli.estimates import From, readable_runs
from neurotranscoder.cli.places import MODELS, SUBJECTS
from neurotranscoder.cli.subjects import by_subject
from neurotranscoder.cli.workspace import Workspace, group_models
from neurotranscoder.core.errors import StoreError
from neurotranscoder.core.recording import RunId
from neurotranscoder.io.manifest import MANIFEST
from neurotranscoder.train.trained import TrainedTranscoder
from neurotranscoder.train.trained_subject import TrainedSubject, load_subject


@dataclass(frozen=True, slots=True, eq=False)
class SubjectModels:
    """Runs that can be read, and the models of their subjects.

    Parameters
    ----------
    runs : tuple of RunId
        Runs of subjects that have a model.
    models : mapping from str to TrainedSubject
        By subject.
    groups : mapping from str to TrainedTranscoder
        The group model that a subject was fitted with, as far as it is known.
    """

    runs: tuple[RunId, ...]
    models: Mapping[str, TrainedSubject]
    groups: Mapping[str, TrainedTranscoder]

    def of(self, run: RunId) -> tuple[TrainedSubject, TrainedTranscoder | None]:
        """Return the model of the subject of a run, and its group model."""
        return self.models[run.subject], self.groups.get(run.subject)


def subject_models(
    space: Workspace, place: Path | None, group: Path | None, from_: From, *, required: bool
) -> SubjectModels:
    """Find the models of the subjects of all runs that have what is to be read.

    Parameters
    ----------
    space : Workspace
        Its study was opened with ``alone=True``.
    place : Path or None
        Folder with the model of each subject, as ``sub-01``; None: below the output folder.
    group : Path or None
        Folder of a group model; None: those in the output folder.
    from_ : {'eeg', 'bold', 'both'}
        What is to be read.
    required : bool
        Whether the group model of every subject is needed.

    Raises
    ------
    SettingsError
        When no run has what is to be read.
    StoreError
        When no subject has a model, or a group model is needed and missing.
    """
    readable = readable_runs(space.study, from_)
    place = place or space.out / MODELS / SUBJECTS
    folders = {subject: place / f"sub-{subject}" for subject in by_subject(readable)}
    models = {
        subject: load_subject(folder)
        for subject, folder in folders.items()
        if (folder / MANIFEST).is_file()
    }
    runs = tuple(run for run in readable if run.subject in models)
    if not runs:
        raise StoreError(
            f"{place}: no model of any of these subjects; run `neurotranscoder train BIDS OUT "
            "--stage subject` first, or name the folder of their models with --subject-models"
        )
    for subject in sorted(folders.keys() - models.keys()):
        say(f"sub-{subject}: no subject model; left out")
    return SubjectModels(runs, models, _groups(space.out, group, models, required=required))


def _groups(
    out: Path, model: Path | None, models: Mapping[str, TrainedSubject], *, required: bool
) -> dict[str, TrainedTranscoder]:
    """Return the group model that each subject was fitted with, as far as they are known."""
    by_digest = group_models(out, model)
    found = {
        subject: by_digest[trained.group]
        for subject, trained in models.items()
        if trained.group in by_digest
    }
    missing = sorted(models.keys() - found.keys())
    if missing and required:
        raise StoreError(
            f"the group model that sub-{missing[0]} was fitted with is not "
            f"{model or f'in {out / MODELS}'}; its response and scale tie BOLD to sources; "
            "name it with --model"
        )
    for subject in missing:
        say(
            f"sub-{subject}: RANGE NOT CHECKED: the group model that it was fitted with is not "
            f"{model or f'in {out / MODELS}'}; name it with --model"
        )
    return found
