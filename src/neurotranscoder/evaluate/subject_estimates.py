"""Estimates of a subject's sources as they are scored: movies in factors, and dense ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.axes import TimeAxis
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.movie import SourceMovie

WINDOW = 1.5
"""Seconds after each onset that trial averages have."""
TINY = np.finfo(float).tiny
_FRAMES = 300
"""Frames of a run that are in memory at once."""

FramesOf = Callable[[slice], Float[ndarray, "voxels frames"]]
"""From frames of a run, given by their numbers, to the activity of all voxels that are scored."""
_Products = tuple[Float[ndarray, "voxels regions"], Float[ndarray, " voxels"]]


@runtime_checkable
class SubjectEstimate(Protocol):
    """What scores need of an estimate of the sources of some runs at a subject's voxels."""

    @property
    def seconds(self) -> float:
        """How long a run goes on after the trials that are in the average."""
        ...

    def average(
        self, onsets: Sequence[Float[ndarray, " _"]], /
    ) -> Float[ndarray, "voxels frames"]:
        """Return the trial average over `WINDOW` s."""
        ...

    def maps_of(
        self, courses: Sequence[Float[ndarray, "regions _"]]
    ) -> Float[ndarray, "voxels regions"]:
        """Return the coefficients of a regression of whole runs on the courses of all regions."""
        ...

    def continuous_r(
        self,
        true_maps: Float[ndarray, "voxels regions"],
        courses: Sequence[Float[ndarray, "regions _"]],
    ) -> float:
        """Return r with the truth over whole runs, mean over voxels that have any."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class FactorMovies:
    """The movies of some runs, all with the same maps.

    Parameters
    ----------
    movies : sequence of SourceMovie
        One for each run.
    seconds : float
        How long a run goes on after the trials that are in the average.
    """

    movies: Sequence[SourceMovie]
    seconds: float = WINDOW

    def average(
        self, onsets: Sequence[Float[ndarray, " _"]], /
    ) -> Float[ndarray, "voxels frames"]:
        """Return the trial average over `WINDOW` s."""
        return average_movie(self.movies, onsets, seconds=self.seconds)

    def maps_of(
        self, courses: Sequence[Float[ndarray, "regions _"]]
    ) -> Float[ndarray, "voxels regions"]:
        """Return the coefficients of a regression of whole runs on the courses of all regions."""
        own, known = self._courses, _joined(courses)
        return np.asarray(self._maps @ (own @ known.T @ np.linalg.pinv(known @ known.T)))

    def continuous_r(
        self,
        true_maps: Float[ndarray, "voxels regions"],
        courses: Sequence[Float[ndarray, "regions _"]],
    ) -> float:
        """Return r with the truth over whole runs, mean over voxels that have any."""
        active = true_maps.any(axis=1)
        return continuous_r(self._maps[active], self._courses, true_maps[active], _joined(courses))

    @property
    def _maps(self) -> Float[ndarray, "voxels components"]:
        return np.asarray(self.movies[0].maps.astype(np.float64))

    @property
    def _courses(self) -> Float[ndarray, "components frames"]:
        return _joined([movie.courses for movie in self.movies])


@dataclass(frozen=True, slots=True, eq=False)
class DenseEstimate:
    """A trial average at every voxel, and whole runs that are gone through piece by piece.

    Parameters
    ----------
    values : array, shape (voxels, frames)
        Trial average from the stimulus on, `WINDOW` s or longer, of trials that lie in their runs.
    rate : float
        Its frames per second.
    runs : sequence of callable
        The activity in some frames of each run, made when asked for.
    compared : slice
        Frames of the truth that the runs have.
    """

    values: Float[ndarray, "voxels frames"]
    rate: float
    runs: Sequence[FramesOf]
    compared: slice = field(default_factory=lambda: slice(None))
    _kept: list[_Products] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """The length of its trials."""
        return float(self.values.shape[1] / self.rate)

    def average(self, _: Sequence[Float[ndarray, " _"]], /) -> Float[ndarray, "voxels frames"]:
        """Return the trial average over `WINDOW` s; the onsets are in it already.

        Raises
        ------
        GridError
            When it is shorter.
        """
        length = round(WINDOW * self.rate)
        if self.values.shape[1] < length:
            raise GridError(
                f"a trial average has {self.seconds:g} s; scores need {WINDOW:g} s after the "
                "stimulus; average longer trials"
            )
        return np.asarray(self.values[:, :length], dtype=np.float64)

    def maps_of(
        self, courses: Sequence[Float[ndarray, "regions _"]]
    ) -> Float[ndarray, "voxels regions"]:
        """Return the coefficients of a regression of whole runs on the courses of all regions."""
        known = self._known(courses)
        return np.asarray(self._products(courses)[0] @ np.linalg.pinv(known @ known.T))

    def continuous_r(
        self,
        true_maps: Float[ndarray, "voxels regions"],
        courses: Sequence[Float[ndarray, "regions _"]],
    ) -> float:
        """Return r with the truth over whole runs, mean over voxels that have any."""
        active = true_maps.any(axis=1)
        true, known = true_maps[active], self._known(courses)
        cross, power = (part[active] for part in self._products(courses))
        wanted = np.sum((true @ (known @ known.T)) * true, axis=1)
        both = np.sum(cross * true, axis=1)
        return float(np.mean(both / np.sqrt(np.maximum(power * wanted, TINY))))

    def _known(
        self, courses: Sequence[Float[ndarray, "regions _"]]
    ) -> Float[ndarray, "regions frames"]:
        """Return the courses of regions at the frames that are compared."""
        return _joined([course[:, self.compared] for course in courses])

    def _products(self, courses: Sequence[Float[ndarray, "regions _"]]) -> _Products:
        """Return the products of whole runs with the courses of regions, and with themselves."""
        if not self._kept:
            n_voxels = len(self.values)
            cross, power = np.zeros((n_voxels, len(courses[0]))), np.zeros(n_voxels)
            for frames_of, course in zip(self.runs, courses, strict=True):
                known = centred(course[:, self.compared])
                total = np.zeros(n_voxels)
                for first in range(0, known.shape[1], _FRAMES):
                    frames = slice(first, min(first + _FRAMES, known.shape[1]))
                    found = frames_of(frames).astype(np.float64)
                    cross += found @ known[:, frames].T
                    power += np.sum(found**2, axis=1)
                    total += found.sum(axis=1)
                power -= total**2 / known.shape[1]
            self._kept.append((cross, power))
        return self._kept[0]


def trial_average(
    courses: Sequence[Float[ndarray, "rows _"]],
    onsets: Sequence[Float[ndarray, " _"]],
    axes: Sequence[TimeAxis],
    *,
    seconds: float = WINDOW,
) -> Float[ndarray, "rows frames"]:
    """Return the mean of courses over `WINDOW` s after all onsets of all runs.

    Parameters
    ----------
    courses : sequence of array, shape (rows, frames)
        Of each run.
    onsets : sequence of array, shape (trials,)
        Of each run, in s.
    axes : sequence of TimeAxis
        Of each run.
    seconds : float
        An onset counts when the run goes on for so long after it.
    """
    rate = axes[0].sfreq
    length, reach = round(WINDOW * rate), round(seconds * rate)
    total, count = np.zeros((len(courses[0]), length)), 0
    for course, times, axis in zip(courses, onsets, axes, strict=True):
        first = np.floor((times - axis.start) * rate + 0.5).astype(int)
        for start in first[(first >= 0) & (first + reach <= axis.n_times)]:
            total += course[:, start : start + length]
            count += 1
    return total / max(count, 1)


def average_movie(
    movies: Sequence[SourceMovie],
    onsets: Sequence[Float[ndarray, " _"]],
    *,
    seconds: float = WINDOW,
) -> Float[ndarray, "voxels frames"]:
    """Return the trial average of movies that share maps; arguments as of `trial_average`."""
    courses = trial_average(
        [movie.courses.astype(np.float64) for movie in movies],
        onsets,
        [movie.axis for movie in movies],
        seconds=seconds,
    )
    return np.asarray(movies[0].maps @ courses)


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
    return float(np.mean(both / np.sqrt(np.maximum(own * true, TINY))))


def _joined(courses: Sequence[Float[ndarray, "rows _"]]) -> Float[ndarray, "rows frames"]:
    """Return the courses of all runs, each around its mean, one run after the other."""
    return np.concatenate([centred(course) for course in courses], axis=1)


def centred(rows: Float[ndarray, "rows _"]) -> Float[ndarray, "rows _"]:
    """Return rows around their means, in double precision."""
    exact = rows.astype(np.float64)
    return np.asarray(exact - exact.mean(axis=1, keepdims=True))
