"""What is measured on EEG alone: size, spectrum, alpha, dimension."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy import signal

from neurotranscoder.core.recording import Eeg
from neurotranscoder.evaluate.spectra import Spectrum, power_law

APERIODIC_BAND = (2.0, 40.0)
ALPHA_BAND = (8.0, 13.0)

_ENOUGH = 250.0  # Hz
_SEGMENT = 4.0  # s of a spectrum's segments
_LEAST_PEAK = 1.5  # times the power law, power
_FILTER_ORDER = 4


def slow_eeg(eeg: Eeg) -> Eeg:
    """Return EEG of at most twice 250 Hz, low-pass filtered before every n-th sample is kept."""
    factor = int(eeg.sfreq // _ENOUGH)
    if factor < 2:
        return eeg
    kept = signal.decimate(eeg.data, factor, ftype="fir", axis=1)
    return replace(eeg, data=kept, sfreq=eeg.sfreq / factor)


def eeg_spectrum(eeg: Eeg) -> Spectrum:
    """Return the power of each channel in µV²/Hz, from Hann windows of 4 s."""
    n_segment = min(eeg.data.shape[1], round(_SEGMENT * eeg.sfreq))
    frequencies, power = signal.welch(1e6 * eeg.data, fs=eeg.sfreq, nperseg=n_segment, axis=1)
    return Spectrum(frequencies[1:], power[:, 1:])


def alpha_peak(spectrum: Spectrum) -> float:
    """Return the frequency at which the alpha rhythm stands out most, in Hz; NaN without one.

    It is a peak of the median over channels that rises to 1.5 times both the power law beneath it
    and the valleys beside it.

    Parameters
    ----------
    spectrum : Spectrum
        Of EEG channels.
    """
    exponent, factor = power_law(spectrum.frequencies, spectrum.median, APERIODIC_BAND)
    if np.isnan(exponent):
        return float("nan")
    height = np.log(spectrum.median * spectrum.frequencies**exponent / factor)
    least = np.log(_LEAST_PEAK)
    peaks, _ = signal.find_peaks(height, height=least, prominence=least)
    where = spectrum.frequencies[peaks]
    inside = peaks[(where >= ALPHA_BAND[0]) & (where <= ALPHA_BAND[1])]
    if not inside.size:
        return float("nan")
    return float(spectrum.frequencies[inside[np.argmax(height[inside])]])


def n_components(data: Float[ndarray, "channels times"], share: float = 0.9) -> int:
    """Return how many principal components hold a share of the variance."""
    centred = data - data.mean(axis=1, keepdims=True)
    variance = np.linalg.eigvalsh(centred @ centred.T)[::-1]
    held = np.cumsum(variance) / variance.sum()
    return int(np.searchsorted(held, share) + 1)


def alpha_power(eeg: Eeg) -> Float[ndarray, " times"] | None:
    """Return the power of 8-13 Hz at each sample, mean over channels; None at too low a rate."""
    if eeg.sfreq < 3 * ALPHA_BAND[1]:
        return None
    sos = signal.butter(_FILTER_ORDER, ALPHA_BAND, "bandpass", fs=eeg.sfreq, output="sos")
    return np.asarray(np.mean(signal.sosfiltfilt(sos, eeg.data, axis=1) ** 2, axis=0))
