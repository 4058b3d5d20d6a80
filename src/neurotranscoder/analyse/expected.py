"""Regions that an experiment expects to act: their courses, and what was expected beside them.

Expectations are marks in tables and pictures. Nothing is chosen, fitted or tested by them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from pydantic import field_validator, model_validator
from scipy.stats import t as student

from neurotranscoder.analyse.atlas import region_courses
from neurotranscoder.analyse.jackknife import Banded
from neurotranscoder.analyse.moments import Sign
from neurotranscoder.analyse.units import Units
from neurotranscoder.analyse.zmaps import z_map, z_of_t
from neurotranscoder.core.axes import TimeAxis, VoxelGrid
from neurotranscoder.core.errors import GridError, SettingsError
from neurotranscoder.core.settings import Settings
from neurotranscoder.io.atlas import Atlas
from neurotranscoder.physics.anatomy import named_region, spheres_mask

_RESAMPLES = 1000
_LEVELS = (2.5, 97.5)
_FEWEST = 5


TIMING = (
    "Expected times are those of neurons. Sources from the model follow neurons, by up to .3 s in "
    "simulated studies, and how late they are over all is a convention of the model; expected "
    "times are not shifted, so order and distance of peaks say more than the times themselves"
)
"""What stands beside expected times, wherever they do beside courses."""


class ExpectedRegion(Settings):
    """What is known of a region from elsewhere."""

    region: str
    """A name of `physics.anatomy`, as ``auditory`` or ``primary_motor_left``: all voxels in
    spheres around published places."""
    sign: Sign
    """activation or deactivation."""
    start: float
    """When it is expected, in s after the event."""
    stop: float
    """Until when."""
    conditions: tuple[str, ...] = ()
    """In which conditions (or pools); all when empty."""

    @field_validator("region")
    @classmethod
    def _known_region(cls, region: str) -> str:
        """Refuse regions that have no place."""
        try:
            named_region(region)
        except SettingsError as error:
            raise ValueError(str(error)) from None
        return region

    @model_validator(mode="after")
    def _first_start(self) -> ExpectedRegion:
        """Refuse a time that ends before it begins."""
        if self.start > self.stop:
            raise ValueError(
                f"{self.region} is expected from {self.start:g} to {self.stop:g} s; it needs a "
                "stop that is not before its start"
            )
        return self

    def holds(self, condition: str) -> bool:
        """Return whether it is expected in a condition."""
        return not self.conditions or condition in self.conditions

    def __str__(self) -> str:
        return f"{self.sign} {self.start:g}-{self.stop:g} s"


@dataclass(frozen=True, slots=True, eq=False)
class RegionMeans:
    """What regions do after one kind of event.

    Parameters
    ----------
    names : tuple of str
        Regions.
    times : array, shape (frames,)
        In s after the event.
    courses : Banded, shape (regions, frames)
        Mean over voxels and samples, with its 95 % interval; unit arbitrary.
    latency : Banded, shape (regions,)
        Time of the largest magnitude after the event, in s.
    z : array, shape (regions, frames)
        Of the mean, uncorrected.
    n : tuple of int
        Samples of each region: units of trials, or subjects.
    """

    names: tuple[str, ...]
    times: Float[ndarray, " frames"]
    courses: Banded
    latency: Banded
    z: Float[ndarray, "regions frames"]
    n: tuple[int, ...]


def region_rows(
    names: Sequence[str],
    grid: VoxelGrid,
    mask: Bool[ndarray, "x y z"],
    seen: Bool[ndarray, "x y z"],
) -> dict[str, Bool[ndarray, " voxels"]]:
    """Return which voxels of a mask are in each region and are seen; regions without one are not.

    Parameters
    ----------
    names : sequence of str
        Regions of `physics.anatomy`.
    grid : VoxelGrid
        In MNI152.
    mask, seen : array of bool, shape (x, y, z)
        Voxels of the movie, and those that count.
    """
    rows = {name: (spheres_mask(named_region(name), grid) & seen)[mask] for name in names}
    return {name: one for name, one in rows.items() if one.any()}


def subject_means(
    units: Units,
    rows: dict[str, Bool[ndarray, " voxels"]],
    until: float | None,
    rng: np.random.Generator,
) -> RegionMeans:
    """Return what regions of a subject do; intervals by bootstrap over five or more units.

    Parameters
    ----------
    units : Units
        Of one condition.
    rows : dict from str to array of bool
        From `region_rows`; regions may overlap.
    until : float or None
        Last time that is looked at, in s after the event.
    rng : Generator
        Draws units.

    Raises
    ------
    GridError
        When there is no region, or no frame after the event.
    """
    if not rows:
        raise GridError(
            "no region has a voxel that is seen; intervals need one; see analyse.trials"
        )
    own = _units_of_regions(units, rows, until)
    n = (units.n,) * len(rows)
    if units.n < _FEWEST:
        return _bare_means(tuple(rows), own, n)
    numbers = np.arange(1, len(rows) + 1).reshape(own.mask.shape)
    atlas = Atlas(numbers, own.grid, dict(enumerate(rows, 1)))
    found = region_courses(own, atlas, rng)
    z = z_map(own).z.astype(np.float64)
    return RegionMeans(found.names, found.times, found.courses, found.latency, z, n)


def _bare_means(names: tuple[str, ...], own: Units, n: tuple[int, ...]) -> RegionMeans:
    """Return the means of too few units for an interval."""
    times, every = own.axis.times, slice(0, own.axis.n_times)
    after = times >= 0
    if not after.any():
        raise GridError("trials have no frame after the event; use a later TrialSettings.stop")
    mean = own.mean(np.ones(own.n), every).astype(np.float64)
    latency = times[after][np.abs(mean[:, after]).argmax(axis=1)]
    none, nowhere = np.full(mean.shape, np.nan), np.full(len(names), np.nan)
    z = z_map(own).z.astype(np.float64) if own.n > 1 else none
    return RegionMeans(
        names, times, Banded(mean, none, none), Banded(latency, nowhere, nowhere), z, n
    )


def _units_of_regions(
    units: Units, rows: dict[str, Bool[ndarray, " voxels"]], until: float | None
) -> Units:
    """Return units whose voxels are regions, on a line, up to a time."""
    times = units.axis.times
    n_times = len(times) if until is None else int(np.sum(times <= until + 1e-9))
    grid = VoxelGrid((len(rows), 1, 1), np.eye(4))
    axis = TimeAxis(units.axis.start, units.axis.sfreq, n_times)
    maps = np.stack([units.movie.maps[one].mean(axis=0) for one in rows.values()])
    mask = np.ones(grid.shape, dtype=bool)
    movie = replace(
        units.movie, maps=maps, courses=units.movie.courses[:, :n_times], grid=grid, mask=mask,
        axis=replace(units.movie.axis, n_times=n_times),
    )  # fmt: skip
    return replace(units, courses=units.courses[:, :, :n_times], movie=movie, axis=axis)


def group_means(subjects: Sequence[RegionMeans], rng: np.random.Generator) -> RegionMeans:
    """Return what regions do across subjects: t intervals, and latencies by bootstrap.

    Parameters
    ----------
    subjects : sequence of RegionMeans
        Of one condition; a region is looked at where two subjects or more have it.
    rng : Generator
        Draws subjects.

    Raises
    ------
    GridError
        When no region is in two subjects, or their times differ.
    """
    times = subjects[0].times if subjects else np.zeros(0)
    if any(not np.array_equal(one.times, times) for one in subjects):
        raise GridError("courses of subjects have different times; analyse all of them anew")
    every = dict.fromkeys(name for one in subjects for name in one.names)
    parts = {name: _courses_of(name, subjects) for name in every}
    parts = {name: part for name, part in parts.items() if len(part) > 1}
    if not parts:
        raise GridError("no region was seen in two subjects; a mean over subjects needs two")
    each = [_across(part, times, rng) for part in parts.values()]
    value, low, high, z = (np.stack([one[k] for one in each]) for k in range(4))
    latency = np.array([one[4] for one in each])
    return RegionMeans(
        tuple(parts),
        times,
        Banded(value, low, high),
        Banded(latency[:, 0], latency[:, 1], latency[:, 2]),
        z,
        tuple(len(part) for part in parts.values()),
    )


def _courses_of(name: str, subjects: Sequence[RegionMeans]) -> Float[ndarray, "subjects frames"]:
    """Return the course of a region in each subject that has it."""
    have = [one.courses.value[one.names.index(name)] for one in subjects if name in one.names]
    return np.stack(have)


def _across(
    part: Float[ndarray, "subjects frames"],
    times: Float[ndarray, " frames"],
    rng: np.random.Generator,
) -> tuple[ndarray, ndarray, ndarray, ndarray, tuple[float, float, float]]:
    """Return mean, interval, z, and latency with its interval, of one region."""
    n = len(part)
    mean, error = part.mean(axis=0), part.std(axis=0, ddof=1) / np.sqrt(n)
    half = error * student.ppf(0.975, n - 1)
    t = np.divide(mean, error, out=np.zeros_like(mean), where=error > 0)
    after = times >= 0
    draws = part[rng.integers(n, size=(_RESAMPLES, n))].mean(axis=1)[:, after]
    peaks = times[after][np.abs(draws).argmax(axis=1)]
    low, high = np.percentile(peaks, _LEVELS) if n >= _FEWEST else (np.nan, np.nan)
    top = float(times[after][np.abs(mean[after]).argmax()])
    return mean, mean - half, mean + half, z_of_t(t, n - 1.0), (top, float(low), float(high))
