"""Regions of an atlas in trials of a subject: courses, correlations and peaks, with intervals.

A course of a region is the mean over its voxels; it is computed on the factors. Intervals are a
bootstrap over units of neighbouring trials, which share no frame: for other trials of the same
subject and the same model. With few units they are somewhat too narrow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from neurotranscoder.analyse.jackknife import Banded
from neurotranscoder.analyse.units import Units
from neurotranscoder.core.errors import GridError, SettingsError
from neurotranscoder.io.atlas import Atlas
from neurotranscoder.io.derivatives import Column, write_columns_with_sources

_LEVELS = (2.5, 97.5)
_FEWEST = 5


@dataclass(frozen=True, slots=True, eq=False)
class RegionCourses:
    """What regions of an atlas do after events.

    Parameters
    ----------
    names : tuple of str
        Regions that have voxels in the mask, and seen ones, by number.
    n_voxels : tuple of int
        How many of these are in their courses.
    n_in_brain : tuple of int
        How many they have in the mask, seen or not.
    not_seen : tuple of str
        Regions that have voxels in the mask, but none that is seen.
    times : array, shape (frames,)
        In s after the event.
    courses : Banded, shape (regions, frames)
        Weighted mean over units; unit arbitrary.
    latency : Banded, shape (regions,)
        Time of the largest magnitude of the mean course after the event, in s.
    correlation : Banded, shape (regions, regions)
        Of mean courses after the event.
    n_units, n_trials : int
        Units that were averaged, and trials in them.
    """

    names: tuple[str, ...]
    n_voxels: tuple[int, ...]
    n_in_brain: tuple[int, ...]
    not_seen: tuple[str, ...]
    times: Float[ndarray, " frames"]
    courses: Banded
    latency: Banded
    correlation: Banded
    n_units: int
    n_trials: int


def region_courses(
    units: Units,
    atlas: Atlas,
    rng: np.random.Generator,
    *,
    n_resamples: int = 1000,
    seen: Bool[ndarray, "x y z"] | None = None,
) -> RegionCourses:
    """Return courses, peak latencies and correlations of regions with 95 % intervals.

    Parameters
    ----------
    units : Units
        `mean_units` of one condition, or of all pooled; `contrast_units` for a difference.
    atlas : Atlas
        Any grid in the space of the images; brought to that of the movie.
    rng : Generator
        Draws units with replacement.
    n_resamples : int
        Draws; intervals are percentiles [1]_.
    seen : array of bool, shape (x, y, z), optional
        Voxels of the movie's grid that regions are restricted to, as those of a trust map.

    Raises
    ------
    GridError
        When no region has a voxel in the mask, or one that is seen, or units have no frame after
        the event.
    SettingsError
        When there are fewer than five units.

    References
    ----------
    .. [1] Efron, B. & Tibshirani, R. (1993). An introduction to the bootstrap. Chapter 13.
    """
    if units.n < _FEWEST:
        raise SettingsError(
            f"{units.n} units say nothing about others; intervals need {_FEWEST} or more; pool "
            "conditions, or make units of trials shorter"
        )
    after = units.axis.times >= 0
    if not after.any():
        raise GridError("trials have no frame after the event; use a later TrialSettings.stop")
    placed = atlas.on(units.grid)
    every = placed.labels[units.mask]
    rows = every if seen is None else np.where(seen[units.mask], every, 0)
    numbers = np.setdiff1d(rows, 0)
    _check_any(every, numbers)
    maps = np.stack([units.movie.maps[rows == one].mean(axis=0) for one in numbers])
    single = np.einsum("rc,ncf->nrf", maps.astype(np.float64), units.courses)
    draws = rng.integers(units.n, size=(n_resamples, units.n))
    counts = np.stack([np.bincount(draw, minlength=units.n) for draw in draws]) * units.weights
    counts /= counts.sum(axis=1, keepdims=True)
    mean = np.tensordot(units.weights / units.n, single, 1)
    means = np.tensordot(counts, single, 1)
    times = units.axis.times
    return RegionCourses(
        names=tuple(placed.names[int(one)] for one in numbers),
        n_voxels=tuple(int(np.sum(rows == one)) for one in numbers),
        n_in_brain=tuple(int(np.sum(every == one)) for one in numbers),
        not_seen=tuple(placed.names[int(n)] for n in np.setdiff1d(every, [0, *numbers])),
        times=times,
        courses=_banded(mean, means),
        latency=_banded(
            _peaks(mean[np.newaxis, :, after], times[after])[0],
            _peaks(means[..., after], times[after]),
        ),
        correlation=_banded(
            _correlations(mean[np.newaxis, :, after])[0], _correlations(means[..., after])
        ),
        n_units=units.n,
        n_trials=units.n_trials,
    )


def _check_any(every: Int[ndarray, " voxels"], numbers: Int[ndarray, " regions"]) -> None:
    """Refuse an atlas of which nothing is left."""
    if not every.any():
        raise GridError(
            f"no region of the atlas has a voxel in the mask of {len(every)} voxels; check that "
            "atlas and movie are in the same space"
        )
    if not numbers.size:
        raise GridError(
            f"none of the {np.count_nonzero(every)} voxels of regions in the brain is seen by the "
            "model; regions need one; fit the subject on more runs, or look at all voxels with "
            "analyse.trials.trust_q=none"
        )


def write_region_courses(
    folder: Path,
    stem: str,
    found: RegionCourses,
    *,
    sources: Sequence[str] = (),
    metadata: Mapping[str, object] | None = None,
) -> None:
    """Write ``STEM_courses.tsv``, ``STEM_peaks.tsv`` and ``STEM_correlations.tsv``, with sidecars.

    Parameters
    ----------
    folder : Path
        Where they go.
    stem : str
        Such as ``sub-01_desc-atlas``.
    found : RegionCourses
        What to write.
    sources : sequence of str
        Files it was made from.
    metadata : mapping, optional
        Further fields of the sidecars.
    """
    names, times = found.names, found.times.tolist()
    region = "Region of the atlas"
    courses = {
        "region": Column([name for name in names for _ in times], region),
        "time": Column(times * len(names), "After the event", "s"),
        **_ends("value", found.courses, "Mean over units and voxels, unit arbitrary"),
    }
    peaks = {
        "region": Column(names, region),
        "n_voxels": Column(found.n_voxels, "Voxels in its course"),
        "n_in_brain": Column(found.n_in_brain, "Its voxels in the mask, seen or not"),
        **_ends("latency", found.latency, "Largest magnitude of the mean, after the event", "s"),
    }
    correlations = {
        "region": Column([one for one in names for _ in names], region),
        "other": Column(list(names) * len(names), "Region whose course it is compared with"),
        **_ends("r", found.correlation, "Correlation of mean courses after the event"),
    }
    facts = {
        "Intervals": f"95 %, bootstrap over {found.n_units} units of {found.n_trials} trials",
        "RegionsNotSeen": list(found.not_seen),
        **(metadata or {}),
    }
    for name, columns in (("courses", courses), ("peaks", peaks), ("correlations", correlations)):
        path = folder / f"{stem}_{name}.tsv"
        write_columns_with_sources(path, columns, sources=sources, metadata=facts)


def _ends(name: str, banded: Banded, words: str, unit: str = "") -> dict[str, Column]:
    """Return the columns of an estimate and its interval."""
    return {
        name: Column(np.ravel(banded.value).tolist(), words, unit),
        "ci_low": Column(np.ravel(banded.low).tolist(), "Lower end of the interval", unit),
        "ci_high": Column(np.ravel(banded.high).tolist(), "Upper end of the interval", unit),
    }


def _banded(value: Float[ndarray, "*shape"], draws: Float[ndarray, "draws ..."]) -> Banded:
    """Return an estimate between the percentiles of its resamples."""
    low, high = np.percentile(draws, _LEVELS, axis=0)
    return Banded(value, low, high)


def _peaks(
    means: Float[ndarray, "draws regions frames"], times: Float[ndarray, " frames"]
) -> Float[ndarray, "draws regions"]:
    """Return when each course is largest in magnitude."""
    return np.asarray(times[np.argmax(np.abs(means), axis=-1)])


def _correlations(
    means: Float[ndarray, "draws regions frames"],
) -> Float[ndarray, "draws regions regions"]:
    """Return r of all pairs of courses; 0 where one is constant."""
    rows = means - means.mean(axis=-1, keepdims=True)
    norms = np.linalg.norm(rows, axis=-1, keepdims=True)
    unit = rows / np.maximum(norms, np.finfo(float).tiny)
    return np.asarray(unit @ unit.transpose(0, 2, 1))
