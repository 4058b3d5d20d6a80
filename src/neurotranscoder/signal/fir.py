"""Finite impulse responses with any lags, past or future."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.signal import fftconvolve


def apply_fir(
    series: Float[ndarray, "rows times"],
    taps: Float[ndarray, "*rows lags"],
    *,
    first_lag: int = 0,
) -> Float[ndarray, "rows times"]:
    """Return ``y[t] = sum_i taps[i] * series[t - first_lag - i]``, zeros beyond the ends.

    Parameters
    ----------
    series : array, shape (rows, times)
        Input.
    taps : array, shape (lags,) or (rows, lags)
        Weights, the same for all rows or of each row; ``taps[..., i]`` belongs to lag
        ``first_lag + i``, in samples.
    first_lag : int
        Negative lags look into the future.

    Returns
    -------
    filtered : array, shape (rows, times)
        Same length as the input.
    """
    n_times = series.shape[1]
    full = fftconvolve(series, np.atleast_2d(taps), axes=1)
    start = -first_lag
    padded = np.pad(full, [(0, 0), (max(0, -start), max(0, start + n_times - full.shape[1]))])
    start = max(0, start)
    return np.asarray(padded[:, start : start + n_times])


def valid_slice(n_times: int, n_lags: int, *, first_lag: int = 0) -> slice:
    """Return the times at which all lags ``first_lag .. first_lag + n_lags - 1`` exist."""
    last_lag = first_lag + n_lags - 1
    return slice(max(0, last_lag), n_times + min(0, first_lag))


def second_differences(n_lags: int) -> Float[ndarray, "lags lags"]:
    """Return the matrix whose quadratic form is the squared second difference, ends at zero."""
    operator = -2 * np.eye(n_lags) + np.eye(n_lags, k=1) + np.eye(n_lags, k=-1)
    return np.asarray(operator.T @ operator)
