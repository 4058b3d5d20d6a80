"""Simulated EEG with a pulse artefact and without gradients, and what it was made from."""

from dataclasses import dataclass

import mne
import numpy as np

import neurotranscoder as nt
from neurotranscoder.simulate.bold_artefacts import run_physiology
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.eeg_artefacts import EcgSettings, HeartSettings
from neurotranscoder.simulate.scanner import ScannerSettings

SFREQ = 200.0


@dataclass(frozen=True)
class PulseExample:
    """A recording, its pulse artefact in V, and when the heart beat in s."""

    raw: mne.io.BaseRaw
    pulse: np.ndarray
    beats: np.ndarray

    @property
    def clean(self):
        """The recording without its pulse."""
        raw = self.raw.copy()
        raw._data[: len(self.pulse)] -= self.pulse
        return raw


def pulse_example(seed=100, *, dead=False, duration=80.0, **changes):
    """The strength makes an artefact of about 20 uV rms from 1 to 40 Hz."""
    sizes = {"n_subjects": 1, "runs_per_subject": 1, "duration": duration, "eeg_rate": SFREQ}
    scenario = named_scenario(
        "artefacts",
        preset="tiny",
        seed=seed,
        scanner=ScannerSettings(gradient_mv=0, pulse_uv=157.0),
        heart=HeartSettings(ecg=EcgSettings(dead=dead)),
        **sizes | changes,
    )
    run = nt.simulate_run(scenario)
    place = np.interp(
        run_physiology(scenario, 0, 0).beats,
        run.eeg_times,
        np.arange(len(run.eeg_times)),
        left=np.nan,
        right=np.nan,
    )
    beats = place[np.isfinite(place)] / SFREQ
    raw = run.raw.set_annotations(None)
    return PulseExample(raw, run.truth.eeg_part("pulse"), beats)


def rms_uv(data, sfreq=SFREQ):
    """Root mean square from 1 to 40 Hz, in uV."""
    banded = mne.filter.filter_data(data, sfreq, 1.0, 40.0, method="iir", verbose="error")
    return 1e6 * np.sqrt(np.mean(banded**2))
