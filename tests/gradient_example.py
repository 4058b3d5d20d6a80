"""Raw scanner EEG whose clean EEG is known, with volumes that start whenever a test wants."""

from dataclasses import dataclass

import numpy as np
from numpy import ndarray
from scipy import signal

from neurotranscoder.core.axes import VolumeAxis
from neurotranscoder.preprocess.gradient import Channels, GradientSettings, clean_channels
from neurotranscoder.preprocess.gradient_report import GradientReport
from neurotranscoder.simulate.event_train import EventTrain
from neurotranscoder.simulate.scanner import gradient_train

SFREQ, TR, N_SLICES, LEAD = 5000.0, 1.3, 19, 2.1234
_BAND = signal.butter(4, (1, 40), "bandpass", fs=SFREQ, output="sos")


@dataclass(frozen=True)
class RawExample:
    """EEG before and after the scanner (V), ideal triggers (s), slice times (s)."""

    eeg: ndarray
    dirty: ndarray
    triggers: ndarray
    slice_times: ndarray

    def error(self, found: ndarray) -> ndarray:
        """Difference from the truth at 1-40 Hz, in uV."""
        return 1e6 * signal.sosfiltfilt(_BAND, found - self.eeg, axis=1)

    def residual(self, found: ndarray) -> float:
        """Its rms over all of the recording, in uV."""
        return float(np.sqrt(np.mean(self.error(found) ** 2)))


def scan_starts(n_volumes: int, *, first: float = LEAD, tr: float = TR) -> ndarray:
    return first + tr * np.arange(n_volumes)


def eeg_noise(rng, n_channels, n_times, *, rms=15e-6):
    """1/f from .5 to 60 Hz, and .5 uV of white noise."""
    frequencies = np.fft.rfftfreq(n_times, 1 / SFREQ)
    band = (frequencies >= 0.5) & (frequencies <= 60)
    spectrum = np.zeros((n_channels, len(frequencies)), complex)
    draws = rng.standard_normal((2, n_channels, int(band.sum())))
    spectrum[:, band] = (draws[0] + 1j * draws[1]) / np.sqrt(frequencies[band])
    eeg = np.fft.irfft(spectrum, n_times)
    eeg *= rms / eeg.std(axis=1, keepdims=True)
    return eeg + 5e-7 * rng.standard_normal(eeg.shape)


def raw_example(
    rng, starts=None, *, n_channels=1, drift_ppm=15.0, span=TR, gains=None, mv=3.0, n_excited=None
):
    """Volumes at ``starts`` (s on the scanner clock, which reads 0 at the first sample).

    ``span`` is how long slices of a volume take, ``gains`` the strength of each excitation, and
    after ``n_excited`` of them the scanner stops.
    """
    starts = scan_starts(14) if starts is None else np.asarray(starts)
    slice_times = np.arange(N_SLICES) * span / N_SLICES
    n_times = int((starts[-1] + TR + 2) * SFREQ)
    eeg = eeg_noise(rng, n_channels, n_times)
    train = gradient_train(VolumeAxis(TR, 2, slice_times), 250.0)
    at = np.sort((starts[:, np.newaxis] + slice_times).ravel())[:n_excited]
    gains = np.ones((3, len(at))) if gains is None else gains
    waves = EventTrain(at, np.full(len(at), train.durations[0]), gains, train.table)
    mixing = rng.standard_normal((n_channels, 3))
    mixing *= 1e-3 * mv / np.abs(mixing @ train.table).max()
    times = np.arange(n_times) / SFREQ * (1 + drift_ppm * 1e-6)
    triggers = np.rint(starts / (1 + drift_ppm * 1e-6) * SFREQ) / SFREQ
    return RawExample(eeg, eeg + mixing @ waves.sample(times), triggers, slice_times)


def clean(
    example: RawExample, triggers=None, *, dirty=None, tr=TR, slice_times=None, **settings
) -> tuple[ndarray, GradientReport]:
    """Remove the artefact; slices are found unless ``slice_times`` are given."""
    out = np.array(example.dirty if dirty is None else dirty, dtype=np.float64)

    def put(number, row):
        out[number] = row

    names = tuple(f"E{number}" for number in range(len(out)))
    report = clean_channels(
        Channels(names, SFREQ, out.__getitem__, put),
        example.triggers if triggers is None else np.asarray(triggers),
        tr=tr,
        slice_times=slice_times,
        settings=GradientSettings(**settings),
    )
    return out, report
