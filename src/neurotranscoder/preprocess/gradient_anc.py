"""Adaptive noise cancelling: what above 70 Hz still goes with the artefact that was removed."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.preprocess.gradient_residual import high_pass

_STEP = 0.2
_MEMORY = 0.9  # of the power of the reference, from block to block


def adaptive_part(
    cleaned: Float[ndarray, " times"],
    artefact: Float[ndarray, " times"],
    sfreq: float,
    n_taps: int,
) -> Float[ndarray, " times"]:
    """Return what an adaptive filter of the artefact finds in cleaned EEG, above 70 Hz.

    A least-mean-square filter (Niazy 2005, last step) in blocks of as many samples as it has
    taps (Shynk 1992).

    Parameters
    ----------
    cleaned : array, shape (times,)
        EEG less the artefact.
    artefact : array, shape (times,)
        What was removed, the filter's reference.
    sfreq : float
        Sampling frequency, in Hz.
    n_taps : int
        Length of the filter, in samples.

    Returns
    -------
    found : array, shape (times,)
        To be subtracted from ``cleaned``.
    """
    if not artefact.any():
        return np.zeros_like(cleaned)
    wanted, reference = high_pass(np.stack([cleaned, artefact]), sfreq)
    n_blocks = -(-len(wanted) // n_taps)
    padded = np.zeros((2, n_blocks * n_taps))
    padded[:, : len(wanted)] = wanted, reference
    wanted, reference = padded
    reference = np.append(np.zeros(n_taps), reference)
    weights = np.zeros(n_taps + 1, dtype=np.complex128)
    power = np.zeros(n_taps + 1)
    floor = 2 * n_taps * np.mean(reference**2)
    found = np.zeros(n_blocks * n_taps)
    for block in range(n_blocks):
        here = slice(block * n_taps, (block + 1) * n_taps)
        spectrum = np.fft.rfft(reference[here.start : here.stop + n_taps])
        power = _MEMORY * power + (1 - _MEMORY) * np.abs(spectrum) ** 2
        found[here] = np.fft.irfft(weights * spectrum)[n_taps:]
        error = np.append(np.zeros(n_taps), wanted[here] - found[here])
        slope = np.fft.irfft(spectrum.conj() * np.fft.rfft(error) / (power.max() + floor))
        slope[n_taps:] = 0
        weights += _STEP * np.fft.rfft(slope)
    return found[: len(cleaned)]
