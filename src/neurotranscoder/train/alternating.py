"""Regressions of the closed-form fit: one spatial map, one response, one filter at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.spread import summed
from neurotranscoder.signal.fir import apply_fir, second_differences, valid_slice
from neurotranscoder.train.regression import Products, centred


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """One run in component space: rows that a map reads, and BOLD components on the same frames.

    Parameters
    ----------
    eeg : array, shape (rows, frames)
        Scaled EEG; further rows below it where the map reads more.
    components : array, shape (components, frames)
        Components of scaled BOLD.
    power : array, shape (rows, frames), optional
        Scaled band power of the EEG.
    """

    eeg: Float[ndarray, "rows frames"]
    components: Float[ndarray, "components frames"]
    power: Float[ndarray, "power_rows frames"] | None = None


def whiten(
    series: Float[ndarray, "rows times"], hrf: Float[ndarray, " lags"], eps: float
) -> Float[ndarray, "rows times"]:
    """Filter by ``1 / sqrt(|H|^2 + eps)``, zero phase, with the largest |H| set to 1."""
    n_fft = series.shape[1] + 2 * len(hrf)
    power = np.abs(np.fft.rfft(hrf, n_fft)) ** 2
    gain = 1 / np.sqrt(power / power.max() + eps)
    spectrum = np.fft.rfft(series, n_fft, axis=1) * gain
    return np.asarray(np.fft.irfft(spectrum, n_fft, axis=1)[:, : series.shape[1]])


def spatial_products(
    pair: Pair, hrf: Float[ndarray, " lags"], eps: float | None = None
) -> Products:
    """Return the products of one run's Z with h * E, both whitened alike, means removed.

    Frames whose response reaches back before the recording are left out.

    Parameters
    ----------
    pair : Pair
        The run.
    hrf : array, shape (lags,)
        Response at the group rate.
    eps : float, optional
        Of the whitening; none where both stay as they are.
    """
    valid = valid_slice(pair.eeg.shape[1], len(hrf))
    predictor, target = apply_fir(pair.eeg, hrf), pair.components
    if eps is not None:
        predictor, target = (whiten(one, hrf, eps) for one in (predictor, target))
    return Products.of(centred(target, valid), centred(predictor, valid))


def filter_products(
    series: Float[ndarray, "rows times"],
    target: Float[ndarray, "rows times"],
    *,
    n_lags: int,
    first_lag: int = 0,
) -> Products:
    """Return the products of one run that a filter is found from which all rows share."""
    valid = valid_slice(series.shape[1], n_lags, first_lag=first_lag)
    wanted = centred(target, valid)
    cross = lag_products(series, wanted)
    return Products(cross[np.newaxis], lag_gram(series, n_lags), np.array([np.sum(wanted**2)]))


def lag_products(
    series: Float[ndarray, "rows times"], target: Float[ndarray, "rows valid"]
) -> Float[ndarray, " lags"]:
    """Return the products of a series at each lag with a target, summed over rows and times."""
    n_valid = target.shape[1]
    n_lags = series.shape[1] - n_valid + 1
    at = [series[:, n_lags - 1 - lag :][:, :n_valid] for lag in range(n_lags)]
    return np.array([np.einsum("rt,rt->", one, target) for one in at])


def lag_gram(series: Float[ndarray, "rows times"], n_lags: int) -> Float[ndarray, "lags lags"]:
    """Return the covariances of a series at all pairs of lags, times their number, over rows.

    Each pair of lags moves the one before it on by a sample: what enters at one end is added,
    what leaves at the other taken away.
    """
    n_valid = series.shape[1] - n_lags + 1
    gram = np.empty((n_lags, n_lags))
    gram[0] = lag_products(series, series[:, n_lags - 1 :])
    gram[:, 0] = gram[0]
    early, late = series[:, n_lags - 2 :: -1], series[:, : n_valid - 1 : -1]
    moved = early.T @ early - late.T @ late if n_lags > 1 else np.empty((0, 0))
    for lag in range(n_lags - 1):
        gram[lag + 1, 1:] = gram[lag, :-1] + moved[lag]
    sums = np.cumsum(np.pad(series, [(0, 0), (1, 0)]), axis=1)
    means = (sums[:, n_valid:] - sums[:, :n_lags])[:, ::-1] / n_valid
    return np.asarray(gram - n_valid * means.T @ means)


def fit_hrf(
    pairs: Sequence[Pair],
    weights: Float[ndarray, "components channels"],
    *,
    n_lags: int,
    smoothness: float,
) -> Float[ndarray, " lags"]:
    """Return the response that turns sources ``W E`` into BOLD components (smooth ridge)."""
    found = summed(partial(_response_products, weights=weights, n_lags=n_lags), pairs)
    power = np.trace(found.gram) / n_lags
    penalty = smoothness * second_differences(n_lags) + 1e-9 * np.eye(n_lags)
    return np.asarray(np.linalg.solve(found.gram + power * penalty, found.cross[0]))


def _response_products(
    pair: Pair, weights: Float[ndarray, "components channels"], n_lags: int
) -> Products:
    return filter_products(weights @ pair.eeg, pair.components, n_lags=n_lags)


def convention(hrf: Float[ndarray, " lags"], rate: float, window: tuple[float, float]) -> float:
    """Return the factor that makes h positive in the peak window and its area one.

    Where the undershoot leaves little area, the area of the positive part is used instead.
    """
    first, last = int(window[0] * rate), int(np.ceil(window[1] * rate)) + 1
    inside = hrf[first:last]
    sign = float(np.sign(inside[np.argmax(np.abs(inside))])) or 1.0
    area = sign * float(hrf.sum()) / rate
    lobe = float(np.clip(sign * hrf, 0, None).sum()) / rate
    return sign / (area if area > 0.2 * lobe else max(lobe, np.finfo(float).tiny))
