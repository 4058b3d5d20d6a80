"""The Wiener filter over all lags of both modalities, for a model learnt from the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.fft import next_fast_len
from scipy.signal import welch

from neurotranscoder.evaluate.oracle import pooled_covariance
from neurotranscoder.signal.fir import apply_fir
from neurotranscoder.train.regression import centred, ridge_solve

SEGMENT = 256
"""Frames of a segment of Welch's method."""
_REGULAR = 1e-4  # of the mean variance of a row: an average reference is singular
_EXACT = 1e-9
_NEIGHBOURS = 4  # frequencies to each side, at least, over which coherence is averaged
_SHRINKAGE = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """One run that the filter is learnt from.

    Parameters
    ----------
    truth : array, shape (courses, frames)
        True time courses, uncorrelated over all runs.
    eeg : array, shape (channels, frames)
        Scaled EEG.
    bold : array, shape (components, frames)
        Components of scaled BOLD.
    hrf : array, shape (lags,)
        True response of its brain at the group rate; all have as many lags.
    """

    truth: Float[ndarray, "courses frames"]
    eeg: Float[ndarray, "channels frames"]
    bold: Float[ndarray, "components frames"]
    hrf: Float[ndarray, " lags"]


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """What data say of courses that they are mixed from: ``x = A c + n``.

    Parameters
    ----------
    mixing : array, shape (rows, courses)
        A.
    seen : array, shape (courses, rows)
        ``A' N^-1``, N the covariance of n.
    information : array, shape (courses, courses)
        ``A' N^-1 A``.
    spectrum : array, shape (frequencies,)
        Spectrum of n without its covariance: its mean over frequencies is about 1.
    """

    mixing: Float[ndarray, "rows courses"]
    seen: Float[ndarray, "courses rows"]
    information: Float[ndarray, "courses courses"]
    spectrum: Float[ndarray, " frequencies"]

    @classmethod
    def of(
        cls,
        data: Sequence[Float[ndarray, "rows _"]],
        courses: Sequence[Float[ndarray, "courses _"]],
        n_segment: int,
    ) -> Observation:
        """Fit A by least squares; n is what is left."""
        gram = np.sum([one @ one.T for one in courses], axis=0)
        cross = np.sum([x @ one.T for x, one in zip(data, courses, strict=True)], axis=0)
        mixing = ridge_solve(cross, gram, _EXACT)
        rest = [x - mixing @ one for x, one in zip(data, courses, strict=True)]
        noise = pooled_covariance(rest)
        noise += (_REGULAR * np.trace(noise) / len(noise) + np.finfo(float).tiny) * np.eye(
            len(noise)
        )
        whitener = np.linalg.inv(np.linalg.cholesky(noise))
        seen = np.linalg.solve(noise, mixing).T
        spectrum = spectra([whitener @ one for one in rest], n_segment).mean(axis=0)
        return cls(mixing, seen, seen @ mixing, spectrum)


