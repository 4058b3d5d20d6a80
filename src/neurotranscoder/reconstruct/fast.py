"""What a group model makes of EEG at a finer rate, and both of its finer estimates on one grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32
from numpy import ndarray

from neurotranscoder.core.axes import TimeAxis, VolumeAxis
from neurotranscoder.core.errors import WeightsError
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.recording import Clock, Eeg, Recording
from neurotranscoder.model.linear import LinearEegToSource
from neurotranscoder.model.power import PowerEegToSource
from neurotranscoder.model.sparse import SparseEegToSource
from neurotranscoder.model.transcoder import GatedCoder
from neurotranscoder.reconstruct.fine import voxel_source_of_bold
from neurotranscoder.train.subject import at_voxels
from neurotranscoder.train.subject_signals import eeg_axis, scaled_eeg
from neurotranscoder.train.trained import TrainedTranscoder

RATE = 100.0
"""Frames per second of the paper's movies."""


def fast_source_of_eeg(
    trained: TrainedTranscoder,
    eeg: Eeg,
    clock: Clock,
    volumes: VolumeAxis,
    *,
    rate: float = RATE,
) -> SourceMovie:
    """Estimate sources from EEG in blocks and at a finer rate, in factors (paper 4.3.3).

    The coder acts on single frames and is given shorter ones. They hold more variance than those
    that it was trained on; one gain brings them to the standard deviation of group frames, and no
    statistics are taken anew. A linear coder thus gives, but for the gain, sources whose means
    over group frames are those of the group. Sparse sources were learnt in group frames: what
    is quiet or active in 10 ms is another matter, and `train.subject_coder.relearnt` does better.

    Parameters
    ----------
    trained : TrainedTranscoder
        With a linear or sparse coder of EEG. Band power is taken to be at its mean.
    eeg : Eeg
        Of one run, with the channels of the model.
    clock : Clock
        When its samples are.
    volumes : VolumeAxis
        When the run is.
    rate : float
        Frames per second.

    Returns
    -------
    movie : SourceMovie
        On the grid of the blocks; its unit is that of the model's estimates, times the gain.

    Raises
    ------
    WeightsError
        When channels differ, or the EEG is read by a network.
    GridError
        When the EEG does not cover the run, or is not finite.
    """
    coder = _linear_coder(trained)
    axis = eeg_axis(eeg, clock, volumes, rate)
    read = scaled_eeg(eeg, clock, axis, trained.montage, trained.scaling.eeg)
    read *= _gain(trained, eeg, clock, volumes, read)
    with torch.inference_mode():
        rows = torch.from_numpy(read)
        components = coder.weights @ rows
        if isinstance(coder, SparseEegToSource):
            components = (
                components + coder.sparse_weights @ coder.sparse.around_mean(rows[None])[0]
            )
        learnt = components.cpu().numpy()
    delay = round(int(trained.module.source_delay) * rate / trained.rate)
    courses = float(trained.module.source_sign) * np.roll(learnt, delay, axis=1)
    maps = np.ascontiguousarray(coder.maps.detach().cpu().numpy(), dtype=np.float32)
    blocks = trained.blocks
    return SourceMovie(maps, _single(courses), blocks.grid, blocks.mask, axis, "eeg")


@dataclass(frozen=True, slots=True, eq=False)
class InterpolatedEstimates:
    """Both estimates of a group model at the same voxels and frames.

    Parameters
    ----------
    from_eeg : SourceMovie
        Blurred in space: blocks, interpolated to voxels.
    from_bold : SourceMovie
        Blurred in time: group frames, interpolated to the finer ones.
    """

    from_eeg: SourceMovie
    from_bold: SourceMovie


def interpolated(
    trained: TrainedTranscoder, recording: Recording, *, rate: float = RATE
) -> InterpolatedEstimates:
    """Carry what a group model says of a run to the voxels of its images and a finer rate.

    Both are interpolated linearly, as in the paper (4.3.3), where they are the input of the second
    stage. Between blocks, those that are not in use do not count; before the first group frame and
    after the last one, these are held.

    Parameters
    ----------
    trained : TrainedTranscoder
        With linear coders (see `fast_source_of_eeg` and `reconstruct.fine.voxel_source_of_bold`).
    recording : Recording
        One run, in the space of the model.
    rate : float
        Frames per second.

    Raises
    ------
    WeightsError
        When the model does not have coders that act on finer signals.
    GridError
        When grids differ or the EEG does not cover the run.
    """
    bold = recording.bold
    slow = voxel_source_of_bold(trained, bold, interpolation="linear")
    fast = fast_source_of_eeg(trained, recording.eeg, recording.clock, bold.volumes, rate=rate)
    maps = _single(at_voxels(fast.maps, trained, bold.mask, bold.grid))
    known, wanted = slow.axis.times, fast.axis.times
    courses = np.stack([np.interp(wanted, known, course) for course in slow.courses])
    return InterpolatedEstimates(
        SourceMovie(maps, fast.courses, bold.grid, bold.mask, fast.axis, "eeg"),
        SourceMovie(slow.maps, _single(courses), bold.grid, bold.mask, fast.axis, "bold"),
    )


def _linear_coder(trained: TrainedTranscoder) -> LinearEegToSource:
    """Return the coder of EEG whose components can be had; refuse networks."""
    coder = trained.module.eeg_to_source
    coder = coder.coder if isinstance(coder, PowerEegToSource) else coder
    if isinstance(coder, GatedCoder) and float(coder.gate) == 0:
        coder = coder.linear
    if not isinstance(coder, LinearEegToSource):
        raise WeightsError(
            f"the model ({trained.settings.architecture}) reads EEG with a network; a movie in "
            "factors needs a linear or sparse coder; use a model that was trained with "
            "architecture = 'sparse' or 'closed_form'"
        )
    return coder


def _gain(
    trained: TrainedTranscoder,
    eeg: Eeg,
    clock: Clock,
    volumes: VolumeAxis,
    read: Float[ndarray, "channels frames"],
) -> float:
    """Return what brings frames of some length to the standard deviation of group frames."""
    axis: TimeAxis = eeg_axis(eeg, clock, volumes, trained.rate)
    usual = scaled_eeg(eeg, clock, axis, trained.montage, trained.scaling.eeg)
    return float(usual.std() / max(float(read.std()), float(np.finfo(np.float32).tiny)))


def _single(values: Float[ndarray, "rows columns"]) -> Float32[ndarray, "rows columns"]:
    """Return a factor as movies keep it."""
    return np.ascontiguousarray(values, dtype=np.float32)
