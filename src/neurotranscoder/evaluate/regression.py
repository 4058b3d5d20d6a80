"""Rival: ridge regression of BOLD on lagged EEG. It needs no theory, and gives no sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.linalg import cho_factor, cho_solve

from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.scoring import Prediction
from neurotranscoder.signal.fir import lagged, valid_slice

RIDGES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)


def lag_features(
    eeg: Float[ndarray, "channels frames"], n_lags: int
) -> Float[ndarray, "valid features"]:
    """Return all channels at lags 0 .. n_lags - 1 for every frame that has them, demeaned."""
    views = lagged(eeg - eeg.mean(axis=1, keepdims=True), n_lags)
    return np.concatenate(list(views), axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class LagWeights:
    """A fitted regression.

    Parameters
    ----------
    weights : array, shape (features, blocks)
        Channel after channel, each with all its lags.
    n_lags : int
        Lags of each channel, in frames.
    scale : float
        V per unit of the features.
    """

    weights: Float[ndarray, "features blocks"]
    n_lags: int
    scale: float


def predict_ridge_lags(
    training: Sequence[AlignedRun],
    validation: Sequence[AlignedRun],
    test: Sequence[AlignedRun],
    *,
    seconds: float = 16.0,
) -> list[Prediction]:
    """Fit ridge regression with lags and predict BOLD of the test runs.

    Parameters
    ----------
    training, validation, test : sequence of AlignedRun
        Fitted on the first, ridge weight chosen on the second.
    seconds : float
        Longest lag.

    Returns
    -------
    predictions : list of Prediction
        ``bold_from_eeg`` of each test run; frames without a full past are 0.
    """
    fitted = fit_ridge_lags(training, validation, seconds=seconds)
    return [predict_lags(run, fitted) for run in test]


def fit_ridge_lags(
    training: Sequence[AlignedRun], validation: Sequence[AlignedRun], *, seconds: float = 16.0
) -> LagWeights:
    """Fit ridge regression with lags; arguments as for `predict_ridge_lags`."""
    n_lags = round(seconds * training[0].axis.sfreq)
    scale = float(np.mean([run.eeg.std() for run in training]))
    n_features = n_lags * len(training[0].eeg)
    gram = np.zeros((n_features, n_features))
    cross = np.zeros((n_features, len(training[0].bold)))
    for run in training:
        features = lag_features(run.eeg / scale, n_lags)
        gram += features.T @ features
        cross += features.T @ _target(run, n_lags)
    power = np.trace(gram) / len(gram)
    best: tuple[float, Float[ndarray, "features blocks"]] | None = None
    for ridge in RIDGES:
        damped = gram + ridge * power * np.eye(len(gram))
        weights = cho_solve(cho_factor(damped, overwrite_a=True), cross)
        error = 0.0
        for run in validation:
            residual = _target(run, n_lags) - lag_features(run.eeg / scale, n_lags) @ weights
            error += float(np.sum(residual**2))
        if best is None or error < best[0]:
            best = (error, weights)
    assert best is not None
    return LagWeights(best[1], n_lags, scale)


def predict_lags(run: AlignedRun, fitted: LagWeights) -> Prediction:
    """Return BOLD of a run by a fitted regression; frames without a full past are 0."""
    bold = np.zeros(run.bold.shape)
    valid = valid_slice(run.axis.n_times, fitted.n_lags)
    bold[:, valid] = (lag_features(run.eeg / fitted.scale, fitted.n_lags) @ fitted.weights).T
    return Prediction(bold_from_eeg=bold)


def _target(run: AlignedRun, n_lags: int) -> Float[ndarray, "valid blocks"]:
    valid = run.bold[:, valid_slice(run.axis.n_times, n_lags)]
    return np.asarray((valid - valid.mean(axis=1, keepdims=True)).T)
