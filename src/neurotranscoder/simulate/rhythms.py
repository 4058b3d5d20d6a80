"""Rhythms of regions: sums of waves whose frequencies are multiples of one that no run repeats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float
from numpy import ndarray
from scipy import fft

from neurotranscoder.simulate.coupling import RHYTHM_MARGIN, Envelope

_WIDENING = 1.5  # Hz by which an envelope widens a band, to 1e-7
_POWER_REACH = 2.0  # Hz that the power of an envelope reaches, to 1e-7


@dataclass(frozen=True, slots=True, eq=False)
class Waves:
    """Sums of waves: rows are the real part of ``sum_k waves_k exp(2 pi i frequencies_k t)``."""

    frequencies: Float[ndarray, " waves"]
    waves: Complex[ndarray, "rows waves"]


def period_of(duration: float) -> float:
    """Return the time after which the rhythms of a run repeat, in s."""
    return duration + RHYTHM_MARGIN


def rhythm_frequencies(band: tuple[float, float], duration: float) -> Float[ndarray, " waves"]:
    """Return the frequencies within a band of noise that does not repeat within a run."""
    period = period_of(duration)
    first, last = np.ceil(band[0] * period - 1e-9), np.floor(band[1] * period + 1e-9)
    return np.asarray(np.arange(max(first, 1.0), last + 1) / period)


def power_frequencies(duration: float) -> Float[ndarray, " waves"]:
    """Return the frequencies of the power of envelopes."""
    return rhythm_frequencies((0.0, _POWER_REACH), duration)


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


def draw_banded(
    bands: list[tuple[float, float]],
    envelope: Envelope | None,
    duration: float,
    rng: np.random.Generator,
) -> tuple[Waves, Waves]:
    """Draw rhythms that each have a band, and wax and wane.

    A rhythm is ``A(t) c(t)``: c is Gaussian noise with a flat spectrum in its band, A its
    envelope. Both are periodic, and so is their product, which is thus a sum of waves again.

    Parameters
    ----------
    bands : list of tuple
        Lowest and highest frequency of each rhythm, in Hz.
    envelope : Envelope or None
        Law of A; None is 1.
    duration : float
        Length of the run, in s.
    rng : Generator
        Source of chance.

    Returns
    -------
    rhythms : Waves
        Of unit variance.
    powers : Waves
        ``A(t)^2`` less its mean over a period; empty without an envelope.
    """
    if not bands:
        nothing = Waves(np.empty(0), np.zeros((0, 0), dtype=np.complex128))
        return nothing, nothing
    widening = _WIDENING if envelope else 0.0
    top = max(high for _, high in bands) + widening
    frequencies = rhythm_frequencies((0.0, top), duration)
    slow = power_frequencies(duration) if envelope else np.empty(0)
    rhythms = np.zeros((len(bands), len(frequencies)), dtype=np.complex128)
    powers = np.zeros((len(bands), len(slow)), dtype=np.complex128)
    for row, band in enumerate(bands):
        carrier = np.zeros(len(frequencies) + 1, dtype=np.complex128)
        own = rhythm_frequencies(band, duration)
        first = round(own[0] * period_of(duration))
        carrier[first : first + len(own)] = draw_rhythms(1, own, sd=1.0, rng=rng)[0]
        if envelope is None:
            rhythms[row] = carrier[1:]
            continue
        n_grid = fft.next_fast_len(4 * len(carrier), real=True)
        factor = _draw_factor(envelope, duration, n_grid, rng)
        product = fft.rfft(factor * _on_grid(carrier, n_grid)) * (2 / n_grid)
        near = (frequencies >= band[0] - widening) & (frequencies <= band[1] + widening)
        rhythms[row, near] = product[1 : len(carrier)][near]
        powers[row] = fft.rfft(factor**2)[1 : len(slow) + 1] * (2 / n_grid)
    return Waves(frequencies, rhythms), Waves(slow, powers)


def _draw_factor(
    envelope: Envelope, duration: float, n_grid: int, rng: np.random.Generator
) -> Float[ndarray, " grid"]:
    """Draw A on a grid over one period; its expected square is 1."""
    own = rhythm_frequencies(envelope.band, duration)
    first = round(own[0] * period_of(duration))
    spectrum = np.zeros(first + len(own), dtype=np.complex128)
    spectrum[first:] = draw_rhythms(1, own, sd=envelope.log_sd, rng=rng)[0]
    return np.asarray(np.exp(_on_grid(spectrum, n_grid) - envelope.log_sd**2))


def _on_grid(spectrum: Complex[ndarray, " waves"], n_grid: int) -> Float[ndarray, " grid"]:
    """Return a sum of waves, by their numbers from 0, on a grid over one period."""
    return np.asarray(fft.irfft(spectrum * (n_grid / 2), n_grid))
