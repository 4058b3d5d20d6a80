"""A source movie at voxel resolution, kept as maps times courses."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Float32, Int
from numpy import ndarray

from neurotranscoder.core.axes import TimeAxis, VoxelGrid
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.source import Origin

_TINY = 1e-6
"""Share of a frame by which times may miss it through rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class SourceMovie:
    """Source activity of every voxel of a brain at every frame, as a product of two factors.

    Activity is ``maps @ courses``. Sources that are read linearly from EEG have at most one map
    per channel, so the factors are exact and about a thousand times smaller than their product.
    Nothing is materialised before it is asked for.

    Parameters
    ----------
    maps : array of float32, shape (voxels, components)
        Weight of each component in each voxel of the mask.
    courses : array of float32, shape (components, times)
        Course of each component; the unit of the product is arbitrary.
    grid : VoxelGrid
        Where the voxels are.
    mask : array of bool, shape (x, y, z)
        Voxels of the brain; the rows of the maps in C order.
    axis : TimeAxis
        When the frames are, in s on the scanner clock.
    origin : {'eeg', 'bold', 'fused'}
        What it was estimated from.

    Raises
    ------
    GridError
        When the factors are not finite float32, or do not fit each other or their axes.
    """

    maps: Float[ndarray, "voxels components"]
    courses: Float[ndarray, "components times"]
    grid: VoxelGrid
    mask: Bool[ndarray, "x y z"]
    axis: TimeAxis
    origin: Origin

    def __post_init__(self) -> None:
        if self.mask.shape != self.grid.shape:
            raise GridError(f"the mask is {self.mask.shape}, its grid is {self.grid.shape}")
        n_voxels, n_times = int(self.mask.sum()), self.axis.n_times
        shapes = ((n_voxels, self.n_components), (self.n_components, n_times))
        if (self.maps.shape, self.courses.shape) != shapes or not self.maps.size:
            raise GridError(
                f"a movie got maps {self.maps.shape} and courses {self.courses.shape}; {n_voxels} "
                f"voxels in its mask and {n_times} frames need ({n_voxels}, components) and "
                f"(components, {n_times}), neither empty"
            )
        _check("maps", self.maps)
        _check("courses", self.courses)

    def __repr__(self) -> str:
        axis = self.axis
        return (
            f"SourceMovie({self.origin}, {self.n_voxels} voxels of {self.grid.shape}, "
            f"{self.n_components} components, {axis.n_times} frames at {axis.sfreq:g} Hz from "
            f"{axis.start:g} s)"
        )

    @property
    def n_components(self) -> int:
        """Number of maps and of courses."""
        return int(self.maps.shape[1])

    @property
    def n_voxels(self) -> int:
        """Number of voxels in the mask."""
        return int(self.maps.shape[0])

    def frames(self, start: float, stop: float) -> slice:
        """Return the frames whose times are in ``[start, stop)``.

        Parameters
        ----------
        start, stop : float
            In s on the scanner clock.

        Raises
        ------
        GridError
            When no frame is between them, or they reach beyond the movie.
        """
        first, last = (
            int(np.ceil((time - self.axis.start) * self.axis.sfreq - _TINY))
            for time in (start, stop)
        )
        if not 0 <= first < last <= self.axis.n_times:
            raise self._outside(f"frames from {start:g} to {stop:g} s")
        return slice(first, last)

    def window(self, start: float, stop: float) -> Float32[ndarray, "voxels frames"]:
        """Return the activity of all voxels in the frames of ``[start, stop)``, in s."""
        return self.at(self.frames(start, stop))

    def at(self, frames: slice) -> Float32[ndarray, "voxels frames"]:
        """Return the activity of all voxels in frames given by number; each frame contiguous."""
        return np.asarray(np.matmul(self.courses[:, frames].T, self.maps.T).T)

    def volume(self, time: float) -> Float32[ndarray, "x y z"]:
        """Return the frame that is closest to a time, zero outside the mask.

        Parameters
        ----------
        time : float
            In s on the scanner clock; at most half a frame outside the movie.

        Raises
        ------
        GridError
            When the movie has no frame there.
        """
        place = (time - self.axis.start) * self.axis.sfreq
        if not -0.5 - _TINY <= place <= self.axis.n_times - 0.5 + _TINY:
            raise self._outside(f"the frame at {time:g} s")
        frame = min(max(round(place), 0), self.axis.n_times - 1)
        return self.unmask(np.matmul(self.maps, self.courses[:, frame]))

    def voxel(self, index: tuple[int, int, int]) -> Float32[ndarray, " times"]:
        """Return the course of one voxel over the whole run.

        Parameters
        ----------
        index : tuple of int
            Its place on the grid (x, y, z).

        Raises
        ------
        GridError
            When it is outside the mask.
        """
        inside = all(0 <= i < n for i, n in zip(index, self.mask.shape, strict=True))
        if not inside or not self.mask[index]:
            raise GridError(
                f"voxel {index} is not in the mask of {self.n_voxels} voxels on a grid of "
                f"{self.mask.shape}; choose one of np.argwhere(movie.mask)"
            )
        row = np.ravel_multi_index(index, self.mask.shape)
        return np.asarray(self.maps[np.count_nonzero(self.mask.ravel()[:row])] @ self.courses)

    def within(self, mask: Bool[ndarray, "x y z"]) -> SourceMovie:
        """Return the movie of some of its voxels alone.

        Parameters
        ----------
        mask : array of bool, shape (x, y, z)
            Which; voxels outside the movie's own mask stay outside.

        Raises
        ------
        GridError
            When the mask has another grid, or none of the voxels.
        """
        if mask.shape != self.mask.shape:
            raise GridError(
                f"the mask is {mask.shape}, the movie's grid is {self.mask.shape}; give one on "
                "the grid of the movie"
            )
        rows = mask[self.mask]
        if not rows.any():
            raise GridError(
                f"none of {self.n_voxels} voxels is in the mask; it needs one at least; check "
                "that mask and movie are in the same space"
            )
        return replace(self, maps=self.maps[rows], mask=mask & self.mask)

    def region(self, inside: Bool[ndarray, "x y z"]) -> Float32[ndarray, " times"]:
        """Return the mean course of the mask's voxels in a region of the grid.

        Raises
        ------
        GridError
            When the region has another grid, or none of the voxels.
        """
        return np.asarray(self.regions(np.where(inside, 1, 0))[1][0])

    def regions(
        self, labels: Int[ndarray, "x y z"]
    ) -> tuple[Int[ndarray, " regions"], Float32[ndarray, "regions times"]]:
        """Return the mean course of each region of an atlas.

        Parameters
        ----------
        labels : array of int, shape (x, y, z)
            Number of the region that each voxel of the movie's grid belongs to; 0 for none.

        Returns
        -------
        numbers : array of int, shape (regions,)
            Regions that have voxels in the mask, ascending.
        courses : array of float32, shape (regions, times)
            Mean over these voxels.

        Raises
        ------
        GridError
            When the labels have another grid, or no region has a voxel in the mask.
        """
        if labels.shape != self.mask.shape:
            raise GridError(
                f"the labels are {labels.shape}, the movie's grid is {self.mask.shape}; resample "
                "the atlas to the grid of the movie, nearest neighbour"
            )
        rows = labels[self.mask]
        numbers = np.setdiff1d(rows, 0)
        if not numbers.size:
            raise GridError(
                f"no region has a voxel in the mask of {self.n_voxels} voxels; check that atlas "
                "and movie are in the same space"
            )
        means = np.stack([self.maps[rows == number].mean(axis=0) for number in numbers])
        return numbers, np.asarray(means @ self.courses)

    def unmask(self, rows: Float32[ndarray, "voxels ..."]) -> Float32[ndarray, "x y z ..."]:
        """Return rows of the mask on the whole grid, zero outside."""
        full = np.zeros((*self.mask.shape, *rows.shape[1:]), dtype=np.float32)
        full[self.mask] = rows
        return full

    def _outside(self, wanted: str) -> GridError:
        """Return the error for times that the movie does not have."""
        first, last = self.axis.times[[0, -1]]
        return GridError(
            f"{wanted} asked for; the movie has frames from {first:g} to {last:g} s, one every "
            f"{1 / self.axis.sfreq:g} s; ask for at least one of these, and none outside"
        )


def _check(name: str, factor: ndarray) -> None:
    """Refuse a factor that is not finite float32."""
    if factor.dtype != np.float32:
        raise GridError(f"the {name} of a movie are {factor.dtype}; they need to be float32")
    if not np.all(np.isfinite(factor)):
        raise GridError(
            f"the {name} of a movie hold NaN or infinite values; they need finite ones; take "
            "voxels without an estimate out of the mask"
        )
