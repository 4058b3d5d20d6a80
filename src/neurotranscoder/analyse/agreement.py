"""How far the two source estimates agree, region by region, and by how much they are apart.

Nothing in the losses ties the source that EEG gives to the source that BOLD gives. Where both
agree in runs that no weight was fitted to, both follow something that EEG and BOLD share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy import fft

from neurotranscoder.analyse.jackknife import Banded
from neurotranscoder.core.response import Response
from neurotranscoder.signal.correlation import (
    Interval,
    correlate_rows,
    correlation_interval,
    fisher_mean,
    mean_interval,
)

Band = tuple[float, float]
_REACH = 8.0  # s, largest lag that is looked at


@dataclass(frozen=True, slots=True, eq=False)
class SourcePair:
    """Both estimates of the sources of regions in one run, edges left out.

    Parameters
    ----------
    subject : str
        Whose run it is.
    from_eeg, from_bold : array, shape (regions, frames)
        The estimates.
    rate : float
        Frames per second.
    """

    subject: str
    from_eeg: Float[ndarray, "regions frames"]
    from_bold: Float[ndarray, "regions frames"]
    rate: float


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """Agreement of the two estimates over runs, with 95 % t intervals.

    Parameters
    ----------
    r : Banded, shape (regions,)
        Pearson's r over time.
    bands : tuple of (float, float)
        Frequency bands, in Hz.
    in_bands : Banded, shape (bands, regions)
        r of what lies in a band; NaN where a run is too short for it.
    lag : Interval
        How much later (s) the estimate from BOLD is, where the mean over regions is largest.
    gain : Interval
        Size of the estimate from BOLD relative to that from EEG, as far as they agree: slope of
        one on the other over all regions. Below 1 where EEG alone sees a part.
    """

    r: Banded
    bands: tuple[Band, ...]
    in_bands: Banded
    lag: Interval
    gain: Interval


def agreement(pairs: Sequence[SourcePair], bands: Sequence[Band]) -> Agreement:
    """Return how far both estimates agree in some runs.

    Parameters
    ----------
    pairs : sequence of SourcePair
        Runs that were not trained on.
    bands : sequence of (float, float)
        Frequency bands, in Hz.
    """
    subjects = [pair.subject for pair in pairs]
    whole = np.stack([correlate_rows(pair.from_eeg, pair.from_bold) for pair in pairs])
    within = np.stack([band_correlations(pair, bands) for pair in pairs])
    return Agreement(
        _over_runs(whole, subjects),
        tuple(bands),
        _over_runs(within, subjects),
        mean_interval([best_lag(pair) for pair in pairs], subjects),
        mean_interval([_gain(pair) for pair in pairs], subjects),
    )


def band_correlations(pair: SourcePair, bands: Sequence[Band]) -> Float[ndarray, "bands regions"]:
    """Return Pearson's r of what both estimates have in each band ``low <= f < high`` (Hz).

    It is read from Fourier coefficients; a band without any gives NaN, as a constant row does.
    """
    n_times = pair.from_eeg.shape[1]
    frequencies = fft.rfftfreq(n_times, 1 / pair.rate)
    first, second = (
        fft.rfft(rows - rows.mean(axis=1, keepdims=True), axis=1)
        for rows in (pair.from_eeg, pair.from_bold)
    )
    if n_times % 2 == 0:
        first[:, -1] /= np.sqrt(2)  # all other coefficients stand for two frequencies
        second[:, -1] /= np.sqrt(2)
    out = np.full((len(bands), len(first)), np.nan)
    for row, (low, high) in enumerate(bands):
        inside = (frequencies >= max(low, frequencies[1] / 2)) & (frequencies < high)
        one, two = first[:, inside], second[:, inside]
        norms = np.sqrt(np.sum(np.abs(one) ** 2, axis=1) * np.sum(np.abs(two) ** 2, axis=1))
        product = np.sum((one.conj() * two).real, axis=1)
        out[row] = np.divide(product, norms, out=np.full(len(norms), np.nan), where=norms > 0)
    return out


def best_lag(pair: SourcePair) -> float:
    """Return how much later (s) the estimate from BOLD is, read between frames by a parabola.

    NaN where no region varies in both.
    """
    n_times = pair.from_eeg.shape[1]
    reach = min(round(_REACH * pair.rate), n_times // 4)
    lags = np.arange(-reach, reach + 1)
    means = []
    for lag in lags.tolist():
        early, late, count = max(-lag, 0), max(lag, 0), n_times - abs(lag)
        one, two = pair.from_eeg[:, early:][:, :count], pair.from_bold[:, late:][:, :count]
        means.append(fisher_mean(correlate_rows(one, two)))
    if not np.all(np.isfinite(means)):
        return float("nan")
    return Response(lags / pair.rate, np.array(means)).peak


def _gain(pair: SourcePair) -> float:
    """Return the slope of the estimate from BOLD on that from EEG, over all regions."""
    one, two = (
        rows - rows.mean(axis=1, keepdims=True) for rows in (pair.from_eeg, pair.from_bold)
    )
    power = float(np.sum(one**2))
    return float(np.sum(one * two)) / power if power > 0 else float("nan")


def _over_runs(r: Float[ndarray, "runs ..."], subjects: Sequence[str]) -> Banded:
    """Return mean and interval over runs of each correlation."""
    flat = r.reshape(len(r), -1)
    found = [correlation_interval(column.tolist(), subjects) for column in flat.T]
    mean, low, high = (
        np.array([getattr(one, name) for one in found]).reshape(r.shape[1:])
        for name in ("mean", "low", "high")
    )
    return Banded(mean, low, high)
