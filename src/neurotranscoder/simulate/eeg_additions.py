"""Noise, blinks and heart in the EEG of one run, drawn from the streams of its scenario."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.physics.head import Head
from neurotranscoder.simulate.bold_artefacts import run_physiology
from neurotranscoder.simulate.eeg import EXACT_UP_TO
from neurotranscoder.simulate.eeg_artefacts import add_blinks, add_heart, draw_blinks
from neurotranscoder.simulate.eeg_noise import (
    EegNoiseSettings,
    add_brain_noise,
    add_white_noise,
)
from neurotranscoder.simulate.electrodes import electrodes_of_head
from neurotranscoder.simulate.scenario import Scenario
from neurotranscoder.simulate.seeds import Stage, generator


def noise_settings(scenario: Scenario) -> EegNoiseSettings | None:
    """Return how EEG noise is made by parts; above 500 Hz, white noise alone is such a part."""
    if scenario.eeg_noise is None and scenario.eeg_rate > EXACT_UP_TO:
        return None if scenario.eeg_snr_db is None else EegNoiseSettings()
    return scenario.eeg_noise


def add_eeg_noise(
    eeg: Float[ndarray, "channels times"],
    scenario: Scenario,
    settings: EegNoiseSettings,
    head: Head,
    which: tuple[int, int],
    *,
    sd: float | None,
) -> None:
    """Add white noise and background activity, in place.

    Parameters
    ----------
    eeg : array, shape (channels, times)
        Noise-free EEG, in V.
    scenario : Scenario
        Its seed and sampling.
    settings : EegNoiseSettings
        How strong the parts are.
    head : Head
        Its leadfield shapes the background activity.
    which : tuple of int
        Subject and run.
    sd : float or None
        Of all parts together, in V: a common factor brings them there. None leaves them at their
        own levels.
    """
    scale = 1.0
    expected = settings.white_variance + settings.brain_variance
    if sd is not None and expected > 0:
        scale = sd / float(np.sqrt(expected))
    white, brain = (_stream(scenario, which, s) for s in (Stage.EEG_WHITE, Stage.EEG_BRAIN))
    if settings.white_uv > 0:
        average = head.reference == "average"
        add_white_noise(eeg, settings, white, average_reference=average, scale=scale)
    if settings.brain_uv > 0:
        rate = scenario.eeg_rate
        add_brain_noise(eeg, rate, head.leadfield, settings, brain, scale=scale)


def add_eyes_and_heart(
    eeg: Float[ndarray, "channels times"],
    times: Float[ndarray, " times"],
    scenario: Scenario,
    head: Head,
    which: tuple[int, int],
) -> None:
    """Add blinks and the electrocardiogram where a scenario has them, in place.

    Parameters
    ----------
    eeg : array, shape (channels, times)
        What is added to, in V.
    times : array, shape (times,)
        Scanner times of the samples, in seconds.
    scenario : Scenario
        Its ``blinks`` and ``heart``; heart beats are those of the BOLD noise.
    head : Head
        Its electrodes.
    which : tuple of int
        Subject and run.
    """
    if scenario.blinks is not None:
        rng = _stream(scenario, which, Stage.BLINKS)
        blinks = draw_blinks(scenario.blinks, float(times[0]), float(times[-1]), rng)
        add_blinks(eeg, times, blinks, electrodes_of_head(head), scenario.blinks)
    if scenario.heart is not None:
        beats = run_physiology(scenario, *which).beats
        add_heart(eeg, times, beats, electrodes_of_head(head), scenario.heart)


def _stream(scenario: Scenario, which: tuple[int, int], stage: Stage) -> np.random.Generator:
    """Return the random stream of one stage of one run."""
    return generator(scenario.seed, stage, subject=which[0], run=which[1])
