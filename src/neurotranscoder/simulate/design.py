"""When stimuli come: a built-in auditory oddball, or any table of events."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from pydantic import Field, PositiveFloat, PositiveInt

from neurotranscoder.core.errors import GridError
from neurotranscoder.core.recording import Events
from neurotranscoder.core.settings import PositiveSpan, Settings
from neurotranscoder.simulate.conditions import words_of

SOA_DECILES = (2.017, 2.036, 2.233, 2.25, 2.433, 2.614, 2.632, 2.829, 2.846, 3.029, 3.127)
"""Deciles of 6,317 stimulus-onset asynchronies of OpenNeuro ds000116, auditory, 51 runs, in s."""

_RESPONSE_WORDS = frozenset(
    ("response", "button", "press", "key", "correct", "incorrect", "left", "right", "behavioral")
)


class OddballDesign(Settings):
    """The auditory oddball task; times as measured in OpenNeuro ds000116 (51 auditory runs)."""

    soa_deciles: tuple[PositiveFloat, ...] = Field(default=SOA_DECILES, min_length=2)
    """Quantiles at equal steps of the time between stimuli, in s."""
    target_share: float = Field(default=0.2, ge=0, le=1)
    """Probability of an oddball, after the first two stimuli."""
    n_trials: PositiveInt | None = None
    """Most stimuli of a run; null is as many as the run has time for."""
    first_onset: PositiveSpan = (2.0, 6.0)
    """Range of the first onset, in s."""
    stimulus_duration: PositiveFloat = 0.2
    """Length of a stimulus, in s."""
    response_log_mean: float = -0.940
    """Mean of the logarithm of response times in s (1,239 responses; median .380 s)."""
    response_log_sd: float = Field(default=0.247, ge=0)
    """Standard deviation of the logarithm of response times."""
    response_range: PositiveSpan = (0.198, 0.956)
    """Shortest and longest response time, in s; draws beyond are clipped."""


def draw_oddball(design: OddballDesign, duration: float, rng: np.random.Generator) -> Events:
    """Draw the events of one run.

    Parameters
    ----------
    design : OddballDesign
        Statistics of the task.
    duration : float
        Length of the run, in seconds; the last stimulus ends before it.
    rng : Generator
        Source of chance.

    Returns
    -------
    events : Events
        ``trial_type`` is 'standard' or 'oddball'; oddballs have response times.
    """
    quantiles = np.asarray(design.soa_deciles)
    n_most = int(duration / quantiles[0]) + 1
    steps = np.interp(rng.random(n_most), np.linspace(0, 1, len(quantiles)), quantiles)
    steps[0] = rng.uniform(*design.first_onset)
    onset = np.cumsum(steps)
    target = rng.random(n_most) < design.target_share
    target[:2] = False
    response = np.exp(rng.normal(design.response_log_mean, design.response_log_sd, n_most))
    response = np.where(target, np.clip(response, *design.response_range), np.nan)
    keep = onset + design.stimulus_duration < duration
    if design.n_trials is not None:
        keep[design.n_trials :] = False
    onset = np.round(onset[keep], 3)
    return Events(
        onset,
        np.full(len(onset), design.stimulus_duration),
        tuple("oddball" if is_target else "standard" for is_target in target[keep]),
        np.round(response[keep], 3),
    )


def crop_events(events: Events, duration: float) -> Events:
    """Return the events that begin within a run.

    Raises
    ------
    GridError
        When none does.
    """
    keep = (events.onset >= 0) & (events.onset < duration)
    if not keep.any():
        raise GridError(
            f"none of {len(events.onset)} events begins in 0-{duration:g} s; give events whose "
            "onsets count seconds from the start of the run"
        )
    return Events(
        events.onset[keep],
        events.duration[keep],
        tuple(np.asarray(events.trial_type, dtype=object)[keep]),
        events.response_time[keep],
        events.n_dropped + int(np.sum(~keep)),
    )


def is_stimulus(events: Events) -> Bool[ndarray, " events"]:
    """Return which events are stimuli; the others are rows that describe a response.

    Those are 'response to ..', 'button response' and the like, and labels about a response time.
    """
    return np.asarray([not _is_response(label) for label in events.trial_type], dtype=bool)


def stimulus_labels(events: Events) -> tuple[str, ...]:
    """Return the trial types of all stimuli."""
    return tuple(np.asarray(events.trial_type, dtype=object)[is_stimulus(events)])


def is_target(events: Events) -> Bool[ndarray, " events"]:
    """Return which events are oddballs or targets, by their label."""
    return np.asarray([names_target(label) for label in events.trial_type], dtype=bool)


def names_target(label: str) -> bool:
    """Return whether a trial type is that of oddballs or targets."""
    return "oddball" in words_of(label)


def _is_response(label: str) -> bool:
    """Return whether a trial type describes a response, not a stimulus."""
    words = words_of(label)
    about = label.strip().lower().startswith("response") or "time" in words
    return "response" in words and (about or words <= _RESPONSE_WORDS)


def response_times(events: Events) -> Float[ndarray, " events"]:
    """Return the time of each response on the clock of the events, NaN without one."""
    return np.asarray(events.onset + events.response_time)
