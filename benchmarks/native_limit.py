"""How much of a true map voxels of simulated native images can show.

The truth lies in voxels of MNI as they were simulated; voxels of the EPI lie across them, so each
holds a mean over several regions. `seen_truth` is what images without noise, brought to MNI by the
true transforms, hold of the expected response: a map of them that is perfect has its cosine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.evaluate.activation_scores import StatisticalMap
from neurotranscoder.evaluate.activation_truth import WINDOW, TaskTruth
from neurotranscoder.preprocess.motion import still_head
from neurotranscoder.preprocess.resample import resample_once
from neurotranscoder.preprocess.warp import Warp
from neurotranscoder.signal.rigid import apply_matrix
from neurotranscoder.simulate.native_head import native_head
from neurotranscoder.simulate.native_space import NativeSpace, draw_space
from neurotranscoder.simulate.truth import Truth


@dataclass(frozen=True, slots=True)
class Limit:
    """Cosines over voxels and frames: of what voxels can show, and of a map, with each truth."""

    voxels: float
    map: float
    map_with_voxels: float


def limit(found: StatisticalMap, truth: TaskTruth, study: Truth, subject: int) -> Limit:
    """Return how near a map of a subject (from 0) is to what its voxels can show."""
    inside = (found.times >= WINDOW[0]) & (found.times < WINDOW[1])
    true, effect = truth.at(found.mask)[:, inside], found.effect[:, inside]
    courses = truth.courses[:, inside]
    seen = seen_truth(courses, study, subject, found.grid, found.mask)
    return Limit(_cosine(seen, true), _cosine(effect, true), _cosine(effect, seen))


def seen_truth(
    courses: Float[ndarray, "regions frames"],
    study: Truth,
    subject: int,
    grid: VoxelGrid,
    mask: Bool[ndarray, "x y z"],
) -> Float[ndarray, "voxels frames"]:
    """Return what native images of a subject hold of courses of regions, at voxels of MNI."""
    scenario = study.cohort.scenario
    head = native_head(scenario, study.regions, subject)
    x, y, _ = head.grid.shape
    slices = [np.asarray(one @ courses).reshape(x, y, -1) for one in head.mixing]
    points = epi_places(draw_space(scenario, subject), grid.world(np.argwhere(mask)))
    still = still_head(courses.shape[1], head.grid)
    seen = resample_once(np.stack(slices, axis=2), head.grid, still, points)
    return np.nan_to_num(seen).astype(np.float64)


def epi_places(
    space: NativeSpace, there: Float[ndarray, "points 3"]
) -> Float[ndarray, "points 3"]:
    """Return where points of MNI are in the EPI."""
    warp = Warp(space.t1_to_mni, space.nodes, np.moveaxis(space.displacement, 0, -1))
    in_t1 = warp.invert(there)
    return apply_matrix(np.linalg.inv(space.epi_to_t1), in_t1)


def _cosine(one: ndarray, other: ndarray) -> float:
    """Return the cosine of two maps."""
    return float(np.sum(one * other) / (np.linalg.norm(one) * np.linalg.norm(other)))
