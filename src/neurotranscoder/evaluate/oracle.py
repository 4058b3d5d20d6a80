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
    """Apply the spatial Wiener filters that are given the leadfield, regions and covariances.

    ``S = C G' (G C G' + N)^-1 E``: C is the true covariance of the region sources at group
    rate, N what the training EEG holds beyond the sources (white, its mean power). BOLD has a
    filter of its own, with the covariances of ``h * P`` and of the filtered noise, applied to
    ``h * E``: what is best for sources is not best for their slow part.

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
    pairs = _beside(training, regions, leadfield)
    power = float(np.mean([_noise_power(measured, clean) for measured, clean in pairs]))
    of_source = wiener(leadfield, pooled_covariance(regions), power)
    slow = pooled_covariance([apply_fir(source, hrf)[:, len(hrf) :] for source in regions])
    of_bold = wiener(leadfield, slow, power * float(np.sum(hrf**2)))
    predictions = []
    for run in test:
        eeg = run.aligned.eeg - run.aligned.eeg.mean(axis=1, keepdims=True)
        predictions.append(
            Prediction(
                source_from_eeg=shares @ of_source @ eeg,
                bold_from_eeg=shares @ of_bold @ apply_fir(eeg, hrf),
            )
        )
    return predictions


def wiener(
    leadfield: Float[ndarray, "channels regions"],
    covariance: Float[ndarray, "regions regions"],
    noise: float,
) -> Float[ndarray, "regions channels"]:
    """Return the linear filter of least squared error for sources and white noise."""
    seen = covariance @ leadfield.T
    total = leadfield @ seen + noise * np.eye(len(leadfield))
    return np.asarray(np.linalg.solve(total, seen.T).T)


def pooled_covariance(
    series: Sequence[Float[ndarray, "rows times"]],
) -> Float[ndarray, "rows rows"]:
    """Return the covariance of rows, pooled over runs in their order, means removed per run."""
    size = len(series[0])
    gram, count = np.zeros((size, size)), 0
    for run in series:
        part = run - run.mean(axis=1, keepdims=True)
        gram += part @ part.T
        count += run.shape[1]
    return gram / count


def _beside(
    runs: Sequence[HeldOut],
    regions: Sequence[Float[ndarray, "regions frames"]],
    leadfield: Float[ndarray, "channels regions"],
) -> list[tuple[Float[ndarray, "channels frames"], Float[ndarray, "channels frames"]]]:
    """Return measured and noise-free EEG of each run."""
    pairs = zip(runs, regions, strict=True)
    return [(run.aligned.eeg, leadfield @ source) for run, source in pairs]


def _noise_power(
    measured: Float[ndarray, "channels frames"], clean: Float[ndarray, "channels frames"]
) -> float:
    """Return the mean power over channels of what is not signal."""
    return float(np.mean(np.var(measured - clean, axis=1)))
