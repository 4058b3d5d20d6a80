"""Noise of BOLD: thermal, autoregressive, cardiac, respiratory, global and drift."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field, PositiveFloat, model_validator
from scipy.special import ndtr

from neurotranscoder.core.axes import VolumeAxis
from neurotranscoder.core.errors import GridError, SettingsError
from neurotranscoder.core.settings import Settings
from neurotranscoder.simulate.band_noise import delay_shares, draw_band_noise
from neurotranscoder.simulate.noise_maps import magnitude_map, smooth_maps
from neurotranscoder.simulate.noise_terms import (
    AutoregressiveTerm,
    LowRankTerm,
    NoiseTerm,
    WhiteTerm,
)
from neurotranscoder.simulate.physiology import Physiology
from neurotranscoder.simulate.seen_head import SeenHead

Part = Literal["thermal", "autoregressive", "cardiac", "respiratory", "global_signal", "drift"]
PARTS: tuple[Part, ...] = get_args(Part)
"""In the order of their random streams; never reorder."""

_SECOND_HARMONIC = 0.5
_GLOBAL_BAND = (0.01, 0.1)
_GLOBAL_EXPONENT = 1.0
_LARGEST_DELAY = 30.0
_BASE_REACH = 20.0  # mm


class BoldNoiseSettings(Settings):
    """How large each part of the noise is; 0 switches a part off.

    Standard deviations are over time, as root mean square over the brain. The defaults belong to
    3 T and voxels of 3 x 3 x 4 mm: there, physiological noise is about as large as thermal noise
    (Triantafyllou 2005), and the temporal SNR of all parts together is 56-88 in grey matter.
    """

    thermal: float = Field(default=0.9, ge=0, le=100)
    """Thermal noise, in % of baseline."""
    autoregressive: float = Field(default=0.6, ge=0, le=100)
    """Noise of first-order memory, in % of baseline."""
    cardiac: float = Field(default=0.4, ge=0, le=100)
    """Two harmonics of the heart, in % of baseline."""
    respiratory: float = Field(default=0.3, ge=0, le=100)
    """Two harmonics of breathing, in % of baseline."""
    global_signal: float = Field(default=0.35, ge=0, le=100)
    """A wave of .01-.1 Hz that reaches regions at different times, in % of baseline."""
    drift: float = Field(default=0.5, ge=0, le=100)
    """Slow cosines with a weight per place, in % of baseline."""
    ar_coefficient: float = Field(default=0.4, ge=0, lt=1)
    """Correlation of autoregressive noise from volume to volume."""
    spread: float = Field(default=0.2, ge=0, le=2)
    """Standard deviation over the brain of the logarithm of the magnitude of each part."""
    smoothness: PositiveFloat = 15.0
    """Standard deviation of the Gaussian that smooths the maps, in mm."""
    cardiac_base: float = Field(default=2.0, ge=0)
    """How much larger, as a share, cardiac noise is at the base of the brain and in CSF."""
    drift_period: PositiveFloat = 128.0
    """Least period of the drift, in s."""
    global_delays: tuple[float, float] = (-3.0, 3.0)
    """Least and largest delay of the global wave, in s."""

    @property
    def is_on(self) -> bool:
        """Whether there is any noise."""
        return any(getattr(self, part) > 0 for part in PARTS)

    @model_validator(mode="after")
    def _delays_in_order(self) -> BoldNoiseSettings:
        """Check that the least delay is not the largest."""
        low, high = self.global_delays
        if not -_LARGEST_DELAY <= low <= high <= _LARGEST_DELAY:
            raise ValueError(
                f"global_delays are {low:g} and {high:g} s; they need to rise within +-30 s"
            )
        return self


@dataclass(frozen=True, slots=True, eq=False)
class BoldNoise:
    """The noise of one run, part by part.

    Parameters
    ----------
    parts : tuple of str
        Names of the parts that are switched on.
    terms : tuple of NoiseTerm
        One per part.
    shape : tuple of int
        Of the images it belongs to: x, y, z and volumes.
    """

    parts: tuple[Part, ...]
    terms: tuple[NoiseTerm, ...]
    shape: tuple[int, int, int, int]

    def variance(self, part: Part) -> Float[ndarray, " voxels"]:
        """Return the expected variance of a part per brain voxel, in (% of baseline)^2."""
        return self._term(part).variance

    def add(
        self,
        part: Part,
        bold: Float[ndarray, "x y z volumes"],
        unit_image: Float[ndarray, "x y z"],
        scale: float = 1.0,
    ) -> None:
        """Add one part in place, slice by slice; the same values at every call.

        Parameters
        ----------
        part : str
            One of ``parts``.
        bold : array, shape (x, y, z, volumes)
            Images that the part is added to.
        unit_image : array, shape (x, y, z)
            Signal per % of baseline.
        scale : float
            What the part is multiplied with.
        """
        if bold.shape != self.shape:
            raise GridError(
                f"noise was drawn for images of shape {self.shape} but got {bold.shape}; "
                "draw it with the head and the volumes of these images"
            )
        self._term(part).add(bold, scale * unit_image)

    def _term(self, part: Part) -> NoiseTerm:
        """Return one part."""
        if part not in self.parts:
            known = ", ".join(self.parts) or "none"
            raise SettingsError(
                f"there is no noise {part!r}; this run has {known}; give '{part}' a level above 0"
            )
        return self.terms[self.parts.index(part)]


@dataclass(frozen=True, slots=True, eq=False)
class _Chance:
    """The random streams of one part: of the subject and of the run."""

    maps: np.random.Generator
    run: np.random.Generator


def draw_bold_noise(
    settings: BoldNoiseSettings,
    head: SeenHead,
    volumes: VolumeAxis,
    physiology: Physiology,
    *,
    maps_rng: np.random.Generator,
    rngs: Callable[[Part], np.random.Generator],
) -> BoldNoise:
    """Draw the noise of one run.

    Each part has random streams of its own: switching one off leaves the others as they were,
    to the last bit.

    Parameters
    ----------
    settings : BoldNoiseSettings
        How large each part is.
    head : SeenHead
        Grid, brain and tissue.
    volumes : VolumeAxis
        When each slice was acquired.
    physiology : Physiology
        Beats and breaths; they cover all volumes.
    maps_rng : Generator
        Source of chance of the subject: where noise is large. It gives each part a stream by
        `Generator.spawn`, so every run of a subject needs it afresh from the same seed.
    rngs : callable
        Gives the source of chance of a part in this run.
    """
    if len(volumes.slice_times) != head.grid.shape[2]:
        raise GridError(
            f"the head has {head.grid.shape[2]} slices but there are "
            f"{len(volumes.slice_times)} slice times; give one per slice"
        )
    streams = maps_rng.spawn(len(PARTS))
    parts = tuple(part for part in PARTS if getattr(settings, part) > 0)
    build = _Build(settings, head, volumes, physiology)
    terms = []
    for part in parts:
        chance = _Chance(streams[PARTS.index(part)], rngs(part))
        terms.append(getattr(build, part)(chance))
    return BoldNoise(parts, tuple(terms), (*head.grid.shape, volumes.n_volumes))


@dataclass(frozen=True, slots=True, eq=False)
class _Build:
    """How each part is drawn; one method per part, of the same name."""

    settings: BoldNoiseSettings
    head: SeenHead
    volumes: VolumeAxis
    physiology: Physiology

    def thermal(self, chance: _Chance) -> NoiseTerm:
        """Draw white noise."""
        sd = self.settings.thermal * self._magnitude(chance)
        return WhiteTerm(self.head.brain, sd, chance.run)

    def autoregressive(self, chance: _Chance) -> NoiseTerm:
        """Draw noise with memory."""
        sd = self.settings.autoregressive * self._magnitude(chance)
        coefficient = self.settings.ar_coefficient
        return AutoregressiveTerm(self.head.brain, sd, coefficient, chance.run)

    def cardiac(self, chance: _Chance) -> NoiseTerm:
        """Draw the harmonics of the heart: larger at the base, near its arteries, and in CSF."""
        height = self.head.places[:, 2]
        base = np.exp(-(height - height.min()) / _BASE_REACH)
        csf = np.clip(1 - self.head.grey - self.head.white, 0, 1)
        magnitude = self._magnitude(chance) * (1 + self.settings.cardiac_base * (base + csf))
        courses = self.physiology.cardiac_regressors
        return self._harmonics(chance, self.settings.cardiac, magnitude, courses)

    def respiratory(self, chance: _Chance) -> NoiseTerm:
        """Draw the harmonics of breathing."""
        courses = self.physiology.respiratory_regressors
        sd = self.settings.respiratory
        return self._harmonics(chance, sd, self._magnitude(chance), courses)

    def global_signal(self, chance: _Chance) -> NoiseTerm:
        """Draw a wave that is late by another delay at each place."""
        low, high = self.settings.global_delays
        sd = self.settings.global_signal * self._magnitude(chance)
        delays = low + (high - low) * ndtr(self._smooth(chance.maps, 1)[:, 0])
        duration = self.volumes.duration + 2 * _LARGEST_DELAY
        wave = draw_band_noise(
            _GLOBAL_BAND, duration=duration, exponent=_GLOBAL_EXPONENT, rng=chance.run
        )
        shares, nodes = delay_shares(delays, (low, high), highest=_GLOBAL_BAND[1])
        return self._low_rank(
            sd[:, np.newaxis] * shares, lambda times: wave.delayed(times, nodes), sd**2
        )

    def drift(self, chance: _Chance) -> NoiseTerm:
        """Draw slow cosines whose weights vary smoothly over the brain."""
        duration = self.volumes.duration
        n_cosines = int(np.floor(2 * duration / self.settings.drift_period))
        if n_cosines < 1:
            raise SettingsError(
                f"a drift with periods of at least {self.settings.drift_period:g} s needs "
                f"{self.settings.drift_period / 2:g} s or more but the run lasts {duration:g} s; "
                "set drift to 0 or make drift_period shorter"
            )
        sd = self.settings.drift * self._magnitude(chance)
        numbers = np.arange(1, n_cosines + 1)
        weights = 1 / numbers
        weights *= np.sqrt(2 / np.sum(weights**2))
        maps = sd[:, np.newaxis] * weights * self._smooth(chance.run, n_cosines)
        omega = np.pi * numbers[:, np.newaxis] / duration
        return self._low_rank(maps, lambda times: np.cos(omega * times), sd**2)

    def _harmonics(
        self,
        chance: _Chance,
        sd: float,
        magnitude: ndarray,
        courses: Callable[[ndarray], ndarray],
    ) -> NoiseTerm:
        """Draw maps for two harmonics, each with a cosine and a sine."""
        maps = magnitude[:, np.newaxis] * self._smooth(chance.maps, 4)
        maps[:, 2:] *= _SECOND_HARMONIC
        variance = np.sum(maps**2, axis=1) / 2
        maps *= sd / np.sqrt(variance.mean())
        return self._low_rank(maps, courses, sd**2 * variance / variance.mean())

    def _low_rank(
        self, maps: ndarray, courses: Callable[[ndarray], ndarray], variance: ndarray
    ) -> NoiseTerm:
        """Return maps times courses."""
        return LowRankTerm(
            self.head.brain, maps.astype(np.float32), courses, self.volumes, variance
        )

    def _smooth(self, rng: np.random.Generator, count: int) -> ndarray:
        """Draw smooth maps."""
        return smooth_maps(self.head, count, smoothness=self.settings.smoothness, rng=rng)

    def _magnitude(self, chance: _Chance) -> ndarray:
        """Draw how large a part is at each voxel."""
        return magnitude_map(
            self.head,
            self.settings.spread,
            smoothness=self.settings.smoothness,
            rng=chance.maps,
        )
