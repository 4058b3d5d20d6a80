"""Pearson correlations over time, and what they are on average over runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.stats import binom
from scipy.stats import t as student

_LARGEST_R = float(np.tanh(6.0))  # .99999: rounding must not make one voxel dominate a mean


def fisher_z(r: Float[ndarray, "*values"]) -> Float[ndarray, "*values"]:
    """Return atanh of correlations, at most 6 in size."""
    return np.asarray(np.arctanh(np.clip(r, -_LARGEST_R, _LARGEST_R)))


def correlate_rows(
    first: Float[ndarray, "rows times"], second: Float[ndarray, "rows times"]
) -> Float[ndarray, " rows"]:
    """Return Pearson's r of each pair of rows; NaN where a row is constant."""
    one = first - first.mean(axis=1, keepdims=True)
    two = second - second.mean(axis=1, keepdims=True)
    norms = np.sqrt(np.sum(one**2, axis=1) * np.sum(two**2, axis=1))
    scale = np.sqrt(np.mean(first**2, axis=1) * np.mean(second**2, axis=1)) * first.shape[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        r = np.sum(one * two, axis=1) / norms
    return np.where(norms > 1e-12 * scale, r, np.nan)


def fisher_mean(r: Float[ndarray, " values"]) -> float:
    """Return the mean correlation: tanh of the mean of atanh, NaN entries left out."""
    known = r[np.isfinite(r)]
    if known.size == 0:
        return float("nan")
    return float(np.tanh(fisher_z(known).mean()))


def mean_correlation(
    estimate: Float[ndarray, "rows times"], truth: Float[ndarray, "rows times"]
) -> float:
    """Return the mean r of rows (Fisher z); constant estimates of what varies count as 0."""
    r = correlate_rows(estimate, truth)
    r[np.isnan(r) & (np.ptp(truth, axis=1) > 0)] = 0.0
    return fisher_mean(r)


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over runs with its 95 % interval; NaN bounds where one run gives none."""

    mean: float
    low: float
    high: float
    n: int


def _interval(values: Float[ndarray, " runs"], subjects: Sequence[str]) -> Interval:
    """Return mean and t interval; the standard error is the larger of two.

    One is over runs, the other is clustered by subject (CR1): runs of one subject may be alike.
    """
    n = len(values)
    mean = float(values.mean())
    if n < 2:
        return Interval(mean, float("nan"), float("nan"), n)
    deviations = values - mean
    error = float(np.sqrt(np.sum(deviations**2) / (n - 1) / n))
    names = sorted(set(subjects))
    if len(names) > 1:
        sums = [deviations[[s == name for s in subjects]].sum() for name in names]
        factor = len(names) / (len(names) - 1)
        error = max(error, float(np.sqrt(factor * np.sum(np.square(sums)))) / n)
    half = float(student.ppf(0.975, n - 1)) * error
    return Interval(mean, mean - half, mean + half, n)


def correlation_interval(r: Sequence[float], subjects: Sequence[str]) -> Interval:
    """Return the mean correlation over runs with its 95 % t interval on Fisher z.

    Parameters
    ----------
    r : sequence of float
        One correlation per held-out run; runs without one (NaN) are left out.
    subjects : sequence of str
        Subject of each run.

    Returns
    -------
    interval : Interval
        Back on the scale of r.
    """
    values, names = _known(np.asarray(r, dtype=float), subjects)
    if len(values) == 0:
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    found = _interval(fisher_z(values), names)
    return Interval(
        float(np.tanh(found.mean)), float(np.tanh(found.low)), float(np.tanh(found.high)), found.n
    )


def mean_interval(values: Sequence[float], subjects: Sequence[str]) -> Interval:
    """Return the mean over runs with its 95 % t interval (for facts that are no correlation)."""
    known, names = _known(np.asarray(values, dtype=float), subjects)
    if len(known) == 0:
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    return _interval(known, names)


def median_interval(values: Float[ndarray, " values"]) -> Interval:
    """Return the median with its 95 % interval from order statistics (at least 95 %).

    Values that are missing (NaN) or infinite count as larger than all others; where they reach
    the median or a bound, that is NaN. Fewer than 6 values have no interval.
    """
    ordered = np.sort(np.where(np.isfinite(values), values, np.inf))
    n = len(ordered)
    if n == 0:
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    with np.errstate(invalid="ignore"):
        median = float((ordered[(n - 1) // 2] + ordered[n // 2]) / 2)
    below = int(binom.ppf(0.025, n, 0.5))  # P(fewer of n values below the median) <= .025
    if below < 1:
        return Interval(_finite(median), float("nan"), float("nan"), n)
    return Interval(_finite(median), _finite(ordered[below - 1]), _finite(ordered[n - below]), n)


def _finite(value: float) -> float:
    """Return a number, NaN for an infinite one."""
    return float(value) if np.isfinite(value) else float("nan")


def _known(
    values: Float[ndarray, " runs"], subjects: Sequence[str]
) -> tuple[Float[ndarray, " known"], list[str]]:
    """Leave out runs without a value."""
    keep = np.isfinite(values)
    return values[keep], [name for name, kept in zip(subjects, keep, strict=True) if kept]
