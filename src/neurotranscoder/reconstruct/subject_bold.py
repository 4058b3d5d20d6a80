"""What BOLD says of a subject's courses: movies from BOLD alone, and from both modalities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float, Float32
from numpy import ndarray
from scipy.interpolate import CubicSpline
from scipy.optimize import nnls

from neurotranscoder.core.axes import TimeAxis, VolumeAxis
from neurotranscoder.core.errors import WeightsError
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.recording import Bold, Recording
from neurotranscoder.core.response import Response
from neurotranscoder.train.subject_signals import VolumeFilter, filtered_bold, subject_signals
from neurotranscoder.train.trained import TrainedTranscoder
from neurotranscoder.train.trained_subject import TrainedSubject, digest_of_group

_RIDGE = 1e-2  # of the maps, relative to their mean energy: some may be alike, or empty
_TINY = np.finfo(float).tiny


def bold_movie(trained: TrainedSubject, group: TrainedTranscoder, bold: Bold) -> SourceMovie:
    """Return the sources that BOLD of a run gives through a subject's maps; no EEG is needed.

    BOLD of all voxels, filtered as in the fit, is regressed on the maps; the course of each
    component is deconvolved by a Wiener filter whose signal and noise, both white, are those that
    explain its power at each frequency best. Courses are slow: the hemodynamic response takes out
    what is faster than about .2 Hz.

    Parameters
    ----------
    trained : TrainedSubject
        Of the same subject.
    group : TrainedTranscoder
        The group model that it was fitted with.
    bold : Bold
        Images of one run, on the grid of the subject.

    Raises
    ------
    WeightsError
        When the group model is another one.
    GridError
        When the run is too short, or has another grid.
    """
    check_group(trained, group)
    rows, filtered = filtered_bold(bold, group=group, mask=trained.mask, whitening=_eps(trained))
    axis = TimeAxis.of_frames(bold.volumes.duration, trained.rate)
    courses = _Reading(trained, group.response, bold.volumes, filtered).slow_courses(rows, axis)
    return SourceMovie(_single(trained.maps), courses, trained.grid, trained.mask, axis, "bold")


def fused_movie(
    trained: TrainedSubject, group: TrainedTranscoder, recording: Recording
) -> SourceMovie:
    """Return the sources that EEG and BOLD of a run give together.

    What the EEG's courses leave of BOLD is read as `bold_movie` reads BOLD and added to them: the
    mean of the courses given both, where the errors of the EEG's are white and independent of it.
    At the frequencies that BOLD does not hold, the movie is that of the EEG.

    Parameters
    ----------
    trained, group
        See `bold_movie`.
    recording : Recording
        Any run of the subject, also of another session.

    Raises
    ------
    WeightsError
        When the group model is another one, or channels differ.
    GridError
        When the run is too short, has another grid, or EEG does not cover it.
    """
    check_group(trained, group)
    run = subject_signals(
        recording, group=group, mask=trained.mask, rate=trained.rate, whitening=_eps(trained)
    )
    courses = trained.coder.courses(run.eeg, trained.rate)
    regressors = run.regressors(courses, run.axis, group.response)
    rest = run.bold.copy()
    for index in np.unique(run.slices):
        rows = run.slices == index
        rest[rows] -= trained.maps[rows] @ regressors(int(index))
    reading = _Reading(trained, group.response, run.volumes, run.filter)
    both = _single(courses + reading.slow_courses(rest, run.axis))
    return SourceMovie(_single(trained.maps), both, trained.grid, trained.mask, run.axis, "fused")


@dataclass(frozen=True, slots=True, eq=False)
class _Reading:
    """How the filtered BOLD of a run is read through a subject's maps."""

    trained: TrainedSubject
    response: Response
    volumes: VolumeAxis
    filter: VolumeFilter

    def slow_courses(
        self, rows: Float[ndarray, "voxels kept"], axis: TimeAxis
    ) -> Float32[ndarray, "components frames"]:
        """Return the courses that filtered BOLD gives, at the frames of an axis."""
        components = self.components(rows)
        before = self.filter.first
        padded = np.pad(components, [(0, 0), (before, before + 1)])
        frequencies = np.fft.rfftfreq(padded.shape[1], self.volumes.tr)
        waves = np.exp(-2j * np.pi * np.outer(frequencies, self.response.times))
        transfer = waves @ self.response.values
        power = np.abs(transfer) ** 2
        transfer = transfer / np.sqrt(power / power.max() + _eps(self.trained))
        found = np.stack([deconvolved(one, transfer, components.shape[1]) for one in padded])
        times = self.volumes.times(0)
        spline = CubicSpline(times, found[:, : len(times)], axis=1)
        return _single(spline(np.clip(axis.times, times[0], times[-1])))

    def components(self, rows: Float[ndarray, "voxels kept"]) -> Float[ndarray, "components kept"]:
        """Return the BOLD of components: a regression on the maps, at the times of a slice."""
        maps, slices = self.trained.maps.astype(np.float64), np.nonzero(self.trained.mask)[2]
        wanted = self.volumes.times(0)[self.filter.first :]
        total = np.zeros((maps.shape[1], len(wanted)))
        for index in np.unique(slices):
            own, known = slices == index, self.volumes.times(int(index))[self.filter.first :]
            spline = CubicSpline(known, maps[own].T @ rows[own], axis=1)
            total += spline(np.clip(wanted, known[0], known[-1]))
        gram = maps.T @ maps
        damped = gram + (_RIDGE * np.trace(gram) / len(gram) + _TINY) * np.eye(len(gram))
        return np.asarray(np.linalg.solve(damped, total))


def deconvolved(
    series: Float[ndarray, " times"], transfer: Complex[ndarray, " frequencies"], n_known: int
) -> Float[ndarray, " times"]:
    """Return what a series followed, by a Wiener filter that is learnt from the series itself.

    Its power is taken to be ``signal |transfer|^2 + noise``, both white and at least 0.

    Parameters
    ----------
    series : array, shape (times,)
        Zero where nothing is known.
    transfer : array, shape (frequencies,)
        Of what it followed to the series, at the frequencies of its real Fourier transform.
    n_known : int
        Number of times that are known.
    """
    spectrum, gain = np.fft.rfft(series), np.abs(transfer) ** 2
    power = np.abs(spectrum) ** 2 / n_known
    design = np.stack([gain / gain.max(), np.ones_like(gain)], axis=1)
    scale = max(float(power.mean()), _TINY)
    (signal, noise), _ = nnls(design[1:], power[1:] / scale)
    total = signal * design[:, 0] + noise
    wiener = signal * np.conj(transfer) / gain.max() / np.maximum(total, _TINY)
    return np.asarray(np.fft.irfft(spectrum * wiener, len(series)))


def check_group(trained: TrainedSubject, group: TrainedTranscoder) -> None:
    """Refuse a group model that the subject was not fitted with."""
    if digest_of_group(group) != trained.group:
        raise WeightsError(
            "the subject was fitted with another group model, whose scale and response its maps "
            f"have ({trained.group[:12]}...); use that one, or fit the subject again"
        )


def _eps(trained: TrainedSubject) -> float:
    """Return eps of the filter of the fit."""
    return float(trained.settings["whitening"])


def _single(values: Float[ndarray, "rows columns"]) -> Float32[ndarray, "rows columns"]:
    """Return a factor as movies keep it."""
    return np.ascontiguousarray(values, dtype=np.float32)
