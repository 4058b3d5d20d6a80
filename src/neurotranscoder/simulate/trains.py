"""Impulses of regions: when events activate them, and how strongly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from neurotranscoder.core.recording import Events
from neurotranscoder.simulate.design import is_stimulus, is_target, response_times
from neurotranscoder.simulate.regions import Regions, RegionSettings


@dataclass(frozen=True, slots=True, eq=False)
class Impulses:
    """Impulses of regions: their region, time (s) and amplitude."""

    region: Int[ndarray, " impulses"]
    time: Float[ndarray, " impulses"]
    amplitude: Float[ndarray, " impulses"]


def draw_impulses(
    regions: Regions,
    settings: RegionSettings,
    events: Events,
    *,
    sfreq: float,
    rng: np.random.Generator,
) -> Impulses:
    """Let each event activate some of the evoked regions.

    Parameters
    ----------
    regions : Regions
        Delays, gains and kinds.
    settings : RegionSettings
        Probabilities, jitter and spread of amplitudes.
    events : Events
        Stimuli, with response times where there were responses.
    sfreq : float
        Impulses fall on multiples of ``1 / sfreq`` s, the samples of the paper's X.
    rng : Generator
        Source of chance.
    """
    stimuli = is_stimulus(events)
    onset, target = events.onset[stimuli], is_target(events)[stimuli]
    response = response_times(events)[stimuli]
    shape = (len(onset), regions.n_regions)
    drawn, jitter = rng.random(shape), rng.normal(0.0, settings.jitter, shape)
    spread = settings.amplitude_log_sd
    amplitude = np.exp(rng.normal(-(spread**2) / 2, spread, shape))
    amplitude = np.where(target[:, np.newaxis], amplitude * regions.target_gain, amplitude)
    by_stimulus = onset[:, np.newaxis] + regions.latency
    time = np.where(regions.motor, response[:, np.newaxis], by_stimulus) + jitter
    chance = np.where(regions.motor, settings.motor_participation, settings.participation)
    active = (drawn < chance) & ~regions.oscillatory & np.isfinite(time)
    region = np.broadcast_to(np.arange(regions.n_regions), shape)[active]
    return Impulses(region, np.round(time[active] * sfreq) / sfreq, amplitude[active])


def draw_spontaneous(
    regions: Regions,
    settings: RegionSettings,
    span: tuple[float, float],
    *,
    sfreq: float,
    rng: np.random.Generator,
) -> Impulses:
    """Let the evoked regions be active at random, each on its own.

    Parameters
    ----------
    regions : Regions
        Their kinds.
    settings : RegionSettings
        Rate and spread of amplitudes.
    span : tuple of float
        First and last time, in s on the scanner clock.
    sfreq : float
        Impulses fall on multiples of ``1 / sfreq`` s.
    rng : Generator
        Source of chance.
    """
    active = np.flatnonzero(~regions.oscillatory)
    counts = rng.poisson(settings.spontaneous_rate * (span[1] - span[0]), len(active))
    time = rng.uniform(*span, counts.sum())
    spread = settings.amplitude_log_sd
    amplitude = np.exp(rng.normal(-(spread**2) / 2, spread, counts.sum()))
    return Impulses(np.repeat(active, counts), np.round(time * sfreq) / sfreq, amplitude)
