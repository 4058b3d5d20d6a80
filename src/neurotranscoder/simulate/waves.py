"""Sums of waves at any times."""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex, Float
from numpy import ndarray
from scipy import fft

from neurotranscoder.simulate.interpolation import OFFSETS, lagrange_weights

_FEW = 512  # waves that are summed directly
_CHUNK = 4096
_PER_CYCLE = 24  # samples of the grid in the fastest cycle: interpolation errs by 2e-8


def sum_of_waves(
    waves: Complex[ndarray, "rows waves"],
    frequencies: Float[ndarray, " waves"],
    times: Float[ndarray, " times"],
) -> Float[ndarray, "rows times"]:
    """Return the real part of ``sum_k waves_k exp(2 pi i frequencies_k t)``.

    Few waves are summed directly. Many, which must be multiples of one frequency and follow one
    another, are summed by an FFT on a fine grid and interpolated by polynomials of degree 7; the
    error is below 1e-7 of the largest value.

    Parameters
    ----------
    waves : array of complex, shape (rows, waves)
        Amplitudes and phases.
    frequencies : array, shape (waves,)
        In Hz.
    times : array, shape (times,)
        In seconds.
    """
    if len(frequencies) > _FEW:
        return _by_fft(waves, frequencies, times)
    out = np.empty((len(waves), len(times)))
    for start in range(0, len(times), _CHUNK):
        part = slice(start, start + _CHUNK)
        phase = 2 * np.pi * np.outer(times[part], frequencies)
        out[:, part] = (np.cos(phase) @ waves.real.T - np.sin(phase) @ waves.imag.T).T
    return out


def _by_fft(
    waves: Complex[ndarray, "rows waves"],
    frequencies: Float[ndarray, " waves"],
    times: Float[ndarray, " times"],
) -> Float[ndarray, "rows times"]:
    """Sum the multiples of one frequency on one period of a grid; interpolate there."""
    spacing = (frequencies[-1] - frequencies[0]) / (len(frequencies) - 1)
    numbers = np.rint(frequencies / spacing).astype(np.int64)
    n_grid = fft.next_fast_len(_PER_CYCLE * int(numbers[-1]), real=True)
    place = times * spacing * n_grid
    left = np.floor(place).astype(np.int64)
    weights = lagrange_weights(place - left)
    spectrum = np.zeros(n_grid // 2 + 1, dtype=np.complex128)
    out = np.empty((len(waves), len(times)))
    for row, amplitudes in enumerate(waves):
        spectrum[numbers] = amplitudes * (n_grid / 2)
        values = fft.irfft(spectrum, n_grid)
        out[row] = sum(
            weight * values[(left + offset) % n_grid]
            for offset, weight in zip(OFFSETS, weights, strict=True)
        )
    return out
