"""Rhythms of regions: sums of waves whose frequencies are multiples of one that no run repeats."""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex, Float
from numpy import ndarray


def rhythm_frequencies(band: tuple[float, float], duration: float) -> Float[ndarray, " waves"]:
    """Return the frequencies within a band of noise that does not repeat within a run."""
    period = duration + 100.0
    first, last = np.ceil(band[0] * period - 1e-9), np.floor(band[1] * period + 1e-9)
    return np.asarray(np.arange(max(first, 1.0), last + 1) / period)


def draw_rhythms(
    n_rhythms: int, frequencies: Float[ndarray, " waves"], *, sd: float, rng: np.random.Generator
) -> Complex[ndarray, "rhythms waves"]:
    """Draw Gaussian noise with a flat spectrum on the given frequencies.

    Returns
    -------
    waves : array of complex, shape (rhythms, waves)
        Amplitudes and phases; each rhythm has standard deviation ``sd``.
    """
    parts = rng.standard_normal((2, n_rhythms, len(frequencies)))
    return np.asarray((parts[0] + 1j * parts[1]) * (sd / np.sqrt(len(frequencies))))
