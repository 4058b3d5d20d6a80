"""The paper's second stage on the command line: coders of single subjects."""

from __future__ import annotations

import shutil
from pathlib import Path

from neurotranscoder.cli.common import progress, say
from neurotranscoder.cli.places import MODELS, PAPER_SUBJECTS
from neurotranscoder.cli.subjects import stored_runs
from neurotranscoder.cli.workspace import Workspace
from neurotranscoder.core.errors import StoreError
from neurotranscoder.core.recording import RunId
from neurotranscoder.io.manifest import MANIFEST
from neurotranscoder.reconstruct.paper_subject import fit_paper_subject
from neurotranscoder.train.device import Device
from neurotranscoder.train.paper_subject import PaperSubjectSettings
from neurotranscoder.train.trained import TrainedTranscoder
from neurotranscoder.train.trained_paper_subject import load_paper_subject, save_paper_subject
from neurotranscoder.train.trained_subject import digest_of_group


def paper_subject_folder(out: Path, subject: str) -> Path:
    """Return where the coders of a subject go."""
    return out / MODELS / PAPER_SUBJECTS / f"sub-{subject}"


def train_paper_subject(
    runs: list[RunId], space: Workspace, group: TrainedTranscoder, *, device: Device
) -> str:
    """Train and save the coders of one subject, unless they are there; return what was done.

    A killed training goes on from its checkpoint, which is removed when the model is there.
    """
    subject, settings = runs[0].subject, space.config.paper_subject
    folder = paper_subject_folder(space.out, subject)
    if _is_complete(folder, group, runs, settings):
        return f"{folder} is complete"
    checkpoint = folder.with_name(f"{folder.name}.checkpoint")
    with (
        stored_runs(runs, space, group) as (stored, lines),
        progress(f"training the second stage of sub-{subject}") as advance,
    ):
        trained = fit_paper_subject(
            stored, group, settings, folder=checkpoint, device=device, progress=advance
        )
    save_paper_subject(folder, trained)
    shutil.rmtree(checkpoint, ignore_errors=True)
    what = f"sub-{subject}: {trained} in {trained.seconds:.1f} s: {folder}"
    return "\n".join([*lines, what])


def _is_complete(
    folder: Path, group: TrainedTranscoder, runs: list[RunId], settings: PaperSubjectSettings
) -> bool:
    """Return whether coders were trained so on these runs, with this group."""
    if not (folder / MANIFEST).is_file():
        return False
    try:
        found = load_paper_subject(folder)
    except StoreError as error:
        say(f"{error}; it is trained again")
        return False
    labels = tuple(run.label for run in runs)
    wanted = (digest_of_group(group), labels, settings)
    return (found.group, found.runs, found.settings) == wanted
