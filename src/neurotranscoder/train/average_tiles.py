"""Averages of both group estimates, and the tiles of them that the paper's second stage reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from neurotranscoder.core.errors import GridError
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.recording import RunId
from neurotranscoder.core.spread import Lazily
from neurotranscoder.core.tiles import Box, Extent, MovieTiles, overlapping
from neurotranscoder.train.windows import ScaledRun


@dataclass(frozen=True, slots=True, eq=False)
class TrialAverage:
    """Averages of both group estimates over the same trials.

    Parameters
    ----------
    from_eeg, from_bold : SourceMovie
        S_E and S_B at voxels, times in s after the event.
    condition : str
        What was averaged.
    n_trials : int
        How many.
    """

    from_eeg: SourceMovie
    from_bold: SourceMovie
    condition: str
    n_trials: int


@dataclass(frozen=True, slots=True, eq=False)
class SubjectAverages:
    """All averages of one subject, and what they were made from.

    Parameters
    ----------
    averages : tuple of TrialAverage
        One, or one of each condition, all on the same voxels and frames.
    runs : tuple of str
        Labels of the runs that were read.
    """

    averages: tuple[TrialAverage, ...]
    runs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AverageScales:
    """Root mean squares of S_E and S_B over voxels and frames of the averages."""

    eeg: float
    bold: float

    @classmethod
    def of(cls, averages: Sequence[TrialAverage]) -> AverageScales:
        """Return the scales of averages.

        Raises
        ------
        GridError
            When one of both is silent.
        """
        eeg = _root_mean_square([one.from_eeg for one in averages])
        bold = _root_mean_square([one.from_bold for one in averages])
        if not min(eeg, bold) > 0:
            raise GridError(
                f"the averages of sources have root mean squares {eeg:g} (EEG) and {bold:g} "
                "(BOLD); both need to be above zero; check the group model and the onsets"
            )
        return cls(eeg, bold)


Place = tuple[int, Box]
"""Number of an average, and a tile of it."""


def tiles_of(
    averages: Sequence[TrialAverage], size: Extent
) -> tuple[Sequence[ScaledRun], list[Place]]:
    """Return the half overlapping tiles of all averages that hold brain, made when asked for.

    Parameters
    ----------
    averages : sequence of TrialAverage
        At least one, none silent.
    size : tuple of int
        Voxels along x, y and z and frames of a tile; smaller where an average is.

    Returns
    -------
    tiles : sequence of ScaledRun
        S_E and S_B of each tile, voxels as rows in C order, in units of their root mean squares,
        zero outside the brain.
    places : list of (int, Box)
        Where they are.
    """
    places = _places(averages, size)
    return Lazily(_Tiles(averages, AverageScales.of(averages)), places), places


def _places(averages: Sequence[TrialAverage], size: Extent) -> list[Place]:
    """Return the tiles of all averages that hold brain."""
    found = []
    for number, average in enumerate(averages):
        movie = average.from_eeg
        within = (*movie.grid.shape, movie.axis.n_times)
        for box in overlapping(within, size):
            if movie.mask[box.slices[:3]].any():
                found.append((number, box))
    return found


class _Tiles:
    """What a training reads of each tile, in units of the scales.

    Parameters
    ----------
    averages : sequence of TrialAverage
        Kept as factors; tiles are materialised one by one.
    scales : AverageScales
        Units of both.
    """

    def __init__(self, averages: Sequence[TrialAverage], scales: AverageScales) -> None:
        self._scales = scales
        self._sources = [(MovieTiles(a.from_eeg), MovieTiles(a.from_bold)) for a in averages]

    def __call__(self, place: Place) -> ScaledRun:
        number, box = place
        of_eeg, of_bold = self._sources[number]
        eeg, bold = _rows(of_eeg, box), _rows(of_bold, box)
        name = RunId("average", "x".join(map(str, box.start)), run=str(number))
        rate = of_eeg.axis.sfreq
        return ScaledRun(name, eeg / self._scales.eeg, bold / self._scales.bold, rate)


def _rows(tiles: MovieTiles, box: Box) -> Float32[ndarray, "voxels frames"]:
    """Return a tile with its voxels as rows, in C order."""
    return tiles.values(box).reshape(-1, box.shape[3])


def _root_mean_square(movies: Sequence[SourceMovie]) -> float:
    """Return it over all voxels and frames, from the factors."""
    total = 0.0
    for movie in movies:
        maps, courses = movie.maps.astype(np.float64), movie.courses.astype(np.float64)
        total += float(np.sum((maps.T @ maps) * (courses @ courses.T)))
    return float(np.sqrt(total / sum(m.n_voxels * m.axis.n_times for m in movies)))
