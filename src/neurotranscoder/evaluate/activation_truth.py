"""Where and when regions of a task are really active, one extremum after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy.signal import find_peaks

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.simulate.cohort import Cohort
from neurotranscoder.simulate.contrasts import condition_response, contrast
from neurotranscoder.simulate.regions import Regions
from neurotranscoder.simulate.tasks import Condition

WINDOW = (0.0, 1.5)
"""Seconds after the event that are scored."""
_PROMINENCE = 0.3  # of the largest value; ripples on a plateau are less
_SILENT = 0.01  # of the largest value of any region


@dataclass(frozen=True, slots=True)
class Activation:
    """One extremum of the response of a named region.

    Parameters
    ----------
    region : str
        Its name.
    index : int
        Its number among the regions of the cohort.
    time : float
        When P is largest, in s after the event.
    size : float
        P then, in 1/s; negative where the region is deactivated.
    start, stop : float
        From the lowest value before to the lowest after: where other extrema of the region end.
    """

    region: str
    index: int
    time: float
    size: float
    start: float
    stop: float

    @property
    def sign(self) -> float:
        """1, or -1 for deactivations."""
        return float(np.sign(self.size))


@dataclass(frozen=True, slots=True, eq=False)
class TaskTruth:
    """The expected response of a brain to a condition, or what two differ by.

    Parameters
    ----------
    courses : array, shape (regions, lags)
        P of each region, in 1/s.
    lags : array, shape (lags,)
        Seconds after the event.
    labels : array of int, shape (x, y, z)
        Region of each voxel, -1 outside all.
    weights : array, shape (x, y, z)
        Share of the region's activity that a voxel has.
    grid : VoxelGrid
        Where the voxels are.
    activations : tuple of Activation
        Extrema of the named regions.
    """

    courses: Float[ndarray, "regions lags"]
    lags: Float[ndarray, " lags"]
    labels: Int[ndarray, "x y z"]
    weights: Float[ndarray, "x y z"]
    grid: VoxelGrid
    activations: tuple[Activation, ...]

    def at(self, mask: Bool[ndarray, "x y z"]) -> Float[ndarray, "voxels lags"]:
        """Return P at the voxels of a mask."""
        padded = np.concatenate([self.courses, np.zeros_like(self.courses[:1])])
        return np.asarray(padded[self.labels[mask]] * self.weights[mask][:, np.newaxis])

    def on(self, grid: VoxelGrid) -> TaskTruth:
        """Return the same on other voxels in MNI: each has the region that its centre lies in."""
        if grid.matches(self.grid):
            return self
        centres = grid.world(np.indices(grid.shape).reshape(3, -1).T)
        indices, inside = self.grid.voxels_at(centres)
        labels = np.full(len(centres), -1, dtype=self.labels.dtype)
        weights = np.zeros(len(centres))
        where = tuple(indices[inside].T)
        labels[inside], weights[inside] = self.labels[where], self.weights[where]
        shape = grid.shape
        return replace(
            self, labels=labels.reshape(shape), weights=weights.reshape(shape), grid=grid
        )

    def silent(self, mask: Bool[ndarray, "x y z"]) -> Bool[ndarray, " voxels"]:
        """Return which voxels of a mask never respond."""
        size = np.abs(self.courses).max(axis=1)
        quiet = np.append(size < _SILENT * size.max(), [True])
        return np.asarray(quiet[self.labels[mask]])


def task_truth(
    cohort: Cohort,
    first: Sequence[Condition],
    second: Sequence[Condition],
    lags: Float[ndarray, " lags"],
) -> TaskTruth:
    """Return the expected response to conditions, or to them less that to as many others.

    Parameters
    ----------
    cohort : Cohort
        The brain of the template, and what its regions do.
    first, second : sequence of Condition
        From ``scenario.task.condition(trial_type)``, or `condition_of` a table of events; the
        second are empty where nothing is taken off. Each counts alike.
    lags : array, shape (lags,)
        Seconds after the event, equally spaced.
    """
    if second:
        pairs = zip(first, second, strict=True)
        parts = [contrast(cohort, one, other, lags) for one, other in pairs]
    else:
        parts = [condition_response(cohort, one, lags) for one in first]
    courses = np.mean(parts, axis=0)
    regions = cohort.regions
    named = dict.fromkeys(one.region for one in cohort.scenario.regions.activations)
    found = (one for name in named for one in _extrema(regions, name, courses, lags))
    return TaskTruth(
        courses, lags, regions.labels, regions.weights, cohort.template.head.grid, tuple(found)
    )


def _extrema(
    regions: Regions, name: str, courses: Float[ndarray, "regions lags"], lags: ndarray
) -> Iterator[Activation]:
    """Yield the extrema of a region that have the sign of its largest."""
    index = regions.names.index(name)
    inside = (lags >= WINDOW[0]) & (lags < WINDOW[1])
    course, times = courses[index][inside], lags[inside]
    largest = course[np.abs(course).argmax()]
    if abs(largest) < _SILENT * np.abs(courses).max() or largest == 0:
        return
    upright = np.sign(largest) * course
    peaks, _ = find_peaks(upright, prominence=_PROMINENCE * abs(largest))
    edges = [0, *_valleys(upright, peaks), len(times) - 1]
    for peak, start, stop in zip(peaks, edges[:-1], edges[1:], strict=True):
        at, first, last = (float(times[i]) for i in (peak, start, stop))
        yield Activation(name, index, at, float(course[peak]), first, last)


def _valleys(upright: Float[ndarray, " lags"], peaks: Int[ndarray, " peaks"]) -> list[int]:
    """Return where a course is lowest between its peaks."""
    return [int(a + np.argmin(upright[a:b])) for a, b in pairwise(peaks.tolist())]
