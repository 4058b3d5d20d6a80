"""Noise that components of BOLD share is taken out of them: heart, breath and motion.

Where the response lets next to nothing of a source pass, BOLD is noise, and tells which mixtures
of components hold it. What such mixtures hold at lower frequencies is taken off all components.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from jaxtyping import Complex, Float
from numpy import ndarray
from scipy.linalg import eigh

from neurotranscoder.core.spread import summed
from neurotranscoder.signal.fir import apply_fir, valid_slice
from neurotranscoder.train.alternating import Pair
from neurotranscoder.train.regression import Products, centred
from neurotranscoder.train.signals import Signals

Mixing = Float[ndarray, "components components"]
"""Components of BOLD without shared noise, from those with it."""

_TINY = np.finfo(float).tiny
_REGULAR = 1e-6  # of the mean power of a component
_STOPPED = 0.1  # |h|^2 relative to its largest: where it is less BOLD is taken to be noise
_PAYS = 0.02  # what a filter has to add to the agreement: where noise is not shared it costs


@dataclass(frozen=True, slots=True, eq=False)
class _Decoded:
    """What is known of decoded BOLD components, summed over frames; it adds up over runs.

    Parameters
    ----------
    sources : Products
        Sources from EEG with decoded BOLD.
    noise : array, shape (components, components)
        Products of decoded noise, were it as strong at lower frequencies as where the response
        stops sources.
    """

    sources: Products
    noise: Float[ndarray, "components components"]

    @classmethod
    def of(
        cls,
        pair: Pair,
        weights: Float[ndarray, "components rows"],
        hrf: Float[ndarray, " lags"],
        taps: Float[ndarray, " taps"],
        first_lag: int,
    ) -> _Decoded:
        """Return what one run says."""
        n_frames = pair.components.shape[1]
        valid = valid_slice(n_frames, len(taps), first_lag=first_lag)
        decoded = centred(apply_fir(pair.components, taps, first_lag=first_lag), valid)
        spectrum = np.fft.rfft(centred(pair.components, slice(None)))
        levels, density = _flat_noise(spectrum, _first_stopped(hrf, n_frames))
        passed = levels @ np.abs(np.fft.rfft(taps, n_frames)) ** 2
        noise = 2 * passed / n_frames**2 * decoded.shape[1] * density  # Parseval
        return cls(Products.of(centred(weights @ pair.eeg, valid), decoded), noise)

    def __add__(self, other: _Decoded) -> _Decoded:
        return _Decoded(self.sources + other.sources, self.noise + other.noise)


def _first_stopped(hrf: Float[ndarray, " lags"], n_frames: int) -> int:
    """Return the first frequency beyond the strongest that a response all but stops."""
    strength = np.abs(np.fft.rfft(hrf, n_frames)) ** 2
    strongest = int(np.argmax(strength))
    weak = np.flatnonzero(strength[strongest:] < _STOPPED * strength[strongest])
    return strongest + int(weak[0]) if len(weak) else len(strength)


def _flat_noise(
    spectrum: Complex[ndarray, "components frequencies"], start: int
) -> tuple[Float[ndarray, " frequencies"], Float[ndarray, "components components"]]:
    """Return how strong noise is at each frequency, at most 1, and its products where it is 1.

    From ``start`` on all is noise, and volumes hold it up to half their rate only: its level is
    the mean that counts each frequency by its power. Below it is taken to be as strong.
    """
    beyond = spectrum[:, start:]
    power = np.mean(np.abs(beyond) ** 2, axis=0)
    total = max(float(power.sum()), _TINY)
    level = max(float(power @ power) / total, _TINY)
    levels = np.ones(spectrum.shape[1])
    levels[start:] = np.minimum(power / level, 1)
    return levels, np.real(beyond @ beyond.conj().T) * (level / total)


def choose_noise_filter(
    training: Sequence[Pair],
    validation: Sequence[Pair],
    weights: Float[ndarray, "components rows"],
    hrf: Float[ndarray, " lags"],
    decoder: tuple[Float[ndarray, " taps"], int],
    strengths: Sequence[float],
) -> Mixing | None:
    """Return the matrix that takes shared noise out of components; None where none helps.

    Let C be the covariance of decoded components d and N that of their noise. With
    ``N v = l C v``, ``C`` of all v being one, a share l of the power of the mixture ``v' d`` is
    noise. Of each mixture ``q = min(1, strength l)`` is taken off all components, as far as they
    hold it: ``M = I - C V q V'``. Where nothing reaches 1 that is the Wiener filter
    ``(C - strength N) C^-1``. The EEG, whose noise is another one, chooses the strength: what it
    gives of the sources of validation runs has the largest mean correlation with filtered BOLD,
    2 % larger at least than with BOLD as it is.

    Parameters
    ----------
    training, validation : sequence of Pair
        Rows that the spatial map reads, and components of BOLD.
    weights : array, shape (components, rows)
        The spatial map.
    hrf : array, shape (lags,)
        Response at the group rate.
    decoder : (array, int), shape (taps,)
        Filter from BOLD to sources that all components share, and the lag of its first tap in
        frames.
    strengths : sequence of float
        Candidates, beside none.
    """
    taps, first_lag = decoder
    of_run = partial(_Decoded.of, weights=weights, hrf=hrf, taps=taps, first_lag=first_lag)
    known, unseen = (summed(of_run, runs) for runs in (training, validation))
    gram = known.sources.gram
    same = np.eye(len(gram))
    power = gram + (_REGULAR * np.trace(gram) / len(gram) + _TINY) * same
    shares, mixtures = eigh(known.noise, power)
    tried = [same]
    for strength in strengths:
        taken = mixtures * np.clip(strength * shares, 0, 1)
        tried.append(same - power @ taken @ mixtures.T)
    agreement = [_agreement(unseen.sources, mixing) for mixing in tried]
    best = int(np.argmax(agreement))
    gain = agreement[best] - agreement[0]
    return tried[best] if gain > _PAYS * abs(agreement[0]) else None


def _agreement(unseen: Products, mixing: Mixing) -> float:
    """Return the mean correlation of sources from EEG with filtered BOLD."""
    shared = np.sum(mixing * unseen.cross, axis=1)
    powers = np.sum(mixing @ unseen.gram * mixing, axis=1) * unseen.powers
    return float(np.mean(shared / np.sqrt(np.maximum(powers, _TINY))))


def without_noise(pair: Pair, mixing: Mixing) -> Pair:
    """Return a run whose BOLD components are filtered."""
    return replace(pair, components=mixing @ pair.components)


def bold_without_noise(
    run: Signals, maps: Float[ndarray, "blocks components"], mixing: Mixing
) -> Signals:
    """Return a run whose BOLD components are filtered; what lies outside them stays."""
    components = maps.T @ run.bold
    return run._replace(bold=run.bold + maps @ (mixing @ components - components))
