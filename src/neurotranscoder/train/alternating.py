"""Regressions of the closed-form fit: one spatial map, one response, one filter at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.signal.fir import apply_fir, second_differences, valid_slice


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """One run in component space: scaled EEG and BOLD components over the same frames."""

    eeg: Float[ndarray, "channels frames"]
    components: Float[ndarray, "components frames"]


def centred(series: Float[ndarray, "rows times"], part: slice) -> Float[ndarray, "rows valid"]:
    """Return a part of each row with its mean removed: both sides of a fit are treated alike."""
    return np.asarray(series[:, part] - series[:, part].mean(axis=1, keepdims=True))


def ridge_solve(
    cross: Float[ndarray, "out inp"], gram: Float[ndarray, "inp inp"], ridge: float
) -> Float[ndarray, "out inp"]:
    """Return ``cross (gram + ridge * mean(diag(gram)) I)^-1``."""
    size = len(gram)
    damped = gram + (ridge * np.trace(gram) / size + np.finfo(float).tiny) * np.eye(size)
    return np.asarray(np.linalg.solve(damped, cross.T).T)


def whiten(
    series: Float[ndarray, "rows times"], hrf: Float[ndarray, " lags"], eps: float
) -> Float[ndarray, "rows times"]:
    """Filter by ``1 / sqrt(|H|^2 + eps)``, zero phase, with the largest |H| set to 1."""
    n_fft = series.shape[1] + 2 * len(hrf)
    power = np.abs(np.fft.rfft(hrf, n_fft)) ** 2
    gain = 1 / np.sqrt(power / power.max() + eps)
    spectrum = np.fft.rfft(series, n_fft, axis=1) * gain
    return np.asarray(np.fft.irfft(spectrum, n_fft, axis=1)[:, : series.shape[1]])


def spatial_statistics(
    pairs: Sequence[Pair], hrf: Float[ndarray, " lags"], eps: float
) -> tuple[Float[ndarray, "components channels"], Float[ndarray, "channels channels"]]:
    """Return cross and Gram matrices of the regression of Z on h * E, both whitened alike.

    Frames whose response reaches back before the recording are left out.
    """
    n_channels, n_components = len(pairs[0].eeg), len(pairs[0].components)
    cross, gram = np.zeros((n_components, n_channels)), np.zeros((n_channels, n_channels))
    for pair in pairs:
        valid = valid_slice(pair.eeg.shape[1], len(hrf))
        predictor = centred(whiten(apply_fir(pair.eeg, hrf), hrf, eps), valid)
        target = centred(whiten(pair.components, hrf, eps), valid)
        cross += target @ predictor.T
        gram += predictor @ predictor.T
    return cross, gram


def filter_statistics(
    inputs: Sequence[Float[ndarray, "rows _"]],
    targets: Sequence[Float[ndarray, "rows _"]],
    *,
    n_lags: int,
    first_lag: int = 0,
) -> tuple[Float[ndarray, "lags lags"], Float[ndarray, " lags"]]:
    """Return the normal equations of one filter that all rows of all runs share."""
    gram, cross = np.zeros((n_lags, n_lags)), np.zeros(n_lags)
    for series, target in zip(inputs, targets, strict=True):
        valid = valid_slice(series.shape[1], n_lags, first_lag=first_lag)
        gram += lag_gram(series, n_lags)
        cross += lag_products(series, centred(target, valid))
    return gram, cross


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
    sources: Sequence[Float[ndarray, "components _"]],
    targets: Sequence[Float[ndarray, "components _"]],
    *,
    n_lags: int,
    smoothness: float,
) -> Float[ndarray, " lags"]:
    """Return the response that turns component sources into BOLD components (smooth ridge)."""
    gram, cross = filter_statistics(sources, targets, n_lags=n_lags)
    power = np.trace(gram) / n_lags
    penalty = smoothness * second_differences(n_lags) + 1e-9 * np.eye(n_lags)
    return np.asarray(np.linalg.solve(gram + power * penalty, cross))


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
