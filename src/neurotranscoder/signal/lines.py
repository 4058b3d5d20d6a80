"""Lines in a spectrum: what a machine repeats exactly, unlike a heart or a brain."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.ndimage import median_filter

_AROUND = 1.0  # Hz on both sides of a line that say what is usual
_LINE = 6.0  # times the usual amplitude: a Rayleigh variable exceeds it once in 10^11


def without_lines(signal: Float[ndarray, " times"], sfreq: float) -> Float[ndarray, " times"]:
    """Return a signal whose spectral lines are as small as what surrounds them.

    Parameters
    ----------
    signal : array, shape (times,)
        Any unit.
    sfreq : float
        Samples per second.
    """
    spectrum = np.fft.rfft(signal)
    size = np.abs(spectrum)
    usual = median_filter(size, 2 * max(1, round(_AROUND * len(signal) / sfreq)) + 1)
    lines = size > _LINE * usual
    spectrum[lines] *= usual[lines] / size[lines]
    return np.fft.irfft(spectrum, len(signal))
