"""Statistics of trials in Python: cut, put together, test, within and across subjects."""

from __future__ import annotations

from neurotranscoder.analyse.clusters import ClusterSettings, cluster_test
from neurotranscoder.analyse.subjects import SubjectMeans
from neurotranscoder.analyse.trials import TrialSettings, cut_trials
from neurotranscoder.analyse.units import UnitSettings, contrast_units, mean_units
from neurotranscoder.analyse.zmaps import z_map

__all__ = [
    "ClusterSettings",
    "SubjectMeans",
    "TrialSettings",
    "UnitSettings",
    "cluster_test",
    "contrast_units",
    "cut_trials",
    "mean_units",
    "z_map",
]