@dataclass(frozen=True, slots=True, eq=False)
class SpectralWiener:
    """The filter ``(S^-1 + A' N^-1 A)^-1 A' N^-1`` at each frequency.

    EEG is ``E = L c + n``, BOLD ``B = M (h * c) + m``: L, M, and covariance and spectrum of both
    noises are learnt from true courses, whose spectral densities S are; those of two courses
    count as far as they are in phase. h is the response of the brain of each run. Few numbers are
    free, so that it is near the best linear filter even when there are few runs; a regression may
    add what this model does not know.

    Parameters
    ----------
    courses : array, shape (courses, frequencies)
        Power spectral densities of the courses.
    coherence : array, shape (frequencies, courses, courses)
        Correlation of courses at each frequency.
    eeg, bold : Observation
        What the two modalities say.
    floor : float
        Added to the noise spectrum of BOLD, relative to its largest value: where volumes hold
        nothing, neither do samples between them.
    """

    courses: Float[ndarray, "courses frequencies"]
    coherence: Float[ndarray, "frequencies courses courses"]
    eeg: Observation
    bold: Observation
    floor: float
    _inverses: dict[tuple[int, bool, bytes], ndarray] = field(default_factory=dict, init=False)

    @classmethod
    def fit(cls, runs: Sequence[Course], floor: float) -> SpectralWiener:
        """Learn the model from runs whose courses are known.

        Frames whose response reaches back before the recording are left out of that of BOLD.
        """
        shortest = min(run.truth.shape[1] for run in runs)
        n_lags = len(runs[0].hrf)
        n_segment = 2 * (min(SEGMENT, shortest - n_lags) // 2)
        late = slice(n_lags, None)
        filtered = [centred(apply_fir(run.truth, run.hrf), late) for run in runs]
        truth = [run.truth for run in runs]
        eeg = Observation.of([run.eeg for run in runs], truth, n_segment)
        bold = Observation.of([centred(run.bold, late) for run in runs], filtered, n_segment)
        return cls(spectra(truth, n_segment), coherence(truth, n_segment), eeg, bold, floor)

    def with_floor(self, floor: float) -> SpectralWiener:
        """Return the same model with another noise of BOLD."""
        return SpectralWiener(self.courses, self.coherence, self.eeg, self.bold, floor)

    def estimate(
        self,
        eeg: Float[ndarray, "channels frames"] | None,
        bold: Float[ndarray, "components frames"] | None,
        hrf: Float[ndarray, " lags"],
    ) -> Float[ndarray, "courses frames"]:
        """Return courses from EEG, from BOLD, or from both; runs are padded with zeros.

        Parameters
        ----------
        eeg, bold : array or None
            As in `Course`.
        hrf : array, shape (lags,)
            Response of the brain of the run.
        """
        shown = [signal for signal in (eeg, bold) if signal is not None]
        n_times = shown[0].shape[1]
        n_fft = next_fast_len(n_times + 2 * len(hrf), real=True)
        transfer = np.fft.rfft(hrf, n_fft)
        total = np.zeros((len(self.courses), n_fft // 2 + 1), dtype=complex)
        if eeg is not None:
            total += np.fft.rfft(self.eeg.seen @ eeg, n_fft, axis=1) / self._eeg_noise(n_fft)
        if bold is not None:
            spectrum = np.fft.rfft(self.bold.seen @ bold, n_fft, axis=1)
            total += transfer.conj() * spectrum / self._bold_noise(n_fft)
        inverse = self._inverse(n_fft, eeg is not None, None if bold is None else transfer)
        rotated = np.stack([total.T.real, total.T.imag], axis=-1)
        parts = inverse @ rotated
        found = (parts[..., 0] + 1j * parts[..., 1]).T
        return np.asarray(np.fft.irfft(found, n_fft, axis=1)[:, :n_times])

    def _inverse(
        self, n_fft: int, eeg: bool, transfer: ndarray | None
    ) -> Float[ndarray, "f courses courses"]:
        """Return ``(S^-1 + A' N^-1 A)^-1`` of each frequency, which is real.

        The transfer function is that of the response; without it, BOLD is not read.
        """
        key = (n_fft, eeg, b"" if transfer is None else transfer.tobytes())
        if key not in self._inverses:
            precise = self._precision_of_courses(n_fft)
            if eeg:
                precise += self.eeg.information / self._eeg_noise(n_fft)[:, np.newaxis, np.newaxis]
            if transfer is not None:
                weight = np.abs(transfer) ** 2 / self._bold_noise(n_fft)
                precise += self.bold.information * weight[:, np.newaxis, np.newaxis]
            self._inverses[key] = np.linalg.inv(precise)
        return self._inverses[key]

    def _precision_of_courses(self, n_fft: int) -> Float[ndarray, "f courses courses"]:
        """Return ``S^-1`` at the frequencies of a transform."""
        densities = _at(self.courses, n_fft)
        sds = np.sqrt(np.maximum(densities, 1e-9 * densities.max() + np.finfo(float).tiny)).T
        nearest = np.rint(np.linspace(0, self.coherence.shape[0] - 1, n_fft // 2 + 1)).astype(int)
        inverse = np.linalg.inv(self.coherence)[nearest]
        return np.asarray(inverse / sds[:, :, np.newaxis] / sds[:, np.newaxis, :])

    def _eeg_noise(self, n_fft: int) -> Float[ndarray, " frequencies"]:
        """Return the spectrum of the noise of EEG at the frequencies of a transform."""
        return np.asarray(_at(self.eeg.spectrum[np.newaxis], n_fft)[0])

    def _bold_noise(self, n_fft: int) -> Float[ndarray, " frequencies"]:
        """Return the same of BOLD, above its floor."""
        floor = self.floor * self.bold.spectrum.max()
        return np.asarray(_at(self.bold.spectrum[np.newaxis], n_fft)[0] + floor)


def spectra(
    series: Sequence[Float[ndarray, "rows _"]], n_segment: int
) -> Float[ndarray, "rows frequencies"]:
    """Return the power spectral densities of rows (Welch 1967), the mean over runs.

    They are two-sided and per cycle of a frame, at frequencies from 0 to half the rate: white
    noise of variance 1 has density 1.
    """
    found = [
        welch(one, nperseg=n_segment, return_onesided=False, axis=1)[1][:, : n_segment // 2 + 1]
        for one in series
    ]
    return np.asarray(np.mean(found, axis=0))


def coherence(
    series: Sequence[Float[ndarray, "rows _"]], n_segment: int
) -> Float[ndarray, "frequencies rows rows"]:
    """Return correlations of rows at each frequency, in phase, averaged around it and shrunk.

    Averaged over a third of the frequency to both sides, and over segments that overlap by half.
    """
    n_rows, n_freq = len(series[0]), n_segment // 2 + 1
    total = np.zeros((n_freq, n_rows, n_rows))
    window = np.hanning(n_segment)
    for one in series:
        for start in range(0, one.shape[1] - n_segment + 1, n_segment // 2):
            part = one[:, start : start + n_segment]
            spectrum = np.fft.rfft(window * (part - part.mean(axis=1, keepdims=True)), axis=1).T
            total += np.einsum("fi,fj->fij", spectrum.real, spectrum.real)
            total += np.einsum("fi,fj->fij", spectrum.imag, spectrum.imag)
    powers = np.einsum("fii->fi", total)
    sds = np.sqrt(np.maximum(powers, 1e-12 * powers.max() + np.finfo(float).tiny))
    total /= sds[:, :, np.newaxis] * sds[:, np.newaxis, :]
    smooth = np.empty_like(total)
    for index in range(n_freq):
        half = max(_NEIGHBOURS, index // 3)
        smooth[index] = total[max(0, index - half) : index + half + 1].mean(axis=0)
    return np.asarray((1 - _SHRINKAGE) * smooth + _SHRINKAGE * np.eye(n_rows))


def _at(density: Float[ndarray, "rows frequencies"], n_fft: int) -> Float[ndarray, "rows wanted"]:
    """Return densities at the frequencies of a transform."""
    known = np.linspace(0, 0.5, density.shape[1])
    wanted = np.arange(n_fft // 2 + 1) / n_fft
    return np.stack([np.interp(wanted, known, row) for row in density])
