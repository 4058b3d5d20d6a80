"""What r of a whole run does not tell of estimated time courses: their lags, their epochs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.signal.correlation import correlate_rows, fisher_mean

EPOCH_SECONDS = 30.0
BEST_LAG_SECONDS = 8.0


def lag_correlations(
    estimate: Float[ndarray, "rows times"], truth: Float[ndarray, "rows times"], reach: int
) -> Float[ndarray, "lags rows"]:
    """Return Pearson's r of each pair of rows at each lag, over the times that both have.

    Parameters
    ----------
    estimate, truth : array, shape (rows, times)
        What is compared; a positive lag is an estimate that is late.
    reach : int
        Largest lag, in samples.

    Returns
    -------
    r : array, shape (2 reach + 1, rows)
        At lags -reach .. reach; NaN where a row is constant.
    """
    n = estimate.shape[1]
    floor = 1e-12 * n * np.sqrt(np.mean(estimate**2, axis=1) * np.mean(truth**2, axis=1))
    late, true = (rows - rows.mean(axis=1, keepdims=True) for rows in (estimate, truth))
    out = np.empty((2 * reach + 1, len(estimate)))
    for lag in range(-reach, reach + 1):
        count = n - abs(lag)
        skipped, ahead = max(lag, 0), max(-lag, 0)
        first, second = late[:, skipped : skipped + count], true[:, ahead : ahead + count]
        products = (
            np.einsum("rt,rt->r", one, two) - one.sum(axis=1) * two.sum(axis=1) / count
            for one, two in ((first, second), (first, first), (second, second))
        )
        together, of_first, of_second = products
        norms = np.sqrt(np.maximum(of_first, 0) * np.maximum(of_second, 0))
        with np.errstate(invalid="ignore", divide="ignore"):
            out[lag + reach] = np.where(norms > floor, together / norms, np.nan)
    return out


def lag_reach(rate: float) -> int:
    """Return the largest lag that is looked at, in samples."""
    return round(BEST_LAG_SECONDS * rate)


def peak_lag(by_lag: Sequence[Float[ndarray, " lags"]], rate: float) -> tuple[float, float]:
    """Return the lag (s) at which the mean over runs (Fisher z) is largest, and that mean.

    Parameters
    ----------
    by_lag : sequence of array, shape (lags,)
        r of each run at lags -reach .. reach.
    rate : float
        Samples per second.
    """
    reach = (len(by_lag[0]) - 1) // 2
    means = {
        lag: fisher_mean(np.array([run[lag + reach] for run in by_lag]))
        for lag in range(-reach, reach + 1)
    }
    lag = max(means, key=lambda key: (means[key], -abs(key)))
    return lag / rate, means[lag]


def best_lag(
    estimates: Sequence[Float[ndarray, "rows times"]],
    truths: Sequence[Float[ndarray, "rows times"]],
    rate: float,
) -> tuple[float, float]:
    """Return the lag (s; positive: the estimate is late) at which r is largest, and that r."""
    reach = lag_reach(rate)
    by_lag = [
        mean_over_rows(lag_correlations(estimate, truth, reach))
        for estimate, truth in zip(estimates, truths, strict=True)
    ]
    return peak_lag(by_lag, rate)


def mean_over_rows(r: Float[ndarray, "lags rows"]) -> Float[ndarray, " lags"]:
    """Return the mean r (Fisher z) over rows at each lag, rows without one left out."""
    return np.array([fisher_mean(row) for row in r])


def epoch_correlation(
    estimate: Float[ndarray, "rows times"], truth: Float[ndarray, "rows times"], rate: float
) -> float:
    """Return the mean r over epochs of 30 s (the paper's way of scoring sources)."""
    length = round(EPOCH_SECONDS * rate)
    starts = range(0, estimate.shape[1] - length + 1, length)
    r = [correlate_rows(estimate[:, s : s + length], truth[:, s : s + length]) for s in starts]
    return fisher_mean(np.concatenate(r)) if r else float("nan")
