"""Noise within a band of frequencies that is known at every time and never repeats in a run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from numpy.polynomial.chebyshev import chebpts1, chebvander

_MODES_PER_CYCLE = 2
_DELAY_ERROR = 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class BandNoise:
    """A sum of cosines.

    Parameters
    ----------
    frequencies : array, shape (modes,)
        In Hz.
    amplitudes : array, shape (modes,)
        Of the cosines; the variance is half the sum of their squares.
    phases : array, shape (modes,)
        At time 0, in rad.
    """

    frequencies: Float[ndarray, " modes"]
    amplitudes: Float[ndarray, " modes"]
    phases: Float[ndarray, " modes"]

    def __call__(self, times: Float[ndarray, " times"]) -> Float[ndarray, " times"]:
        """Return the noise at any times, in s."""
        return np.asarray(self.delayed(times, np.zeros(1))[0])

    def delayed(
        self, times: Float[ndarray, " times"], delays: Float[ndarray, " delays"]
    ) -> Float[ndarray, "delays times"]:
        """Return the noise at any times, late by each of some delays, in s."""
        omega = 2 * np.pi * self.frequencies
        waves = np.exp(1j * omega[:, np.newaxis] * times)
        weights = self.amplitudes * np.exp(1j * (self.phases - np.outer(delays, omega)))
        return np.asarray((weights @ waves).real)


def draw_band_noise(
    band: tuple[float, float], *, duration: float, exponent: float, rng: np.random.Generator
) -> BandNoise:
    """Draw noise of unit variance.

    The frequencies are one random place in each of equal bins, two bins per cycle that the run
    could tell apart: they have no common period.

    Parameters
    ----------
    band : tuple of float
        Lowest and highest frequency, in Hz.
    duration : float
        Time within which the noise must not repeat, in s.
    exponent : float
        The power falls with frequency to the power of this; 0 is flat.
    rng : Generator
        Source of chance.
    """
    low, high = band
    n_modes = int(np.ceil(_MODES_PER_CYCLE * duration * (high - low))) + 1
    frequencies = low + (high - low) * (np.arange(n_modes) + rng.random(n_modes)) / n_modes
    power = frequencies**-exponent
    amplitudes = np.sqrt(2 * power / power.sum())
    return BandNoise(frequencies, amplitudes, rng.uniform(0, 2 * np.pi, n_modes))


def delay_shares(
    delays: Float[ndarray, " voxels"], limits: tuple[float, float], *, highest: float
) -> tuple[Float[ndarray, "voxels nodes"], Float[ndarray, " nodes"]]:
    """Express waves that are late by any delay as shares of waves at a few delays.

    This is polynomial interpolation over the delay between Chebyshev nodes. With n nodes, the
    error of a wave whose phase differs by r rad from the middle to the limits is at most
    ``2 (r / 2)^n / n!``.

    Parameters
    ----------
    delays : array, shape (voxels,)
        In s, within ``limits``.
    limits : tuple of float
        Least and largest delay, in s.
    highest : float
        Highest frequency of the waves, in Hz.

    Returns
    -------
    shares : array, shape (voxels, nodes)
        ``shares @ wave.delayed(times, nodes)`` equals ``wave.delayed(times, delays)``.
    nodes : array, shape (nodes,)
        Delays, in s.
    """
    middle, half = sum(limits) / 2, (limits[1] - limits[0]) / 2
    reach = 2 * np.pi * highest * half
    error, n_nodes = 2.0, 0
    while error > _DELAY_ERROR:
        n_nodes += 1
        error *= reach / 2 / n_nodes
    nodes = chebpts1(n_nodes)
    places = (delays - middle) / half if half else np.zeros_like(delays)
    to_shares = np.linalg.inv(chebvander(nodes, n_nodes - 1))
    return chebvander(places, n_nodes - 1) @ to_shares, middle + half * nodes
