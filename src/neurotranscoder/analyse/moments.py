"""Representative moments of a map: where and when it is strongest, of either sign.

A moment is a voxel and frame whose z is beyond a threshold, and whose effect is larger than just
before and after, and than around it. The strongest effect comes first (with few samples the
largest z is where they agree by chance). It stands for its surroundings, while its own effect
stays above half of its height and a little before and after: all voxels within a distance, and
those that are connected with it at half of its height. The next one is the strongest that is left.
So a place has a second moment when its activity comes back, and a lasting effect has one at each
place far enough from the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from pydantic import Field, NonNegativeFloat, PositiveFloat
from scipy.ndimage import label, maximum_filter

from neurotranscoder.analyse.stored_maps import StoredMap
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.settings import Settings
from neurotranscoder.io.derivatives import write_rows_with_sources

Sign = Literal["activation", "deactivation"]
SIGNS: dict[Sign, int] = {"deactivation": -1, "activation": 1}
_HALF = 0.5
_COLUMNS = {
    "sign": "Activation or deactivation",
    "time": "Of the frame, in s after the event",
    "x": "Of the strongest voxel, RAS mm",
    "y": "Of the strongest voxel, RAS mm",
    "z": "Of the strongest voxel, RAS mm",
    "zscore": "There and then, uncorrected",
    "effect": "There and then, unit arbitrary",
    "n_voxels": "Tested voxels beyond the threshold in that frame, of that sign",
    "survives": "Whether the correction leaves an effect there and then",
}


class FigureSettings(Settings):
    """Pictures of representative frames: which, and how they are chosen."""

    conditions: tuple[str, ...] = ()
    """Conditions (or pools, or ``all``) that are drawn, and contrasts as ``first less second``;
    all that were tested when empty."""
    threshold: PositiveFloat = 3.29
    """Of \\|z\\|, uncorrected; 3.29 is a two-sided p of .001."""
    activations: tuple[float, ...] = ()
    """Times of the frames of activation, in s after the event. When empty the map says which: the
    strongest places and times."""
    deactivations: tuple[float, ...] = ()
    """The same of deactivation."""
    strongest: Literal["effect", "z"] = "effect"
    """What is strongest where z is beyond the threshold: the largest effect, or the largest z,
    which with few subjects or units is where these agree by chance."""
    most: int = Field(default=5, ge=1, le=8)
    """Most frames of each sign that the map chooses."""
    until: PositiveFloat | None = None
    """Frames that the map chooses are not later, in s after the event. Where the next event may
    come before the end of the window, its time."""
    apart: NonNegativeFloat = 0.1
    """Frames that the map chooses near one place are at least this far apart, in s."""
    apart_mm: NonNegativeFloat = 40.0
    """Places that are further apart than this, in mm, and not connected at half of their height,
    have frames of their own."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A place and a frame.

    Parameters
    ----------
    sign : {'activation', 'deactivation'}
        Of the effect.
    frame : int
        Number of the frame.
    time : float
        In s after the event.
    place : tuple of float
        RAS mm of the strongest voxel of that sign.
    z, effect : float
        There and then; z is uncorrected, the unit of the effect arbitrary.
    n_voxels : int
        Tested voxels beyond the threshold in that frame, of that sign.
    survives : bool
        Whether the correction leaves an effect there and then.
    """

    sign: Sign
    frame: int
    time: float
    place: tuple[float, float, float]
    z: float
    effect: float
    n_voxels: int
    survives: bool


def moments_of(found: StoredMap, sign: Sign, settings: FigureSettings) -> tuple[Moment, ...]:
    """Return the moments of one sign that stand for a map, earliest first.

    Parameters
    ----------
    found : StoredMap
        The map; of it the tested voxels.
    sign : {'activation', 'deactivation'}
        Of the effect.
    settings : FigureSettings
        Times, or how the map chooses them.

    Raises
    ------
    GridError
        When a time is not in the window.
    """
    z, effect = (SIGNS[sign] * one[found.tested] for one in (found.z, found.effect))
    places = found.grid.world(np.argwhere(found.tested))
    if not len(places):
        return ()
    beyond = z >= settings.threshold
    values = z if settings.strongest == "z" else effect
    times = settings.activations if sign == "activation" else settings.deactivations
    if times:
        pairs = [(_largest(values[:, f], beyond[:, f]), f) for f in _frames(found, times)]
    else:
        pairs = _strongest(values, beyond, found, settings)
    survives = found.found[found.tested]
    return tuple(
        Moment(
            sign,
            frame,
            round(float(found.axis.times[frame]), 6),
            (float(places[voxel, 0]), float(places[voxel, 1]), float(places[voxel, 2])),
            SIGNS[sign] * float(z[voxel, frame]),
            SIGNS[sign] * float(effect[voxel, frame]),
            int(beyond[:, frame].sum()),
            bool(survives[voxel, frame]),
        )
        for voxel, frame in sorted(pairs, key=lambda pair: pair[1])
    )


def _largest(values: Float[ndarray, " voxels"], beyond: Bool[ndarray, " voxels"]) -> int:
    """Return the voxel of the largest value, among those beyond the threshold if there are any."""
    return int(np.where(beyond, values, -np.inf).argmax() if beyond.any() else values.argmax())


def write_moments_table(
    path: Path,
    moments: Sequence[Moment],
    *,
    sources: Sequence[str],
    metadata: Mapping[str, object],
) -> None:
    """Write moments as a table with a sidecar.

    Parameters
    ----------
    path : Path
        File ``*_moments.tsv``.
    moments : sequence of Moment
        The rows.
    sources : sequence of str
        What they were found in.
    metadata : mapping
        Further fields of the sidecar.
    """
    rows = [
        (one.sign, one.time, *one.place, round(one.z, 6), one.effect, one.n_voxels, one.survives)
        for one in moments
    ]
    write_rows_with_sources(path, _COLUMNS, rows, sources=sources, metadata=metadata)


def _frames(found: StoredMap, times: tuple[float, ...]) -> list[int]:
    """Return the frames that are nearest to times, each once."""
    axis = found.axis
    frames = np.rint((np.asarray(times) - axis.start) * axis.sfreq).astype(int)
    if np.any((frames < 0) | (frames >= axis.n_times)):
        raise GridError(
            f"frames at {', '.join(f'{time:g}' for time in times)} s are to be drawn; the map is "
            f"of {axis.start:g} to {axis.times[-1]:g} s; choose times inside"
        )
    return [int(frame) for frame in np.unique(frames)]


def _strongest(
    values: Float[ndarray, "voxels frames"],
    beyond: Bool[ndarray, "voxels frames"],
    found: StoredMap,
    settings: FigureSettings,
) -> list[tuple[int, int]]:
    """Return voxels and frames where a map is strongest, far enough from each other."""
    times, places = found.axis.times, found.grid.world(np.argwhere(found.tested))
    late = np.inf if settings.until is None else settings.until + 1e-9
    left = _peaks_in_time(values) & beyond & (times >= -1e-9) & (times <= late)
    for number in np.flatnonzero(left.any(axis=0)):
        left[:, number] &= _peaks_in_space(values[:, number], found.tested)
    chosen: list[tuple[int, int]] = []
    while len(chosen) < settings.most and left.any():
        rows, frames = np.nonzero(left)
        top = int(values[rows, frames].argmax())
        voxel, frame = int(rows[top]), int(frames[top])
        chosen.append((voxel, frame))
        near = np.linalg.norm(places - places[voxel], axis=1) <= settings.apart_mm
        near |= _connected(values[:, frame], voxel, found.tested)
        first, last = _stretch(values[voxel], frame)
        same = (times > times[first] - settings.apart) & (times < times[last] + settings.apart)
        left[np.ix_(near, same)] = False
    return chosen


def _connected(
    values: Float[ndarray, " voxels"], voxel: int, mask: Bool[ndarray, "x y z"]
) -> Bool[ndarray, " voxels"]:
    """Return the voxels that are connected with one at half of its value or more."""
    strong = np.zeros(mask.shape, dtype=bool)
    strong[mask] = values >= _HALF * values[voxel]
    own = label(strong, structure=np.ones((3, 3, 3)))[0][mask]
    return np.asarray(own == own[voxel])


def _peaks_in_time(values: Float[ndarray, "voxels frames"]) -> Bool[ndarray, "voxels frames"]:
    """Return where no neighbour in time is larger."""
    bounds = np.pad(values, ((0, 0), (1, 1)), constant_values=-np.inf)
    return np.asarray((values >= bounds[:, :-2]) & (values >= bounds[:, 2:]))


def _peaks_in_space(
    values: Float[ndarray, " voxels"], mask: Bool[ndarray, "x y z"]
) -> Bool[ndarray, " voxels"]:
    """Return where no neighbour is larger, over edges and corners as well."""
    full = np.full(mask.shape, -np.inf)
    full[mask] = values
    return np.asarray(values >= maximum_filter(full, size=3, mode="nearest")[mask])


def _stretch(course: Float[ndarray, " frames"], frame: int) -> tuple[int, int]:
    """Return the first and last frame around a peak before its course falls to half of it."""
    low: Int[ndarray, " frames"] = np.flatnonzero(course < _HALF * course[frame])
    before, after = low[low < frame], low[low > frame]
    first = int(before[-1]) + 1 if before.size else 0
    return first, int(after[0]) - 1 if after.size else len(course) - 1
