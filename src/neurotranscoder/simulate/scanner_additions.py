"""What the scanner adds to a run's EEG, its ECG and its triggers, from the scenario's streams."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32, Int
from numpy import ndarray

from neurotranscoder.core.recording import Clock, OtherChannel
from neurotranscoder.io.study_writer import volume_samples
from neurotranscoder.physics.head import Head
from neurotranscoder.simulate.bold_artefacts import run_motion, run_physiology
from neurotranscoder.simulate.eeg_artefacts import EcgSettings, heart_train
from neurotranscoder.simulate.electrodes import electrodes_of_head
from neurotranscoder.simulate.event_train import EventTrain, add_waves
from neurotranscoder.simulate.scanner import (
    ScannerSettings,
    add_artefacts_to_ecg,
    add_gradient_artefact,
    add_pulse_artefact,
    draw_pulses,
)
from neurotranscoder.simulate.scenario import Scenario
from neurotranscoder.simulate.seeds import Stage, generator
from neurotranscoder.simulate.triggers import faulty_triggers

_ECG_LOST = (0.2, 0.5)  # shares of a run between which a dead ECG is lost


def add_scanner_artefacts(
    eeg: Float[ndarray, "channels times"],
    times: Float[ndarray, " times"],
    scenario: Scenario,
    head: Head,
    which: tuple[int, int],
) -> None:
    """Add gradient and pulse artefact where a scenario has a scanner, in place.

    Parameters
    ----------
    eeg : array, shape (channels, times)
        What is added to, in V.
    times : array, shape (times,)
        Scanner times of the samples, in seconds.
    scenario : Scenario
        Its ``scanner``. The gradient artefact follows the head that moves the images, the pulse
        the heart that beats in them.
    head : Head
        Its electrodes.
    which : tuple of int
        Subject and run.
    """
    settings = scenario.scanner
    if settings is None:
        return
    electrodes, motion = electrodes_of_head(head), run_motion(scenario, *which)
    add_gradient_artefact(
        eeg,
        times,
        scenario.volumes,
        electrodes,
        settings,
        motion=None if motion is None else motion.parameters,
    )
    add_pulse_artefact(eeg, times, _pulses(scenario, settings, which), electrodes, settings)


def record_ecg(
    times: Float[ndarray, " times"], scenario: Scenario, which: tuple[int, int]
) -> tuple[OtherChannel, ...]:
    """Return the ECG of a run as one channel, or none where a scenario has none.

    Parameters
    ----------
    times : array, shape (times,)
        Scanner times of the samples, in seconds.
    scenario : Scenario
        Its ``heart.ecg``; beats are those of the BOLD noise.
    which : tuple of int
        Subject and run.
    """
    if scenario.heart is None or (settings := scenario.heart.ecg) is None:
        return ()
    of_noise, of_loss = _stream(scenario, which, Stage.ECG).spawn(2)
    data = _noise(len(times), settings, of_noise)
    beats = run_physiology(scenario, *which).beats
    peak = np.array([[1e-3 * settings.amplitude_mv]])
    add_waves(data[np.newaxis], times, peak, heart_train(beats).sample)
    if scenario.scanner is not None:
        pulses = _pulses(scenario, scenario.scanner, which)
        add_artefacts_to_ecg(data, times, scenario.volumes, pulses, scenario.scanner)
    if settings.dead:
        data[round(of_loss.uniform(*_ECG_LOST) * len(times)) :] = 0
    return (OtherChannel("ECG", "ECG", data),)


def run_triggers(
    scenario: Scenario, clock: Clock, n_times: int, which: tuple[int, int]
) -> Int[ndarray, " triggers"] | None:
    """Return the EEG samples of faulty volume triggers, or None where they have no faults.

    Parameters
    ----------
    scenario : Scenario
        Its ``triggers``.
    clock : Clock
        The true clock of the EEG.
    n_times : int
        Number of samples of the EEG.
    which : tuple of int
        Subject and run.
    """
    if scenario.triggers is None:
        return None
    tr, n_volumes, sfreq = scenario.tr, scenario.volumes.n_volumes, scenario.eeg_rate
    ideal = volume_samples(clock, tr=tr, n_volumes=n_volumes, sfreq=sfreq, n_times=n_times)
    rng = _stream(scenario, which, Stage.TRIGGERS)
    return faulty_triggers(ideal, scenario.triggers, rng, sfreq=sfreq, n_times=n_times)


def _pulses(scenario: Scenario, settings: ScannerSettings, which: tuple[int, int]) -> EventTrain:
    """Return the pulses of a run; the same whenever they are asked for."""
    beats = run_physiology(scenario, *which).beats
    return draw_pulses(beats, settings, _stream(scenario, which, Stage.PULSE))


def _noise(
    n_times: int, settings: EcgSettings, rng: np.random.Generator
) -> Float32[ndarray, " times"]:
    """Return white noise of the ECG's amplifier, in V."""
    noise = rng.standard_normal(n_times, dtype=np.float32)
    noise *= np.float32(1e-6 * settings.noise_uv)
    return noise


def _stream(scenario: Scenario, which: tuple[int, int], stage: Stage) -> np.random.Generator:
    """Return the random stream of one stage of one run."""
    return generator(scenario.seed, stage, subject=which[0], run=which[1])
