"""How each pulse differs from the average one: strength by component, latency, length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

_ROUNDS = 4
_MOST_SHIFT = 0.25  # of half a window
_MOST_STRETCH = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class PulseFit:
    """Where and how strong each pulse is, beside the average.

    Parameters
    ----------
    gains : array, shape (beats, components)
        Strength; 1 is that of the average.
    shifts : array, shape (beats,)
        How much later than usual its middle comes, in samples.
    stretches : array, shape (beats,)
        How much longer than usual it lasts, relative.
    """

    gains: Float[ndarray, "beats components"]
    shifts: Float[ndarray, " beats"]
    stretches: Float[ndarray, " beats"]

    @classmethod
    def alike(cls, n_beats: int, n_components: int) -> PulseFit:
        """Return pulses that are all as the average."""
        return cls(np.ones((n_beats, n_components)), np.zeros(n_beats), np.zeros(n_beats))

    def places(
        self, centres: Int[ndarray, " beats"], beat: int, half: int
    ) -> Float[ndarray, " lags"]:
        """Return where in a signal, in samples, the lags of the average lie in a beat."""
        lags = np.arange(-half, half + 1)
        return np.asarray(centres[beat] + self.shifts[beat] + (1 + self.stretches[beat]) * lags)


def fit_pulses(
    mixed: Float[ndarray, "components times"], centres: Int[ndarray, " beats"], half: int
) -> PulseFit:
    """Fit strength, latency and length of each pulse to the average of all.

    Gauss-Newton: pulses are averaged as they were aligned before, each is regressed on the
    average of its components, on its slope (latency) and on its slope times the lag (length),
    components in units of what pulses leave of them. Every parameter is then shrunk to its usual
    value as far as the same regression halfway between pulses makes it vary: that is noise.

    Parameters
    ----------
    mixed : array, shape (components, times)
        Components of the band-passed signals.
    centres : array of int, shape (beats,)
        Samples of the middle of each pulse.
    half : int
        Samples before and after it.
    """
    n_components, n_times = mixed.shape
    fit = PulseFit.alike(len(centres), n_components)
    reach = round((1 + _MOST_STRETCH + _MOST_SHIFT) * half)
    whole = np.flatnonzero((centres >= reach) & (centres < n_times - reach))
    for _ in range(_ROUNDS if len(whole) > 1 else 0):
        windows = aligned(mixed, centres, half, fit)
        wave = windows[whole].mean(axis=0)
        left = mixed - rendered(wave, centres, fit, n_times)
        scale = np.std(left, axis=1, keepdims=True)
        solve = np.linalg.pinv(_design(wave / scale))
        deviations = _deviations(windows - wave, scale, solve)
        deviations[:, -2:] = np.stack([fit.shifts, fit.stretches], axis=1) - deviations[:, -2:]
        between = (centres[whole][1:] + centres[whole][:-1]) // 2
        noise = aligned(left, between, half, PulseFit.alike(len(between), n_components))
        of_noise = np.var(_deviations(noise, scale, solve), axis=0)
        spread = np.maximum(np.var(deviations[whole], axis=0), np.finfo(float).tiny)
        kept = np.zeros_like(deviations)
        kept[whole] = np.clip(1 - of_noise / spread, 0, 1) * deviations[whole]
        fit = PulseFit(
            1 + kept[:, :-2],
            np.clip(kept[:, -2], -_MOST_SHIFT * half, _MOST_SHIFT * half),
            np.clip(kept[:, -1], -_MOST_STRETCH, _MOST_STRETCH),
        )
    return fit


def aligned(
    data: Float[ndarray, "rows times"],
    centres: Int[ndarray, " beats"],
    half: int,
    fit: PulseFit,
) -> Float[ndarray, "beats rows lags"]:
    """Return what signals hold at the lags of the average in every beat, linear between samples.

    Beyond the ends the first or last sample is held.
    """
    times = np.arange(data.shape[1])
    out = np.empty((len(centres), len(data), 2 * half + 1))
    for beat in range(len(centres)):
        places = fit.places(centres, beat, half)
        near = slice(max(0, int(places[0]) - 1), max(0, int(places[-1])) + 3)
        near = near if len(times[near]) else slice(-1, None)
        for row, one in enumerate(data):
            out[beat, row] = np.interp(places, times[near], one[near])
    return out


def rendered(
    wave: Float[ndarray, "components lags"],
    centres: Int[ndarray, " beats"],
    fit: PulseFit,
    n_times: int,
) -> Float[ndarray, "components times"]:
    """Return the average pulse at every beat, as strong, late and long as it is there."""
    half = wave.shape[1] // 2
    out = np.zeros((len(wave), n_times))
    for beat in range(len(centres)):
        places = fit.places(centres, beat, half)
        start, stop = max(0, int(np.ceil(places[0]))), min(n_times, int(places[-1]) + 1)
        if start < stop:
            samples = np.arange(start, stop)
            for row, one in enumerate(wave):
                out[row, start:stop] += fit.gains[beat, row] * np.interp(samples, places, one)
    return out


def _design(wave: Float[ndarray, "components lags"]) -> Float[ndarray, "values parameters"]:
    """Return what a pulse changes by with each gain, with its latency and with its length."""
    n_components, n_lags = wave.shape
    lags = np.arange(n_lags) - n_lags // 2
    slope = np.gradient(wave, axis=1)
    own = np.zeros((n_components, n_lags, n_components))
    for row in range(n_components):
        own[row, :, row] = wave[row]
    parts = [own, slope[:, :, np.newaxis], (slope * lags)[:, :, np.newaxis]]
    return np.concatenate(parts, axis=2).reshape(n_components * n_lags, -1)


def _deviations(
    windows: Float[ndarray, "beats components lags"],
    scale: Float[ndarray, "components one"],
    solve: Float[ndarray, "parameters values"],
) -> Float[ndarray, "beats parameters"]:
    """Return the parameters that explain what windows hold beside the average."""
    return np.asarray((windows / scale).reshape(len(windows), -1) @ solve.T)
