"""Movies of runs on the command line, from the models of single subjects."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from neurotranscoder.cli.common import progress, say
from neurotranscoder.cli.subjects import SUBJECTS, by_subject, subject_folder
from neurotranscoder.cli.workspace import (
    MODELS,
    Workspace,
    group_models,
    is_complete,
    range_lines,
)
from neurotranscoder.config import Config
from neurotranscoder.core.errors import StoreError
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.recording import Recording, RunId
from neurotranscoder.core.source import Origin
from neurotranscoder.io.dense import export_movie
from neurotranscoder.io.manifest import MANIFEST
from neurotranscoder.io.movies import KIND, load_movie, movie_path, save_movie, write_window
from neurotranscoder.reconstruct.range_check import Modality, range_of_recording
from neurotranscoder.reconstruct.subject import subject_movie
from neurotranscoder.reconstruct.subject_bold import bold_movie, fused_movie
from neurotranscoder.train.trained import TrainedTranscoder
from neurotranscoder.train.trained_subject import TrainedSubject, load_subject

From = Literal["eeg", "bold", "both"]
READ: dict[From, tuple[Modality, ...]] = {
    "eeg": ("EEG",),
    "bold": ("BOLD",),
    "both": ("EEG", "BOLD"),
}
ORIGINS: dict[From, tuple[Origin, ...]] = {
    "eeg": ("eeg",),
    "bold": ("bold",),
    "both": ("eeg", "bold", "fused"),
}


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
    architecture: Annotated[
        Literal["paper"] | None,
        Parameter(
            help="paper: latent sources of the paper's second stage, as Zarr stores alone; their "
            "models are in OUT/models/paper_subjects.",
            negative="",
        ),
    ] = None


def reconstruct_movies(
    bids: Path, out: Path, config: Config, wanted: Movies, *, from_: From, model: Path | None
) -> None:
    """Write the movies of every run of the subjects that have a model; one run after the other.

    Raises
    ------
    StoreError
        When no subject has one, or BOLD is to be read and the group model of a subject is missing.
    """
    space = Workspace.open(bids, out, config)
    folders = {subject: subject_folder(out, subject) for subject in by_subject(space.study.runs)}
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
    groups = _groups(out, model, models, from_)
    with space.started(), progress("reconstructing movies") as advance:
        for done, run in enumerate(runs, 1):
            maker = _Maker(space, run, models[run.subject], groups.get(run.subject), from_)
            for path, movie in maker.movies():
                if wanted != Movies():
                    _write_further(movie or load_movie(path), path, wanted)
            advance(done, len(runs))
    say(f"movies in {out}")


@dataclass(frozen=True, slots=True, eq=False)
class _Maker:
    """Makes the movies of one run."""

    space: Workspace
    run: RunId
    trained: TrainedSubject
    group: TrainedTranscoder | None
    from_: From

    def movies(self) -> Iterator[tuple[Path, SourceMovie | None]]:
        """Yield where each movie is; and it, where it was made; None where it was there."""
        recording = None
        for origin in ORIGINS[self.from_]:
            path = movie_path(self.space.out, self.run, origin)
            if is_complete(path, kind=KIND, identity=self._identity):
                yield path, None
                continue
            recording = recording or self._recording()
            movie = self._made(recording, origin)
            save_movie(path, movie, sources=self._sources(origin), settings_hash=self._identity)
            yield path, movie

    def _recording(self) -> Recording:
        """Read the run, and say what of it lies outside what the group was trained on."""
        recording = self.space.study.load(self.run)
        if self.group is not None:
            ranges = range_of_recording(self.group, recording, READ[self.from_])
            for line in range_lines(self.run, ranges):
                say(line)
        return recording

    def _made(self, recording: Recording, origin: Origin) -> SourceMovie:
        """Return a movie of the run."""
        if origin == "eeg" or self.group is None:
            return subject_movie(self.trained, recording)
        if origin == "bold":
            return bold_movie(self.trained, self.group, recording.bold)
        return fused_movie(self.trained, self.group, recording)

    def _sources(self, origin: Origin) -> list[str]:
        """Return what a movie was made from, as BIDS URIs."""
        files, root = self.space.study.files[self.run], self.space.study.root
        read = {"eeg": [files.eeg], "bold": [files.bold], "fused": [files.eeg, files.bold]}
        return [f"bids:raw:{path.relative_to(root).as_posix()}" for path in read[origin]]

    @property
    def _identity(self) -> str:
        """A hash of the model and the run."""
        digest, trained = hashlib.sha256(self.trained.maps.tobytes()), self.trained
        facts = [self.run.label, trained.group, list(trained.runs), dict(trained.settings)]
        digest.update(json.dumps(facts, sort_keys=True).encode())
        return digest.hexdigest()


def _groups(
    out: Path, model: Path | None, models: Mapping[str, TrainedSubject], from_: From
) -> dict[str, TrainedTranscoder]:
    """Return the group model that each subject was fitted with, as far as they are known."""
    by_digest = group_models(out, model)
    found = {
        subject: by_digest[trained.group]
        for subject, trained in models.items()
        if trained.group in by_digest
    }
    missing = sorted(models.keys() - found.keys())
    if missing and from_ != "eeg":
        raise StoreError(
            f"the group model that sub-{missing[0]} was fitted with is not "
            f"{model or f'in {out / MODELS}'}; BOLD is read with its response and scale; name it "
            "with --model"
        )
    for subject in missing:
        say(
            f"sub-{subject}: RANGE NOT CHECKED: the group model that it was fitted with is not "
            f"{model or f'in {out / MODELS}'}; name it with --model"
        )
    return found


def _write_further(movie: SourceMovie, path: Path, wanted: Movies) -> None:
    """Write what was asked for beside the factors of a movie."""
    if wanted.window is not None:
        write_window(path.with_suffix(".nii.gz"), movie, *wanted.window)
    if wanted.dense:
        export_movie(path.with_suffix(".zarr"), movie)
