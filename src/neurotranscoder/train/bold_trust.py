"""How far the sources that BOLD gives can be trusted, beside those that the EEG gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float
from numpy import ndarray
from scipy.signal import welch

from neurotranscoder.signal.fir import apply_fir, valid_slice
from neurotranscoder.train.alternating import Pair, centred

_TINY = np.finfo(float).tiny
_WINDOW = 256  # frames; shorter ones smear the spectra of slow sources
_RESOLVED = 1e-3  # |h|^2 relative to its largest: BOLD says nothing where it is less
_MOST = 0.95  # of the variance of what BOLD gives that is source
_LEAST = 1e-4
_LEAST_LEFT = 0.02  # of the variance of a source that no EEG tells
_LEAST_GAIN = 1e-3  # relative to the largest


@dataclass(frozen=True, slots=True, eq=False)
class BoldTrust:
    """How the source b that BOLD gives relates to a source s: ``b = gain s + error``.

    Parameters
    ----------
    gain, precision : array, shape (components,)
        The gain, and one over the variance of the error in units of the source.
    unsaid : array, shape (components,)
        Share of what the EEG says of a source that BOLD leaves to be said.
    """

    gain: Float[ndarray, " components"]
    precision: Float[ndarray, " components"]
    unsaid: Float[ndarray, " components"]


@dataclass(frozen=True, slots=True, eq=False)
class _Spectra:
    """Power of BOLD at each frequency, in cycles per frame; it sums to the variance.

    Parameters
    ----------
    components : array, shape (components, frequencies)
        Of each component.
    noise : array, shape (frequencies,)
        Outside the components, per dimension: their noise is taken to be the same.
    frequencies : array, shape (frequencies,)
        Cycles per frame.
    """

    components: Float[ndarray, "components frequencies"]
    noise: Float[ndarray, " frequencies"]
    frequencies: Float[ndarray, " frequencies"]

    @classmethod
    def of(
        cls, pairs: Sequence[Pair], bolds: Sequence[Float[ndarray, "blocks _"]], n_lags: int
    ) -> _Spectra:
        """Average over windows of at least four responses, and over runs in their order."""
        shortest = min(bold.shape[1] for bold in bolds)
        length = min(shortest, max(_WINDOW, 1 << (4 * n_lags - 1).bit_length()))
        n_frames = sum(bold.shape[1] for bold in bolds)
        components, total, frequencies = np.zeros(1), np.zeros(1), np.zeros(1)
        for pair, bold in zip(pairs, bolds, strict=True):
            share = bold.shape[1] / n_frames / length
            frequencies, own = welch(pair.components, nperseg=length)
            components = components + share * own
            total = total + share * welch(bold, nperseg=length)[1].sum(axis=0)
        n_rest = max(1, len(bolds[0]) - len(pairs[0].components))
        noise = np.maximum(total - components.sum(axis=0), 0) / n_rest
        return cls(components, noise, frequencies)

    def gains(
        self, taps: Float[ndarray, "*rows lags"], first_lag: int = 0
    ) -> Complex[ndarray, "*rows frequencies"]:
        """Return the frequency response of filters."""
        lags = first_lag + np.arange(taps.shape[-1])
        return np.asarray(taps @ np.exp(-2j * np.pi * np.outer(lags, self.frequencies)))


def trust_in_bold(
    pairs: Sequence[Pair],
    bolds: Sequence[Float[ndarray, "blocks _"]],
    from_eeg: Sequence[Float[ndarray, "components _"]],
    variances: Float[ndarray, " components"],
    *,
    responses: Float[ndarray, "*rows lags"],
    decoders: Float[ndarray, "*rows taps"],
    first_lag: int,
) -> BoldTrust:
    """Say how far BOLD can be trusted, from its spectra and from where it agrees with the EEG.

    BOLD above its noise, divided by the response, is the power of the source below .2 Hz; with it
    follows how b and s vary together. The variance of s is that of the prior as far as b and the
    EEG agree as they then should, ``<b e> = <b s> <e e> / <s s>`` with the posterior mean e given
    the EEG, and no less than BOLD itself says.

    Parameters
    ----------
    pairs : sequence of Pair
        BOLD components of the training runs.
    bolds : sequence of array, shape (blocks, frames)
        The BOLD that the components are of.
    from_eeg : sequence of array, shape (components, frames)
        Posterior means given the EEG.
    variances : array, shape (components,)
        Of the sources, by the prior.
    responses : array, shape (lags,) or (components, lags)
        BOLD of each source.
    decoders : array, shape (taps,) or (components, taps)
        Filters from BOLD to sources.
    first_lag : int
        Lag of their first tap, in frames.
    """
    n_lags = decoders.shape[-1]
    both = np.zeros((3, len(variances)))
    n_frames = 0
    for pair, sources in zip(pairs, from_eeg, strict=True):
        valid = valid_slice(sources.shape[1], n_lags, first_lag=first_lag)
        given = apply_fir(pair.components, decoders, first_lag=first_lag)
        b, e = centred(given, valid), centred(sources, valid)
        both += [np.sum(b * b, axis=1), np.sum(b * e, axis=1), np.sum(e * e, axis=1)]
        n_frames += b.shape[1]
    of_bold, shared, of_eeg = np.maximum(both / n_frames, _TINY)
    spectra = _Spectra.of(pairs, bolds, responses.shape[-1])
    slow, follows = _source_in_bold(spectra, responses, decoders, first_lag)
    supported = np.clip(shared * variances / np.maximum(follows * of_eeg, _TINY), 0, 1)
    variance = np.max([supported * variances, slow, follows**2 / of_bold / _MOST], axis=0)
    variance = np.maximum(variance, _TINY)
    reliable = np.clip(follows**2 / variance / of_bold, _LEAST, _MOST)
    precision = reliable / (1 - reliable) / variance
    gain = follows / variance
    left = np.maximum(variance - of_eeg, _LEAST_LEFT * variance)
    return BoldTrust(
        gain=np.maximum(gain, max(_LEAST_GAIN * float(gain.max()), _TINY)),
        precision=precision,
        unsaid=1 / (1 + left * precision),
    )


def _source_in_bold(
    spectra: _Spectra,
    responses: Float[ndarray, "*rows lags"],
    decoders: Float[ndarray, "*rows taps"],
    first_lag: int,
) -> tuple[Float[ndarray, " components"], Float[ndarray, " components"]]:
    """Return the variance of each source that BOLD resolves, and how b varies with it."""
    h, d = spectra.gains(responses), spectra.gains(decoders, first_lag)
    strength = np.abs(h) ** 2
    resolved = strength > _RESOLVED * strength.max()
    signal = np.where(resolved, spectra.components - spectra.noise, 0)
    h, strength = np.where(resolved, h, 1), np.where(resolved, strength, 1)
    sure = np.maximum(signal, 0) / np.maximum(spectra.components, _TINY)
    slow = np.sum(sure * signal / strength, axis=1)
    follows = np.sum(signal * np.real(d / h.conj()), axis=1)
    return slow, np.maximum(follows, 0)
