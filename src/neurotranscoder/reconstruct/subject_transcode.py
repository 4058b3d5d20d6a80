"""One modality of a subject from the other: BOLD of voxels from EEG, EEG from BOLD."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32
from numpy import ndarray

from neurotranscoder.core.axes import VolumeAxis
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.recording import Bold, Clock, Eeg
from neurotranscoder.reconstruct.subject_bold import bold_movie, check_group
from neurotranscoder.train.subject_signals import eeg_axis, followed
from neurotranscoder.train.trained import TrainedTranscoder
from neurotranscoder.train.trained_subject import TrainedSubject


def voxel_bold_of_eeg(
    trained: TrainedSubject,
    group: TrainedTranscoder,
    eeg: Eeg,
    clock: Clock,
    volumes: VolumeAxis,
) -> Float32[ndarray, "voxels volumes"]:
    """Predict BOLD of the voxels of a subject from EEG, at the times of their own slices.

    Parameters
    ----------
    trained : TrainedSubject
        Of the same subject.
    group : TrainedTranscoder
        The group model that it was fitted with: its response and scale are used.
    eeg : Eeg
        Of one run.
    clock : Clock
        When its samples are.
    volumes : VolumeAxis
        When slices are wanted.

    Returns
    -------
    bold : array of float32, shape (voxels, volumes)
        Around its mean, in the unit of the images; voxels of ``trained.mask`` in C order.

    Raises
    ------
    WeightsError
        When the group model is another one, or channels differ.
    GridError
        When the EEG does not cover the volumes.
    """
    check_group(trained, group)
    axis = eeg_axis(eeg, clock, volumes, trained.rate)
    spline = followed(trained.courses(eeg, clock, axis), axis, group.response)
    slices = np.nonzero(trained.mask)[2]
    bold = np.empty((len(slices), volumes.n_volumes), dtype=np.float32)
    for index in np.unique(slices):
        times, rows = volumes.times(int(index)), slices == index
        seen = spline(np.clip(times, spline.x[0], spline.x[-1]))
        bold[rows] = trained.maps[rows] @ (group.scaling.bold * seen)
    return bold


def eeg_of_bold(
    trained: TrainedSubject, group: TrainedTranscoder, bold: Bold
) -> Float[ndarray, "channels frames"]:
    """Predict the slow part of the EEG of a subject from BOLD alone, at the rate of the movie.

    Parameters
    ----------
    trained, group
        See `voxel_bold_of_eeg`.
    bold : Bold
        Images of one run, on the grid of the subject.

    Returns
    -------
    eeg : array, shape (channels, frames)
        Around its mean, in V.

    Raises
    ------
    WeightsError
        When the group model is another one.
    GridError
        When the run is too short, or has another grid.
    """
    return eeg_of_movie(trained, bold_movie(trained, group, bold))


def eeg_of_movie(trained: TrainedSubject, movie: SourceMovie) -> Float[ndarray, "channels frames"]:
    """Return the EEG (V) of a movie with the courses of a subject: through its leadfield.

    Without sparse sources courses are the channels themselves.
    """
    sparse, courses = trained.coder.sparse, movie.courses.astype(np.float64)
    field = np.eye(len(courses)) if sparse is None else sparse.leadfield.numpy()
    return np.asarray(trained.eeg_scale * (field @ courses))
