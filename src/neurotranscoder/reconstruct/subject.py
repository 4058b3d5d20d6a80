"""The movie of one run at voxels: a subject's maps times the courses of the run's EEG."""

from __future__ import annotations

from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.recording import Recording
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
