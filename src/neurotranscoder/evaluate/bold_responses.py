"""Responses of BOLD to events that overlap in time: regression on lags, per condition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.interpolate import CubicSpline

from neurotranscoder.evaluate.potentials import Condition

_LENGTH = 20.0  # s, of a response
_EXPECTED = (4.0, 8.0)  # s
_DRIFT = 128.0  # s, shortest period of a drift that is removed
_ROWS_PER_COLUMN = 2.0
_SHIFTS = 5


@dataclass(frozen=True, slots=True, eq=False)
class BoldResponses:
    """Mean responses of the rows that respond most.

    Parameters
    ----------
    conditions : tuple of str
        Which events, the rarest last.
    lags : array, shape (lags,)
        Seconds from the event, 0 first.
    values : array, shape (conditions, lags)
        In the unit of the signals. Where events follow each other closely, what all conditions
        share is poorly told from the baseline.
    beyond : array, shape (lags,)
        Response to the rarest condition beyond the mean of the others: what is told well.
    chance : float
        Largest value of ``beyond`` over shifts of all events in time.
    """

    conditions: tuple[str, ...]
    lags: Float[ndarray, " lags"]
    values: Float[ndarray, "conditions lags"]
    beyond: Float[ndarray, " lags"]
    chance: float

    @property
    def peak(self) -> tuple[float, float]:
        """Lag and size at which ``beyond`` is largest (cubic spline); no lag within chance."""
        fine = np.linspace(self.lags[0], self.lags[-1], 20 * (len(self.lags) - 1) + 1)
        course = CubicSpline(self.lags, self.beyond)(fine)
        top = int(np.argmax(course))
        lag = float(fine[top]) if course[top] > self.chance else float("nan")
        return lag, float(course[top])


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A part of a run: signals, their times, and all events of the run."""

    series: Float[ndarray, "rows times"]
    times: Float[ndarray, " times"]
    conditions: tuple[Condition, ...]
    lags: Float[ndarray, " lags"]

    def responses(self, shift: float = 0.0, *, length: float = 1.0) -> ndarray:
        """Return responses, shape (conditions, rows, lags), to events shifted around the run."""
        moved = [Condition(c.name, (c.onset + shift) % length) for c in self.conditions]
        events = moved if shift else self.conditions
        return hemodynamic_responses(self.series, self.times, events, self.lags)

    def beyond(self, responses: ndarray) -> ndarray:
        """Return the response to the rarest condition beyond the others, shape (rows, lags)."""
        others = [len(condition.onset) for condition in self.conditions[:-1]]
        if not others:
            return np.asarray(responses[-1])
        return np.asarray(responses[-1] - np.average(responses[:-1], axis=0, weights=others))


def lag_regressors(
    onset: Float[ndarray, " events"],
    times: Float[ndarray, " times"],
    lags: Float[ndarray, " lags"],
) -> Float[ndarray, "times lags"]:
    """Return regressors whose weights are a response at given lags, linear in between.

    Parameters
    ----------
    onset : array, shape (events,)
        When events came, in s.
    times : array, shape (times,)
        When the response is seen, in s.
    lags : array, shape (lags,)
        Equally spaced, in s; the response is 0 one step before the first and after the last.
    """
    step = lags[1] - lags[0]
    since = times[:, np.newaxis] - onset
    return np.stack(
        [np.clip(1 - np.abs(since - lag) / step, 0, None).sum(axis=1) for lag in lags], axis=1
    )


def hemodynamic_responses(
    series: Float[ndarray, "rows times"],
    times: Float[ndarray, " times"],
    conditions: Sequence[Condition],
    lags: Float[ndarray, " lags"],
) -> Float[ndarray, "conditions rows lags"]:
    """Return the response of each row to each condition: least squares, beside slow cosines.

    Parameters
    ----------
    series : array, shape (rows, times)
        Signals; the result has their unit.
    times : array, shape (times,)
        Equally spaced, in s.
    conditions : sequence of Condition
        All that happened; responses to events that overlap in time add up.
    lags : array, shape (lags,)
        See `lag_regressors`.
    """
    n_drifts = int(2 * (times[-1] - times[0]) / _DRIFT) + 1
    phase = np.pi * (np.arange(len(times)) + 0.5) / len(times)
    drifts = np.cos(phase[:, np.newaxis] * np.arange(n_drifts))
    parts = [lag_regressors(condition.onset, times, lags) for condition in conditions]
    design = np.concatenate([*parts, drifts], axis=1)
    weights = np.linalg.lstsq(design, series.T, rcond=None)[0]
    per_condition = weights[: len(conditions) * len(lags)]
    return np.asarray(per_condition.reshape(len(conditions), len(lags), -1).swapaxes(1, 2))


def bold_responses(
    series: Float[ndarray, "rows times"],
    times: Float[ndarray, " times"],
    conditions: Sequence[Condition],
    *,
    tr: float,
    share: float = 0.05,
) -> BoldResponses | None:
    """Return responses of the rows that respond most; None where the run is too short for it.

    Rows are chosen by how much more they respond 4-8 s after the rarest condition than after the
    others, over their sd, in one half of the run, and averaged over the other half, both ways
    around: the choice does not raise what is found.

    Parameters
    ----------
    series : array, shape (rows, times)
        BOLD.
    times : array, shape (times,)
        Equally spaced, in s.
    conditions : sequence of Condition
        All that happened, the rarest last.
    tr : float
        Time between volumes, in s: the step of the lags, and how often BOLD was seen at all.
    share : float
        Share of the rows that is chosen.
    """
    lags = np.arange(tr, _LENGTH - tr / 2, tr)
    n_volumes = (times[-1] - times[0]) / tr / 2
    if not conditions or n_volumes < _ROWS_PER_COLUMN * len(conditions) * len(lags):
        return None
    halves = np.array_split(np.arange(len(times)), 2)
    parts = [_Part(series[:, half], times[half], tuple(conditions), lags) for half in halves]
    found = [part.responses() for part in parts]
    chosen = [_strongest(part, one, share) for part, one in zip(parts, found, strict=True)][::-1]
    means = [one[:, rows].mean(axis=1) for one, rows in zip(found, chosen, strict=True)]
    values = np.pad(np.mean(means, axis=0), ((0, 0), (1, 1)))
    return BoldResponses(
        tuple(one.name for one in conditions),
        np.concatenate([[0.0], lags, [lags[-1] + tr]]),
        values,
        parts[0].beyond(values),
        _chance(parts, chosen, length=float(times[-1])),
    )


def _strongest(part: _Part, responses: ndarray, share: float) -> ndarray:
    """Return the rows whose response to the rarest condition exceeds the others most."""
    expected = (part.lags >= _EXPECTED[0]) & (part.lags <= _EXPECTED[1])
    size = part.beyond(responses)[:, expected].mean(axis=1) / part.series.std(axis=1)
    return np.argsort(-size, kind="stable")[: max(1, round(share * len(size)))]


def _chance(parts: Sequence[_Part], chosen: Sequence[ndarray], *, length: float) -> float:
    """Return the largest response of the chosen rows to events that are shifted in time."""
    largest = 0.0
    for shift in length * np.arange(1, _SHIFTS + 1) / (_SHIFTS + 1):
        moved = [
            part.beyond(part.responses(float(shift), length=length))[rows].mean(axis=0)
            for part, rows in zip(parts, chosen, strict=True)
        ]
        largest = max(largest, float(np.mean(moved, axis=0).max()))
    return largest
