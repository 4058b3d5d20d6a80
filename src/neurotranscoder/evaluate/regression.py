"""Rival: ridge regression of BOLD on lagged EEG. It needs no theory, and gives no sources."""

from __future__ import annotations

from collections.abc import Sequence

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
    return [_predict(run, best[1], n_lags, scale) for run in test]


def _target(run: AlignedRun, n_lags: int) -> Float[ndarray, "valid blocks"]:
    valid = run.bold[:, valid_slice(run.axis.n_times, n_lags)]
    return np.asarray((valid - valid.mean(axis=1, keepdims=True)).T)


def _predict(
    run: AlignedRun, weights: Float[ndarray, "features blocks"], n_lags: int, scale: float
) -> Prediction:
    bold = np.zeros(run.bold.shape)
    valid = valid_slice(run.axis.n_times, n_lags)
    bold[:, valid] = (lag_features(run.eeg / scale, n_lags) @ weights).T
    return Prediction(bold_from_eeg=bold)
