"""How far the sources that BOLD gives can be trusted, beside those that the EEG gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool, Complex, Float
from numpy import ndarray
from scipy.signal import welch

from neurotranscoder.core.spread import each, summed
from neurotranscoder.model.sparse import BoldTrust
from neurotranscoder.train.alternating import Pair
from neurotranscoder.train.component_filters import Filters
from neurotranscoder.train.regression import centred
from neurotranscoder.train.signals import Signals, n_frames_of

_TINY = np.finfo(float).tiny
_WINDOW = 256  # frames; shorter ones smear the spectra of slow sources
_RESOLVED = 1e-3  # |h|^2 relative to its largest: BOLD says nothing where it is less
_STOPPED = 5e-4, 3e-3  # the same, where next to nothing of a source is left in BOLD
_MOST = 0.95  # of the variance of what BOLD gives that is source
_LEAST = 1e-4
_NOTHING = 1e-12  # the same: BOLD tells nothing of a component that has less
_LEAST_GAIN = 1e-3  # relative to the largest


@dataclass(frozen=True, slots=True, eq=False)
class _Spectra:
    """Power of BOLD at each frequency, in cycles per frame; it sums to the variance.

    Parameters
    ----------
    components : array, shape (components, frequencies)
        Of each component.
    noise : array, shape (frequencies,)
        Outside the components, per dimension: theirs is taken to be no less.
    frequencies : array, shape (frequencies,)
        Cycles per frame.
    """

    components: Float[ndarray, "components frequencies"]
    noise: Float[ndarray, " frequencies"]
    frequencies: Float[ndarray, " frequencies"]

    @classmethod
    def of(
        cls, runs: Sequence[Signals], maps: Float[ndarray, "blocks components"], n_lags: int
    ) -> _Spectra:
        """Average over windows of at least four responses, and over the frames of all runs."""
        lengths = [*each(n_frames_of, runs)]
        length = min(*lengths, max(_WINDOW, 1 << (4 * n_lags - 1).bit_length()))
        found = summed(partial(_powers, maps=maps, length=length), runs) / sum(lengths) / length
        components, total = found[:-1], found[-1]
        n_blocks, n_components = maps.shape
        noise = np.maximum(total - components.sum(axis=0), 0) / max(1, n_blocks - n_components)
        return cls(components, noise, np.fft.rfftfreq(length))

    def gains(
        self, taps: Float[ndarray, "*rows lags"], first_lag: int = 0
    ) -> Complex[ndarray, "*rows frequencies"]:
        """Return the frequency response of filters."""
        lags = first_lag + np.arange(taps.shape[-1])
        return np.asarray(taps @ np.exp(-2j * np.pi * np.outer(lags, self.frequencies)))

    def noise_where(
        self, stopped: Bool[ndarray, " frequencies"]
    ) -> Float[ndarray, "components frequencies"]:
        """Return the noise of each component, no less than its power where the source is stopped.

        Physiological noise is in the components themselves.
        """
        noise = np.tile(self.noise, (len(self.components), 1))
        if not stopped.any():
            return noise
        left = self.components[:, stopped].mean(axis=1, keepdims=True)
        return np.asarray(np.maximum(noise, left))


def _powers(
    run: Signals, maps: Float[ndarray, "blocks components"], length: int
) -> Float[ndarray, "rows frequencies"]:
    """Return the power of BOLD components, and of BOLD over all blocks, times the frames."""
    components, blocks = (welch(rows, nperseg=length)[1] for rows in (maps.T @ run.bold, run.bold))
    return n_frames_of(run) * np.concatenate([components, blocks.sum(axis=0, keepdims=True)])


def trust_in_bold(
    runs: Sequence[Signals],
    maps: Float[ndarray, "blocks components"],
    from_eeg: Sequence[Pair],
    variances: Float[ndarray, " components"],
    filters: Filters,
) -> BoldTrust:
    """Say how far BOLD can be trusted, from its spectra and from where it agrees with the EEG.

    BOLD above its noise, divided by the response, is the power of the source below .2 Hz; with it
    follows how b and s vary together. Its noise is what lies outside the components, and no less
    than what they hold where the response lets nothing of a source pass. The variance of s is
    that of the prior as far as b and the EEG agree as they then should,
    ``<b e> = <b s> <e e> / <s s>`` with the posterior mean e given the EEG, and no less than BOLD
    itself says.

    Parameters
    ----------
    runs : sequence of Signals
        The training runs.
    maps : array, shape (blocks, components)
        Orthonormal components of BOLD.
    from_eeg : sequence of Pair
        The same runs: posterior means given the EEG, of each component, and BOLD components.
    variances : array, shape (components,)
        Of the sources, by the prior.
    filters : Filters
        From sources to BOLD, and back.
    """
    moments = partial(_moments, filters=filters)
    of_bold, shared, of_eeg = np.maximum(summed(moments, from_eeg).mean(), _TINY)
    spectra = _Spectra.of(runs, maps, filters.responses.shape[-1])
    slow, follows = _source_in_bold(spectra, filters)
    expected = follows * of_eeg
    supported = np.minimum(shared * variances, expected) / np.maximum(expected, _TINY)
    variance = np.max([supported * variances, slow, follows**2 / of_bold / _MOST], axis=0)
    variance = np.maximum(variance, _TINY)
    reliable = np.clip(follows**2 / variance / of_bold, _LEAST, _MOST)
    told = follows**2 > _NOTHING * variance * of_bold
    gain = np.where(told, follows / variance, 0)
    return BoldTrust(
        gain=np.where(told, np.maximum(gain, _LEAST_GAIN * gain.max()), 1),
        precision=np.where(told, reliable / (1 - reliable) / variance, 0),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Moments:
    """Products of b and e (bb, be, ee) summed over frames, and how many; they add up over runs."""

    products: Float[ndarray, "3 components"]
    n_frames: int

    def __add__(self, other: _Moments) -> _Moments:
        return _Moments(self.products + other.products, self.n_frames + other.n_frames)

    def mean(self) -> Float[ndarray, "3 components"]:
        """Return the products per frame."""
        return self.products / self.n_frames


def _moments(pair: Pair, filters: Filters) -> _Moments:
    """Return the products of what BOLD and EEG say of each source in one run."""
    valid = filters.valid(pair.eeg.shape[1])
    b, e = centred(filters.decoded(pair.components), valid), centred(pair.eeg, valid)
    return _Moments(
        np.stack([np.sum(x * y, axis=1) for x, y in ((b, b), (b, e), (e, e))]), b.shape[1]
    )


def _source_in_bold(
    spectra: _Spectra, filters: Filters
) -> tuple[Float[ndarray, " components"], Float[ndarray, " components"]]:
    """Return the variance of each source that BOLD resolves, and how b varies with it."""
    h, d = spectra.gains(filters.responses), spectra.gains(filters.decoders, filters.first_lag)
    strength = np.abs(h) ** 2
    resolved = strength > _RESOLVED * strength.max()
    noise = spectra.noise_where(_stopped(strength))
    signal = np.where(resolved, spectra.components - noise, 0)
    h, strength = np.where(resolved, h, 1), np.where(resolved, strength, 1)
    sure = np.maximum(signal, 0) / np.maximum(spectra.components, _TINY)
    slow = np.sum(sure * signal / strength, axis=1)
    follows = np.sum(signal * np.real(d / h.conj()), axis=1)
    return slow, np.maximum(follows, 0)


def _stopped(strength: Float[ndarray, "*rows frequencies"]) -> Bool[ndarray, " frequencies"]:
    """Return the frequencies beyond the strongest at which responses are all but through."""
    mean = np.atleast_2d(strength).mean(axis=0)
    strongest = int(np.argmax(mean))
    least, most = _STOPPED
    passed = np.flatnonzero(mean[strongest:] < least * mean[strongest])
    end = strongest + int(passed[0]) if len(passed) else len(mean)
    within = np.arange(len(mean))
    return np.asarray((mean < most * mean[strongest]) & (within > strongest) & (within < end))
