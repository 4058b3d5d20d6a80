"""Where and when stretches of significant voxels and frames are strongest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from neurotranscoder.analyse.neighbours import Neighbours, label_neighbours
from neurotranscoder.analyse.zmaps import Significant, ZMap


@dataclass(frozen=True, slots=True)
class Peak:
    """Where and when a stretch of significant voxels and frames is strongest.

    Parameters
    ----------
    z, effect : float
        At the peak; the effect in the unit of the movie.
    size : int
        Number of voxels times frames.
    start, stop, time : float
        First and last frame, and that of the peak, in s after the event.
    place : tuple of float
        RAS mm.
    """

    z: float
    effect: float
    size: int
    start: float
    stop: float
    time: float
    place: tuple[float, float, float]


def peaks_of(found: ZMap, seen: Significant, near: Neighbours) -> tuple[Peak, ...]:
    """Return the peak of each stretch of one sign of what was found, strongest first.

    Parameters
    ----------
    found : ZMap
        Effect and z.
    seen : Significant
        Where and when.
    near : int
        Voxels around a voxel that belong to its stretch in the same frame.
    """
    return tuple(sorted(_peaks(found, seen, near), key=lambda peak: -abs(peak.z)))


def _peaks(found: ZMap, seen: Significant, near: Neighbours) -> Iterator[Peak]:
    """Return the peaks in the order of their labels."""
    rows, frames = np.nonzero(seen.seen)
    z = found.z[rows, frames].astype(np.float64)
    labels = label_neighbours(rows, frames, z > 0, mask=found.mask, neighbours=near)
    voxels = np.argwhere(found.mask)
    order = np.argsort(labels, kind="stable")
    starts = np.flatnonzero(np.diff(labels[order], prepend=-1))
    for own in np.split(order, starts[1:]) if len(order) else []:
        top = own[np.abs(z[own]).argmax()]
        x, y, zed = found.grid.world(voxels[[rows[top]]])[0].tolist()
        times = found.axis.times[frames[own]]
        yield Peak(
            float(z[top]),
            float(found.effect[rows[top], frames[top]]),
            len(own),
            float(times.min()),
            float(times.max()),
            float(found.axis.times[frames[top]]),
            (x, y, zed),
        )
