"""Other movies at voxels from the same data, for comparison with the subject stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from operator import add

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.axes import TimeAxis
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.recording import Events, Recording
from neurotranscoder.evaluate.subject_estimates import WINDOW
from neurotranscoder.reconstruct.fast import fast_source_of_eeg
from neurotranscoder.train.subject import SubjectSettings, at_voxels
from neurotranscoder.train.subject_signals import eeg_axis, scaled_eeg, subject_signals
from neurotranscoder.train.trained import TrainedTranscoder
from neurotranscoder.train.trained_subject import TrainedSubject
from neurotranscoder.train.voxel_maps import Folds, MapMaker
from neurotranscoder.train.voxel_products import VoxelProducts

_BIN = 0.25  # s, of the responses to stimuli


def group_movies(
    group: TrainedTranscoder, subject: TrainedSubject, recordings: Sequence[Recording]
) -> list[SourceMovie]:
    """Return what the group model gives at the rate of the movie, interpolated to voxels.

    Frames are brought to the scale that the model was trained on (`reconstruct.fast`).

    Raises
    ------
    WeightsError
        When the model reads EEG with a network.
    """
    found = [
        fast_source_of_eeg(group, one.eeg, one.clock, one.bold.volumes, rate=subject.rate)
        for one in recordings
    ]
    maps = at_voxels(found[0].maps, group, subject.mask, subject.grid)
    return [_movie(maps, one.courses, subject, one.axis) for one in found]


def with_group_maps(
    of_group: Sequence[SourceMovie], movies: Sequence[SourceMovie]
) -> list[SourceMovie]:
    """Return movies with the maps that the group gives their courses.

    What a subject's own maps are worth is the difference from these.

    Parameters
    ----------
    of_group : sequence of SourceMovie
        The group stage.
    movies : sequence of SourceMovie
        The subject stage in the same runs.
    """
    pairs = [*zip(of_group, movies, strict=True)]
    cross = sum(np.float64(one.courses @ two.courses.T) for one, two in pairs)
    gram = sum(np.float64(two.courses @ two.courses.T) for _, two in pairs)
    maps = of_group[0].maps @ (cross @ np.linalg.pinv(gram))
    return [replace(movie, maps=maps.astype(np.float32)) for movie in movies]


def inverse_movies(
    leadfield: Float[ndarray, "channels voxels"],
    subject: TrainedSubject,
    recordings: Sequence[Recording],
    *,
    snr: float,
    standardised: bool,
) -> list[SourceMovie]:
    """Return the minimum norm, or sLORETA, with a given leadfield of the mask's voxels.

    Parameters
    ----------
    leadfield : array, shape (channels, voxels)
        Orientations fixed; the average of channels is taken out.
    subject : TrainedSubject
        Whose voxels and frames the movies have.
    recordings : sequence of Recording
        Runs.
    snr : float
        Amplitude signal-to-noise ratio; white noise.
    standardised : bool
        Whether each voxel is divided by the sd of its own estimate (Pascual-Marqui 2002).
    """
    field = leadfield - leadfield.mean(axis=0)
    gram = field @ field.T
    damped = gram + np.trace(gram) / (len(gram) - 1) / snr**2 * np.eye(len(gram))
    maps = np.linalg.solve(damped, field).T
    if standardised:
        maps = maps / np.sqrt(np.sum(maps * field.T, axis=1))[:, np.newaxis]
    return [_movie(maps, read, subject, axis) for read, axis in _read(subject, recordings)]


def fir_movies(
    group: TrainedTranscoder,
    subject: TrainedSubject,
    fitted: Sequence[Recording],
    recordings: Sequence[Recording],
) -> list[SourceMovie]:
    """Return responses to stimuli in bins of .25 s, from BOLD alone and the group's response h.

    Products with BOLD, smoothing, ridge and shrinkage are those of the subject stage, chosen on
    held-out BOLD of the runs that it was fitted on.
    """
    settings = SubjectSettings.model_validate(dict(subject.settings))
    parts = []
    for recording in fitted:
        run = subject_signals(
            recording,
            group=group,
            mask=subject.mask,
            rate=settings.fit_rate,
            whitening=settings.whitening,
        )
        bins = _bins(recording.events, run.axis)
        parts.append(VoxelProducts.of(run.regressors(bins, run.axis, group.response)))
    none = np.zeros_like(parts[0].cross)
    folds = Folds(parts, MapMaker(subject.mask, subject.grid, none))
    own_only = settings.maps.model_copy(update={"group_weights": (0.0,)})
    recipe, _ = folds.choose(own_only)
    maps = folds.maker.maps(reduce(add, parts), recipe)
    axes = [_axis(one, subject) for one in recordings]
    return [
        _movie(maps, _bins(one.events, axis), subject, axis)
        for one, axis in zip(recordings, axes, strict=True)
    ]


def coloured(
    eeg_movies: Sequence[SourceMovie], bold_movies: Sequence[SourceMovie]
) -> list[SourceMovie]:
    """Return EEG time courses times a BOLD map: voxel courses of unit variance, scaled by BOLD.

    Parameters
    ----------
    eeg_movies : sequence of SourceMovie
        Give each voxel its time course.
    bold_movies : sequence of SourceMovie
        Give each voxel its strength: the root mean square of its responses.
    """
    spread = sum(movie.courses @ movie.courses.T for movie in eeg_movies)
    maps = eeg_movies[0].maps.astype(np.float64)
    sd = np.sqrt(np.maximum(np.sum((maps @ spread) * maps, axis=1), np.finfo(float).tiny))
    strength = np.sqrt(np.mean(bold_movies[0].maps.astype(np.float64) ** 2, axis=1))
    scaled = (maps * (strength / sd)[:, np.newaxis]).astype(np.float32)
    return [
        SourceMovie(scaled, one.courses, one.grid, one.mask, one.axis, "fused")
        for one in eeg_movies
    ]


def oracle_movies(
    leadfield: Float[ndarray, "channels regions"],
    region_maps: Float[ndarray, "voxels regions"],
    courses: Sequence[Float[ndarray, "regions _"]],
    subject: TrainedSubject,
    recordings: Sequence[Recording],
    *,
    n_trials: int = 1,
) -> list[SourceMovie]:
    """Return the spatial Wiener filter that knows leadfield, regions and all covariances.

    Parameters
    ----------
    leadfield : array, shape (channels, regions)
        EEG of unit activity of regions, in any unit; its scale is fitted.
    region_maps : array, shape (voxels, regions)
        What a region is at voxels.
    courses : sequence of array, shape (regions, frames)
        True activity in the runs.
    subject : TrainedSubject
        Whose voxels and frames the movies have.
    recordings : sequence of Recording
        These runs.
    n_trials : int
        The filter is best for averages of so many trials: the noise is divided by it.
    """
    read = [*_read(subject, recordings)]
    eeg = np.concatenate([one for one, _ in read], axis=1).astype(np.float64)
    known = np.concatenate([one - one.mean(axis=1, keepdims=True) for one in courses], axis=1)
    field = leadfield - leadfield.mean(axis=0)
    clean = field @ known
    field = field * float(np.sum(clean * eeg) / np.sum(clean**2))
    rest = eeg - field @ known
    noise = rest @ rest.T / rest.shape[1] / n_trials
    power = known @ known.T / known.shape[1]
    total = field @ power @ field.T + noise
    filters = power @ field.T @ np.linalg.pinv(total, rcond=1e-6, hermitian=True)
    return [_movie(region_maps, filters @ one, subject, axis) for one, axis in read]


def _read(
    subject: TrainedSubject, recordings: Sequence[Recording]
) -> list[tuple[Float[ndarray, "channels _"], TimeAxis]]:
    """Return the scaled EEG of runs and its frames."""
    found = []
    for one in recordings:
        axis = _axis(one, subject)
        read = scaled_eeg(one.eeg, one.clock, axis, subject.montage, subject.eeg_scale)
        found.append((read, axis))
    return found


def _axis(recording: Recording, subject: TrainedSubject) -> TimeAxis:
    """Return the frames of a movie of a run."""
    return eeg_axis(recording.eeg, recording.clock, recording.bold.volumes, subject.rate)


def _bins(events: Events, axis: TimeAxis) -> Float[ndarray, "bins frames"]:
    """Return one row for each bin after a stimulus: how many stimuli each frame follows so."""
    lag = axis.times[np.newaxis] - events.onset[:, np.newaxis]
    number = np.floor(lag / _BIN)
    n_bins = round(WINDOW / _BIN)
    return np.stack([np.sum(number == k, axis=0).astype(np.float64) for k in range(n_bins)])


def _movie(
    maps: Float[ndarray, "voxels components"],
    courses: Float[ndarray, "components frames"],
    subject: TrainedSubject,
    axis: TimeAxis,
) -> SourceMovie:
    """Return a movie on the voxels of a subject."""
    return SourceMovie(
        maps.astype(np.float32),
        courses.astype(np.float32),
        subject.grid,
        subject.mask,
        axis,
        "eeg",
    )
