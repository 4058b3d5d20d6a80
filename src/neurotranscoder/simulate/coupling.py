"""How BOLD follows sources: linearly (Eq. 1), or by the power of what the EEG sees."""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from pydantic import Field, PositiveFloat, model_validator

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.settings import Settings
from neurotranscoder.physics.anatomy import named_region
from neurotranscoder.simulate.regions import Regions

RHYTHM_MARGIN = 100.0
"""Seconds that rhythms go on after a run before they repeat."""


class Envelope(Settings):
    """Waxing and waning of rhythms: a log-normal factor A(t) with a mean square of 1."""

    band: tuple[PositiveFloat, PositiveFloat] = (0.01, 0.1)
    """Band of its logarithm, in Hz."""
    log_sd: float = Field(default=0.5, gt=0, le=1)
    """Standard deviation of its logarithm."""


class RhythmBand(Settings):
    """A rhythm of some part of the brain."""

    name: str
    """What it is called, such as 'alpha'."""
    band: tuple[PositiveFloat, PositiveFloat]
    """Lowest and highest frequency, in Hz."""
    place: str
    """Region of anatomy; a rhythm goes to the regions that are nearer to its place than to that
    of any other."""
    bold_gain: float = 1.0
    """How strongly BOLD follows its power relative to others; negative where BOLD falls."""

    @model_validator(mode="after")
    def _is_possible(self) -> RhythmBand:
        """Refuse a band that is none, and a place that is unknown."""
        if not self.band[0] < self.band[1]:
            raise ValueError(f"band of {self.name!r} is {self.band} Hz; need it increasing")
        try:
            named_region(self.place)
        except SettingsError as error:
            raise ValueError(str(error)) from None
        return self


class Coupling(Settings):
    """What BOLD follows."""

    mode: Literal["linear", "power"] = "linear"
    """'linear': the sources themselves (Eq. 1). 'power': the power of the envelope of rhythms, and
    impulses as they are, or as ``evoked_power`` says."""
    evoked_power: bool = False
    """With 'power', whether BOLD follows the squares of the amplitudes of impulses too."""


def nearest_bands(regions: Regions, bands: tuple[RhythmBand, ...]) -> Int[ndarray, " regions"]:
    """Return the number of the band of each region: the one whose place is nearest.

    Parameters
    ----------
    regions : Regions
        Their centres are in RAS mm of MNI152.
    bands : tuple of RhythmBand
        At least one.
    """
    distances = [
        np.min(
            [
                np.linalg.norm(regions.centres - sphere.centre, axis=1)
                for sphere in named_region(band.place).spheres
            ],
            axis=0,
        )
        for band in bands
    ]
    return np.asarray(np.argmin(distances, axis=0))


def power_of_impulses(
    amplitude: Float[ndarray, " impulses"], log_sd: float
) -> Float[ndarray, " impulses"]:
    """Return squares of log-normal amplitudes, scaled so that amplitudes of mean 1 keep it."""
    return np.asarray(amplitude**2 * np.exp(-(log_sd**2)))


def power_spectrum(
    envelope: Envelope, frequencies: Float[ndarray, " frequencies"], duration: float
) -> Float[ndarray, " frequencies"]:
    """Return the share of the variance of A(t)^2 at multiples of one frequency, in expectation.

    With a Gaussian logarithm of variance s^2 and autocorrelation r, A^2 has the autocovariance
    ``exp(4 s^2 r) - 1``.

    Parameters
    ----------
    envelope : Envelope
        Law of A.
    frequencies : array, shape (frequencies,)
        Multiples of the inverse of ``duration``, from the first on, in Hz.
    duration : float
        After which A repeats, in s.
    """
    n_lags = 2 * (len(frequencies) + 1)
    lags = np.arange(n_lags) * duration / n_lags
    inside = (frequencies >= envelope.band[0] - 1e-9) & (frequencies <= envelope.band[1] + 1e-9)
    correlation = np.cos(2 * np.pi * np.outer(lags, frequencies[inside])).mean(axis=1)
    covariance = np.exp(4 * envelope.log_sd**2 * correlation) - 1
    spectrum = 2 * np.fft.rfft(covariance).real / n_lags
    return np.asarray(np.maximum(spectrum[1 : len(frequencies) + 1], 0.0))
