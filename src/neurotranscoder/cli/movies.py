"""Movies of runs on the command line, from the models of single subjects."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, cast

from cyclopts import Parameter

from neurotranscoder.cli.common import progress, say
from neurotranscoder.cli.estimates import ORIGINS, READ, From, sources_of
from neurotranscoder.cli.subject_models import subject_models
from neurotranscoder.cli.workspace import Workspace, is_complete, range_lines
from neurotranscoder.config import Config
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.recording import BoldRun, EegRun, Recording, RunId
from neurotranscoder.core.source import Origin
from neurotranscoder.io.dense import export_movie
from neurotranscoder.io.movies import KIND, load_movie, movie_path, save_movie, write_window
from neurotranscoder.reconstruct.one_modality import estimate_from_bold, estimate_from_eeg
from neurotranscoder.reconstruct.range_check import InputRange, range_of_recording
from neurotranscoder.reconstruct.subject import movie_of_eeg, subject_movie
from neurotranscoder.reconstruct.subject_bold import bold_movie, fused_movie
from neurotranscoder.train.trained import TrainedTranscoder
from neurotranscoder.train.trained_subject import TrainedSubject


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Movies:
    """Which models movies are made with, and what is written beside their factors."""

    subject_models: Annotated[
        Path | None,
        Parameter(
            help="Folder with the model of each subject, as sub-01; default: OUT/models/subjects."
        ),
    ] = None

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

    def write_further(self, movie: SourceMovie, path: Path) -> None:
        """Write what was asked for beside the factors of a movie."""
        if self.window is not None:
            write_window(path.with_suffix(".nii.gz"), movie, *self.window)
        if self.dense:
            export_movie(path.with_suffix(".zarr"), movie)


def reconstruct_movies(
    bids: Path, out: Path, config: Config, wanted: Movies, *, from_: From, model: Path | None
) -> None:
    """Write the movies of every run of the subjects that have a model; one run after the other.

    Raises
    ------
    StoreError
        When no subject has one, or BOLD is to be read and the group model of a subject is missing.
    """
    space = Workspace.open(bids, out, config, alone=True)
    known = subject_models(space, wanted.subject_models, model, from_, required=from_ != "eeg")
    runs = known.runs
    with space.started(each=True), progress("reconstructing movies") as advance:
        for done, run in enumerate(runs, 1):
            maker = _Maker(space, run, *known.of(run), from_)
            for path, movie in maker.movies():
                if wanted.window is not None or wanted.dense:
                    wanted.write_further(movie or load_movie(path), path)
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
        recording: Recording | EegRun | BoldRun | None = None
        identity = identity_of(self.trained, self.run)
        for origin in ORIGINS[self.from_]:
            if self.alone not in (None, origin):
                continue
            path = movie_path(self.space.out, self.run, origin)
            if is_complete(path, kind=KIND, identity=identity):
                yield path, None
                continue
            recording = recording or self._read()
            movie = self._made(recording, origin)
            save_movie(path, movie, sources=self._sources(origin), settings_hash=identity)
            yield path, movie

    @property
    def alone(self) -> Literal["eeg", "bold"] | None:
        """The modality that the run has alone; None where it has both."""
        lone = self.space.study.alone.get(self.run)
        return None if lone is None else lone.modality

    def _read(self) -> Recording | EegRun | BoldRun:
        """Read the run, and say what of it lies outside what the group was trained on."""
        study = self.space.study
        run = study.load(self.run) if self.alone is None else study.load_alone(self.run)
        for line in range_lines(self.run, self._ranges(run)):
            say(line)
        return run

    def _ranges(self, run: Recording | EegRun | BoldRun) -> Sequence[InputRange]:
        """Return how far a run is from what the group model was trained on, if it is known."""
        align = self.space.config.align
        if self.group is None:
            return []
        if isinstance(run, EegRun):
            return [estimate_from_eeg(self.group, run.eeg, run.clock, align).range]
        if isinstance(run, BoldRun):
            return [estimate_from_bold(self.group, run.bold, align).range]
        return range_of_recording(self.group, run, READ[self.from_])

    def _made(self, run: Recording | EegRun | BoldRun, origin: Origin) -> SourceMovie:
        """Return a movie of the run; BOLD is read where there is a group model alone."""
        if isinstance(run, EegRun):
            return movie_of_eeg(self.trained, run.eeg, run.clock)
        if self.group is not None and (origin == "bold" or isinstance(run, BoldRun)):
            return bold_movie(self.trained, self.group, run.bold)
        if self.group is not None and origin == "fused" and isinstance(run, Recording):
            return fused_movie(self.trained, self.group, run)
        return subject_movie(self.trained, cast("Recording", run))

    def _sources(self, origin: Origin) -> list[str]:
        """Return what a movie was made from, as BIDS URIs."""
        read = ("eeg", "bold") if origin == "fused" else (origin,)
        return sources_of(self.space.study, self.run, *read)


def identity_of(trained: TrainedSubject, run: RunId) -> str:
    """Return a hash of the model of a subject and a run: that of all movies made of them."""
    digest = hashlib.sha256(trained.maps.tobytes())
    facts = [run.label, trained.group, list(trained.runs), dict(trained.settings)]
    digest.update(json.dumps(facts, sort_keys=True).encode())
    return digest.hexdigest()
