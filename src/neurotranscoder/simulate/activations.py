"""Responses of named regions to the conditions of a task: activations and deactivations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
from pydantic import Field, NonNegativeFloat, model_validator

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.settings import Settings
from neurotranscoder.physics.anatomy import named_region
from neurotranscoder.simulate.conditions import matching_condition, words_of


class Activation(Settings):
    """What a region of anatomy does after events.

    An event that takes part makes `n_impulses` impulses of equal area, at independent times that
    are uniform over the duration; they share one delay and one amplitude. Whatever else makes
    impulses in the same region (other activations of it, events soon after) adds to them.
    """

    region: str
    """Name of the region, one of `physics.anatomy`: 'auditory', 'primary_motor_left', .."""
    gains: dict[str, float] = Field(default_factory=dict)
    """Area of the response by condition, in units of an impulse; negative is a deactivation. A
    condition is a trial type or words of it: 'low' is a condition of 'face_low', 'oddball' one of
    'auditory target stimulus presentation'."""
    default_gain: float = 0.0
    """Area of the response to stimuli of all other conditions."""
    after: Literal["stimulus", "response"] = "stimulus"
    """What the delay counts from; stimuli without a response time have no response."""
    latency: float = 0.2
    """Delay of the first impulse, in s. Impulses are those of X; what the EEG sees of them peaks
    later, by the latency of the peaks of `evoked`."""
    jitter: NonNegativeFloat = 0.03
    """Standard deviation of the delay from event to event, in s."""
    duration: float = Field(default=0.0, ge=0, le=60)
    """How long a prolonged response lasts, in s; 0 is one impulse."""
    burst_rate: float = Field(default=20.0, gt=0, le=1000)
    """Impulses per second of a prolonged response."""
    participation: float = Field(default=0.9, gt=0, le=1)
    """Probability that an event has the response."""
    amplitude_log_sd: NonNegativeFloat = 0.4
    """Standard deviation of the logarithm of amplitudes from event to event; their mean is the
    gain."""

    @property
    def n_impulses(self) -> int:
        """Number of impulses of one response."""
        return max(1, round(self.duration * self.burst_rate))

    @property
    def mean_square(self) -> float:
        """Mean square of amplitudes over their squared mean."""
        return float(np.exp(self.amplitude_log_sd**2))

    @model_validator(mode="after")
    def _is_possible(self) -> Activation:
        """Refuse regions that are unknown and conditions that nothing can match."""
        try:
            named_region(self.region)
        except SettingsError as error:
            raise ValueError(str(error)) from None
        if not any([*self.gains.values(), self.default_gain]):
            raise ValueError(
                f"the activation of {self.region!r} has no gain other than 0; give gains such as "
                "{oddball = 1.0}, or a default_gain"
            )
        if empty := [name for name in self.gains if not words_of(name)]:
            raise ValueError(
                f"the activation of {self.region!r} has conditions {empty}; need at least one "
                "letter or digit in each"
            )
        return self


def gain_of(activation: Activation, trial_type: str) -> float:
    """Return the gain of an activation at a stimulus."""
    condition = matching_condition(activation.gains, trial_type)
    return activation.default_gain if condition is None else activation.gains[condition]


def region_names(activations: Iterable[Activation]) -> tuple[str, ...]:
    """Return the regions of activations, each once, in the order of their first activation."""
    return tuple(dict.fromkeys(activation.region for activation in activations))


def known_conditions(activations: Iterable[Activation]) -> tuple[str, ...]:
    """Return all conditions that have a gain of their own, each once."""
    return tuple(dict.fromkeys(name for each in activations for name in each.gains))


def any_match(activations: Sequence[Activation], trial_types: Iterable[str]) -> bool:
    """Return whether a trial type is of a condition that an activation knows."""
    if any(activation.default_gain for activation in activations):
        return True
    known = known_conditions(activations)
    return any(matching_condition(known, label) is not None for label in trial_types)


def check_own_conditions(activations: Sequence[Activation], trial_types: Iterable[str]) -> None:
    """Refuse conditions that no trial type of a scenario's own task matches.

    Raises
    ------
    SettingsError
        When a gain would never count; misspelt, most likely.
    """
    labels = sorted(set(trial_types))
    for condition in known_conditions(activations):
        if not any(matching_condition([condition], label) for label in labels):
            raise SettingsError(
                f"activations have gains for {condition!r}, which no trial of the scenario's task "
                f"is; its trial types are {labels}; correct the condition, or give a table of "
                "events"
            )


def check_conditions(activations: Sequence[Activation], trial_types: Iterable[str]) -> None:
    """Refuse stimuli that no activation knows.

    Raises
    ------
    SettingsError
        When there are activations and none of the trial types is of a condition of theirs.
    """
    labels = sorted(set(trial_types))
    if activations and not any_match(activations, labels):
        raise SettingsError(
            f"no stimulus activates a region: the events have the trial types {labels}, the "
            f"activations of the scenario know {list(known_conditions(activations))}; rename the "
            "trial types, or give the activations gains for them or a default_gain"
        )
