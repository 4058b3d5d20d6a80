"""One run of a subject as the subject stage reads it: fast EEG, and BOLD of every voxel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy.interpolate import CubicSpline

from neurotranscoder.core.axes import Montage, TimeAxis, VolumeAxis
from neurotranscoder.core.errors import GridError, WeightsError
from neurotranscoder.core.recording import Bold, Clock, Eeg, Recording
from neurotranscoder.core.response import Response
from neurotranscoder.signal.fir import apply_fir
from neurotranscoder.signal.frames import frame_means, weighted_frame_means
from neurotranscoder.train.trained import TrainedTranscoder

_LEAST_VOLUMES = 10


@dataclass(frozen=True, slots=True, eq=False)
class VolumeFilter:
    """What BOLD and its regressors go through alike: ``1 / sqrt(|h|^2 + eps)``, zero phase.

    Parameters
    ----------
    gain : array, shape (frequencies,)
        Of each frequency of ``n_fft`` volumes.
    n_fft : int
        Volumes that are transformed, zeros at the end included.
    first : int
        First volume whose response lies within the run; those before it are left out.
    """

    gain: Float[ndarray, " frequencies"]
    n_fft: int
    first: int

    @classmethod
    def of(cls, response: Response, volumes: VolumeAxis, eps: float) -> VolumeFilter:
        """Return that of a response and of the times of volumes.

        Raises
        ------
        GridError
            When hardly a volume is left.
        """
        duration = float(response.times[-1] - response.times[0])
        first = int(np.ceil((duration - float(volumes.slice_times.min())) / volumes.tr - 1e-6))
        if volumes.n_volumes - first < _LEAST_VOLUMES:
            needed = (first + _LEAST_VOLUMES) * volumes.tr
            raise GridError(
                f"a run lasts {volumes.duration:g} s, the response of the group {duration:g} s; "
                f"the subject stage needs runs of at least {needed:g} s; use longer runs, or a "
                "group model with a shorter train.closed_form.hrf_duration"
            )
        n_fft = volumes.n_volumes + 2 * (first + 1)
        frequencies = np.fft.rfftfreq(n_fft, volumes.tr)
        waves = np.exp(-2j * np.pi * np.outer(frequencies, response.times))
        power = np.abs(waves @ response.values) ** 2
        return cls(1 / np.sqrt(power / power.max() + eps), n_fft, first)

    def __call__(self, rows: Float[ndarray, "rows volumes"]) -> Float[ndarray, "rows kept"]:
        """Return filtered rows around their means, without the first volumes."""
        spectrum = np.fft.rfft(rows - rows.mean(axis=1, keepdims=True), self.n_fft, axis=1)
        found = np.fft.irfft(spectrum * self.gain, self.n_fft, axis=1)
        kept = found[:, self.first : rows.shape[1]]
        return np.asarray(kept - kept.mean(axis=1, keepdims=True))


@dataclass(frozen=True, slots=True, eq=False)
class SubjectSignals:
    """One run of a subject.

    Parameters
    ----------
    eeg : array, shape (channels, frames)
        EEG at the rate of the movie, without means, in units of the group's scale.
    axis : TimeAxis
        When the frames are.
    bold : array, shape (voxels, kept)
        BOLD of the voxels of the mask at their own slice times, filtered, in units of the group's
        scale.
    slices : array of int, shape (voxels,)
        Slice of each voxel.
    volumes : VolumeAxis
        When slices were acquired, volumes that were left out included.
    filter : VolumeFilter
        What BOLD went through.
    """

    eeg: Float[ndarray, "channels frames"]
    axis: TimeAxis
    bold: Float[ndarray, "voxels kept"]
    slices: Int[ndarray, " voxels"]
    volumes: VolumeAxis
    filter: VolumeFilter

    @property
    def n_slices(self) -> int:
        """Number of slices of the grid."""
        return len(self.volumes.slice_times)

    def regressors(
        self,
        features: Float[ndarray, "features frames"],
        frames: TimeAxis,
        response: Response,
    ) -> SliceRegressors:
        """Return what BOLD follows if it follows features.

        Features are averaged over frames of the group rate, which the response was learnt at, and
        filtered by it: what is left is slow, and a cubic spline gives it at any time.

        Parameters
        ----------
        features : array, shape (features, frames)
            Sources or EEG.
        frames : TimeAxis
            When they are.
        response : Response
            At the group rate.
        """
        return SliceRegressors(followed(features, frames, response), self)


def followed(
    features: Float[ndarray, "features frames"], frames: TimeAxis, response: Response
) -> CubicSpline:
    """Return what follows features by a response, around their means, at any time of a run.

    Features are averaged over frames of the rate of the response.
    """
    rate = 1 / float(response.times[1] - response.times[0])
    slow = TimeAxis.of_frames(frames.start + (frames.n_times - 0.5) / frames.sfreq, rate)
    means = frame_means(features, frames.times, slow)
    found = apply_fir(means - means.mean(axis=1, keepdims=True), response.values)
    return CubicSpline(slow.times, found, axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class SliceRegressors:
    """Filtered features at the times of each slice."""

    spline: CubicSpline
    run: SubjectSignals

    def __call__(self, index: int) -> Float[ndarray, "features kept"]:
        """Return those of one slice, filtered as its BOLD is."""
        times, known = self.run.volumes.times(index), self.spline.x
        return self.run.filter(self.spline(np.clip(times, known[0], known[-1])))


def subject_signals(
    recording: Recording,
    *,
    group: TrainedTranscoder,
    mask: Bool[ndarray, "x y z"],
    rate: float,
    whitening: float,
) -> SubjectSignals:
    """Read one run; the recording is not kept.

    Parameters
    ----------
    recording : Recording
        EEG and BOLD of one run.
    group : TrainedTranscoder
        Whose channels, scales and response it has.
    mask : array of bool, shape (x, y, z)
        Voxels that are read.
    rate : float
        Frames of EEG per second.
    whitening : float
        eps of the filter.

    Raises
    ------
    GridError
        When the EEG does not cover BOLD, the run is too short, or the grid is not the mask's.
    WeightsError
        When channels are not those of the group.
    """
    bold = recording.bold
    axis = eeg_axis(recording.eeg, recording.clock, bold.volumes, rate)
    eeg = scaled_eeg(recording.eeg, recording.clock, axis, group.montage, group.scaling.eeg)
    rows, filtered = filtered_bold(bold, group=group, mask=mask, whitening=whitening)
    return SubjectSignals(eeg, axis, rows, np.nonzero(mask)[2], bold.volumes, filtered)


def filtered_bold(
    bold: Bold, *, group: TrainedTranscoder, mask: Bool[ndarray, "x y z"], whitening: float
) -> tuple[Float[ndarray, "voxels kept"], VolumeFilter]:
    """Return BOLD of voxels at their own slice times, filtered, and what it went through.

    Parameters
    ----------
    bold : neurotranscoder.core.recording.Bold
        Images of one run.
    group : TrainedTranscoder
        Whose grid, scale and response it has.
    mask : array of bool, shape (x, y, z)
        Voxels that are read, in C order.
    whitening : float
        eps of the filter.

    Raises
    ------
    GridError
        When the run is too short, or the grid is not the mask's.
    """
    if bold.grid.shape != mask.shape or not bold.grid.matches(group.blocks.voxels):
        raise GridError(
            f"BOLD has a grid of {bold.grid.shape} voxels, the group model "
            f"{group.blocks.voxels.shape} or another place; use images in the space of the model"
        )
    filtered = VolumeFilter.of(group.response, bold.volumes, whitening)
    slices = np.nonzero(mask)[2]
    rows = np.empty((len(slices), bold.volumes.n_volumes - filtered.first), dtype=np.float32)
    for index in np.unique(slices):
        voxels = bold.data[:, :, index][mask[:, :, index]].astype(np.float64)
        rows[slices == index] = filtered(voxels / group.scaling.bold)
    return rows, filtered


def eeg_axis(eeg: Eeg, clock: Clock, volumes: VolumeAxis, rate: float) -> TimeAxis:
    """Return the frames of a run: of its BOLD, or fewer where EEG ends in its last volume."""
    end = float(clock.scanner_times(eeg.data.shape[1], eeg.sfreq)[-1]) + 0.5 / eeg.sfreq
    nearly = volumes.duration - volumes.tr <= end < volumes.duration
    return TimeAxis.of_frames(end if nearly else volumes.duration, rate)


def scaled_eeg(
    eeg: Eeg, clock: Clock, axis: TimeAxis, montage: Montage, scale: float
) -> Float[ndarray, "channels frames"]:
    """Return the EEG of frames in units of a scale (V), around its means.

    Raises
    ------
    WeightsError
        When its channels are not those of the montage.
    GridError
        When it does not cover the frames.
    """
    if eeg.montage.names != montage.names:
        different = sorted(set(eeg.montage.names) ^ set(montage.names))
        raise WeightsError(
            f"the EEG has {len(eeg.montage.names)} channels, the model {len(montage.names)}; "
            f"they differ in {different[:5] or 'order'}; use the same channels in the same order"
        )
    times = clock.scanner_times(eeg.data.shape[1], eeg.sfreq)
    means = weighted_frame_means(eeg.data, times, axis)
    return np.asarray((means - means.mean(axis=1, keepdims=True)) / scale, dtype=np.float32)
