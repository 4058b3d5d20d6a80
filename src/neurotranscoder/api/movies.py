"""The subject stage and its movies in Python: fit, make, load, look into, export."""

from __future__ import annotations

from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.io.dense import export_movie, open_export
from neurotranscoder.io.movies import load_movie, save_movie, window_image, write_window
from neurotranscoder.reconstruct.subject import subject_movie
from neurotranscoder.train.subject import SubjectSettings, fit_subject
from neurotranscoder.train.trained_subject import TrainedSubject, load_subject, save_subject

__all__ = [
    "SourceMovie",
    "SubjectSettings",
    "TrainedSubject",
    "export_movie",
    "fit_subject",
    "load_movie",
    "load_subject",
    "open_export",
    "save_movie",
    "save_subject",
    "subject_movie",
    "window_image",
    "write_window",
]
