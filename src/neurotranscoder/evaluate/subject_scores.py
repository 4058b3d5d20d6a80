"""How near a movie at voxels is to the truth, from its factors and those of the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from neurotranscoder.core.axes import TimeAxis
from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.recording import RunId
from neurotranscoder.evaluate.point_spread import (
    RegionMaps,
    RegionTruth,
    localisation_errors,
    spreads,
)
from neurotranscoder.simulate.truth import Truth

WINDOW = 1.5
"""Seconds after each onset that trial averages have."""
_TINY = np.finfo(float).tiny


@dataclass(frozen=True, eq=False)
class SubjectTruth:
    """True sources of some runs of a subject, P at voxels, as maps times courses of regions.

    Parameters
    ----------
    truth : Truth
        Of the study.
    runs : tuple of RunId
        Runs of one subject.
    axes : tuple of TimeAxis
        Frames of each run.
    mask : array of bool, shape (x, y, z)
        Voxels that are scored.
    """

    truth: Truth
    runs: tuple[RunId, ...]
    axes: tuple[TimeAxis, ...]
    mask: Bool[ndarray, "x y z"]

    @cached_property
    def maps(self) -> Float[ndarray, "voxels regions"]:
        """How much of each voxel a region is."""
        regions = self.truth.regions
        labels, weights = regions.labels[self.mask], regions.weights[self.mask]
        maps = np.zeros((len(labels), regions.n_regions))
        rows = np.flatnonzero(labels >= 0)
        maps[rows, labels[rows]] = weights[rows]
        return maps

    @cached_property
    def courses(self) -> tuple[Float[ndarray, "regions _"], ...]:
        """P of each region in each run."""
        pairs = zip(self.runs, self.axes, strict=True)
        return tuple(self.truth.region_sources(run, axis) for run, axis in pairs)

    def onsets(self, run: RunId) -> Float[ndarray, " trials"]:
        """Return when the stimuli of a run were, in s."""
        return self.truth.drawn(run).events.onset


@dataclass(frozen=True, slots=True, eq=False)
class SubjectScores:
    """How near the movies of a subject are to the truth.

    Parameters
    ----------
    r_time : float
        r over the time of the trial average, mean over active voxels.
    r_movie : float
        Cosine of the whole trial average with the truth, silent voxels included.
    r_continuous : float
        r over whole runs, un-averaged, mean over active voxels.
    false_activity : float
        Energy of the trial average in silent voxels over that in active ones.
    copy_r : float
        Cosine of the trial average with that of another movie; NaN without one.
    localisation : array, shape (regions,)
        Distance of the peak of each region's map in the movie from its centre, in mm.
    spread : array, shape (regions,)
        Spatial dispersion of that map, in mm.
    latency : array, shape (regions,)
        Difference of the times of the largest value of the trial average in each region, in ms.
    """

    r_time: float
    r_movie: float
    r_continuous: float
    false_activity: float
    copy_r: float
    localisation: Float[ndarray, " regions"]
    spread: Float[ndarray, " regions"]
    latency: Float[ndarray, " regions"]


def trial_average(
    courses: Sequence[Float[ndarray, "rows _"]],
    onsets: Sequence[Float[ndarray, " _"]],
    axes: Sequence[TimeAxis],
) -> Float[ndarray, "rows frames"]:
    """Return the mean of courses after all onsets of all runs whose window lies in the run."""
    rate = axes[0].sfreq
    length = round(WINDOW * rate)
    total, count = np.zeros((len(courses[0]), length)), 0
    for course, times, axis in zip(courses, onsets, axes, strict=True):
        first = np.floor((times - axis.start) * rate + 0.5).astype(int)
        for start in first[(first >= 0) & (first + length <= axis.n_times)]:
            total += course[:, start : start + length]
            count += 1
    return total / max(count, 1)


def score_movies(
    movies: Sequence[SourceMovie], truth: SubjectTruth, other: Sequence[SourceMovie] = ()
) -> SubjectScores:
    """Score the movies of some runs; only trial averages are ever materialised.

    Parameters
    ----------
    movies : sequence of SourceMovie
        One for each run of the truth, all with the same maps.
    truth : SubjectTruth
        What they should be.
    other : sequence of SourceMovie
        Movies that they may be copies of.
    """
    onsets = [truth.onsets(run) for run in truth.runs]
    found = average_movie(movies, onsets)
    wanted = trial_average(truth.courses, onsets, truth.axes)
    active = truth.maps.any(axis=1)
    true = truth.maps @ wanted
    energy = np.sum(found**2, axis=1)
    silent_energy = float(energy[~active].sum())
    maps = movies[0].maps.astype(np.float64)
    courses = np.concatenate([_centred(movie.courses) for movie in movies], axis=1)
    known = np.concatenate([_centred(course) for course in truth.courses], axis=1)
    in_regions = truth.maps / np.maximum(np.sum(truth.maps**2, axis=0), _TINY)
    peaks = np.argmax(in_regions.T @ found, axis=1) - np.argmax(wanted, axis=1)
    point_spread = _region_maps(
        maps @ (courses @ known.T @ np.linalg.pinv(known @ known.T)), truth
    )
    return SubjectScores(
        r_time=float(np.mean(_r(found[active], true[active]))),
        r_movie=_cosine(found, true),
        r_continuous=continuous_r(maps[active], courses, truth.maps[active], known),
        false_activity=silent_energy / max(float(energy[active].sum()), _TINY),
        copy_r=_cosine(found, average_movie(other, onsets)) if other else float("nan"),
        localisation=localisation_errors([point_spread]),
        spread=spreads([point_spread]),
        latency=1000 * np.abs(peaks) / truth.axes[0].sfreq,
    )


def average_movie(
    movies: Sequence[SourceMovie], onsets: Sequence[Float[ndarray, " _"]]
) -> Float[ndarray, "voxels frames"]:
    """Return the trial average of movies."""
    courses = trial_average(
        [movie.courses.astype(np.float64) for movie in movies],
        onsets,
        [movie.axis for movie in movies],
    )
    return np.asarray(movies[0].maps @ courses)


def _region_maps(maps: Float[ndarray, "voxels regions"], truth: SubjectTruth) -> RegionMaps:
    """Return maps of regions on blocks of one voxel."""
    grid, mask = truth.truth.head.grid, truth.mask
    voxels = BlockMap.from_mask(grid, mask, factors=(1, 1, 1), min_share=1.0)
    kinds = np.full(maps.shape[1], "evoked")
    return RegionMaps(maps, RegionTruth(np.zeros((maps.shape[1], 1)), truth.maps, kinds), voxels)


def continuous_r(
    maps: Float[ndarray, "places components"],
    courses: Float[ndarray, "components frames"],
    true_maps: Float[ndarray, "places regions"],
    known: Float[ndarray, "regions frames"],
) -> float:
    """Return the mean over places of r over all frames, from the covariances of factors.

    Parameters
    ----------
    maps, courses : array
        Factors of an estimate; courses around their means.
    true_maps, known : array
        Factors of the truth; courses around their means.
    """
    both = np.sum((maps @ (courses @ known.T)) * true_maps, axis=1)
    own = np.sum((maps @ (courses @ courses.T)) * maps, axis=1)
    true = np.sum((true_maps @ (known @ known.T)) * true_maps, axis=1)
    return float(np.mean(both / np.sqrt(np.maximum(own * true, _TINY))))


def _centred(rows: Float[ndarray, "rows _"]) -> Float[ndarray, "rows _"]:
    """Return rows around their means, in double precision."""
    exact = rows.astype(np.float64)
    return np.asarray(exact - exact.mean(axis=1, keepdims=True))


def _r(one: Float[ndarray, "rows frames"], two: Float[ndarray, "rows frames"]) -> ndarray:
    """Return r of each pair of rows; 0 where one is constant."""
    first, second = _centred(one), _centred(two)
    norms = np.sqrt(np.sum(first**2, axis=1) * np.sum(second**2, axis=1))
    return np.asarray(np.sum(first * second, axis=1) / np.maximum(norms, _TINY))


def _cosine(one: Float[ndarray, "rows frames"], two: Float[ndarray, "rows frames"]) -> float:
    """Return the cosine of two movies; 0 where one is zero."""
    norms = float(np.sqrt(np.sum(one**2) * np.sum(two**2)))
    return float(np.sum(one * two)) / max(norms, _TINY)
