"""When slices are excited within a volume: from slice times, or from the artefact itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

_SHORTEST_SLICE = 0.01  # s
_SAME_SLICE = 0.8  # correlation of neighbouring slices
_FILLED = 0.5  # power of the weakest slice over that of a typical one
_TOGETHER = 1e-3  # s
_ROUNDING = 3e-3  # s: sidecars round slice times to 2.5 ms


@dataclass(frozen=True, slots=True)
class SliceSpan:
    """Excitations within a volume: how many, how far apart, and when the first one is (s)."""

    n_slices: int
    period: float
    first: float = 0.0


def spans_of(slice_times: Float[ndarray, " slices"], tr: float) -> SliceSpan | None:
    """Return the excitations of slice times; None when they are not equally spaced.

    Slices that are excited together count once. Times may be rounded, as those of sidecars are
    to 2.5 ms: they need to lie within 3 ms of equal steps.
    """
    times = np.sort(slice_times)
    times = times[np.diff(times, prepend=-np.inf) > _TOGETHER]
    n = len(times)
    if n < 2:
        return SliceSpan(1, tr, float(times[0]))
    number = np.arange(n)
    period, first = np.polyfit(number, times, 1)
    if np.max(np.abs(times - first - period * number)) > _ROUNDING:
        return None
    if abs(n * period - tr) < _ROUNDING:
        period = tr / n
    first = max(0.0, float(np.mean(times - period * number)))
    return SliceSpan(n, float(min(period, tr / n)), first)


def find_spans(rows: Float[ndarray, "volumes row"], tr: float) -> SliceSpan:
    """Return how many equal slices volumes have, by how well they repeat within the TR.

    Where slices do not fill the TR, or differ, volumes count as one.
    """
    n_row = rows.shape[1]
    power = np.mean(rows**2, axis=0)
    repeats = np.fft.irfft(np.mean(np.abs(np.fft.rfft(rows, axis=1)) ** 2, axis=0), n_row)
    for n in range(int(tr / _SHORTEST_SLICE), 1, -1):
        near = int(n_row / n) + np.arange(2)
        slots = np.add.reduceat(power, np.linspace(0, n_row, n, endpoint=False).astype(np.int64))
        filled = slots.min() > _FILLED * np.median(slots)
        if filled and repeats[near].max() > _SAME_SLICE * repeats[0]:
            return SliceSpan(n, tr / n)
    return SliceSpan(1, tr)
