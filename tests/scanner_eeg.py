"""Simulated EEG with a pulse artefact and without gradients, and what it was made from."""

from dataclasses import dataclass, replace

import mne
import numpy as np

import neurotranscoder as nt
from neurotranscoder.simulate.bold_artefacts import run_physiology
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.eeg_artefacts import EcgSettings, HeartSettings
from neurotranscoder.simulate.electrodes import electrodes_of_head
from neurotranscoder.simulate.scanner import ScannerSettings, add_pulse_artefact, draw_pulses

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


def pulse_example(seed=100, *, dead=False, varying=False, duration=80.0, **changes):
    """The strength makes an artefact of about 20 uV rms from 1 to 40 Hz.

    Varying pulses come 20 ms (sd) earlier or later and last 5 % longer or shorter.
    """
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
    raw, pulse = run.raw.set_annotations(None), run.truth.eeg_part("pulse")
    if varying:
        other = varying_pulse(run, scenario, np.random.default_rng(seed))
        raw._data[: len(pulse)] += other - pulse
        pulse = other
    return PulseExample(raw, pulse, beats)


def varying_pulse(run, scenario, rng):
    """Return pulses that vary in latency and length, in V."""
    beats, pulse = run_physiology(scenario, 0, 0).beats, np.zeros_like(run.recording.eeg.data)
    train = draw_pulses(beats, scenario.scanner, rng)
    starts = np.sort(train.starts + 0.02 * rng.standard_normal(len(beats)))
    lengths = train.durations * np.exp(0.05 * rng.standard_normal(len(beats)))
    train = replace(train, starts=starts, durations=lengths)
    electrodes = electrodes_of_head(run.truth.subject.head)
    add_pulse_artefact(pulse, run.eeg_times, train, electrodes, scenario.scanner)
    return pulse


def rms_uv(data, sfreq=SFREQ):
    """Root mean square from 1 to 40 Hz, in uV."""
    banded = mne.filter.filter_data(data, sfreq, 1.0, 40.0, method="iir", verbose="error")
    return 1e6 * np.sqrt(np.mean(banded**2))
