"""Averages of several subjects, to ask what holds for subjects that were not measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from neurotranscoder.analyse.zmaps import Factors
from neurotranscoder.core.axes import TimeAxis, VoxelGrid
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.movie import SourceMovie


@dataclass(frozen=True, slots=True, eq=False)
class SubjectMeans:
    """Averages of several subjects on the voxels that all of them have.

    Parameters
    ----------
    movies : tuple of SourceMovie
        One average for each subject, or one difference of averages, all on one grid and axis.
    mask : array of bool, shape (x, y, z)
        Voxels in the masks of all.
    """

    movies: tuple[SourceMovie, ...]
    mask: Bool[ndarray, "x y z"]

    @classmethod
    def of(cls, movies: Sequence[SourceMovie]) -> SubjectMeans:
        """Bring averages of subjects to their common voxels.

        Raises
        ------
        GridError
            When grids or times differ, or no voxel is common.
        """
        if not movies:
            raise GridError("got no average; pass one of each subject")
        first = movies[0]
        for number, movie in enumerate(movies):
            if not (movie.grid.matches(first.grid) and movie.axis == first.axis):
                raise GridError(
                    f"average {number} ({movie!r}) has another grid or other times than average 0 "
                    f"({first!r}); subjects need one space: use images in one template's space"
                )
        mask = np.logical_and.reduce([movie.mask for movie in movies])
        if not mask.any():
            raise GridError("the masks of the subjects share no voxel; check their registration")
        return cls(tuple(movie.within(mask) for movie in movies), mask)

    def within(self, mask: Bool[ndarray, "x y z"]) -> SubjectMeans:
        """Return the averages of some voxels alone.

        Raises
        ------
        GridError
            When the mask has another grid, or none of the voxels.
        """
        return SubjectMeans(tuple(movie.within(mask) for movie in self.movies), self.mask & mask)

    @property
    def n(self) -> int:
        """Number of subjects."""
        return len(self.movies)

    @property
    def grid(self) -> VoxelGrid:
        """Where the voxels are."""
        return self.movies[0].grid

    @property
    def axis(self) -> TimeAxis:
        """When the frames are, in s after the event."""
        return self.movies[0].axis

    def mean(
        self, signs: Float[ndarray, " subjects"], frames: slice
    ) -> Float[ndarray, "voxels frames"]:
        """Return the mean over subjects, each times a sign, at some frames."""
        parts = zip(self.movies, signs / self.n, strict=True)
        return np.asarray(sum(share * _at(movie, frames) for movie, share in parts))

    def parts(self, signs: Float[ndarray, " subjects"]) -> list[Factors]:
        """Return the maps of each subject, and its share of that mean as courses."""
        shares = zip(self.movies, signs / self.n, strict=True)
        return [(one.maps, share * one.courses.astype(np.float64)) for one, share in shares]

    def squares(self, frames: slice, *, centred: bool) -> Float[ndarray, "voxels frames"]:
        """Return the sum over subjects of squares at some frames, less the mean or not."""
        mean = self.mean(np.full(self.n, float(centred)), frames)
        return np.asarray(sum((_at(movie, frames) - mean) ** 2 for movie in self.movies))


def difference(first: SourceMovie, second: SourceMovie) -> SourceMovie:
    """Return the difference of two averages of one subject.

    Raises
    ------
    GridError
        When they do not share maps and times.
    """
    if first.axis != second.axis or not np.array_equal(first.maps, second.maps):
        raise GridError(
            f"the difference of {first!r} and {second!r} was asked for; both need the maps and "
            "times of one subject; average both conditions of one `Trials`"
        )
    return replace(first, courses=first.courses - second.courses)


def _at(movie: SourceMovie, frames: slice) -> Float[ndarray, "voxels frames"]:
    """Return some frames of a movie in double precision."""
    return np.asarray(movie.maps @ movie.courses[:, frames].astype(np.float64))
