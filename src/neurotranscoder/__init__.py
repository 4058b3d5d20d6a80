"""Turn EEG into BOLD and BOLD into EEG through a shared latent source space, learnt from data."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from neurotranscoder.api.movies import (
        SourceMovie,
        SubjectSettings,
        TrainedSubject,
        export_movie,
        fit_subject,
        load_movie,
        load_subject,
        mne_sources,
        open_export,
        save_movie,
        save_subject,
        subject_movie,
        trust_map,
        window_image,
        write_trust,
        write_window,
    )
    from neurotranscoder.api.readouts import read_out
    from neurotranscoder.api.simulation import Simulation, simulate_run
    from neurotranscoder.api.study import (
        ImportSettings,
        aligned_runs,
        import_study,
        load_study,
        windows,
    )
    from neurotranscoder.api.transcoder import Transcoder
    from neurotranscoder.api.trials import (
        ClusterSettings,
        SubjectMeans,
        TrialSettings,
        UnitSettings,
        cluster_test,
        contrast_units,
        cut_trials,
        mean_units,
        read_atlas,
        region_courses,
        write_region_courses,
        z_map,
    )

_FACADE = {
    "Simulation": "simulation",
    "simulate_run": "simulation",
    "SubjectSettings": "movies",
    "TrainedSubject": "movies",
    "fit_subject": "movies",
    "load_subject": "movies",
    "save_subject": "movies",
    "subject_movie": "movies",
    "SourceMovie": "movies",
    "export_movie": "movies",
    "load_movie": "movies",
    "open_export": "movies",
    "save_movie": "movies",
    "window_image": "movies",
    "write_window": "movies",
    "mne_sources": "movies",
    "trust_map": "movies",
    "write_trust": "movies",
    "Transcoder": "transcoder",
    "aligned_runs": "study",
    "ImportSettings": "study",
    "import_study": "study",
    "load_study": "study",
    "read_out": "readouts",
    "windows": "study",
    "ClusterSettings": "trials",
    "SubjectMeans": "trials",
    "TrialSettings": "trials",
    "UnitSettings": "trials",
    "cluster_test": "trials",
    "contrast_units": "trials",
    "cut_trials": "trials",
    "mean_units": "trials",
    "read_atlas": "trials",
    "region_courses": "trials",
    "write_region_courses": "trials",
    "z_map": "trials",
}

__all__ = [
    "ClusterSettings",
    "ImportSettings",
    "Simulation",
    "SourceMovie",
    "SubjectMeans",
    "SubjectSettings",
    "TrainedSubject",
    "Transcoder",
    "TrialSettings",
    "UnitSettings",
    "__version__",
    "aligned_runs",
    "cluster_test",
    "contrast_units",
    "cut_trials",
    "export_movie",
    "fit_subject",
    "import_study",
    "load_movie",
    "load_study",
    "load_subject",
    "mean_units",
    "mne_sources",
    "open_export",
    "read_atlas",
    "read_out",
    "region_courses",
    "save_movie",
    "save_subject",
    "simulate_run",
    "subject_movie",
    "trust_map",
    "window_image",
    "windows",
    "write_region_courses",
    "write_trust",
    "write_window",
    "z_map",
]


def __getattr__(name: str) -> object:
    """Import the facade when it is first used: torch takes seconds."""
    if name in _FACADE:
        return getattr(import_module(f"neurotranscoder.api.{_FACADE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
