"""How EEG and BOLD go together, by the lag between them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy import fft


def strongest_correlation(
    first: Float[ndarray, "rows times"], second: Float[ndarray, "others times"]
) -> float:
    """Return the correlation of largest size over all pairs of rows, with its sign.

    Rows that do not change count as uncorrelated.
    """
    r = _unit(first) @ _unit(second).T
    return float(r.flat[np.argmax(np.abs(r))])


def coupling_by_lag(
    first: Float[ndarray, "rows times"],
    second: Float[ndarray, "others times"],
    lags: np.ndarray,
) -> Float[ndarray, " lags"]:
    """Return the strongest correlation at each lag, over the times that both have.

    Parameters
    ----------
    first, second : array, shape (rows, times) and (others, times)
        Signals on the same times.
    lags : array of int, shape (lags,)
        How many samples ``second`` comes after ``first``.
    """
    n_times = first.shape[1]
    found = []
    for lag in lags.tolist():
        early, late = (0, lag) if lag >= 0 else (-lag, 0)
        n_common = n_times - abs(lag)
        found.append(
            strongest_correlation(
                first[:, early : early + n_common], second[:, late : late + n_common]
            )
        )
    return np.array(found)


def chance_coupling(
    first: Float[ndarray, "rows times"], second: Float[ndarray, "others times"], *, least: int
) -> float:
    """Return the size of the strongest correlation over all circular shifts of ``first``.

    Parameters
    ----------
    first, second : array, shape (rows, times) and (others, times)
        Signals on the same times.
    least : int
        Samples that each shift has at least, either way around.

    Returns
    -------
    largest : float
        NaN where the signals are too short for any shift.
    """
    n_times = first.shape[1]
    if n_times <= 2 * least:
        return float("nan")
    lines = fft.rfft(_unit(second), axis=1)
    largest = 0.0
    for line in fft.rfft(_unit(first), axis=1):
        r = fft.irfft(lines * line.conj(), n_times, axis=1)
        largest = max(largest, float(np.max(np.abs(r[:, least : n_times - least + 1]))))
    return largest


def _unit(rows: Float[ndarray, "rows times"]) -> Float[ndarray, "rows times"]:
    """Return rows without mean and of unit length; those that do not change become zero."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    power, whole = (np.einsum("rt,rt->r", part, part) for part in (centred, rows))
    flat = power <= (16 * np.finfo(rows.dtype).eps) ** 2 * whole
    scale = np.where(flat, 0.0, 1 / np.sqrt(np.where(flat, 1.0, power)))
    return np.asarray(centred * scale.astype(rows.dtype)[:, np.newaxis])
