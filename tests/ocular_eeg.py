"""Small EEG with blinks and eye movements, and what it was made from."""

from dataclasses import dataclass

import mne
import numpy as np
from scipy.signal import butter, sosfiltfilt

SFREQ = 100.0
NAMES = (
    "Fp1", "Fp2", "F7", "F8", "F3", "F4", "Fz", "T7", "T8", "C3", "C4", "Cz", "P3", "P4", "Pz",
    "O1", "O2",
)  # fmt: skip
BLINKS = np.array([1, 1, 0.3, 0.3, 0.35, 0.35, 0.35, *[0.05] * 8, -0.02, -0.02])
SIDEWAYS = np.array([0.3, -0.3, 1, -1, 0.2, -0.2, 0, 0.1, -0.1, *[0.0] * 8])


@dataclass(frozen=True)
class EyesExample:
    """A recording, what eyes add to it (V), when they blink (s), and its brain (V)."""

    raw: mne.io.BaseRaw
    eyes: np.ndarray
    times: np.ndarray
    brain: np.ndarray


def eyes_example(*, blink_uv=100.0, sideways_uv=0.0, every=3.0, seconds=90.0, seed=0):
    """EEG of 10 uV, mostly slow; blinks of .3 s come every few seconds, eyes turn as often."""
    rng = np.random.default_rng(seed)
    n_times = int(seconds * SFREQ)
    brain = rng.standard_normal((len(NAMES), len(NAMES))) @ _pink(rng, n_times)
    brain *= 1e-5 / brain.std(axis=1, keepdims=True)
    n_blinks = int(seconds / every) - 1
    times = every * (np.arange(n_blinks) + 0.7 + 0.5 * rng.random(n_blinks))
    wave, gaze = np.zeros(n_times), np.zeros(n_times)
    bump = np.hanning(31)
    for time in times:
        at = round(time * SFREQ)
        wave[at - 15 : at + 16] += bump * np.exp(0.2 * rng.standard_normal())
        gaze[int(at + 0.4 * every * SFREQ) :] = rng.choice([-1, 1]) * (0.5 + rng.random())
    gaze = np.convolve(gaze, np.full(4, 0.25), "same")
    eyes = 1e-6 * (
        blink_uv * np.outer(BLINKS, wave) + sideways_uv * np.outer(SIDEWAYS, gaze - gaze.mean())
    )
    return EyesExample(recording(brain + eyes), eyes, times, brain)


def recording(data, names=NAMES, types="eeg"):
    info = mne.create_info(list(names), SFREQ, types, verbose="error")
    return mne.io.RawArray(data, info, verbose="error")


def with_eog(example, names=("VEOG", "HEOG"), noise_uv=2.0):
    """The recording with EOG channels: one sees blinks, one eye movements, both some brain."""
    rng = np.random.default_rng(1)
    sums = np.stack([example.eyes[:2].sum(axis=0), example.eyes[2] - example.eyes[3]])
    eog = -2 * sums + 0.5 * example.brain[[0, 2]]
    eog += 1e-6 * noise_uv * rng.standard_normal(eog.shape)
    types = ["eeg"] * len(NAMES) + ["eog"] * 2
    return recording(np.concatenate([example.raw.get_data(), eog]), (*NAMES, *names), types)


def band_uv(data, low=1.0, high=40.0):
    """Root mean square in a band, in uV; 2 s at both ends are left out."""
    sections = butter(2, (low, high), "bandpass", fs=SFREQ, output="sos")
    shown = sosfiltfilt(sections, data, axis=1)[:, 200:-200]
    return 1e6 * np.sqrt(np.mean(shown**2))


def _pink(rng, n_times):
    """1/f activity from .1 Hz on, of independent sources."""
    frequencies = np.maximum(np.fft.rfftfreq(n_times, 1 / SFREQ), 0.1)
    white = np.fft.rfft(rng.standard_normal((len(NAMES), n_times)))
    return np.fft.irfft(white / frequencies, n_times)
