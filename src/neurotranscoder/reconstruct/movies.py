"""Sums of movies, and movies with as few factors as their rank."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.errors import GridError
from neurotranscoder.core.movie import SourceMovie

_SINGLE = 1e-7
"""Rounding of float32, relative."""


def fuse_movies(
    from_eeg: SourceMovie, from_bold: SourceMovie, *, weights: tuple[float, float] = (1.0, 1.0)
) -> SourceMovie:
    """Return the sum of two movies of a run, in factors (paper 4.3.3).

    Parameters
    ----------
    from_eeg, from_bold : SourceMovie
        On the same voxels and frames.
    weights : tuple of float
        What each is multiplied by.

    Raises
    ------
    GridError
        When voxels or frames differ.
    """
    same_voxels = from_eeg.grid.matches(from_bold.grid) and np.array_equal(
        from_eeg.mask, from_bold.mask
    )
    if not same_voxels or from_eeg.axis != from_bold.axis:
        raise GridError(
            f"two movies are to be added: {from_eeg} and {from_bold}; they need the same voxels "
            "and frames; make both on the grid and mask of the BOLD, at the frames of the EEG"
        )
    first, second = np.array(weights, dtype=np.float32)
    maps = np.hstack([first * from_eeg.maps, second * from_bold.maps])
    courses = np.vstack([from_eeg.courses, from_bold.courses])
    return compact(
        SourceMovie(maps, courses, from_eeg.grid, from_eeg.mask, from_eeg.axis, "fused")
    )


def compact(movie: SourceMovie) -> SourceMovie:
    """Return the same activity with as many components as its rank, to the rounding of float32.

    Estimates that are linear in the same EEG share their courses: their sum has no more components
    than there are channels. The new components are orthogonal, the strongest first.

    Parameters
    ----------
    movie : SourceMovie
        With components that may repeat each other.
    """
    in_space, space = np.linalg.qr(movie.maps.astype(np.float64))
    in_time, time = np.linalg.qr(movie.courses.T.astype(np.float64))
    left, strengths, right = np.linalg.svd(space @ time.T)
    rank = max(1, int(np.sum(strengths > _SINGLE * strengths[0])))
    if rank >= movie.n_components:
        return movie
    scale = np.sqrt(strengths[:rank])
    maps = in_space @ (left[:, :rank] * scale)
    courses = (scale[:, np.newaxis] * right[:rank]) @ in_time.T
    axes = movie.grid, movie.mask, movie.axis, movie.origin
    return SourceMovie(_single(maps), _single(courses), *axes)


def _single(values: Float[ndarray, "rows columns"]) -> Float[ndarray, "rows columns"]:
    """Return a factor as movies keep it."""
    return np.ascontiguousarray(values, dtype=np.float32)
