"""How near an estimate at voxels is to the truth of a subject, which is kept in factors."""

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
from neurotranscoder.evaluate.subject_estimates import (
    TINY,
    FactorMovies,
    SubjectEstimate,
    centred,
    trial_average,
)
from neurotranscoder.simulate.truth import Truth


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
    return score_estimate(FactorMovies(movies), truth, FactorMovies(other) if other else None)


def score_estimate(
    estimate: SubjectEstimate, truth: SubjectTruth, other: SubjectEstimate | None = None
) -> SubjectScores:
    """Score anything that has a trial average and products with courses of regions.

    Parameters
    ----------
    estimate : SubjectEstimate
        Movies in factors, or what coders make of averages and runs.
    truth : SubjectTruth
        What it should be.
    other : SubjectEstimate, optional
        What it may be a copy of.
    """
    onsets = [truth.onsets(run) for run in truth.runs]
    found = estimate.average(onsets)
    wanted = trial_average(truth.courses, onsets, truth.axes, seconds=estimate.seconds)
    active = truth.maps.any(axis=1)
    true = truth.maps @ wanted
    energy = np.sum(found**2, axis=1)
    silent_energy = float(energy[~active].sum())
    in_regions = truth.maps / np.maximum(np.sum(truth.maps**2, axis=0), TINY)
    peaks = np.argmax(in_regions.T @ found, axis=1) - np.argmax(wanted, axis=1)
    point_spread = _region_maps(estimate.maps_of(truth.courses), truth)
    return SubjectScores(
        r_time=float(np.mean(_r(found[active], true[active]))),
        r_movie=_cosine(found, true),
        r_continuous=estimate.continuous_r(truth.maps, truth.courses),
        false_activity=silent_energy / max(float(energy[active].sum()), TINY),
        copy_r=float("nan") if other is None else _cosine(found, other.average(onsets)),
        localisation=localisation_errors([point_spread]),
        spread=spreads([point_spread]),
        latency=1000 * np.abs(peaks) / truth.axes[0].sfreq,
    )


def _region_maps(maps: Float[ndarray, "voxels regions"], truth: SubjectTruth) -> RegionMaps:
    """Return maps of regions on blocks of one voxel."""
    grid, mask = truth.truth.head.grid, truth.mask
    voxels = BlockMap.from_mask(grid, mask, factors=(1, 1, 1), min_share=1.0)
    kinds = np.full(maps.shape[1], "evoked")
    return RegionMaps(maps, RegionTruth(np.zeros((maps.shape[1], 1)), truth.maps, kinds), voxels)


def _r(one: Float[ndarray, "rows frames"], two: Float[ndarray, "rows frames"]) -> ndarray:
    """Return r of each pair of rows; 0 where one is constant."""
    first, second = centred(one), centred(two)
    norms = np.sqrt(np.sum(first**2, axis=1) * np.sum(second**2, axis=1))
    return np.asarray(np.sum(first * second, axis=1) / np.maximum(norms, TINY))


def _cosine(one: Float[ndarray, "rows frames"], two: Float[ndarray, "rows frames"]) -> float:
    """Return the cosine of two movies; 0 where one is zero."""
    norms = float(np.sqrt(np.sum(one**2) * np.sum(two**2)))
    return float(np.sum(one * two)) / max(norms, TINY)
