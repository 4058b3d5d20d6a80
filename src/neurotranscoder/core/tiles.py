"""Boxes of space-time, and sources of activity that are asked for one box at a time."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32
from numpy import ndarray

from neurotranscoder.core.axes import TimeAxis, VoxelGrid
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.source import Origin

Extent = tuple[int, int, int, int]
"""Along x, y, z and time, in voxels and frames."""


def extent(numbers: Iterable[int]) -> Extent:
    """Return four numbers as an extent."""
    x, y, z, time = numbers
    return x, y, z, time


@dataclass(frozen=True, slots=True)
class Box:
    """Voxels and frames from ``start`` up to, but without, ``stop``.

    Parameters
    ----------
    start, stop : tuple of int
        Along x, y, z and time.
    """

    start: Extent
    stop: Extent

    @property
    def shape(self) -> Extent:
        """Numbers of voxels along x, y and z, and of frames."""
        return extent(b - a for a, b in zip(self.start, self.stop, strict=True))

    @property
    def slices(self) -> tuple[slice, slice, slice, slice]:
        """What to index an array (x, y, z, time) with."""
        x, y, z, time = map(slice, self.start, self.stop)
        return x, y, z, time

    def grown(self, reach: Extent, within: Extent) -> Box:
        """Return the box with a halo of ``reach`` on every side, cut where the array ends."""
        first = (max(0, a - r) for a, r in zip(self.start, reach, strict=True))
        ends = zip(self.stop, reach, within, strict=True)
        return Box(extent(first), extent(min(n, b + r) for b, r, n in ends))

    def moved(self, by: Extent) -> Box:
        """Return the box at another place."""
        ends = ((a + b for a, b in zip(end, by, strict=True)) for end in (self.start, self.stop))
        return Box(*map(extent, ends))

    def seen_from(self, outer: Box) -> Box:
        """Return where this box is in a box around it."""
        return self.moved(extent(-a for a in outer.start))


def boxes(within: Extent, size: Extent) -> Iterator[Box]:
    """Cut an array into boxes of one size, smaller at its ends; time is the slowest.

    Parameters
    ----------
    within : tuple of int
        Shape of the array.
    size : tuple of int
        Shape of a box.
    """
    starts = [range(0, n, step) for n, step in zip(within, size, strict=True)]
    for time, *space in itertools.product(starts[3], *starts[:3]):
        start = extent((*space, time))
        ends = zip(start, size, within, strict=True)
        yield Box(start, extent(min(a + step, n) for a, step, n in ends))


def overlapping(within: Extent, size: Extent) -> Iterator[Box]:
    """Yield boxes of one size that overlap by half; the last ones end where the array ends.

    Parameters
    ----------
    within : tuple of int
        Shape of the array.
    size : tuple of int
        Shape of a box; where the array is smaller, a box is as small.
    """
    fits = extent(min(a, n) for a, n in zip(size, within, strict=True))
    starts = [
        sorted({*range(0, n - a, max(1, a // 2)), n - a})
        for a, n in zip(fits, within, strict=True)
    ]
    for time, *space in itertools.product(starts[3], *starts[:3]):
        start = extent((*space, time))
        yield Box(start, extent(a + b for a, b in zip(start, fits, strict=True)))


@runtime_checkable
class TileSource(Protocol):
    """Anything that gives the source activity of one box of space-time.

    What a box holds does not depend on how the rest is cut: a source that looks at neighbours
    takes the halo that it needs from what it is made of.
    """

    @property
    def grid(self) -> VoxelGrid:
        """Where the voxels are."""
        ...

    @property
    def mask(self) -> Bool[ndarray, "x y z"]:
        """Voxels that have values."""
        ...

    @property
    def axis(self) -> TimeAxis:
        """When the frames are."""
        ...

    @property
    def origin(self) -> Origin:
        """What the activity was estimated from."""
        ...

    @property
    def reach(self) -> Extent:
        """How far a value looks along each axis; cutting an axis with reach costs a halo."""
        ...

    @property
    def identity(self) -> str:
        """SHA-256 of everything that the values follow from."""
        ...

    def values(self, box: Box) -> Float32[ndarray, "x y z frames"]:
        """Return the activity in a box, zero outside the mask."""
        ...

    def working_bytes(self, shape: Extent) -> int:
        """Return what a box of this shape takes of memory while it is made, itself included."""
        ...


@dataclass(frozen=True, eq=False)
class MovieTiles:
    """A movie in factors, one box at a time.

    Parameters
    ----------
    movie : SourceMovie
        The factors.
    """

    movie: SourceMovie

    @property
    def reach(self) -> Extent:
        """None: every value stands for itself."""
        return 0, 0, 0, 0

    @property
    def grid(self) -> VoxelGrid:
        """Where the voxels are."""
        return self.movie.grid

    @property
    def mask(self) -> Bool[ndarray, "x y z"]:
        """Voxels that have values."""
        return self.movie.mask

    @property
    def axis(self) -> TimeAxis:
        """When the frames are."""
        return self.movie.axis

    @property
    def origin(self) -> Origin:
        """What the movie was estimated from."""
        return self.movie.origin

    @cached_property
    def identity(self) -> str:
        """SHA-256 of the factors and their axes."""
        movie = self.movie
        digest = hashlib.sha256(f"{movie.axis} {movie.origin} {movie.mask.shape}".encode())
        for array in (movie.maps, movie.courses, movie.mask, movie.grid.voxel_to_world):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def values(self, box: Box) -> Float32[ndarray, "x y z frames"]:
        """Return the activity in a box, zero outside the mask."""
        *space, frames = box.slices
        inside = self.movie.mask[tuple(space)]
        rows = self._numbers[tuple(space)][inside]
        full = np.zeros(box.shape, dtype=np.float32)
        full[inside] = self.movie.maps[rows] @ self.movie.courses[:, frames]
        return full

    def working_bytes(self, shape: Extent) -> int:
        """Return what a box of this shape takes: itself, its rows, and both factors of it."""
        n_voxels = int(np.prod(shape[:3]))
        n_values = 2 * n_voxels * shape[3]
        return 4 * (n_values + self.movie.n_components * (n_voxels + shape[3]))

    @cached_property
    def _numbers(self) -> ndarray:
        """Row of each voxel of the mask."""
        numbers = np.zeros(self.movie.mask.shape, dtype=np.intp)
        numbers[self.movie.mask] = np.arange(self.movie.n_voxels)
        return numbers
