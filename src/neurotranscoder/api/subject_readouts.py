"""Read-outs of a subject's model at voxels, for use in Python."""

from __future__ import annotations

from neurotranscoder.analyse.places import Place, place_at, region_place
from neurotranscoder.analyse.response_shapes import ResponseSettings
from neurotranscoder.analyse.subject_maps import SubjectMaps, forward_map, inverse_map
from neurotranscoder.analyse.subject_maps_store import write_electrode, write_place
from neurotranscoder.analyse.subject_responses import SubjectResponses, region_hrfs
from neurotranscoder.analyse.subject_responses_store import write_region_hrfs

__all__ = [
    "Place",
    "ResponseSettings",
    "SubjectMaps",
    "SubjectResponses",
    "forward_map",
    "inverse_map",
    "place_at",
    "region_hrfs",
    "region_place",
    "write_electrode",
    "write_place",
    "write_region_hrfs",
]
