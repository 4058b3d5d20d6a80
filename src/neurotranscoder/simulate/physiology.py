"""Heart and breathing: beats and breaths on the scanner clock, and their phases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field
from scipy.interpolate import CubicSpline

from neurotranscoder.core.errors import GridError
from neurotranscoder.core.settings import Settings
from neurotranscoder.simulate.band_noise import draw_band_noise

# R-R intervals of sessions 32, 35 and 36, data set NODDI EEG-fMRI at rest (2324 beats, errors of
# the detector left out): mean .869, 1.067, .860 s; sd 46, 142, 49 ms; rmssd 34, 121, 27 ms;
# sd within .04-.15 Hz 25, 59, 37 ms, within .15-.4 Hz 17, 56, 11 ms. The defaults are near the
# medians; the mean rates are 1.15, .94 and 1.16 Hz.
_HEART_RATE = 1.12
_SLOW_WAVE = 0.042
_SINUS_ARRHYTHMIA = 0.016
_SHORT_TERM = 0.012
_SLOW_BAND = (0.04, 0.15)

_BREATHING_BAND = (0.005, 0.05)
_MARGIN = 10.0
_STEP = 0.05
_COARSE_STEP = 0.5


class PhysiologySettings(Settings):
    """How the heart beats and how the chest breathes."""

    heart_rate: float = Field(default=_HEART_RATE, ge=0.4, le=3.0)
    """Mean rate of the heart, in Hz."""
    short_term_sd: float = Field(default=_SHORT_TERM, ge=0, le=0.2)
    """Standard deviation of R-R intervals that is independent from beat to beat, in s."""
    sinus_arrhythmia: float = Field(default=_SINUS_ARRHYTHMIA, ge=0, le=0.2)
    """Standard deviation of R-R intervals that follows breathing, in s."""
    slow_wave: float = Field(default=_SLOW_WAVE, ge=0, le=0.2)
    """Standard deviation of R-R intervals by waves around .1 Hz (.04-.15 Hz), in s."""
    breathing_rate: float = Field(default=0.28, ge=0.05, le=1.0)
    """Mean rate of breathing, in Hz."""
    breathing_rate_spread: float = Field(default=0.1, ge=0, le=0.5)
    """Standard deviation of that rate over minutes, as a share of it."""
    breath_sd: float = Field(default=0.25, ge=0, le=1.0)
    """Standard deviation of a breath's length that is independent from breath to breath, in s."""
    depth_spread: float = Field(default=0.25, ge=0, le=1.0)
    """Standard deviation of the logarithm of the depth of breaths."""


@dataclass(frozen=True, slots=True, eq=False)
class Physiology:
    """The beats and breaths of one run.

    Parameters
    ----------
    beats : array, shape (beats,)
        R peaks, in s on the scanner clock.
    breaths : array, shape (breaths,)
        Starts of inspiration, in s on the scanner clock.
    depths : array, shape (breaths,)
        Depth of breathing at these times; linear between, with a mean square of 1.
    """

    beats: Float[ndarray, " beats"]
    breaths: Float[ndarray, " breaths"]
    depths: Float[ndarray, " breaths"]

    def cardiac_phase(self, times: Float[ndarray, " times"]) -> Float[ndarray, " times"]:
        """Return the phase of the heart, in rad: 2 pi from one R peak to the next."""
        return _phase(self.beats, times, "heart beats")

    def respiratory_phase(self, times: Float[ndarray, " times"]) -> Float[ndarray, " times"]:
        """Return the phase of breathing, in rad: 2 pi from one inspiration to the next."""
        return _phase(self.breaths, times, "breaths")

    def cardiac_regressors(self, times: Float[ndarray, " times"]) -> Float[ndarray, "4 times"]:
        """Return two harmonics of the heart; the mean square of each is 1/2."""
        return _harmonics(self.cardiac_phase(times))

    def respiratory_regressors(self, times: Float[ndarray, " times"]) -> Float[ndarray, "4 times"]:
        """Return two harmonics of breathing times its depth; the mean square of each is 1/2."""
        depth = np.interp(times, self.breaths, self.depths)
        return np.asarray(depth * _harmonics(self.respiratory_phase(times)))

    def regressors(self, times: Float[ndarray, " times"]) -> Float[ndarray, "8 times"]:
        """Return both pairs of harmonics (RETROICOR, Glover 2000), the heart's first."""
        return np.concatenate([self.cardiac_regressors(times), self.respiratory_regressors(times)])


