"""The subject stage and its movies in Python: fit, make, load, look into, export."""

from __future__ import annotations

from neurotranscoder.analyse.trust import TrustMap, trust_map, write_trust
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.io.dense import export_movie, open_export
from neurotranscoder.io.mne_sources import MneSources, mne_sources
from neurotranscoder.io.movies import load_movie, save_movie, window_image, write_window
from neurotranscoder.reconstruct.paper_subject import fit_paper_subject, latent_sources
from neurotranscoder.reconstruct.subject import subject_movie
from neurotranscoder.train.paper_subject import PaperSubjectSettings
from neurotranscoder.train.subject import SubjectSettings, fit_subject
from neurotranscoder.train.trained_paper_subject import (
    PaperSubject,
    load_paper_subject,
    save_paper_subject,
)
from neurotranscoder.train.trained_subject import TrainedSubject, load_subject, save_subject

__all__ = [
    "MneSources",
    "PaperSubject",
    "PaperSubjectSettings",
    "SourceMovie",
    "SubjectSettings",
    "TrainedSubject",
    "TrustMap",
    "export_movie",
    "fit_paper_subject",
    "fit_subject",
    "latent_sources",
    "load_movie",
    "load_paper_subject",
    "load_subject",
    "mne_sources",
    "open_export",
    "save_movie",
    "save_paper_subject",
    "save_subject",
    "subject_movie",
    "trust_map",
    "window_image",
    "write_trust",
    "write_window",
]
