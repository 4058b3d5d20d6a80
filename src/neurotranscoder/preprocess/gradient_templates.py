"""Templates of the gradient artefact: what slices share, and what volumes add to it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex, Float, Int
from numpy import ndarray
from scipy.ndimage import uniform_filter1d

from neurotranscoder.preprocess.gradient_grid import ScanGrid

_CERTAIN = 6.0  # a mean of noise alone passes at .25 % of the frequencies, and little of it


def without_trend(
    rows: Float[ndarray, "volumes row"], grid: ScanGrid
) -> Float[ndarray, "volumes row"]:
    """Return rows less their running mean over a volume, taken twice.

    It has nothing of an artefact that repeats with the TR, and most of slow drifts.
    """
    out = np.empty_like(rows)
    for block in grid.blocks:
        flat = rows[block].ravel()
        out[block] = (flat - slow_part(flat, grid.n_row)).reshape(-1, grid.n_row)
    return out


def slow_part(series: Float[ndarray, " times"], n: int) -> Float[ndarray, " times"]:
    """Return the running mean over ``n`` samples, taken twice, without delay."""
    once = uniform_filter1d(series, n)
    return np.asarray(uniform_filter1d(once, n, origin=0 if n % 2 else -1))


def window_bounds(
    grid: ScanGrid, window: int
) -> tuple[Int[ndarray, " volumes"], Int[ndarray, " volumes"]]:
    """Return first and last-but-one volume of the moving window around each volume.

    Windows keep their length at the ends of a block: they are shifted inward. A block that is
    shorter than the window takes volumes of its neighbours as well.
    """
    low = np.empty(grid.n_volumes, dtype=np.int64)
    high = np.empty_like(low)
    for block in grid.blocks:
        start, stop = block.start, block.stop
        if stop - start < window:
            start, stop = 0, grid.n_volumes
        length = min(window, stop - start)
        centred = np.arange(block.start, block.stop) - length // 2
        low[block] = np.clip(centred, start, stop - length)
        high[block] = low[block] + length
    return low, high


def moving_mean(
    sums: Float[ndarray, "volumes row"] | Complex[ndarray, "volumes row"],
    counts: Int[ndarray, " volumes"],
    bounds: tuple[Int[ndarray, " volumes"], Int[ndarray, " volumes"]],
) -> Float[ndarray, "volumes row"] | Complex[ndarray, "volumes row"]:
    """Return the mean over the window of each volume: sums of rows over how many they are of."""
    low, high = bounds
    n_used = np.append(0, np.cumsum(counts))
    n_window = np.maximum(n_used[high] - n_used[low], 1)
    total = np.zeros((len(sums) + 1, sums.shape[1]), sums.dtype)
    np.cumsum(sums, axis=0, out=total[1:])
    return np.asarray((total[high] - total[low]) / n_window[:, np.newaxis])


def slice_templates(
    rows: Float[ndarray, "volumes row"], grid: ScanGrid, window: int
) -> Float[ndarray, "volumes row"]:
    """Return the mean slice of each window at the place of every slice, 0 in silence.

    Its own mean is 0: gradients end where they began, so what they induce adds up to nothing.
    """
    slices = np.where(grid.present[..., np.newaxis], grid.slices(rows), 0.0)
    counts = grid.present.sum(axis=1)
    mean = moving_mean(slices.sum(axis=1), counts, window_bounds(grid, window))
    mean = mean - mean.mean(axis=1, keepdims=True)
    out = np.zeros_like(rows)
    grid.slices(out)[:] = mean[:, np.newaxis]
    return out


def volume_templates(
    rows: Float[ndarray, "volumes row"], grid: ScanGrid, window: int
) -> Float[ndarray, "volumes row"]:
    """Return the mean row of each window, at the frequencies where it exceeds chance.

    What repeats with the TR has lines at its multiples. Each is scaled by how certain it is, as
    judged by the scatter of volumes; where nothing repeats, no brain activity is removed.
    """
    used = grid.complete
    if used.sum() < 3:
        return np.zeros_like(rows)
    spectra = np.fft.rfft(rows, axis=1)
    spectra[~used] = 0
    bounds = window_bounds(grid, window)
    mean = moving_mean(spectra, used.astype(np.int64), bounds)
    n = float(np.mean(bounds[1] - bounds[0]))
    scatter = np.abs(spectra[used] - mean[used]) ** 2
    of_mean = scatter.mean(axis=0) / (n - 1)
    mean *= certainty(np.abs(mean) ** 2, of_mean)
    mean[:, 0] = 0
    return np.fft.irfft(mean, grid.n_row, axis=1)


def certainty(
    power: Float[ndarray, "rows frequencies"], variance: Float[ndarray, "*rows frequencies"]
) -> Float[ndarray, "rows frequencies"]:
    """Return how much of estimates to keep, from their power and their variance: 0 to 1."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = 1 - _CERTAIN * variance / power
    return np.asarray(np.nan_to_num(np.clip(share, 0, 1)))
