"""Units of trials: stretches of runs that are independent of each other; single trials are not.

A trial shares frames with the next one where its window reaches into the baseline of that, and
noise that is slow ties trials together that share none. Tests that take trials one by one count
that noise twice with one sign, or with both. Neighbours in time are therefore put together, the
condition contrasted within each unit, and units are what errors are taken over and what is
permuted: whole-block exchangeability [1]_.

References
----------
.. [1] Winkler, A. M., Webster, M. A., Vidaurre, D., Nichols, T. E. & Smith, S. M. (2015).
   Multi-level block permutation. NeuroImage 123, 253-268.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from pydantic import Field

from neurotranscoder.analyse.trials import Trials
from neurotranscoder.analyse.zmaps import Factors
from neurotranscoder.core.axes import TimeAxis, VoxelGrid
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.settings import Settings

_Weights = tuple[Float[ndarray, " trials"], float]


class UnitSettings(Settings):
    """How trials are put together."""

    trials: int = Field(default=8, ge=2)
    """Trials of a unit, neighbours in one run; in a contrast at least half as many of the rarer
    condition. More: safer where noise is slow; fewer: more units, and more power."""


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """Means, or differences of means, of units of trials of one subject: samples for tests.

    Parameters
    ----------
    courses : array, shape (units, components, frames)
        Maps times these are what is found in a unit.
    weights : array, shape (units,)
        How much each counts, by its number of trials; their mean is 1.
    n_trials : int
        Trials in them.
    n_dropped : int
        Trials in no unit: those at its end whose window reaches into the next unit, and those of
        units that lack a condition of a contrast.
    movie : SourceMovie
        For its maps, grid and mask.
    axis : TimeAxis
        When the frames are, in s after the event.
    """

    courses: Float[ndarray, "units components frames"]
    weights: Float[ndarray, " units"]
    n_trials: int
    n_dropped: int
    movie: SourceMovie
    axis: TimeAxis

    @property
    def n(self) -> int:
        """Number of units."""
        return len(self.courses)

    @property
    def grid(self) -> VoxelGrid:
        """Where the voxels are."""
        return self.movie.grid

    @property
    def mask(self) -> Bool[ndarray, "x y z"]:
        """Voxels of the brain."""
        return self.movie.mask

    def within(self, mask: Bool[ndarray, "x y z"]) -> Units:
        """Return the units of some voxels alone.

        Raises
        ------
        GridError
            When the mask has another grid, or none of the voxels.
        """
        return replace(self, movie=self.movie.within(mask))

    def mean(
        self, signs: Float[ndarray, " units"], frames: slice
    ) -> Float[ndarray, "voxels frames"]:
        """Return the weighted mean over units, each times a sign, at some frames."""
        share = signs * self.weights / self.n
        return np.asarray(self.movie.maps @ np.tensordot(share, self.courses[:, :, frames], 1))

    def parts(self, signs: Float[ndarray, " units"]) -> list[Factors]:
        """Return the maps, and the courses of that mean at all frames."""
        return [(self.movie.maps, np.tensordot(signs * self.weights / self.n, self.courses, 1))]

    def squares(self, frames: slice, *, centred: bool) -> Float[ndarray, "voxels frames"]:
        """Return the weighted sum over units of squares at some frames, less the mean or not.

        This is ``diag(maps S maps')`` with S the products of courses at a frame, written as a sum
        of squares by way of the triangular factor of S: never negative.
        """
        courses = self.courses[:, :, frames]
        weights = self.weights[:, np.newaxis, np.newaxis]
        if centred:
            courses = courses - np.mean(weights * courses, axis=0)
        triangles = np.linalg.qr((np.sqrt(weights) * courses).transpose(2, 0, 1), mode="r")
        maps = self.movie.maps.astype(np.float64)
        return np.stack([np.sum((maps @ one.T) ** 2, axis=1) for one in triangles], axis=1)


def mean_units(trials: Trials, settings: UnitSettings) -> Units:
    """Return the means of units of trials.

    Parameters
    ----------
    trials : Trials
        Those whose mean is asked about, of one condition or several.
    settings : UnitSettings
        How many make a unit.
    """

    def weigh(own: Int[ndarray, " own"]) -> _Weights:
        weights = np.zeros(trials.n)
        weights[own] = 1 / max(len(own), 1)
        return weights, float(len(own))

    return _units(trials, settings, np.ones(trials.n, dtype=bool), weigh)


def contrast_units(trials: Trials, first: str, second: str, settings: UnitSettings) -> Units:
    """Return the difference of two conditions within units of trials.

    What is the same for both conditions cancels within each unit, and so does what drifts from
    unit to unit. A unit counts by ``n1 n2 / (n1 + n2)``, as the variance of its difference has
    it.

    Parameters
    ----------
    trials : Trials
        Trials with both conditions; others are left out.
    first, second : str
        The difference is first less second.
    settings : UnitSettings
        How many trials make a unit.

    Raises
    ------
    GridError
        When a condition has no trial, or no unit has both.
    """
    if first == second:
        raise GridError(
            f"the contrast of {first!r} with itself was asked for; it needs two conditions of "
            f"{', '.join(map(repr, trials.conditions))}"
        )
    both = trials.of(first, second)
    is_first = both.which(first)

    def weigh(own: Int[ndarray, " own"]) -> _Weights:
        weights = np.zeros(both.n)
        of_first, of_second = own[is_first[own]], own[~is_first[own]]
        n_first, n_second = len(of_first), len(of_second)
        if not n_first or not n_second:
            return weights, 0.0
        weights[of_first], weights[of_second] = 1 / n_first, -1 / n_second
        return weights, n_first * n_second / (n_first + n_second)

    return _units(both, settings, is_first, weigh)


def _units(
    trials: Trials,
    settings: UnitSettings,
    is_first: Bool[ndarray, " trials"],
    weigh: Callable[[Int[ndarray, " own"]], _Weights],
) -> Units:
    """Return the units of some trials, each a weighted sum of its own."""
    rows, counts, n_trials = [], [], 0
    for own in _neighbours(trials, settings, is_first):
        weights, count = weigh(own)
        if count:
            rows.append(weights)
            counts.append(count)
            n_trials += len(own)
    if not rows:
        raise GridError(
            f"no unit of {settings.trials} trials of {trials.n} holds what it needs of "
            f"{' and '.join(map(repr, trials.conditions))}; conditions that never come close to "
            "each other in a run cannot be contrasted within a subject; compare subjects "
            "(`SubjectMeans`), or make units longer"
        )
    courses = np.tensordot(np.stack(rows), trials.courses, 1)
    weights = np.array(counts) / np.mean(counts)
    n_dropped = trials.n - n_trials
    return Units(courses, weights, n_trials, n_dropped, trials.movie, trials.axis)


def _neighbours(
    trials: Trials, settings: UnitSettings, is_first: Bool[ndarray, " trials"]
) -> list[Int[ndarray, " own"]]:
    """Return the trials of each unit: neighbours in one run, about equally many.

    The last ones of a unit are left out where their window reaches into that of the next unit.
    """
    span = trials.axis.n_times / trials.axis.sfreq
    found: list[Int[ndarray, " own"]] = []
    for run in np.unique(trials.run):
        own = np.flatnonzero(trials.run == run)
        own = own[np.argsort(trials.onset[own], kind="stable")]
        n_first = int(is_first[own].sum())
        rarer = len(own) if is_first.all() else 2 * min(n_first, len(own) - n_first)
        parts = np.array_split(own, max(1, rarer // settings.trials))
        for part, after in pairwise(parts):
            found.append(part[trials.onset[part] + span <= trials.onset[after[0]]])
        found.append(parts[-1])
    return found
