"""What a group model makes of a run that has one modality alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.axes import Montage, TimeAxis
from neurotranscoder.core.errors import WeightsError
from neurotranscoder.core.recording import Bold, BoldRun, Clock, Eeg, EegRun
from neurotranscoder.core.source import SourceEstimate
from neurotranscoder.preprocess.align import (
    AlignSettings,
    blocks_at_frames,
    frame_powers,
    held_bands,
    slice_cells,
)
from neurotranscoder.preprocess.checks import refuse_not_finite
from neurotranscoder.reconstruct.group import (
    bold_of_source,
    eeg_of_source,
    source_of_bold,
    source_of_eeg,
)
from neurotranscoder.reconstruct.range_check import InputRange, range_of_bold, range_of_eeg
from neurotranscoder.signal.frames import frame_means
from neurotranscoder.train.trained import TrainedTranscoder


@dataclass(frozen=True, slots=True, eq=False)
class OneModality:
    """Sources from one modality alone, and the other modality from these.

    Parameters
    ----------
    source : SourceEstimate
        Sources at the group rate; arbitrary unit, sign by convention.
    other : array, shape (blocks, frames) or (channels, frames)
        BOLD in the unit of the images, or EEG in V, around its mean.
    range : InputRange
        How far the input is from what the model was trained on.
    """

    source: SourceEstimate
    other: Float[ndarray, "rows frames"]
    range: InputRange


def estimate_from_eeg(
    trained: TrainedTranscoder, eeg: Eeg, clock: Clock, settings: AlignSettings
) -> OneModality:
    """Estimate sources and BOLD from EEG alone.

    Parameters
    ----------
    trained : TrainedTranscoder
        In evaluation mode.
    eeg : Eeg
        With the channels of the model among its own, in any order.
    clock : Clock
        When its samples are; frames begin with the first one.
    settings : AlignSettings
        Bands, where the model reads band power and does not say of which.

    Raises
    ------
    WeightsError
        When channels are missing, or bands are.
    GridError
        When the EEG is not finite.
    """
    picked = channels_of(eeg, trained.montage)
    refuse_not_finite("the EEG", picked.data)
    times = clock.scanner_times(picked.data.shape[1], picked.sfreq)
    axis = frames_of_eeg(picked, clock, trained.rate)
    bands = held_bands(picked.sfreq, trained.scaling.bands or settings.power_bands)
    power = frame_powers(picked, times, axis, bands) if trained.reads_power else None
    frames = frame_means(picked.data, times, axis)
    source = source_of_eeg(trained, frames, power)
    return OneModality(
        SourceEstimate(source, trained.blocks, axis, "eeg"),
        bold_of_source(trained, source),
        range_of_eeg(trained, frames, picked.interpolated),
    )


def estimate_from_bold(
    trained: TrainedTranscoder, bold: Bold, settings: AlignSettings
) -> OneModality:
    """Estimate sources and EEG from BOLD alone.

    Parameters
    ----------
    trained : TrainedTranscoder
        In evaluation mode.
    bold : Bold
        Images on the voxel grid of the model.
    settings : AlignSettings
        How BOLD is carried from slice times to frames.

    Raises
    ------
    GridError
        When the grid is another one, the images are not finite, or the model reads volumes and
        was trained on another number of frames in each.
    """
    cells, n_blocks = slice_cells(bold, trained.blocks), trained.blocks.n_blocks
    refuse_not_finite("the image", cells.data)
    axis = TimeAxis.of_frames(bold.volumes.duration, trained.rate)
    frames = blocks_at_frames(cells, n_blocks, axis, kind=settings.interpolation)
    read = cells.block_volumes(n_blocks) if trained.reads_volumes else frames
    source = source_of_bold(trained, read)
    return OneModality(
        SourceEstimate(source, trained.blocks, axis, "bold"),
        eeg_of_source(trained, source),
        range_of_bold(trained, frames),
    )


def check_alone(trained: TrainedTranscoder, run: EegRun | BoldRun) -> None:
    """Refuse a run of one modality that does not fit a model.

    Raises
    ------
    WeightsError, GridError
        When channels are missing, or voxels differ.
    """
    if isinstance(run, EegRun):
        channels_of(run.eeg, trained.montage)
    else:
        slice_cells(run.bold, trained.blocks)


def frames_of_eeg(eeg: Eeg, clock: Clock, rate: float) -> TimeAxis:
    """Return the frames that EEG covers, where there is no BOLD to say which are wanted."""
    lasts = (1 + clock.drift_ppm * 1e-6) * eeg.data.shape[1] / eeg.sfreq
    axis = TimeAxis.of_frames(lasts, rate)
    return TimeAxis(axis.start + clock.eeg_start, axis.sfreq, axis.n_times)


def channels_of(eeg: Eeg, montage: Montage) -> Eeg:
    """Return the channels that a model reads, in its order.

    Raises
    ------
    WeightsError
        When some are missing.
    """
    missing = [name for name in montage.names if name not in eeg.montage.names]
    if missing:
        raise WeightsError(
            f"the recording lacks the EEG channels {missing[:5]}; the model needs all "
            f"{len(montage.names)} that it was trained on; rename channels or correct their types"
        )
    rows = [eeg.montage.names.index(name) for name in montage.names]
    guessed = tuple(name for name in eeg.interpolated if name in montage.names)
    data = np.asarray(eeg.data[rows])
    return Eeg(data, eeg.sfreq, montage, eeg.filtering, interpolated=guessed)
