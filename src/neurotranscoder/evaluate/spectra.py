"""Power spectra, and how steeply they fall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.stats import theilslopes

_LEAST_POINTS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """Power per frequency of several signals.

    Parameters
    ----------
    frequencies : array, shape (frequencies,)
        Above 0, rising, in Hz.
    power : array, shape (rows, frequencies)
        Squared unit of the signals per Hz.
    """

    frequencies: Float[ndarray, " frequencies"]
    power: Float[ndarray, "rows frequencies"]

    @property
    def median(self) -> Float[ndarray, " frequencies"]:
        """The median over signals."""
        return np.asarray(np.median(self.power, axis=0))

    def amplitude(self, band: tuple[float, float]) -> Float[ndarray, " rows"]:
        """Return the root mean square of each signal within a band, in the signals' unit."""
        low, high = band
        inside = (self.frequencies >= low) & (self.frequencies < high)
        step = self.frequencies[1] - self.frequencies[0]
        return np.asarray(np.sqrt(self.power[:, inside].sum(axis=1) * step))


def power_law(
    frequencies: Float[ndarray, " frequencies"],
    power: Float[ndarray, " frequencies"],
    band: tuple[float, float],
) -> tuple[float, float]:
    """Return exponent x and factor c of ``c / f ** x`` within a band, NaN where it is too narrow.

    The line through the logarithms is that of Theil and Sen, which a few peaks do not bend.

    Parameters
    ----------
    frequencies, power : array, shape (frequencies,)
        A spectrum.
    band : tuple of float
        Where it is fitted, in Hz.
    """
    used = (frequencies >= band[0]) & (frequencies <= band[1]) & (power > 0)
    reaches = frequencies[-1] >= 0.9 * band[1]
    if used.sum() < _LEAST_POINTS or not reaches:
        return float("nan"), float("nan")
    fit = theilslopes(np.log(power[used]), np.log(frequencies[used]))
    return -float(fit.slope), float(np.exp(fit.intercept))


def exponents(spectrum: Spectrum, band: tuple[float, float]) -> Float[ndarray, " rows"]:
    """Return the exponent of each signal's power law within a band."""
    return np.array([power_law(spectrum.frequencies, row, band)[0] for row in spectrum.power])