def draw_physiology(
    settings: PhysiologySettings, *, start: float, stop: float, rng: np.random.Generator
) -> Physiology:
    """Draw the beats and breaths of a run.

    Rates vary as ``exp`` of a sum of waves and white noise; a beat falls wherever the integral
    of the rate passes a whole number.

    Parameters
    ----------
    settings : PhysiologySettings
        Rates and their variability.
    start, stop : float
        Time to cover, in s on the scanner clock; beats and breaths cover 10 s more at each end.
    rng : Generator
        Source of chance.
    """
    heart_rng, chest_rng = rng.spawn(2)
    reach = _MARGIN + 2 / min(settings.heart_rate, settings.breathing_rate) + _MARGIN
    times = np.arange(start - reach, stop + reach, _STEP)
    breaths = _draw_breaths(settings, times, chest_rng)
    depths = _draw_depths(settings, breaths, chest_rng)
    inside = times[(times >= breaths[0]) & (times <= breaths[-1])]
    phase = _phase(breaths, inside, "breaths")
    rate = settings.heart_rate
    waves = rate * settings.slow_wave * _slow_wave(_SLOW_BAND, inside, heart_rng)
    waves += rate * settings.sinus_arrhythmia * np.sqrt(2) * np.cos(phase)
    white = _white(rate, settings.short_term_sd, len(inside), heart_rng)
    return Physiology(_events(inside, rate, waves + white, heart_rng), breaths, depths)


def _draw_breaths(
    settings: PhysiologySettings, times: ndarray, rng: np.random.Generator
) -> ndarray:
    """Draw the starts of breaths."""
    rate = settings.breathing_rate
    slow = _slow_wave(_BREATHING_BAND, times, rng)
    white = _white(rate, settings.breath_sd, len(times), rng)
    return _events(times, rate, settings.breathing_rate_spread * slow + white, rng)


def _draw_depths(
    settings: PhysiologySettings, breaths: ndarray, rng: np.random.Generator
) -> ndarray:
    """Draw a depth at the start of each breath; the mean square over time is 1."""
    depths = np.exp(settings.depth_spread * rng.standard_normal(len(breaths)))
    now, then, lengths = depths[:-1], depths[1:], np.diff(breaths)
    squares = (now**2 + now * then + then**2) / 3  # mean square of a straight line
    return np.asarray(depths / np.sqrt(np.average(squares, weights=lengths)))


def _slow_wave(band: tuple[float, float], times: ndarray, rng: np.random.Generator) -> ndarray:
    """Draw noise of unit variance, as a spline through more than 13 points of each wave."""
    wave = draw_band_noise(band, duration=times[-1] - times[0], exponent=0.0, rng=rng)
    coarse = np.arange(times[0], times[-1] + _COARSE_STEP, _COARSE_STEP)
    return np.asarray(CubicSpline(coarse, wave(coarse))(times))


def _white(rate: float, sd: float, n_steps: int, rng: np.random.Generator) -> ndarray:
    """Draw white modulation that moves the end of a cycle by ``sd`` s."""
    return np.asarray(sd * np.sqrt(rate / _STEP) * rng.standard_normal(n_steps))


def _events(times: ndarray, rate: float, modulation: ndarray, rng: np.random.Generator) -> ndarray:
    """Return when the integral of a modulated rate passes whole numbers."""
    factor = np.exp(modulation)
    cycles = rng.random() + rate * _STEP * np.cumsum(factor / factor.mean())
    whole = np.arange(np.ceil(cycles[0]), np.floor(cycles[-1]) + 1)
    return np.asarray(np.interp(whole, cycles, times))


def _phase(events: ndarray, times: ndarray, name: str) -> ndarray:
    """Return a phase that grows by 2 pi between events, linear between them."""
    if len(times) and (times.min() < events[0] or times.max() > events[-1]):
        raise GridError(
            f"{name} span {events[0]:.3f}-{events[-1]:.3f} s but phases are asked for "
            f"{times.min():.3f}-{times.max():.3f} s; draw the physiology of a longer time"
        )
    return np.asarray(2 * np.pi * np.interp(times, events, np.arange(len(events), dtype=float)))


def _harmonics(phase: ndarray) -> ndarray:
    """Return cosine and sine of a phase and of twice the phase."""
    return np.stack([np.cos(phase), np.sin(phase), np.cos(2 * phase), np.sin(2 * phase)])
