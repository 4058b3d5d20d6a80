"""``neurotranscoder reconstruct`` and ``transcode``: apply a trained transcoder to a study."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.cli.common import Common, Stage, progress, say
from neurotranscoder.cli.estimates import (
    ORIGINS,
    READ,
    From,
    RunEstimates,
    readable_runs,
    run_estimates,
    sources_of,
)
from neurotranscoder.cli.latent_sources import reconstruct_latent
from neurotranscoder.cli.movies import Movies, reconstruct_movies
from neurotranscoder.cli.transcode_subjects import transcode_subjects
from neurotranscoder.cli.workspace import Workspace, load_models
from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.recording import Eeg, RunId
from neurotranscoder.core.source import SourceEstimate
from neurotranscoder.core.spread import Lazily
from neurotranscoder.io.derivatives import write_image, write_raw
from neurotranscoder.io.nifti import image_of_blocks


def reconstruct(
    bids: Path,
    out: Path,
    /,
    *,
    model: Path | None = None,
    from_: Annotated[From | None, Parameter(name="--from")] = None,
    stage: Stage = "group",
    movies: Movies | None = None,
    common: Common | None = None,
) -> None:
    """Estimate the sources of every run: in blocks at the group rate, or at voxels and 100 Hz.

    Runs that have EEG alone, or BOLD alone, give what they can.

    Parameters
    ----------
    bids
        The study.
    out
        Where results go: 4-D images sub-*/func/*_desc-from*_source.nii.gz, or movies
        *_res-voxel_desc-from*_source.movie.
    model
        Folder of a group model; default: the best known one in OUT/models, or that which a
        subject was fitted with.
    from_
        eeg, bold, or both (each estimate and the fused one). Default: both; for movies eeg.
    stage
        group, or subject: movies of the subjects whose models are in OUT/models/subjects.
    movies
        Which models movies are made with, and what is written beside their factors.
    """
    if stage == "subject":
        settings, wanted = (common or Common()).settings(), movies or Movies()
        if wanted.architecture == "paper":
            reconstruct_latent(bids, out, settings, wanted, from_=from_ or "eeg", model=model)
        else:
            reconstruct_movies(bids, out, settings, wanted, from_=from_ or "eeg", model=model)
        return
    if movies is not None and movies != Movies():
        raise SettingsError(
            "--window, --dense, --architecture and --subject-models are of movies; add --stage "
            "subject"
        )
    with (
        _estimated(bids, out, model, common, from_ or "both") as (space, found),
        progress("reconstructing") as advance,
    ):
        for done, run in enumerate(found, 1):
            for origin in ORIGINS[from_ or "both"]:
                if origin in run.sources:
                    _write_source(space, run, run.sources[origin])
            advance(done, len(found))
    say(f"sources in {out}")


def transcode(
    bids: Path,
    out: Path,
    /,
    *,
    to: Literal["bold", "eeg"],
    model: Path | None = None,
    stage: Stage = "group",
    subject_models: Path | None = None,
    common: Common | None = None,
) -> None:
    """Predict one modality from the other for every run, which need not have both.

    At the group resolution, or at the voxels and the rate of single subjects.

    Parameters
    ----------
    bids
        The study.
    out
        Where results go: *_desc-fromeeg_bold.nii.gz or *_desc-frombold_eeg.vhdr; those of
        subjects have res-voxel in their names.
    to
        bold (from EEG) or eeg (from BOLD), around their means.
    model
        Folder of a group model; default: the best known one in OUT/models, or that which a
        subject was fitted with.
    stage
        group, or subject: for the subjects that have a model.
    subject_models
        Folder with the model of each subject, as sub-01; default: OUT/models/subjects.
    """
    if stage == "subject":
        settings = (common or Common()).settings()
        transcode_subjects(bids, out, settings, to=to, model=model, place=subject_models)
        return
    if subject_models is not None:
        raise SettingsError("--subject-models is of single subjects; add --stage subject")
    from_: From = "eeg" if to == "bold" else "bold"
    with (
        _estimated(bids, out, model, common, from_) as (space, found),
        progress(f"transcoding to {to}") as advance,
    ):
        for done, run in enumerate(found, 1):
            if to == "bold" and run.bold_from_eeg is not None:
                _write_bold(space, run, run.bold_from_eeg)
            if to == "eeg" and run.eeg_from_bold is not None:
                _write_eeg(space, run, run.eeg_from_bold)
            advance(done, len(found))
    say(f"transcoded signals in {out}")


@contextmanager
def _estimated(
    bids: Path, out: Path, model: Path | None, common: Common | None, from_: From
) -> Iterator[tuple[Workspace, Sequence[RunEstimates]]]:
    """Open study and model; what the model says of a run is computed when its turn comes."""
    space = Workspace.open(bids, out, (common or Common()).settings(), alone=True)
    _, trained = load_models((model,) if model else (), out)[0]
    runs = readable_runs(space.study, from_)
    space.check(trained)
    estimate = partial(run_estimates, study=space.study, trained=trained, config=space.config)
    with space.started(each=True):
        yield space, Lazily(partial(_said, estimate, from_), runs)


def _said(estimate: Callable[..., RunEstimates], from_: From, run: RunId) -> RunEstimates:
    """Return what a model says of a run, and say what of it lies outside its range."""
    found = estimate(run, read=READ[from_])
    for line in found.warnings:
        say(line)
    return found


def _place(space: Workspace, run: RunId, modality: str, name: str) -> Path:
    """Return where a file of a run goes."""
    return space.out / run.folder / modality / f"{run.label}_{name}"


def _clock(run: RunEstimates, start: float) -> dict[str, object]:
    """Return when a result begins, and how the EEG was placed on the clock of the run."""
    eeg = {} if run.clock is None else {"EEGClock": str(run.clock)}
    return {**eeg, "StartTime": start}


def _write_source(space: Workspace, run: RunEstimates, estimate: SourceEstimate) -> None:
    name = {"eeg": "fromeeg", "bold": "frombold", "fused": "fused"}[estimate.origin]
    modalities = ("eeg", "bold") if estimate.origin == "fused" else (estimate.origin,)
    step, start = 1 / estimate.axis.sfreq, estimate.axis.start
    write_image(
        _place(space, run.run, "func", f"desc-{name}_source.nii.gz"),
        image_of_blocks(estimate.data, estimate.blocks, tr=step, start=start),
        sources=sources_of(space.study, run.run, *modalities),
        metadata={
            "Description": "Estimated source activity; unit arbitrary, sign a convention",
            "RepetitionTime": step,
            **_clock(run, start),
        },
    )


def _write_bold(
    space: Workspace, run: RunEstimates, bold: Float[ndarray, "blocks frames"]
) -> None:
    source = run.sources["eeg"]
    step, start = 1 / source.axis.sfreq, source.axis.start
    write_image(
        _place(space, run.run, "func", "desc-fromeeg_bold.nii.gz"),
        image_of_blocks(bold, source.blocks, tr=step, start=start),
        sources=sources_of(space.study, run.run, "eeg"),
        metadata={
            "Description": "BOLD predicted from EEG, around its mean, in the unit of the images",
            "SkullStripped": True,
            "RepetitionTime": step,
            "TaskName": run.run.task,
            **_clock(run, start),
        },
    )


def _write_eeg(space: Workspace, run: RunEstimates, eeg: Eeg) -> None:
    axis = run.sources["bold"].axis
    write_raw(
        _place(space, run.run, "eeg", "desc-frombold_eeg.vhdr"),
        eeg,
        sources=sources_of(space.study, run.run, "bold"),
        metadata={
            "Description": "EEG predicted from BOLD at group rate, around its mean",
            "TaskName": run.run.task,
            **_clock(run, axis.start),
        },
    )
