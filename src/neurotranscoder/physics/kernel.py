"""A response to an impulse that is known at every lag, not only at samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float
from numpy import ndarray
from scipy.interpolate import CubicSpline
from scipy.signal import czt

_N_INTERVALS = 8192
_FEW = 512  # frequencies that are summed directly


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """A response to a unit impulse; zero outside ``[start, stop]``.

    Parameters
    ----------
    formula : callable
        Lags in seconds to values in 1/s; only called for lags within the support.
    start, stop : float
        Support, in seconds.
    """

    formula: Callable[[ndarray], ndarray]
    start: float
    stop: float

    def __call__(self, lags: Float[ndarray, "*lags"]) -> Float[ndarray, "*lags"]:
        """Return the response at any lags."""
        inside = (lags >= self.start) & (lags <= self.stop)
        values = self.formula(np.clip(lags, self.start, self.stop))
        return np.asarray(np.where(inside, values, 0.0))

    def tabulated(self, lags: Float[ndarray, " lags"]) -> Float[ndarray, " lags"]:
        """Return the response at very many lags, by a spline through `lags` (to 1e-9)."""
        spline = CubicSpline(self.lags, self(self.lags))
        inside = (lags >= self.start) & (lags <= self.stop)
        return np.asarray(np.where(inside, spline(np.clip(lags, self.start, self.stop)), 0.0))

    @property
    def lags(self) -> Float[ndarray, " lags"]:
        """Lags that sample the support so finely that sums are integrals (to 1e-7)."""
        return np.linspace(self.start, self.stop, _N_INTERVALS + 1)

    def transfer(
        self, frequencies: Float[ndarray, " frequencies"]
    ) -> Complex[ndarray, " frequencies"]:
        """Return the Fourier transform of the response, at frequencies in Hz."""
        return np.asarray(transfers((self,), frequencies)[0])

    def averaged(self, width: float) -> Kernel:
        """Return the response averaged over a window of ``width`` s around each lag."""
        integral = CubicSpline(self.lags, self(self.lags)).antiderivative()
        start, stop, half = self.start, self.stop, width / 2

        def formula(lags: ndarray) -> ndarray:
            upper = integral(np.clip(lags + half, start, stop))
            return np.asarray((upper - integral(np.clip(lags - half, start, stop))) / width)

        return Kernel(formula, start - half, stop + half)

    @property
    def energy(self) -> float:
        """Integral of the squared response, in 1/s."""
        return float(np.trapezoid(self(self.lags) ** 2, self.lags))

    @property
    def centre_of_mass(self) -> float:
        """Mean lag, weighted with the response, in seconds."""
        values = self(self.lags)
        moment = np.trapezoid(self.lags * values, self.lags)
        return float(moment / np.trapezoid(values, self.lags))

    @property
    def centre_of_energy(self) -> float:
        """Mean lag, weighted with the square of the response, in seconds."""
        power = self(self.lags) ** 2
        return float(np.trapezoid(self.lags * power, self.lags) / np.trapezoid(power, self.lags))


def transfers(
    kernels: Sequence[Kernel], frequencies: Float[ndarray, " frequencies"]
) -> Complex[ndarray, "kernels frequencies"]:
    """Return the Fourier transforms of responses, at frequencies in Hz.

    Responses of the same support share their waves, so hundreds cost little more than one.
    """
    out = np.empty((len(kernels), len(frequencies)), dtype=np.complex128)
    supports = [(kernel.start, kernel.stop) for kernel in kernels]
    for support in sorted(set(supports)):
        rows = [row for row, its in enumerate(supports) if its == support]
        lags = kernels[rows[0]].lags
        weights = np.full(len(lags), lags[1] - lags[0])
        weights[[0, -1]] /= 2  # of the trapezoidal rule
        values = np.stack([kernels[row](lags) for row in rows]) * weights
        if len(frequencies) <= _FEW or np.ptp(np.diff(frequencies)) > 1e-9 * frequencies[-1]:
            out[rows] = values @ np.exp(-2j * np.pi * lags[:, np.newaxis] * frequencies)
        else:
            out[rows] = _chirp(values, lags, frequencies)
    return out


def _chirp(
    values: Float[ndarray, "kernels lags"],
    lags: Float[ndarray, " lags"],
    frequencies: Float[ndarray, " frequencies"],
) -> Complex[ndarray, "kernels frequencies"]:
    """Return Fourier sums at many equally spaced frequencies, by the chirp z-transform."""
    step = lags[1] - lags[0]
    spacing = (frequencies[-1] - frequencies[0]) / (len(frequencies) - 1)
    first = np.exp(2j * np.pi * frequencies[0] * step)
    sums = czt(values, len(frequencies), np.exp(-2j * np.pi * spacing * step), first)
    return np.asarray(sums * np.exp(-2j * np.pi * frequencies * lags[0]))
