"""The subject stage on the command line: models of single subjects, and movies of their runs."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from neurotranscoder.cli.common import Workers, progress, say
from neurotranscoder.cli.workspace import MODELS, Workspace, load_models, out_of_range
from neurotranscoder.cluster.pool import pool
from neurotranscoder.config import Config
from neurotranscoder.core.errors import SettingsError, StoreError
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.recording import RunId
from neurotranscoder.core.spread import Lazily
from neurotranscoder.io.dense import export_movie
from neurotranscoder.io.manifest import MANIFEST, read_manifest
from neurotranscoder.io.movies import KIND, load_movie, movie_path, save_movie, write_window
from neurotranscoder.preprocess.group import align_run
from neurotranscoder.reconstruct.subject import subject_movie
from neurotranscoder.train.subject import fit_subject
from neurotranscoder.train.trained import TrainedTranscoder
from neurotranscoder.train.trained_subject import (
    TrainedSubject,
    digest_of_group,
    load_subject,
    save_subject,
)

SUBJECTS = "subjects"


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Movies:
    """What is written of the movie of each run beside its factors."""

    window: Annotated[
        tuple[float, float] | None,
        Parameter(
            help="From and to, in s on the scanner clock: these frames as a 4-D image.",
            negative="",
        ),
    ] = None
    dense: Annotated[
        bool, Parameter(help="All frames as a Zarr store (10 GB for 600 s).", negative="")
    ] = False


def train_subjects(
    bids: Path, out: Path, config: Config, model: Path | None, workers: Workers
) -> None:
    """Fit the subject stage of every subject, on all of its runs but those set aside for testing.

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
        for subject, runs in _by_subject(space.study.runs).items()
    }
    if not any(known.values()):
        raise SettingsError(
            f"all {len(space.study.runs)} runs are test runs of the model {name}; the subject "
            "stage needs other runs of a subject; split by run (train.split.by='run')"
        )
    for subject, runs in known.items():
        if not runs:
            say(f"sub-{subject}: all of its runs are for testing; left out")
    fit = partial(_train_subject, space=space, group=group)
    todo = [runs for runs in known.values() if runs]
    with (
        space.started(),
        pool(workers.jobs, workers.cluster) as spread,
        progress("fitting subjects") as advance,
    ):
        for done, what in enumerate(spread(fit, todo), 1):
            say(what)
            advance(done, len(todo))


def reconstruct_movies(bids: Path, out: Path, config: Config, wanted: Movies) -> None:
    """Write the movie of every run of the subjects that have a model; one run after the other.

    Raises
    ------
    StoreError
        When no subject has one.
    """
    space = Workspace.open(bids, out, config)
    folders = {subject: _folder(out, subject) for subject in _by_subject(space.study.runs)}
    models = {
        subject: load_subject(folder)
        for subject, folder in folders.items()
        if (folder / MANIFEST).is_file()
    }
    runs = [run for run in space.study.runs if run.subject in models]
    if not runs:
        raise StoreError(
            f"{out / MODELS / SUBJECTS}: no model of any of these subjects; run `neurotranscoder "
            "train BIDS OUT --stage subject` first"
        )
    for subject in sorted(folders.keys() - models.keys()):
        say(f"sub-{subject}: no subject model; left out")
    with space.started(), progress("reconstructing movies") as advance:
        for done, run in enumerate(runs, 1):
            made = _make_movie(space, run, models[run.subject])
            if wanted != Movies():
                _write_further(made or load_movie(movie_path(out, run, "eeg")), out, run, wanted)
            advance(done, len(runs))
    say(f"movies in {out}")


def _by_subject(runs: tuple[RunId, ...]) -> dict[str, list[RunId]]:
    """Return the runs of each subject."""
    found: dict[str, list[RunId]] = {}
    for run in runs:
        found.setdefault(run.subject, []).append(run)
    return found


def _folder(out: Path, subject: str) -> Path:
    """Return where the model of a subject goes."""
    return out / MODELS / SUBJECTS / f"sub-{subject}"


def _train_subject(runs: list[RunId], space: Workspace, group: TrainedTranscoder) -> str:
    """Fit and save the model of one subject, unless it is there; return what was done."""
    subject = runs[0].subject
    folder = _folder(space.out, subject)
    if _is_complete(folder, group, runs, space.config):
        return f"{folder} is complete"
    trained = fit_subject(Lazily(space.study.load, runs), group, space.config.subject)
    save_subject(folder, trained)
    chosen = ", ".join(f"{choice.name} {choice.value:g}" for choice in trained.choices)
    what = (
        f"sub-{subject}: {len(runs)} runs fitted in {trained.seconds:.1f} s ({chosen}): {folder}"
    )
    setting = space.config.align.model_copy(update={"power_bands": ()})  # the slow part of align
    aligned = (align_run(run, space.study, group.blocks, setting) for run in runs)
    return "\n".join([*(line for run in aligned for line in out_of_range(group, run)), what])


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


def _make_movie(space: Workspace, run: RunId, trained: TrainedSubject) -> SourceMovie | None:
    """Make and save the movie of a run; None where that of this model is there."""
    path = movie_path(space.out, run, "eeg")
    identity = _identity(trained, run)
    if (path / MANIFEST).is_file():
        try:
            if read_manifest(path, kind=KIND).settings_hash == identity:
                return None
        except StoreError as error:
            say(f"{error}; it is made again")
    movie = subject_movie(trained, space.study.load(run))
    files = space.study.files[run]
    source = f"bids:raw:{files.eeg.relative_to(space.study.root).as_posix()}"
    save_movie(path, movie, sources=[source], settings_hash=identity)
    return movie


def _identity(trained: TrainedSubject, run: RunId) -> str:
    """Return a hash of a model and a run."""
    digest = hashlib.sha256(trained.maps.tobytes())
    facts = [run.label, trained.group, list(trained.runs), dict(trained.settings)]
    digest.update(json.dumps(facts, sort_keys=True).encode())
    return digest.hexdigest()


def _write_further(movie: SourceMovie, out: Path, run: RunId, wanted: Movies) -> None:
    """Write what was asked for beside the factors of a movie."""
    path = movie_path(out, run, movie.origin)
    if wanted.window is not None:
        write_window(path.with_suffix(".nii.gz"), movie, *wanted.window)
    if wanted.dense:
        export_movie(path.with_suffix(".zarr"), movie)
