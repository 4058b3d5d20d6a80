"""The scanner's raster: EEG carried onto it and back, at parts of a sample.

Every volume has a row of samples that begins with its first excitation, so gradient artefacts of
all volumes stand below each other whatever the two clocks do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy import ndimage

_APART = 1.05  # slices: what is further from the next one borders on silence
_ORDER = 5  # of splines: they err by 1e-4 of a wave of a tenth of the sampling frequency


@dataclass(frozen=True, slots=True, eq=False)
class ScanGrid:
    """Where volumes and slices lie in the samples of the EEG.

    Parameters
    ----------
    starts : array, shape (volumes,)
        First excitation of each volume, in samples of the EEG, ascending.
    block : array of int, shape (volumes,)
        Which scan block each belongs to, from 0.
    present : array of bool, shape (volumes, slices)
        Which slices have an artefact; slices that are excited together count once.
    step : float
        Samples of the EEG from one of a row to the next, near 1.
    n_phases : int
        Samples of a row per slice.
    n_row : int
        Samples of a row; beyond ``n_slices * n_phases`` the scanner is silent.
    """

    starts: Float[ndarray, " volumes"]
    block: Int[ndarray, " volumes"]
    present: Bool[ndarray, "volumes slices"]
    step: float
    n_phases: int
    n_row: int

    @classmethod
    def of_rows(
        cls,
        starts: Float[ndarray, " volumes"],
        block: Int[ndarray, " volumes"],
        *,
        spacing: float,
        slice_period: float,
        n_slices: int,
    ) -> ScanGrid:
        """Return the raster of volumes that are ``spacing`` samples apart; all slices present."""
        n_phases = round(slice_period)
        step = slice_period / n_phases
        n_row = int(np.ceil(spacing / step - 1e-6))
        present = np.ones((len(starts), n_slices), dtype=bool)
        return cls(starts, block, present, step, n_phases, n_row)

    @property
    def n_volumes(self) -> int:
        """Number of volumes."""
        return len(self.starts)

    @property
    def n_slices(self) -> int:
        """Number of excitations in a volume."""
        return int(self.present.shape[1])

    @property
    def complete(self) -> Bool[ndarray, " volumes"]:
        """Volumes of which no slice is missing."""
        return np.asarray(self.present.all(axis=1))

    @property
    def blocks(self) -> Iterator[slice]:
        """Rows of each scan block, in turn."""
        edges = np.flatnonzero(np.diff(self.block, prepend=-1, append=self.block[-1] + 1))
        return (slice(int(a), int(b)) for a, b in pairwise(edges))

    def sample(self, channel: Float[ndarray, " times"]) -> Float[ndarray, "volumes row"]:
        """Return a channel at the raster, by splines of order 5; its last value beyond its end."""
        where = self.starts[:, np.newaxis] + self.step * np.arange(self.n_row)
        values = ndimage.map_coordinates(
            channel.astype(np.float64, copy=False), [where.ravel()], order=_ORDER, mode="nearest"
        )
        return np.asarray(values.reshape(where.shape))

    def slices(
        self, rows: Float[ndarray, "volumes row"]
    ) -> Float[ndarray, "volumes slices phase"]:
        """Return the parts of rows that belong to slices, as a view."""
        used = rows[:, : self.n_slices * self.n_phases]
        return used.reshape(len(rows), self.n_slices, self.n_phases)

    def edges(self, n_times: int) -> tuple[Float[ndarray, " starts"], Float[ndarray, " ends"]]:
        """Return where artefacts begin after silence, and where they end before it, in samples.

        Parameters
        ----------
        n_times : int
            Number of samples of the EEG; ends of the recording are no ends of the scan.
        """
        period = self.step * self.n_phases
        begin = (self.starts[:, np.newaxis] + period * np.arange(self.n_slices))[self.present]
        after = np.append(np.diff(begin), np.inf) > _APART * period
        before = np.append(np.inf, np.diff(begin)) > _APART * period
        starts, ends = begin[before], begin[after] + period
        return starts[starts >= period], ends[ends <= n_times - period]


@dataclass(frozen=True, slots=True, eq=False)
class WayBack:
    """Where each sample of the EEG lies in the rows of a raster; shared by all channels.

    Parameters
    ----------
    first : int
        First sample of the EEG that lies in a row.
    place : array, shape (samples,)
        Place in all rows, one behind the other.
    inside : array of bool, shape (samples,)
        Samples that belong to slices that are present, or to the silence after them; also to
        slices that the recording cuts.
    """

    first: int
    place: Float[ndarray, " samples"]
    inside: Bool[ndarray, " samples"]

    @classmethod
    def of(cls, grid: ScanGrid, n_times: int) -> WayBack:
        """Return the way from the rows of a raster to an EEG of ``n_times`` samples."""
        first = max(0, int(np.ceil(grid.starts[0])))
        last = min(n_times, int(np.ceil(grid.starts[-1] + grid.step * grid.n_row)))
        samples = np.arange(first, last)
        volume = np.searchsorted(grid.starts, samples, side="right") - 1
        within = (samples - grid.starts[volume]) / grid.step
        slot = np.minimum((within / grid.n_phases).astype(np.int64), grid.n_slices - 1)
        inside = (within < grid.n_row) & _covered(grid, n_times)[volume, slot]
        return cls(first, volume * grid.n_row + within, inside)

    def place_rows(
        self, rows: Float[ndarray, "volumes row"], n_times: int
    ) -> Float[ndarray, " times"]:
        """Return rows at the samples of the EEG, 0 outside of slices that are present."""
        out = np.zeros(n_times)
        values = ndimage.map_coordinates(rows.ravel(), [self.place], order=_ORDER, mode="nearest")
        out[self.first : self.first + len(values)] = np.where(self.inside, values, 0.0)
        return out


def _covered(grid: ScanGrid, n_times: int) -> Bool[ndarray, "volumes slices"]:
    """Return slices that are present, and those beside them that an end of the recording cuts."""
    period = grid.step * grid.n_phases
    start = (grid.starts[:, np.newaxis] + period * np.arange(grid.n_slices)).ravel()
    present = grid.present.ravel()
    beside = np.append(present[1:], False) | np.append(False, present[:-1])
    cut = (start < 0) | (start + period > n_times - 1)
    return np.asarray((present | (beside & cut)).reshape(grid.present.shape))
