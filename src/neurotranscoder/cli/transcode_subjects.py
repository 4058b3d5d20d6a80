"""One modality of a subject from the other, at voxels and 100 Hz, on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from neurotranscoder.cli.common import progress, say
from neurotranscoder.cli.estimates import READ, From, sources_of
from neurotranscoder.cli.subject_models import subject_models
from neurotranscoder.cli.workspace import Workspace, range_lines
from neurotranscoder.config import Config
from neurotranscoder.core.axes import VolumeAxis
from neurotranscoder.core.recording import Bold, BoldRun, Clock, Eeg, EegRun, Recording, RunId
from neurotranscoder.io.derivatives import write_image, write_raw
from neurotranscoder.io.limits import check_memory
from neurotranscoder.io.nifti import image_of
from neurotranscoder.reconstruct.one_modality import (
    channels_of,
    estimate_from_bold,
    estimate_from_eeg,
    frames_of_eeg,
)
from neurotranscoder.reconstruct.range_check import InputRange, range_of_recording
from neurotranscoder.reconstruct.subject_bold import bold_movie
from neurotranscoder.reconstruct.subject_transcode import eeg_of_movie, voxel_bold_of_eeg
from neurotranscoder.train.trained import TrainedTranscoder
from neurotranscoder.train.trained_subject import TrainedSubject


def transcode_subjects(
    bids: Path,
    out: Path,
    config: Config,
    *,
    to: Literal["bold", "eeg"],
    model: Path | None,
    place: Path | None,
) -> None:
    """Predict one modality from the other for every run of the subjects that have a model.

    Raises
    ------
    StoreError
        When no subject has one, or the group model that it was fitted with is not known.
    """
    from_: From = "eeg" if to == "bold" else "bold"
    space = Workspace.open(bids, out, config, alone=True)
    known = subject_models(space, place, model, from_, required=True)
    with space.started(each=True), progress(f"transcoding to {to} at voxels") as advance:
        for done, run in enumerate(known.runs, 1):
            trained, group = known.models[run.subject], known.groups[run.subject]
            recording = _read(space, run, group, from_)
            if to == "bold" and not isinstance(recording, BoldRun):
                _write_bold(space, run, trained, group, recording)
            if to == "eeg" and not isinstance(recording, EegRun):
                _write_eeg(space, run, trained, group, recording.bold)
            advance(done, len(known.runs))
    say(f"transcoded signals in {out}")


def _read(
    space: Workspace, run: RunId, group: TrainedTranscoder, from_: From
) -> Recording | EegRun | BoldRun:
    """Read a run, and say what of it lies outside what the group was trained on."""
    study, align = space.study, space.config.align
    found: Recording | EegRun | BoldRun
    ranges: list[InputRange]
    if run not in study.alone:
        found = study.load(run)
        ranges = list(range_of_recording(group, found, READ[from_]))
    else:
        found = study.load_alone(run)
        if isinstance(found, EegRun):
            ranges = [estimate_from_eeg(group, found.eeg, found.clock, align).range]
        else:
            ranges = [estimate_from_bold(group, found.bold, align).range]
    for line in range_lines(run, ranges):
        say(line)
    return found


def _write_bold(
    space: Workspace,
    run: RunId,
    trained: TrainedSubject,
    group: TrainedTranscoder,
    recording: Recording | EegRun,
) -> None:
    """Write BOLD of voxels, at the times of slices; at the group rate where there is no BOLD."""
    eeg, clock = channels_of(recording.eeg, trained.montage), recording.clock
    start, timing = 0.0, {}
    if isinstance(recording, Recording):
        volumes = recording.bold.volumes
        timing = {"SliceTiming": volumes.slice_times.tolist()}
    else:
        volumes = _volumes_of(eeg, clock, trained, group)
        start = clock.eeg_start + 0.5 * volumes.tr
        clock = Clock(clock.source, 0.0, clock.drift_ppm)
    shape = (*trained.grid.shape, volumes.n_volumes)
    check_memory(8 * int(np.prod(shape)), what="BOLD of voxels")
    found = voxel_bold_of_eeg(trained, group, eeg, clock, volumes)
    write_image(
        _place(space, run, "func", "res-voxel_desc-fromeeg_bold.nii.gz"),
        image_of(_whole(trained, found), trained.grid, tr=volumes.tr, start=start),
        sources=sources_of(space.study, run, "eeg"),
        metadata={
            "Description": "BOLD predicted from EEG, around its mean, in the unit of the images",
            "SkullStripped": True,
            "Resolution": "the voxels of the images that the subject was fitted to",
            "RepetitionTime": volumes.tr,
            "TaskName": run.task,
            "EEGClock": str(recording.clock),
            "StartTime": start,
            **timing,
        },
    )


def _volumes_of(
    eeg: Eeg, clock: Clock, trained: TrainedSubject, group: TrainedTranscoder
) -> VolumeAxis:
    """Return images at the group rate from the first sample on, where there is no BOLD.

    All slices of an image are in the middle of its time.
    """
    step = 1 / group.rate
    middle = np.full(trained.grid.shape[2], 0.5 * step)
    return VolumeAxis(step, frames_of_eeg(eeg, clock, group.rate).n_times, middle)


def _whole(
    trained: TrainedSubject, rows: Float32[ndarray, "voxels volumes"]
) -> Float32[ndarray, "x y z volumes"]:
    """Return volumes of voxels of the mask; 0 elsewhere."""
    volumes = np.zeros((*trained.grid.shape, rows.shape[1]), dtype=np.float32)
    volumes[trained.mask] = rows
    return volumes


def _write_eeg(
    space: Workspace, run: RunId, trained: TrainedSubject, group: TrainedTranscoder, bold: Bold
) -> None:
    """Write the slow part of EEG at the rate of movies."""
    movie = bold_movie(trained, group, bold)
    found = Eeg(eeg_of_movie(trained, movie), trained.rate, trained.montage)
    write_raw(
        _place(space, run, "eeg", "res-voxel_desc-frombold_eeg.vhdr"),
        found,
        sources=sources_of(space.study, run, "bold"),
        metadata={
            "Description": "EEG predicted from BOLD: its slow part alone, around its mean",
            "TaskName": run.task,
            "StartTime": movie.axis.start,
        },
    )


def _place(space: Workspace, run: RunId, modality: str, name: str) -> Path:
    """Return where a file of a run goes."""
    return space.out / run.folder / modality / f"{run.label}_{name}"
