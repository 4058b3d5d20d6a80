"""Statistics of trials in Python: cut, put together, test, within and across subjects."""

from __future__ import annotations

from neurotranscoder.analyse.atlas import RegionCourses, region_courses, write_region_courses
from neurotranscoder.analyse.clusters import ClusterSettings, cluster_test
from neurotranscoder.analyse.subjects import SubjectMeans
from neurotranscoder.analyse.trials import TrialSettings, cut_trials
from neurotranscoder.analyse.units import UnitSettings, contrast_units, mean_units
from neurotranscoder.analyse.zmaps import z_map
from neurotranscoder.io.atlas import Atlas, read_atlas

__all__ = [
    "Atlas",
    "ClusterSettings",
    "RegionCourses",
    "SubjectMeans",
    "TrialSettings",
    "UnitSettings",
    "cluster_test",
    "contrast_units",
    "cut_trials",
    "mean_units",
    "read_atlas",
    "region_courses",
    "write_region_courses",
    "z_map",
]
