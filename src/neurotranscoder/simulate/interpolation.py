"""Interpolation between samples at equal distances, by polynomials of degree 7."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32
from numpy import ndarray
from numpy.lib.stride_tricks import sliding_window_view

_POINTS = 8
_CHUNK = 65_536

OFFSETS = range(1 - _POINTS // 2, 1 + _POINTS // 2)
"""Neighbours that a value depends on, counted from the sample at its left."""


def lagrange_weights(fraction: Float[ndarray, " times"]) -> Float[ndarray, "points times"]:
    """Return the weights of the neighbours `OFFSETS`, for places between 0 and 1.

    The error of a wave is at most 0.00107 times the 8th power of its phase from one sample to
    the next, in rad: 2e-8 with 24 samples in a cycle, 7e-7 with 16.
    """
    weights = np.ones((_POINTS, len(fraction)))
    for row, mine in enumerate(OFFSETS):
        for other in OFFSETS:
            if other != mine:
                weights[row] *= (fraction - other) / (mine - other)
    return weights


def upsampled(
    coarse: Float[ndarray, "rows samples"], factor: int, n_times: int
) -> Float32[ndarray, "rows times"]:
    """Return a whole number of values per sample, in single precision.

    Parameters
    ----------
    coarse : array, shape (rows, samples)
        The first value lies ``-OFFSETS[0]`` samples after the first of these; there are as many
        before and after all values as `OFFSETS` asks for.
    factor : int
        Values per sample.
    n_times : int
        Number of values.
    """
    weights = lagrange_weights(np.arange(factor) / factor).astype(np.float32)
    out = np.empty((len(coarse), n_times), dtype=np.float32)
    step = max(1, _CHUNK // factor)
    for first in range(0, -(-n_times // factor), step):
        near = coarse[:, first : first + step + _POINTS - 1].astype(np.float32)
        neighbours = np.ascontiguousarray(sliding_window_view(near, _POINTS, axis=1))
        target = out[:, first * factor : (first + step) * factor]
        target[:] = (neighbours @ weights).reshape(len(out), -1)[:, : target.shape[1]]
    return out
