"""The limit: the best linear spatial filter for someone who knows everything but the run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.evaluate.scoring import HeldOut, Prediction
from neurotranscoder.signal.fir import apply_fir


def predict_spatial_wiener(
    training: Sequence[HeldOut],
    test: Sequence[HeldOut],
    *,
    leadfield: Float[ndarray, "channels regions"],
    regions: Sequence[Float[ndarray, "regions frames"]],
    shares: Float[ndarray, "blocks regions"],
    hrf: Float[ndarray, " lags"],
) -> list[Prediction]:
    """Apply the spatial Wiener filter that is given the leadfield, regions and covariances.

    ``S = C G' (G C G' + N)^-1 E``: C is the true covariance of the region sources at group
    rate, N what the training EEG holds beyond ``G C G'`` (white, its mean power). BOLD follows
    with the true hemodynamic response.

    Parameters
    ----------
    training, test : sequence of HeldOut
        Runs with their truth.
    leadfield : array, shape (channels, regions)
        True leadfield of the regions.
    regions : sequence of array, shape (regions, frames)
        True sources of the regions in the training runs.
    shares : array, shape (blocks, regions)
        Which regions a block averages.
    hrf : array, shape (lags,)
        True response at the group rate, from source at group rate to BOLD.

    Returns
    -------
    predictions : list of Prediction
        ``source_from_eeg`` and ``bold_from_eeg`` of each test run.
    """
    covariance = pooled_covariance(regions)
    noise = [
        run.aligned.eeg - leadfield @ _matched(source, run.aligned.eeg)
        for run, source in zip(training, regions, strict=True)
    ]
    signal = leadfield @ covariance @ leadfield.T
    total = signal + pooled_covariance(noise).trace() / len(signal) * np.eye(len(signal))
    operator = shares @ np.linalg.solve(total, leadfield @ covariance).T
    predictions = []
    for run in test:
        eeg = run.aligned.eeg - run.aligned.eeg.mean(axis=1, keepdims=True)
        sources = operator @ eeg
        predictions.append(
            Prediction(source_from_eeg=sources, bold_from_eeg=apply_fir(sources, hrf))
        )
    return predictions


def pooled_covariance(series: Sequence[Float[ndarray, "rows times"]]) -> Float[ndarray, "r r"]:
    """Return the covariance of rows, pooled over runs in their order, means removed per run."""
    size = len(series[0])
    gram, count = np.zeros((size, size)), 0
    for run in series:
        part = run - run.mean(axis=1, keepdims=True)
        gram += part @ part.T
        count += run.shape[1]
    return gram / count


def _matched(
    source: Float[ndarray, "regions frames"], eeg: Float[ndarray, "channels frames"]
) -> Float[ndarray, "regions frames"]:
    """Return the source over as many frames as the EEG has."""
    return source[:, : eeg.shape[1]]
