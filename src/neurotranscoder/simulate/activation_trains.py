"""Impulses of regions of anatomy: when conditions activate them, and how strongly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurotranscoder.core.recording import Events
from neurotranscoder.simulate.activations import Activation, gain_of
from neurotranscoder.simulate.design import is_stimulus
from neurotranscoder.simulate.regions import Regions
from neurotranscoder.simulate.trains import Impulses


def draw_activations(
    regions: Regions,
    activations: Sequence[Activation],
    events: Events,
    *,
    sfreq: float,
    rng: np.random.Generator,
) -> tuple[Impulses, ...]:
    """Let stimuli and responses activate regions as their conditions say.

    Parameters
    ----------
    regions : Regions
        The brain; it holds the regions of all activations.
    activations : sequence of Activation
        What follows an event.
    events : Events
        Stimuli, with response times where there were responses.
    sfreq : float
        Impulses fall on multiples of ``1 / sfreq`` s, the samples of the paper's X.
    rng : Generator
        Source of chance; each activation has a stream of its own, by its place in the list.

    Returns
    -------
    impulses : tuple of Impulses
        Those of each activation. What overlaps adds up.
    """
    stimuli = np.flatnonzero(is_stimulus(events))
    labels = [events.trial_type[which] for which in stimuli]
    onset, response = events.onset[stimuli], events.response_time[stimuli]
    drawn = []
    for activation, own in zip(activations, rng.spawn(len(activations)), strict=True):
        region = regions.names.index(activation.region)
        gains = {label: gain_of(activation, label) for label in set(labels)}
        gain = np.array([gains[label] for label in labels], dtype=np.float64)
        start = onset + response if activation.after == "response" else onset
        time, amplitude = _responses(activation, start, gain, own)
        which = np.full(len(time), region, dtype=np.int64)
        drawn.append(Impulses(which, np.round(time * sfreq) / sfreq, amplitude))
    return tuple(drawn)


def joined(parts: Sequence[Impulses]) -> Impulses:
    """Return all impulses of some parts."""
    return Impulses(
        np.concatenate([part.region for part in parts]),
        np.concatenate([part.time for part in parts]),
        np.concatenate([part.amplitude for part in parts]),
    )


def _responses(
    activation: Activation, start: np.ndarray, gain: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return times and areas of the impulses that follow some starts; NaN has none."""
    n_events, n_impulses = len(start), activation.n_impulses
    takes_part = rng.random(n_events) < activation.participation
    delay = activation.latency + rng.normal(0.0, activation.jitter, n_events)
    spread = activation.amplitude_log_sd
    area = gain * np.exp(rng.normal(-(spread**2) / 2, spread, n_events)) / n_impulses
    within = activation.duration * rng.random((n_events, n_impulses))
    active = takes_part & (gain != 0) & np.isfinite(start)
    time = (start + delay)[active, np.newaxis] + within[active]
    return time.ravel(), np.repeat(area[active], n_impulses)
