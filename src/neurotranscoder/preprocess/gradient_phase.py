"""Where in its cycle an artefact begins: seen where the scanner starts and stops."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.preprocess.gradient_grid import ScanGrid

_FURTHEST = 0.025  # s
_WORTH = 0.01  # of the energy of a slice


def phase_shift(fast: Float[ndarray, " times"], grid: ScanGrid, sfreq: float) -> float:
    """Return how much later than the raster says artefacts begin and end, in samples.

    Triggers come a little before or after the first gradient. Within a scan that does not matter,
    since slices are alike; at its ends it does. A shift is tried for all ends together: before
    the first slice there is nothing, after it the mean slice, and so on.

    Parameters
    ----------
    fast : array, shape (times,)
        The channel with most artefact, above 70 Hz.
    grid : ScanGrid
        The raster, slices that are present marked.
    sfreq : float
        Sampling frequency, in Hz.

    Returns
    -------
    shift : float
        At most 25 ms and half a slice; 0 where nothing is gained.
    """
    n = int(min(_FURTHEST * sfreq, grid.n_phases / 2 - 1))
    starts, ends = grid.edges(len(fast))
    if n < 1 or len(starts) + len(ends) == 0:
        return 0.0
    cycle = grid.slices(grid.sample(fast))[grid.present].mean(axis=0)
    template = np.take(cycle, np.arange(-n, n), mode="wrap")
    gains = np.zeros(2 * n + 1)
    for sign, places in ((1.0, starts), (-1.0, ends)):
        if len(places):
            around = _around(fast, places, grid, n)
            silent_better = np.sum((around - template) ** 2 - around**2, axis=0)
            gains[1:] += sign * np.cumsum(silent_better)
    best = int(np.argmax(gains))
    worth = _WORTH * float(cycle @ cycle) * (len(starts) + len(ends))
    return (best - n) * grid.step if gains[best] - gains[n] > worth else 0.0


def _around(
    fast: Float[ndarray, " times"], places: Float[ndarray, " places"], grid: ScanGrid, n: int
) -> Float[ndarray, "places around"]:
    """Return a channel at ``n`` steps before and after places."""
    around = dataclasses.replace(
        grid,
        starts=places - n * grid.step,
        block=np.zeros(len(places), dtype=np.int64),
        present=np.ones((len(places), grid.n_slices), dtype=bool),
        n_row=2 * n,
    )
    return around.sample(fast)
