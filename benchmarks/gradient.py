"""What is left of the gradient artefact, and how long its removal takes, beside MNE.

Prints one line of JSON: python benchmarks/gradient.py

EEG of 15 uV (1/f, .5-70 Hz) and white noise of .5 uV in 6 channels at 5 kHz, 30 volumes of 2 s
with 35 slices, the simulator's gradient artefact of 5 mV in the strongest channel, no pulse. The
residual is the rms of cleaned less true EEG at 1-40 Hz, in uV: ``inner`` without the first and
last 5 volumes, ``whole`` over the recording with 3 s before and after the scan. Means over seeds;
``worst`` is the largest of them. ``drift``: the EEG clock is 15 ppm off. ``motion``: the head
moves as well (median framewise displacement .08 mm), ``large_motion``: by .5 mm. ``mne`` is
`mne.preprocessing.remove_fmri_gradient_artifact` with its default window of 4 volumes to both
sides; ``mne24`` has 12 to both sides, and its ``inner`` lacks the first and last 12 volumes.

At the limits, 15 ppm without motion: ``adaptive`` cancelling, ``volume_template``, .3 s of
``silence`` after each volume with and without slice times, and ``irregular`` volumes that wait up
to 20 ms for the next.

``scenario_...`` is the scenario ``artefacts`` (blinks, pulse, ECG, motion, 5 ppm), 60 s at the
size of ``tiny`` with 10 slices, against the same run without gradients. ``faults``: triggers of a
short run are lost, doubled, jittered and added at random; ``repaired`` have a residual below 2.7
uV over the whole run, ``refused`` end with a typed error.

Seconds are processor time on one core, means over cases and seeds.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass

import mne
import numpy as np
from numpy import ndarray
from scipy import signal
from threadpoolctl import threadpool_limits

import neurotranscoder as nt
from neurotranscoder.core.axes import Montage, VolumeAxis
from neurotranscoder.core.errors import InputError
from neurotranscoder.core.recording import Clock, Eeg
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.electrodes import Electrodes
from neurotranscoder.simulate.event_train import EventTrain, add_waves
from neurotranscoder.simulate.motion import MotionSettings, draw_motion
from neurotranscoder.simulate.scanner import ScannerSettings, add_gradient_artefact, gradient_train

SFREQ, TR, N_SLICES, LEAD = 5000.0, 2.0, 35, 3.1234
N_INNER, GOOD_UV = 5, 2.7
BAND = signal.butter(4, (1, 40), "bandpass", fs=SFREQ, output="sos")
CASES: dict[str, tuple[float, float | None]] = {
    "": (0.0, None),
    "_drift": (15.0, None),
    "_motion": (15.0, 0.08),
    "_large_motion": (15.0, 0.5),
}


@dataclass(frozen=True)
class World:
    """EEG without and with artefact (V), and triggers (s)."""

    eeg: ndarray
    dirty: ndarray
    triggers: ndarray

    def residual(self, found: ndarray, n_edge: int = 0) -> float:
        """Return the rms error at 1-40 Hz in uV, of the whole or without edge volumes."""
        error = signal.sosfiltfilt(BAND, found - self.eeg, axis=1)
        if n_edge:
            first, last = (int(SFREQ * self.triggers[i]) for i in (n_edge, -n_edge))
            error = error[:, first:last]
        return float(1e6 * np.sqrt(np.mean(error**2)))


def make_world(
    seed: int,
    drift_ppm: float,
    moves: float | None,
    *,
    n_channels: int = 6,
    n_volumes: int = 30,
    silence: float = 0.0,
) -> World:
    """Simulate raw EEG whose clean EEG is known.

    The head moves by ``moves`` mm, if at all; each volume ends with ``silence`` (s).
    """
    rng = np.random.default_rng(seed)
    slice_times = np.arange(N_SLICES) * (TR - silence) / N_SLICES
    volumes = VolumeAxis(TR, n_volumes, slice_times)
    n_times = int((LEAD + volumes.duration + 3) * SFREQ)
    frequencies = np.fft.rfftfreq(n_times, 1 / SFREQ)
    size = np.zeros(len(frequencies))
    band = (frequencies >= 0.5) & (frequencies <= 70)
    size[band] = frequencies[band] ** -0.5
    waves = rng.standard_normal((2, n_channels, len(size)))
    eeg = np.fft.irfft(size * (waves[0] + 1j * waves[1]), n_times)
    eeg *= 15e-6 / eeg.std(axis=1, keepdims=True)
    eeg += 5e-7 * rng.standard_normal(eeg.shape)
    angle = 2 * np.pi * np.arange(n_channels) / n_channels
    places = [70 * np.cos(angle), 80 * np.sin(angle) - 16, 40 + 30 * np.cos(2 * angle)]
    electrodes = Electrodes.average_referenced(np.stack(places, axis=1))
    motion = None
    if moves is not None:
        motion = draw_motion(MotionSettings(fd_median=moves), volumes, rng).parameters
    dirty = eeg.copy()
    times = Clock("measured", -LEAD, drift_ppm).scanner_times(n_times, SFREQ)
    add_gradient_artefact(dirty, times, volumes, electrodes, ScannerSettings(), motion=motion)
    starts = (TR * np.arange(n_volumes) + LEAD) / (1 + drift_ppm * 1e-6)
    return World(eeg, dirty, np.rint(SFREQ * starts) / SFREQ)


def ours(
    world: World, slice_times: ndarray | None = None, settings: nt.GradientSettings | None = None
) -> tuple[ndarray, float]:
    """Return cleaned EEG and seconds per minute of one channel."""
    eeg = Eeg(world.dirty, SFREQ, Montage(tuple(f"E{i}" for i in range(len(world.dirty)))))
    began = time.process_time()
    found, _ = nt.remove_gradient(
        eeg, triggers=world.triggers, slice_times=slice_times, settings=settings
    )
    seconds = time.process_time() - began
    return found.data, seconds / len(world.dirty) / (world.dirty.shape[1] / SFREQ / 60)


def of_mne(world: World, window: int) -> tuple[ndarray, float]:
    """Return EEG cleaned by MNE and seconds per minute of one channel."""
    info = mne.create_info(len(world.dirty), SFREQ, "eeg", verbose="error")
    raw = mne.io.RawArray(world.dirty, info, verbose="error")
    events = np.rint(SFREQ * world.triggers).astype(int)
    began = time.process_time()
    found = mne.preprocessing.remove_fmri_gradient_artifact(
        raw, events, window=(window, window), tr_tol=2, verbose="error"
    )
    seconds = time.process_time() - began
    return found.get_data(), seconds / len(world.dirty) / (world.dirty.shape[1] / SFREQ / 60)


def residuals(n_seeds: int) -> dict[str, float]:
    """Return residuals of all cases and methods, and seconds."""
    found: dict[str, list[float]] = {}
    for case, (drift_ppm, moves) in CASES.items():
        for seed in range(n_seeds):
            world = make_world(seed, drift_ppm, moves)
            methods = {"": ours(world), "mne_": of_mne(world, 4), "mne24_": of_mne(world, 12)}
            for name, (clean, seconds) in methods.items():
                n_edge = 12 if name == "mne24_" else N_INNER
                inner, whole = world.residual(clean, n_edge), world.residual(clean)
                found.setdefault(f"{name}residual_inner_uv{case}", []).append(inner)
                found.setdefault(f"{name}residual_whole_uv{case}", []).append(whole)
                found.setdefault(f"{name}seconds_per_channel_minute", []).append(seconds)
    result = {name: round(float(np.mean(values)), 3) for name, values in found.items()}
    parts = [values for name, values in found.items() if name.startswith("residual_whole")]
    return result | {"worst_residual_whole_uv": round(float(np.max(parts)), 3)}


def with_waits(seed: int) -> World:
    """Return EEG of volumes that each wait up to 20 ms for the next, without motion."""
    world = make_world(seed, 0.0, None)
    rng = np.random.default_rng((seed, 1))
    volumes = VolumeAxis(TR, 30, np.arange(N_SLICES) * TR / N_SLICES)
    train = gradient_train(volumes, ScannerSettings().low_pass)
    waits = np.concatenate([[0.0], np.cumsum(rng.uniform(0, 0.02, 29))])
    later = EventTrain(
        train.starts + np.repeat(waits, N_SLICES), train.durations, train.gains, train.table
    )
    mixing = rng.standard_normal((len(world.eeg), 3))
    mixing *= 5e-3 / np.abs(mixing @ train.table).max()
    dirty = world.eeg.copy()
    add_waves(dirty, np.arange(dirty.shape[1]) / SFREQ - LEAD, mixing, later.sample)
    return World(world.eeg, dirty, world.triggers + np.rint(SFREQ * waits) / SFREQ)


def limits(n_seeds: int) -> dict[str, float]:
    """Return residuals over the whole recording of cases at the limits."""
    found: dict[str, list[float]] = {}
    slice_times = np.arange(N_SLICES) * (TR - 0.3) / N_SLICES
    full = np.arange(N_SLICES) * TR / N_SLICES
    adaptive = nt.GradientSettings(adaptive=True)
    volume = nt.GradientSettings(template="volume")
    for seed in range(n_seeds):
        plain, silent = make_world(seed, 15.0, None), make_world(seed, 15.0, None, silence=0.3)
        cases = {
            "adaptive": (plain, ours(plain, settings=adaptive)),
            "volume_template": (plain, ours(plain, settings=volume)),
            "silence": (silent, ours(silent, slice_times)),
            "silence_without_slice_times": (silent, ours(silent)),
        }
        irregular = with_waits(seed)
        cases["irregular"] = irregular, ours(irregular, full)
        for name, (world, (clean, _)) in cases.items():
            found.setdefault(f"{name}_residual_whole_uv", []).append(world.residual(clean))
    return {name: round(float(np.mean(values)), 3) for name, values in found.items()}


def scenario_residual() -> dict[str, float]:
    """Return the residual in EEG of the scenario 'artefacts', pulse and blinks included."""
    one = {"n_subjects": 1, "runs_per_subject": 1, "duration": 60.0}
    scenario = named_scenario("artefacts", preset="tiny", **one)
    silent = {"scanner": scenario.scanner.model_copy(update={"gradient_mv": 0.0})}
    run = nt.simulate_run(scenario)
    truth = nt.simulate_run(scenario.model_copy(update=silent)).recording.eeg.data
    world = World(truth, run.recording.eeg.data, run.triggers / SFREQ)
    found, _ = nt.remove_gradient(run.recording.eeg, tr=scenario.tr, triggers=world.triggers)
    return {
        "scenario_raw_uv": round(world.residual(world.dirty), 1),
        "scenario_residual_whole_uv": round(world.residual(found.data), 3),
    }


def faults(n_tried: int) -> dict[str, int]:
    """Return how many runs with damaged triggers are repaired, refused and neither."""
    counts = {"repaired": 0, "refused": 0, "missed": 0}
    for seed in range(n_tried):
        rng = np.random.default_rng(seed)
        world = make_world(seed, 15.0, None, n_channels=2, n_volumes=16)
        times = world.triggers + rng.choice([0, 1e-3, 5e-3]) * rng.standard_normal(16)
        times = np.delete(times, rng.choice(16, rng.integers(0, 7), replace=False))
        doubled = rng.choice(times, rng.integers(0, 4)) + rng.uniform(2e-4, 4e-3)
        spurious = rng.uniform(0, world.eeg.shape[1] / SFREQ, rng.integers(0, 4))
        eeg = Eeg(world.dirty, SFREQ, Montage(("A", "B")))
        try:
            times = np.concatenate([times, doubled, spurious])
            found, _ = nt.remove_gradient(eeg, tr=TR, triggers=times)
        except InputError:
            counts["refused"] += 1
            continue
        good = world.residual(found.data) < GOOD_UV
        counts["repaired" if good else "missed"] += 1
    return {"faults_tried": n_tried, **{f"faults_{name}": n for name, n in counts.items()}}


def main() -> None:
    """Print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--faults", type=int, default=40)
    options = parser.parse_args()
    result: dict[str, object] = {"benchmark": "gradient", "seeds": options.seeds}
    with threadpool_limits(1):
        result |= residuals(options.seeds)
        result |= limits(options.seeds)
        result |= scenario_residual()
        result |= faults(options.faults)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
