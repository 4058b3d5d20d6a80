"""What a task is to the rest of the simulator: its conditions, and how often they come."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.stats import norm

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.recording import Events
from neurotranscoder.simulate.design import OddballDesign, draw_oddball, is_stimulus
from neurotranscoder.simulate.faces import FACE_CONDITIONS, FacesDesign, draw_faces

_QUANTILES = 100


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """One kind of trial.

    Parameters
    ----------
    label : str
        Its ``trial_type``.
    share : float
        Share of all stimuli.
    responding : float
        Probability that a stimulus is answered.
    responses : array, shape (responses,)
        Response times that are equally likely, in seconds; none where nothing is answered.
    """

    label: str
    share: float
    responding: float
    responses: Float[ndarray, " responses"]


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """A task and its statistics.

    Parameters
    ----------
    name : str
        As BIDS writes it.
    description : str
        What a participant does.
    conditions : tuple of Condition
        All kinds of trials; their shares add up to 1.
    rate : float
        Stimuli per second while the task lasts.
    intervals : array, shape (intervals,)
        Times between stimuli that are equally likely, in seconds.
    first_onset : float
        Expected start of the first stimulus, in seconds.
    n_trials : int or None
        Most stimuli of a run.
    draw : callable
        From the length of a run (s) and a source of chance to its events.
    """

    name: str
    description: str
    conditions: tuple[Condition, ...]
    rate: float
    intervals: Float[ndarray, " intervals"]
    first_onset: float
    n_trials: int | None
    draw: Callable[[float, np.random.Generator], Events]

    @property
    def labels(self) -> tuple[str, ...]:
        """Trial types of all conditions."""
        return tuple(condition.label for condition in self.conditions)

    def condition(self, label: str) -> Condition:
        """Return the condition of a trial type; SettingsError when there is none."""
        for condition in self.conditions:
            if condition.label == label:
                return condition
        raise SettingsError(
            f"task {self.name!r} has no condition {label!r}; its conditions are "
            f"{', '.join(self.labels)}; for others take `condition_of` a table of events"
        )

    def share(self, which: Callable[[str], bool]) -> float:
        """Return the share of the stimuli whose trial type is of some kind."""
        return float(sum(one.share for one in self.conditions if which(one.label)))

    def answered(self, which: Callable[[str], bool]) -> float:
        """Return the share of the stimuli that are answered and of some kind."""
        of_kind = (one for one in self.conditions if which(one.label))
        return float(sum(one.share * one.responding for one in of_kind))

    @property
    def mean_response(self) -> float:
        """Mean response time of the stimuli that are answered, 0 when none is, in seconds."""
        answered = [one for one in self.conditions if one.responding > 0]
        weights = [one.share * one.responding for one in answered]
        means = [one.responses.mean() for one in answered]
        return float(np.average(means, weights=weights)) if answered else 0.0

    def occupancy(self, duration: float) -> float:
        """Return the share of a run in which stimuli come, 1 unless their number is limited."""
        if self.n_trials is None:
            return 1.0
        return min(1.0, self.n_trials / (self.rate * duration))


def condition_of(events: Events, label: str) -> Condition:
    """Return the condition of a trial type as a table of events has it.

    Parameters
    ----------
    events : Events
        Any table.
    label : str
        One of its trial types.

    Raises
    ------
    SettingsError
        When no stimulus has that trial type.
    """
    stimuli = is_stimulus(events)
    mine = stimuli & np.asarray([name == label for name in events.trial_type], dtype=bool)
    if not mine.any():
        known = sorted({events.trial_type[i] for i in np.flatnonzero(stimuli)})
        raise SettingsError(f"no stimulus has trial type {label!r}; the table has {known}")
    responses = events.response_time[mine]
    answered = np.isfinite(responses)
    share = float(mine.sum() / stimuli.sum())
    return Condition(label, share, float(answered.mean()), responses[answered])


def task_of(oddball: OddballDesign, faces: FacesDesign | None) -> Task:
    """Return the task of a scenario: face-car-house where it is set, else the oddball."""
    return _oddball(oddball) if faces is None else _faces(faces)


def _oddball(design: OddballDesign) -> Task:
    """Return the auditory oddball."""
    responses = _log_normal(
        design.response_log_mean, design.response_log_sd, design.response_range
    )
    target = design.target_share
    quantiles = np.asarray(design.soa_deciles)
    steps = np.linspace(0, 1, len(quantiles))
    return Task(
        "oddball",
        "Simulated: press a button at each oddball, ignore the standards",
        (
            Condition("standard", 1 - target, 0.0, np.zeros(0)),
            Condition("oddball", target, 1.0, responses),
        ),
        float(1 / np.mean(quantiles)),
        np.interp(_middles(), steps, quantiles),
        float(np.mean(design.first_onset)),
        design.n_trials,
        functools.partial(draw_oddball, design),
    )


def _faces(design: FacesDesign) -> Task:
    """Return the face-car-house task."""
    low, high = design.interval
    share = 1 / len(FACE_CONDITIONS)
    conditions = (
        Condition(
            label, share, 1.0, _log_normal(mean, design.response_log_sd, design.response_range)
        )
        for label, mean in zip(FACE_CONDITIONS, design.log_means().tolist(), strict=True)
    )
    return Task(
        "faces",
        "Simulated: press one of three buttons for the category of each image",
        tuple(conditions),
        2 / (low + high),
        low + (high - low) * _middles(),
        float(np.mean(design.first_onset)),
        design.n_trials,
        functools.partial(draw_faces, design),
    )


def _middles() -> Float[ndarray, " quantiles"]:
    """Return the middles of equal steps of probability."""
    return (np.arange(_QUANTILES) + 0.5) / _QUANTILES


def _log_normal(
    mean: float, sd: float, limits: tuple[float, float]
) -> Float[ndarray, " quantiles"]:
    """Return log-normal times that are equally likely, clipped."""
    return np.asarray(np.clip(np.exp(mean + sd * norm.ppf(_middles())), *limits))
