"""Responses of regions where the source is seen through noise: by instrumental variables [1]_.

The source that EEG gives holds noise of the EEG. Regression on it takes the share of noise for
a lack of response, and where that share differs between frequencies the response is bent: noise
above .1 Hz alone makes it wide. BOLD of a region's other voxels knows the source and not that
noise. What of the filtered source these predict, at lags to both sides, is free of it; BOLD of
the voxel itself, which has noise of its own, is left out of what predicts it. Noise that the
voxels share makes errors to the other side.

References
----------
.. [1] Fuller, W. A. (1987). Measurement error models. Wiley.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.interpolate import CubicSpline

from neurotranscoder.analyse.region_reader import Maps, RegionReader, RegionRun
from neurotranscoder.analyse.responses import LagStatistics
from neurotranscoder.train.subject_signals import SubjectSignals

_BEFORE, _AHEAD = 6.0, 8.0  # s: BOLD tells of the source of so long before, and until when
_RIDGE = 1e-3  # neighbouring volumes are alike
_ENOUGH = 3  # volumes for each lag


@dataclass(frozen=True, slots=True, eq=False)
class InstrumentStatistics:
    """What one or more runs say through instruments; they add up over runs.

    Parameters
    ----------
    instruments : array, shape (regions, shifts, shifts)
        Products of BOLD of other voxels at each pair of shifts.
    source : array, shape (regions, shifts, basis)
        Products of these with the source through basis functions.
    bold : array, shape (regions, shifts)
        Products of these with BOLD.
    energy : array, shape (regions,)
        BOLD squared.
    n_volumes : int
        Volumes that were summed over.
    """

    instruments: Float[ndarray, "regions shifts shifts"]
    source: Float[ndarray, "regions shifts basis"]
    bold: Float[ndarray, "regions shifts"]
    energy: Float[ndarray, " regions"]
    n_volumes: int

    def __add__(self, other: InstrumentStatistics) -> InstrumentStatistics:
        return InstrumentStatistics(
            self.instruments + other.instruments,
            self.source + other.source,
            self.bold + other.bold,
            self.energy + other.energy,
            self.n_volumes + other.n_volumes,
        )

    @property
    def enough(self) -> bool:
        """Whether there are volumes enough for so many shifts."""
        return bool(self.n_volumes >= _ENOUGH * self.bold.shape[1])

    @property
    def lags(self) -> LagStatistics:
        """The regression on what instruments predict of the source (two-stage least squares)."""
        size = np.einsum("rss->r", self.instruments) / self.bold.shape[1]
        damped = _RIDGE * size + np.finfo(float).tiny
        left = self.instruments + damped[:, np.newaxis, np.newaxis] * np.eye(self.bold.shape[1])
        first = np.linalg.solve(left, self.source).transpose(0, 2, 1)
        gram = first @ self.source
        cross = np.einsum("rbs,rs->rb", first, self.bold)
        return LagStatistics((gram + gram.transpose(0, 2, 1)) / 2, cross, self.energy)


def instrument_statistics(
    reader: RegionReader, run: RegionRun, maps: Maps, pieces: Sequence[slice]
) -> list[InstrumentStatistics]:
    """Return what pieces of a run's volumes say, with BOLD of other voxels as the instrument.

    Parameters
    ----------
    reader : RegionReader
        The regions.
    run : RegionRun
        The run.
    maps : array, shape (voxels, components)
        Of the source of each voxel. Other voxels count by how far their maps are alike.
    pieces : sequence of slice
        Of the volumes that were kept.
    """
    signals = run.signals
    tr, kept = signals.volumes.tr, signals.bold.shape[1]
    back = max(0.0, float(reader.group.response.times[-1]) - _BEFORE)
    shifts = np.arange(-round(back / tr), round(_AHEAD / tr) + 1)
    valid = slice(-int(shifts[0]), kept - int(shifts[-1]))
    parts = [_within(piece, valid, kept) for piece in pieces]
    sizes = len(reader.numbers), len(shifts), reader.basis.shape[1]
    found = [
        InstrumentStatistics(
            np.zeros((sizes[0], sizes[1], sizes[1])), np.zeros(sizes), np.zeros(sizes[:2]),
            np.zeros(sizes[0]), part.stop - part.start,
        )
        for part in parts
    ]  # fmt: skip
    if valid.stop <= valid.start:
        return found
    splines = [_splines(signals, reader, int(number)) for number in reader.numbers]
    for index, regions in reader.slices(run):
        for one in regions:
            others = _others(signals, index, one.rows, splines[one.place], maps)
            shifted = np.stack([others[:, valid.start + s : valid.stop + s] for s in shifts], 1)
            seen = np.einsum("vk,bkt->vbt", maps[one.rows], one.features[..., valid])
            bold = signals.bold[one.rows][:, valid].astype(np.float64)
            centred = [row - row.mean(axis=-1, keepdims=True) for row in (shifted, seen, bold)]
            for part, into in zip(parts, found, strict=True):
                _add(one.place, [row[..., part] for row in centred], into)
    return found


def _within(piece: slice, valid: slice, kept: int) -> slice:
    """Return a piece of the volumes as one of those that are valid."""
    start, stop, _ = piece.indices(kept)
    first = max(start, valid.start) - valid.start
    return slice(first, max(first, min(stop, valid.stop) - valid.start))


def _splines(
    run: SubjectSignals, reader: RegionReader, number: int
) -> list[tuple[Int[ndarray, " own"], CubicSpline]]:
    """Return the voxels of a region by slice, and their BOLD at any time."""
    rows = np.flatnonzero(reader.used & (reader.labels == number))
    out = []
    for index in np.unique(run.slices[rows]):
        own = rows[run.slices[rows] == index]
        times = run.volumes.times(int(index))[run.filter.first :]
        out.append((own, CubicSpline(times, run.bold[own].astype(np.float64), axis=1)))
    return out


def _others(
    run: SubjectSignals,
    index: int,
    rows: Int[ndarray, " own"],
    splines: Sequence[tuple[Int[ndarray, " _"], CubicSpline]],
    maps: Maps,
) -> Float[ndarray, "own kept"]:
    """Return, for each voxel, BOLD of the others at its times, by how far maps are alike."""
    times = run.volumes.times(index)[run.filter.first :]
    total = np.zeros((len(rows), len(times)))
    for own, spline in splines:
        alike = maps[rows] @ maps[own].T
        alike[rows[:, np.newaxis] == own] = 0.0
        total += alike @ spline(np.clip(times, spline.x[0], spline.x[-1]))
    norms = np.linalg.norm(maps[rows], axis=1, keepdims=True)
    return np.asarray(np.divide(total, norms, out=np.zeros_like(total), where=norms > 0))


def _add(place: int, signals: Sequence[ndarray], into: InstrumentStatistics) -> None:
    """Add what the voxels of a region say in some volumes."""
    shifted, seen, bold = signals
    into.instruments[place] += np.tensordot(shifted, shifted, axes=((0, 2), (0, 2)))
    into.source[place] += np.tensordot(shifted, seen, axes=((0, 2), (0, 2)))
    into.bold[place] += np.tensordot(shifted, bold, axes=((0, 2), (0, 1)))
    into.energy[place] += np.sum(bold**2)
