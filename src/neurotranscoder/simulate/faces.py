"""The face-car-house task: three categories of images at two levels of phase coherence."""

from __future__ import annotations

import itertools

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field, PositiveFloat, PositiveInt

from neurotranscoder.core.recording import Events
from neurotranscoder.core.settings import PositiveSpan, Settings

CATEGORIES = ("face", "car", "house")
FACE_CONDITIONS = tuple(
    f"{category}_{coherence}"
    for coherence, category in itertools.product(("high", "low"), CATEGORIES)
)
"""Trial types of the task: 'face_high', 'car_high', .., 'house_low'."""


class FacesDesign(Settings):
    """The face-car-house categorisation task, with a button press on every trial.

    Numbers of trials, intervals and durations are those of the paper's section 4.1.2. It gives
    no response times; those below are assumed: log-normal with the spread measured in OpenNeuro
    ds000116, slower where the evidence is low.
    """

    n_trials: PositiveInt = 180
    """Images of a run, equally many of each condition; a short run has time for fewer."""
    interval: PositiveSpan = (2.0, 4.0)
    """Range of the time between images, uniform, in s. The intervals of a run are its quantiles
    in random order, so that 180 trials always fit into 280 volumes of 2 s."""
    first_onset: PositiveSpan = (2.0, 6.0)
    """Range of the first onset, in s."""
    stimulus_duration: PositiveFloat = 0.05
    """How long an image is shown, in s."""
    response_log_mean: tuple[float, float] = (-0.43, -0.29)
    """Means of the logarithm of response times in s at high and at low coherence (assumed;
    medians .65 and .75 s)."""
    response_log_sd: float = Field(default=0.25, ge=0)
    """Standard deviation of the logarithm of response times (assumed)."""
    response_range: PositiveSpan = (0.3, 1.8)
    """Shortest and longest response time, in s; draws beyond are clipped."""

    def log_means(self) -> Float[ndarray, " conditions"]:
        """Return the mean of the logarithm of response times of each of `FACE_CONDITIONS`."""
        return np.repeat(self.response_log_mean, len(CATEGORIES))


def draw_faces(design: FacesDesign, duration: float, rng: np.random.Generator) -> Events:
    """Draw the events of one run.

    Parameters
    ----------
    design : FacesDesign
        Statistics of the task.
    duration : float
        Length of the run, in seconds; the last image ends before it.
    rng : Generator
        Source of chance.

    Returns
    -------
    events : Events
        ``trial_type`` is one of `FACE_CONDITIONS`; all trials have response times.
    """
    count = design.n_trials
    low, high = design.interval
    steps = low + (high - low) * (rng.permutation(count) + rng.random(count)) / count
    steps[0] = rng.uniform(*design.first_onset)
    onset = np.cumsum(steps)
    condition = rng.permutation(np.arange(count) % len(FACE_CONDITIONS))
    log_response = rng.normal(design.log_means()[condition], design.response_log_sd)
    response = np.clip(np.exp(log_response), *design.response_range)
    keep = onset + design.stimulus_duration < duration
    n_kept = int(keep.sum())
    return Events(
        np.round(onset[keep], 3),
        np.full(n_kept, design.stimulus_duration),
        tuple(FACE_CONDITIONS[which] for which in condition[keep]),
        np.round(response[keep], 3),
    )
