"""The movie of one run at voxels: a subject's maps times the courses of the run's EEG."""

from __future__ import annotations

from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.recording import Clock, Eeg, Recording
from neurotranscoder.reconstruct.one_modality import channels_of, frames_of_eeg
from neurotranscoder.train.subject_signals import eeg_axis
from neurotranscoder.train.trained_subject import TrainedSubject


def subject_movie(trained: TrainedSubject, recording: Recording) -> SourceMovie:
    """Return the sources that a run's EEG gives, over the whole run, un-averaged.

    Parameters
    ----------
    trained : TrainedSubject
        Of the same subject.
    recording : Recording
        Any of its runs, also of another session; of BOLD, the times alone are used.

    Raises
    ------
    WeightsError
        When channels differ.
    """
    axis = eeg_axis(recording.eeg, recording.clock, recording.bold.volumes, trained.rate)
    courses = trained.courses(recording.eeg, recording.clock, axis)
    return SourceMovie(trained.maps, courses, trained.grid, trained.mask, axis, "eeg")


def movie_of_eeg(trained: TrainedSubject, eeg: Eeg, clock: Clock) -> SourceMovie:
    """Return the sources of a run that has EEG alone, over all of it.

    Parameters
    ----------
    trained : TrainedSubject
        Of the same subject.
    eeg : Eeg
        With the channels of the model among its own, in any order.
    clock : Clock
        When its samples are; frames begin with the first one.

    Raises
    ------
    WeightsError
        When channels are missing.
    GridError
        When the EEG is not finite.
    """
    picked = channels_of(eeg, trained.montage)
    axis = frames_of_eeg(picked, clock, trained.rate)
    courses = trained.courses(picked, clock, axis)
    return SourceMovie(trained.maps, courses, trained.grid, trained.mask, axis, "eeg")
