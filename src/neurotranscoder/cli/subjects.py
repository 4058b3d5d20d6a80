"""The subject stage on the command line: models of single subjects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Protocol, runtime_checkable

from neurotranscoder.cli.common import Workers, progress, say
from neurotranscoder.cli.places import MODELS, SUBJECTS
from neurotranscoder.cli.workspace import Workspace, load_models, range_lines
from neurotranscoder.cluster.pool import pool
from neurotranscoder.config import Config
from neurotranscoder.core.errors import SettingsError, StoreError
from neurotranscoder.core.recording import Recording, RunId
from neurotranscoder.io.manifest import MANIFEST
from neurotranscoder.io.scratch import scratch_folder
from neurotranscoder.io.stored_runs import StoredRuns
from neurotranscoder.reconstruct.range_check import range_of_recording
from neurotranscoder.train.subject import fit_subject
from neurotranscoder.train.trained import TrainedTranscoder
from neurotranscoder.train.trained_subject import (
    digest_of_group,
    load_subject,
    save_subject,
)


@runtime_checkable
class Fit(Protocol):
    """Fits and saves the model of one subject, unless it is there."""

    def __call__(self, runs: list[RunId], /, *, space: Workspace, group: TrainedTranscoder) -> str:
        """Return what was done."""
        ...


def train_subjects(
    bids: Path,
    out: Path,
    config: Config,
    model: Path | None,
    workers: Workers,
    *,
    fit: Fit | None = None,
) -> None:
    """Fit a subject stage of every subject, on all of its runs but those set aside for testing.

    Parameters
    ----------
    bids, out, config, model, workers
        As of the command.
    fit : callable, optional
        Which stage: one of a module, or a `functools.partial` of such; default `train_subject`.

    Raises
    ------
    SettingsError
        When no subject has a run that is not set aside.
    """
    space = Workspace.open(bids, out, config)
    name, group = load_models((model,) if model else (), out)[0]
    space.check(group)
    known = {
        subject: [run for run in runs if run.label not in group.split.test]
        for subject, runs in by_subject(space.study.runs).items()
    }
    if not any(known.values()):
        raise SettingsError(
            f"all {len(space.study.runs)} runs are test runs of the model {name}; the subject "
            "stage needs other runs of a subject; split by run (train.split.by='run')"
        )
    for subject, runs in known.items():
        if not runs:
            say(f"sub-{subject}: all of its runs are for testing; left out")
    one = partial(fit or train_subject, space=space, group=group)
    todo = [runs for runs in known.values() if runs]
    with (
        space.started(each=True),
        pool(workers.jobs, workers.cluster) as spread,
        progress("fitting subjects") as advance,
    ):
        for done, what in enumerate(spread(one, todo), 1):
            say(what)
            advance(done, len(todo))


def all_for_testing(runs: Sequence[RunId], out: Path, model: Path | None) -> bool:
    """Return, and say, whether a group model leaves no run of some subjects to fit them on.

    Parameters
    ----------
    runs : sequence of RunId
        Their runs.
    out : Path
        Results, with the group model unless another is named.
    model : Path or None
        Folder of another.
    """
    name, group = load_models((model,) if model else (), out)[0]
    if {run.label for run in runs} - set(group.split.test):
        return False
    for subject in by_subject(runs):
        say(
            f"sub-{subject}: all of its runs are test runs of the model {name}, which `group` "
            "scores on them: no model of its own is fitted, and no movies are made; for these, "
            "split by run (train.split.by='run')"
        )
    return True


def by_subject(runs: Sequence[RunId]) -> dict[str, list[RunId]]:
    """Return the runs of each subject."""
    found: dict[str, list[RunId]] = {}
    for run in runs:
        found.setdefault(run.subject, []).append(run)
    return found


def subject_folder(out: Path, subject: str) -> Path:
    """Return where the model of a subject goes."""
    return out / MODELS / SUBJECTS / f"sub-{subject}"


@contextmanager
def stored_runs(
    runs: list[RunId], space: Workspace, group: TrainedTranscoder
) -> Iterator[tuple[StoredRuns[Recording], list[str]]]:
    """Read the runs of a subject once; they are in files while the context lasts.

    Yields
    ------
    stored : StoredRuns
        The recordings.
    lines : list of str
        What of them lies outside what the group was trained on.
    """
    lines: list[str] = []

    def load(run: RunId) -> Recording:
        recording = space.study.load(run)
        lines.extend(range_lines(run, range_of_recording(group, recording)))
        return recording

    with scratch_folder(space.out.absolute()) as scratch:
        yield StoredRuns.of(load, runs, scratch), lines


def train_subject(runs: list[RunId], space: Workspace, group: TrainedTranscoder) -> str:
    """Fit and save the model of one subject, unless it is there; return what was done."""
    subject = runs[0].subject
    folder = subject_folder(space.out, subject)
    if _is_complete(folder, group, runs, space.config):
        return f"{folder} is complete"
    with stored_runs(runs, space, group) as (stored, lines):
        trained = fit_subject(stored, group, space.config.subject)
    save_subject(folder, trained)
    chosen = ", ".join(f"{choice.name} {choice.value:g}" for choice in trained.choices)
    what = (
        f"sub-{subject}: {len(runs)} runs fitted in {trained.seconds:.1f} s ({chosen}): {folder}"
    )
    return "\n".join([*lines, what])


def _is_complete(
    folder: Path, group: TrainedTranscoder, runs: list[RunId], config: Config
) -> bool:
    """Return whether a model was fitted so on these runs, with this group."""
    if not (folder / MANIFEST).is_file():
        return False
    try:
        found = load_subject(folder)
    except StoreError as error:
        say(f"{error}; it is fitted again")
        return False
    return (
        found.group == digest_of_group(group)
        and found.runs == tuple(run.label for run in runs)
        and found.settings == config.subject.model_dump(mode="json")
    )
