"""Whether maps of z show activations at the right place and time, beside what is really there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy.spatial import cKDTree

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import GridError
from neurotranscoder.evaluate.activation_truth import WINDOW, Activation, TaskTruth

Z_UNCORRECTED = 3.29
"""|z| whose two-sided p is .001."""
REACH = 25.0
"""Millimetres around a region in which its peak is looked for."""
NEAR = 0.05
"""Seconds around the true time of an extremum in which it counts as found."""
_LARGEST_LAG = 0.4  # s
_RIVAL = 0.25  # of the activity of a region; what is weaker is no rival of its peak
_SAME_TIME = 1e-4  # s; headers of images are single precision


@dataclass(frozen=True, slots=True, eq=False)
class StatisticalMap:
    """An effect, its z, and where it was found, frame by frame.

    Parameters
    ----------
    effect, z : array, shape (voxels, frames)
        Of the voxels of the mask.
    seen : array of bool, shape (voxels, frames)
        Where something was found after correction; nowhere where nothing was tested.
    mask : array of bool, shape (x, y, z)
        Where the voxels are.
    grid : VoxelGrid
        Of the mask.
    times : array, shape (frames,)
        Seconds after the event.
    """

    effect: Float[ndarray, "voxels frames"]
    z: Float[ndarray, "voxels frames"]
    seen: Bool[ndarray, "voxels frames"]
    mask: Bool[ndarray, "x y z"]
    grid: VoxelGrid
    times: Float[ndarray, " frames"]


@dataclass(frozen=True, slots=True)
class ActivationScore:
    """How one activation is shown; all is NaN, and nothing found, where no voxel of it is there.

    Parameters
    ----------
    activation : Activation
        What is there.
    z : float
        Mean z over the voxels of the region, in the direction of the truth, where it is largest
        within `NEAR` of the true time.
    uncorrected : bool
        Whether that is beyond `Z_UNCORRECTED`.
    corrected : bool
        Whether half of the region's voxels are found after correction, with the right sign, in a
        frame within `NEAR` of the true time.
    place, place_z : float
        Distance of the voxel with the largest effect, or z, from the region, in mm, at the true
        time: 0 inside. It is looked for within `REACH` of the region, among the voxels that are
        nearer to it than to another region that is active then in the same direction.
    chance : float
        The same of a voxel that is drawn there at random, on average.
    latency : float
        Time of the largest effect of the region less the true one, in ms.
    lag : float
        Shift of the region's course at which it is most like the true one, in ms.
    covered : bool
        Whether a voxel of the region is in the map.
    """

    activation: Activation
    z: float
    uncorrected: bool
    corrected: bool
    place: float
    place_z: float
    chance: float
    latency: float
    lag: float
    covered: bool = True


@dataclass(frozen=True, slots=True)
class MapScore:
    """How a map compares with the truth.

    Parameters
    ----------
    activations : tuple of ActivationScore
        One for each extremum of the truth.
    cosine : float
        Of effect and truth, over voxels and frames.
    false_uncorrected, false_corrected : float
        Share of voxels and frames beyond `Z_UNCORRECTED`, or found after correction, among
        voxels that never respond; NaN where all do.
    leakage : float
        Rms of the effect in these voxels over that in all others.
    lag : float
        Median of the lags of all regions that are covered, in ms; where sources begin is a
        convention of the model.
    """

    activations: tuple[ActivationScore, ...]
    cosine: float
    false_uncorrected: float
    false_corrected: float
    leakage: float
    lag: float


def score_map(found: StatisticalMap, truth: TaskTruth) -> MapScore:
    """Score a map of z.

    Parameters
    ----------
    found : StatisticalMap
        What was found.
    truth : TaskTruth
        What is there, at the same times.

    Raises
    ------
    GridError
        When voxels or times differ.
    """
    same = found.times.shape == truth.lags.shape
    same = same and float(np.abs(found.times - truth.lags).max()) < _SAME_TIME
    if not (same and found.grid.matches(truth.grid)):
        raise GridError(
            f"the map has {found.grid.shape} voxels from {found.times[0]:g} s on, the truth "
            f"{truth.grid.shape} from {truth.lags[0]:g} s on; make the truth at the map's times"
        )
    inside = (found.times >= WINDOW[0]) & (found.times < WINDOW[1])
    true, effect = truth.at(found.mask)[:, inside], found.effect[:, inside]
    norms = np.linalg.norm(true) * np.linalg.norm(effect)
    silent = truth.silent(found.mask)
    z, seen = found.z[silent][:, inside], found.seen[silent][:, inside]
    each = tuple(_score(one, found, truth) for one in truth.activations)
    lags = [one.lag for one in each if one.covered]
    return MapScore(
        each,
        float(np.sum(true * effect) / norms) if norms > 0 else 0.0,
        float(np.mean(np.abs(z) > Z_UNCORRECTED)) if z.size else float("nan"),
        float(np.mean(seen)) if z.size else float("nan"),
        _leakage(effect, silent),
        float(np.median(lags)) if lags else float("nan"),
    )


def _score(one: Activation, found: StatisticalMap, truth: TaskTruth) -> ActivationScore:
    """Score one extremum."""
    rows = truth.labels[found.mask] == one.index
    if not rows.any():
        return not_covered(one)
    near = np.abs(found.times - one.time) <= NEAR + 1e-9
    upright = one.sign * found.z[rows][:, near]
    right = found.seen[rows][:, near] & (upright > 0)
    z = float(upright.mean(axis=0).max())
    own, candidates = _candidates(one, found, truth)
    frame = int(np.abs(found.times - one.time).argmin())
    place, place_z = (
        float(own[np.where(candidates, one.sign * of[:, frame], -np.inf).argmax()])
        for of in (found.effect, found.z)
    )
    course = one.sign * found.effect[rows].mean(axis=0)
    window = np.flatnonzero((found.times >= one.start) & (found.times <= one.stop))
    peak = float(found.times[window[course[window].argmax()]])
    return ActivationScore(
        one,
        z,
        z > Z_UNCORRECTED,
        bool(right.mean(axis=0).max() >= 0.5),
        place,
        place_z,
        float(own[candidates].mean()),
        1e3 * (peak - one.time),
        1e3 * _lag(course, one.sign * truth.courses[one.index], found.times),
    )


def not_covered(one: Activation) -> ActivationScore:
    """Return what there is to say of an activation that no voxel of a map shows."""
    nan = float("nan")
    return ActivationScore(one, nan, False, False, nan, nan, nan, nan, nan, covered=False)


def _candidates(
    one: Activation, found: StatisticalMap, truth: TaskTruth
) -> tuple[Float[ndarray, " voxels"], Bool[ndarray, " voxels"]]:
    """Return how far each voxel is from a region, in mm, and where its peak is looked for."""
    places = found.grid.world(np.argwhere(found.mask))
    labels = truth.labels[found.mask]
    now = one.sign * truth.courses[:, int(np.abs(found.times - one.time).argmin())]
    rivals = [i for i in np.flatnonzero(now > _RIVAL * now[one.index]) if i != one.index]
    own, _ = cKDTree(places[labels == one.index]).query(places)
    candidates = own <= REACH
    others = np.isin(labels, rivals)
    if others.any():
        candidates &= own <= cKDTree(places[others]).query(places)[0]
    return np.asarray(own), np.asarray(candidates)


def _leakage(effect: Float[ndarray, "voxels frames"], silent: Bool[ndarray, " voxels"]) -> float:
    """Return the rms in silent voxels over that in others; NaN where one of them is missing."""
    if silent.all() or not silent.any():
        return float("nan")
    inside, outside = (float(np.mean(effect[rows] ** 2)) for rows in (~silent, silent))
    return float(np.sqrt(outside / inside)) if inside > 0 else float("nan")


def _lag(
    course: Float[ndarray, " frames"], true: Float[ndarray, " frames"], times: ndarray
) -> float:
    """Return the shift of a course at which it is most like the true one, in s."""
    step = float(times[1] - times[0])
    most = round(_LARGEST_LAG / step)
    shifts = np.arange(-most, most + 1)
    inside = np.flatnonzero((times >= WINDOW[0]) & (times < WINDOW[1]))
    inside = inside[(inside >= most) & (inside < len(times) - most)]
    target = true[inside] - true[inside].mean()
    likeness = []
    for shift in shifts:
        part = course[inside + shift]
        part = part - part.mean()
        likeness.append(part @ target / max(float(np.linalg.norm(part)), 1e-300))
    return float(step * shifts[int(np.argmax(likeness))])


def without_lag(scores: Sequence[ActivationScore], lag: float) -> list[ActivationScore]:
    """Return scores whose times are less a lag that all share, in ms."""
    return [replace(one, latency=one.latency - lag, lag=one.lag - lag) for one in scores]
