"""Noise of the EEG that is not the scanner's: the amplifier's and that of the whole brain."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field
from scipy import fft

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.settings import Settings
from neurotranscoder.simulate.event_train import CHUNK

_MAX_RATE = 500.0


class EegNoiseSettings(Settings):
    """How strong the noise of the EEG is."""

    white_uv: float = Field(default=0.5, ge=0)
    """Rms of white noise of every channel, in uV."""
    brain_uv: float = Field(default=0.0, ge=0)
    """Rms of background activity over all channels, in uV."""
    exponent: float = Field(default=1.0, ge=0, le=4)
    """Its power falls with frequency to minus this."""
    lowest: float = Field(default=0.1, gt=0)
    """Frequency where it begins, in Hz."""

    @property
    def is_on(self) -> bool:
        """Whether there is any noise."""
        return self.white_uv > 0 or self.brain_uv > 0

    @property
    def white_variance(self) -> float:
        """Expected variance of white noise, averaged over channels, in V^2."""
        return (1e-6 * self.white_uv) ** 2

    @property
    def brain_variance(self) -> float:
        """Expected variance of background activity, averaged over channels, in V^2."""
        return (1e-6 * self.brain_uv) ** 2


def add_white_noise(
    eeg: Float[ndarray, "channels times"],
    settings: EegNoiseSettings,
    rng: np.random.Generator,
    *,
    average_reference: bool,
    scale: float = 1.0,
) -> None:
    """Add white noise of equal rms to all channels, in place.

    Parameters
    ----------
    eeg : array, shape (channels, times)
        What is added to, in V.
    settings : EegNoiseSettings
        How strong the noise is; a low-pass filter of the amplifier does not shape it.
    rng : Generator
        Source of chance.
    average_reference : bool
        Whether the average over channels is taken from the noise; each keeps its stated rms.
    scale : float
        Factor of the noise.
    """
    n_channels, n_times = eeg.shape
    sd = scale * 1e-6 * settings.white_uv
    if average_reference:
        sd /= np.sqrt(1 - 1 / n_channels)
    for start in range(0, n_times, CHUNK):
        part = slice(start, min(start + CHUNK, n_times))
        noise = rng.standard_normal((n_channels, part.stop - start), dtype=eeg.dtype)
        if average_reference:
            noise -= noise.mean(axis=0)
        noise *= float(sd)
        eeg[:, part] += noise


def add_brain_noise(
    eeg: Float[ndarray, "channels times"],
    sfreq: float,
    leadfield: Float[ndarray, "channels voxels"],
    settings: EegNoiseSettings,
    rng: np.random.Generator,
    *,
    scale: float = 1.0,
) -> None:
    """Add background activity of independent dipoles in all voxels, in place.

    Its covariance over channels is ``G G^T``, its power ``1 / f ** exponent``. Above 500 Hz of
    sampling it is made at 500 Hz or a little less and interpolated linearly; what interpolation
    takes from high frequencies is made up for before, so the spectrum is right below 250 Hz;
    images of it remain above, where an amplifier passes little.

    Parameters
    ----------
    eeg : array, shape (channels, times)
        What is added to, in V.
    sfreq : float
        Its sampling frequency, in Hz.
    leadfield : array, shape (channels, voxels)
        Potential per dipole moment, G; it carries the reference of the channels.
    settings : EegNoiseSettings
        How strong the activity is and its spectrum.
    rng : Generator
        Source of chance.
    scale : float
        Factor of the activity.
    """
    n_channels, n_times = eeg.shape
    factor = int(np.ceil(sfreq / _MAX_RATE - 1e-9))
    mixing = scale * 1e-6 * settings.brain_uv * _spatial_factor(leadfield)
    slow = np.empty((n_channels, (n_times - 1) // factor + 2), dtype=eeg.dtype)
    amplitudes = _amplitudes(slow.shape[1], sfreq / factor, factor, settings)
    for row in slow:
        row[:] = _coloured_noise(amplitudes, rng)[: slow.shape[1]]
    ramp = (np.arange(factor) / factor).astype(eeg.dtype)
    step = max(1, CHUNK // factor)
    for start in range(0, slow.shape[1] - 1, step):
        coarse = mixing.astype(eeg.dtype) @ slow[:, start : start + step + 1]
        fine = np.diff(coarse)[..., np.newaxis] * ramp + coarse[:, :-1, np.newaxis]
        target = eeg[:, start * factor : (start + step) * factor]
        target += fine.reshape(n_channels, -1)[:, : target.shape[1]]


def _spatial_factor(
    leadfield: Float[ndarray, "channels voxels"],
) -> Float[ndarray, "channels channels"]:
    """Return A with ``A A^T`` proportional to ``G G^T`` and a mean variance of 1."""
    power, patterns = np.linalg.eigh(leadfield @ leadfield.T)
    return np.asarray(patterns * np.sqrt(np.maximum(power, 0) / np.mean(power)))


def _amplitudes(
    n_times: int, rate: float, factor: int, settings: EegNoiseSettings
) -> Float[ndarray, " lines"]:
    """Return the sd of the parts of each spectral line that make noise of variance 1.

    Linear interpolation by a factor multiplies a line by ``gain`` and its mean power, images
    included, by ``power``.
    """
    lines = fft.rfftfreq(2 * fft.next_fast_len((n_times + 1) // 2, real=True))
    frequencies = rate * lines
    used = (frequencies >= settings.lowest) & (lines < 0.5)
    if not used.any():
        raise SettingsError(
            f"background activity from {settings.lowest:g} Hz does not fit {n_times / rate:g} s "
            f"sampled at {rate:g} Hz; give a frequency below {rate / 2:g} Hz or a longer run"
        )
    lines = lines[used]
    gain = (np.sin(np.pi * lines) / (factor * np.sin(np.pi * lines / factor))) ** 2
    power = 1 - (1 - factor**-2) / 3 * (1 - np.cos(2 * np.pi * lines))
    amplitudes = np.zeros(len(frequencies))
    amplitudes[used] = frequencies[used] ** (-settings.exponent / 2) / gain
    return np.asarray(amplitudes / np.sqrt(4 * np.sum(amplitudes[used] ** 2 * power)))


def _coloured_noise(
    amplitudes: Float[ndarray, " lines"], rng: np.random.Generator
) -> Float[ndarray, " times"]:
    """Return noise whose spectral lines have real and imaginary parts of given sd."""
    real, imaginary = amplitudes * rng.standard_normal((2, len(amplitudes)))
    n_times = 2 * (len(amplitudes) - 1)
    return np.asarray(fft.irfft(real + 1j * imaginary, n_times, norm="forward"))
