"""``neurotranscoder reconstruct`` and ``transcode``: apply a trained transcoder to a study."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from neurotranscoder.cli.common import Common, Stage, progress, say
from neurotranscoder.cli.latent_sources import reconstruct_latent
from neurotranscoder.cli.movies import READ, From, Movies, reconstruct_movies
from neurotranscoder.cli.workspace import Workspace, load_models, out_of_range
from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.recording import Eeg
from neurotranscoder.core.source import AlignedRun, SourceEstimate
from neurotranscoder.core.spread import Lazily
from neurotranscoder.io.derivatives import write_image, write_raw
from neurotranscoder.io.nifti import image_of_blocks
from neurotranscoder.preprocess.group import align_run
from neurotranscoder.reconstruct.group import GroupEstimates, estimate_group
from neurotranscoder.train.trained import TrainedTranscoder


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
        What is written of movies beside their factors.
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
            "--window, --dense and --architecture are of movies; add --stage subject"
        )
    with _prepared(bids, out, model, common) as ready, progress("reconstructing") as advance:
        space, trained, runs = ready
        for done, run in enumerate(runs, 1):
            for line in out_of_range(trained, run, READ[from_ or "both"]):
                say(line)
            estimates = estimate_group(trained, run, fusion=space.config.reconstruct.fusion)
            for estimate in _wanted(estimates, from_ or "both"):
                _write_source(space, run, estimate)
            advance(done, len(runs))
    say(f"sources in {out}")


def transcode(
    bids: Path,
    out: Path,
    /,
    *,
    to: Literal["bold", "eeg"],
    model: Path | None = None,
    common: Common | None = None,
) -> None:
    """Predict one modality from the other for every run.

    Parameters
    ----------
    bids
        The study.
    out
        Where results go: *_desc-fromeeg_bold.nii.gz or *_desc-frombold_eeg.vhdr.
    to
        bold (from EEG) or eeg (from BOLD), at the group resolution, around their means.
    model
        Folder of a trained model; default: the best known one in OUT/models.
    """
    with _prepared(bids, out, model, common) as ready, progress(f"transcoding to {to}") as advance:
        space, trained, runs = ready
        for done, run in enumerate(runs, 1):
            for line in out_of_range(trained, run, READ["eeg" if to == "bold" else "bold"]):
                say(line)
            estimates = estimate_group(trained, run)
            if to == "bold":
                _write_bold(space, run, estimates)
            else:
                _write_eeg(space, run, estimates)
            advance(done, len(runs))
    say(f"transcoded signals in {out}")


@contextmanager
def _prepared(
    bids: Path, out: Path, model: Path | None, common: Common | None
) -> Iterator[tuple[Workspace, TrainedTranscoder, Sequence[AlignedRun]]]:
    """Open study and model; each run is brought to the model's blocks when its turn comes."""
    space = Workspace.open(bids, out, (common or Common()).settings())
    _, trained = load_models((model,) if model else (), out)[0]
    space.check(trained)
    aligned = partial(
        align_run, study=space.study, blocks=trained.blocks, settings=space.config.align
    )
    with space.started():
        yield space, trained, Lazily(aligned, space.study.runs)


def _wanted(estimates: GroupEstimates, from_: From) -> tuple[SourceEstimate, ...]:
    """Return the estimates that were asked for."""
    every = {
        "eeg": (estimates.source_from_eeg,),
        "bold": (estimates.source_from_bold,),
        "both": (
            estimates.source_from_eeg,
            estimates.source_from_bold,
            estimates.source_fused,
        ),
    }
    return every[from_]


def _place(space: Workspace, run: AlignedRun, modality: str, name: str) -> Path:
    """Return where a file of a run goes."""
    return space.out / run.run.folder / modality / f"{run.run.label}_{name}"


def _sources(space: Workspace, run: AlignedRun, *modalities: str) -> list[str]:
    """Return what a file was made from, as BIDS URIs."""
    files = space.study.files[run.run]
    paths = {"eeg": files.eeg, "bold": files.bold}
    root = space.study.root
    return [f"bids:raw:{paths[name].relative_to(root).as_posix()}" for name in modalities]


def _clock(run: AlignedRun) -> dict[str, object]:
    """Return how the EEG was placed on the scanner clock."""
    return {"EEGClock": str(run.clock), "StartTime": run.axis.start}


def _write_source(space: Workspace, run: AlignedRun, estimate: SourceEstimate) -> None:
    name = {"eeg": "fromeeg", "bold": "frombold", "fused": "fused"}[estimate.origin]
    modalities = ("eeg", "bold") if estimate.origin == "fused" else (estimate.origin,)
    step = 1 / estimate.axis.sfreq
    write_image(
        _place(space, run, "func", f"desc-{name}_source.nii.gz"),
        image_of_blocks(estimate.data, estimate.blocks, tr=step, start=estimate.axis.start),
        sources=_sources(space, run, *modalities),
        metadata={
            "Description": "Estimated source activity; unit arbitrary, sign a convention",
            "RepetitionTime": step,
            **_clock(run),
        },
    )


def _write_bold(space: Workspace, run: AlignedRun, estimates: GroupEstimates) -> None:
    step = 1 / run.axis.sfreq
    write_image(
        _place(space, run, "func", "desc-fromeeg_bold.nii.gz"),
        image_of_blocks(estimates.bold_from_eeg, run.blocks, tr=step, start=run.axis.start),
        sources=_sources(space, run, "eeg"),
        metadata={
            "Description": "BOLD predicted from EEG, around its mean, in the unit of the images",
            "SkullStripped": True,
            "RepetitionTime": step,
            "TaskName": run.run.task,
            **_clock(run),
        },
    )


def _write_eeg(space: Workspace, run: AlignedRun, estimates: GroupEstimates) -> None:
    write_raw(
        _place(space, run, "eeg", "desc-frombold_eeg.vhdr"),
        Eeg(estimates.eeg_from_bold, run.axis.sfreq, run.montage),
        sources=_sources(space, run, "bold"),
        metadata={
            "Description": "EEG predicted from BOLD at group rate, around its mean",
            "TaskName": run.run.task,
            **_clock(run),
        },
    )
