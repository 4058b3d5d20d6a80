"""Power of signals in frequency bands, and how much of it is gone."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.signal import butter, sosfiltfilt

from neurotranscoder.core.errors import SettingsError

_ORDER = 3


def band_power(
    data: Float[ndarray, "channels samples"], sfreq: float, band: tuple[float, float]
) -> Float[ndarray, "channels samples"]:
    """Return the square of signals after a zero-phase band-pass filter.

    Parameters
    ----------
    data : array, shape (channels, samples)
        Signals.
    sfreq : float
        Sampling frequency, in Hz.
    band : tuple of float
        Lower and upper edge, in Hz, the upper one below half of ``sfreq``.

    Returns
    -------
    power : array, shape (channels, samples)
        In the squared unit of ``data``; its mean over a frame is the power there.

    Raises
    ------
    SettingsError
        When the band is not within the sampling.
    """
    low, high = band
    if not 0 < low < high < sfreq / 2:
        raise SettingsError(
            f"a band is {low:g}-{high:g} Hz at {sfreq:g} samples per second; it needs "
            f"0 < lower < upper < {sfreq / 2:g} Hz"
        )
    sections = butter(_ORDER, (low, high), "bandpass", fs=sfreq, output="sos")
    return np.asarray(sosfiltfilt(sections, data, axis=1) ** 2)


def removed_share(
    before: Float[ndarray, " channels"], after: Float[ndarray, " channels"]
) -> Float[ndarray, " channels"]:
    """Return the share of each channel's variance that is gone; 0 of one that was flat.

    Parameters
    ----------
    before, after : array, shape (channels,)
        Variances.
    """
    live = before > 0
    kept = np.divide(after, before, out=np.ones(before.shape), where=live)
    return np.asarray(1 - kept)
