"""What is measured on BOLD images alone: noise, memory, spectrum, global signal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy import signal

from neurotranscoder.core.errors import GridError
from neurotranscoder.core.recording import Bold
from neurotranscoder.evaluate.spectra import Spectrum

_SEGMENT = 128.0  # s of a spectrum's segments
_RADIUS = 50.0  # mm, Power 2012


@dataclass(frozen=True, slots=True, eq=False)
class BrainSignal:
    """The time courses of a run's brain voxels, without their linear trends.

    Parameters
    ----------
    data : array, shape (voxels, volumes)
        In % of each voxel's mean where there is a baseline, else in standard deviations.
    weight : array, shape (voxels,)
        What a voxel's percent stands for in the images: its mean over their median (1 without
        a baseline).
    inside : array of bool, shape (x, y, z)
        Which voxels these are.
    has_baseline : bool
        Whether the images are magnitudes: most brain voxels are positive throughout.
    """

    data: Float[ndarray, "voxels volumes"]
    weight: Float[ndarray, " voxels"]
    inside: Bool[ndarray, "x y z"]
    has_baseline: bool

    @property
    def global_signal(self) -> Float[ndarray, " volumes"]:
        """The mean image signal of the brain, in % of its mean over time."""
        return np.asarray(self.weight @ self.data / self.weight.sum())

    @property
    def temporal_snr(self) -> Float[ndarray, " voxels"]:
        """Mean over standard deviation of each voxel."""
        return np.asarray(100 / self.data.std(axis=1))

    @property
    def temporal_change(self) -> Float[ndarray, " steps"]:
        """DVARS: root mean square over voxels of the change between volumes, in % of the median.

        The median is that of all voxels and volumes, as in nipype and fMRIPrep.
        """
        change = self.weight[:, np.newaxis] * np.diff(self.data, axis=1)
        return np.asarray(np.sqrt(np.mean(change**2, axis=0)))


def brain_signal(bold: Bold) -> BrainSignal:
    """Return the time courses of brain voxels that change, over their baseline.

    Parameters
    ----------
    bold : Bold
        Images with a brain mask.

    Raises
    ------
    GridError
        When no voxel of the brain changes over time.
    """
    inside = bold.mask & (np.ptp(bold.data, axis=3) > 0)
    if not inside.any():
        raise GridError(
            f"no voxel of {int(bold.mask.sum())} in the brain mask changes over time; need images "
            "with a signal; check the mask and the images"
        )
    positive = inside & (bold.data.min(axis=3) > 0)
    has_baseline = bool(2 * positive.sum() > inside.sum())
    inside = positive if has_baseline else inside
    raw = bold.data[inside].astype(np.float64)
    mean = raw.mean(axis=1)
    unit = mean / 100 if has_baseline else raw.std(axis=1)
    weight = mean / np.median(raw) if has_baseline else np.ones(len(raw))
    data = signal.detrend(raw, axis=1) / unit[:, np.newaxis]
    return BrainSignal(data, weight, inside, has_baseline)


def autocorrelations(
    series: Float[ndarray, "rows times"], n_lags: int
) -> Float[ndarray, "rows lags"]:
    """Return the correlation of each row with itself at lags 0 to ``n_lags``."""
    centred = series - series.mean(axis=1, keepdims=True)
    n_times = series.shape[1]
    products = [
        np.einsum("rt,rt->r", centred[:, lag:], centred[:, : n_times - lag])
        for lag in range(min(n_lags, n_times - 1) + 1)
    ]
    return np.stack([product / products[0] for product in products], axis=1)


def slow_share(
    series: Float[ndarray, "rows times"], rate: float, *, below: float = 0.1
) -> Float[ndarray, " rows"]:
    """Return the share of each row's variance at frequencies up to a bound.

    Parameters
    ----------
    series : array, shape (rows, times)
        Signals; their mean does not count.
    rate : float
        Sampling frequency, in Hz.
    below : float
        The bound, in Hz.
    """
    frequencies, power = signal.periodogram(series, fs=rate, detrend="constant", axis=1)
    slow = (frequencies > 0) & (frequencies <= below)
    return np.asarray(power[:, slow].sum(axis=1) / power[:, 1:].sum(axis=1))


def bold_spectrum(series: Float[ndarray, "rows volumes"], tr: float) -> Spectrum:
    """Return the power of each row: Hann windows of 128 s, or of the run where it is shorter."""
    n_segment = min(series.shape[1], round(_SEGMENT / tr))
    frequencies, power = signal.welch(series, fs=1 / tr, nperseg=n_segment, axis=1)
    return Spectrum(frequencies[1:], power[:, 1:])


def framewise_displacement(motion: Float[ndarray, "6 volumes"]) -> Float[ndarray, " steps"]:
    """Return how far the head moved from each volume to the next (Power 2012), in mm.

    Parameters
    ----------
    motion : array, shape (6, volumes)
        Translations in mm, then rotations in rad; these count as arcs on a sphere of 50 mm.
    """
    steps = np.abs(np.diff(motion, axis=1))
    return np.asarray(steps[:3].sum(axis=0) + _RADIUS * steps[3:].sum(axis=0))
