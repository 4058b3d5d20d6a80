"""From samples and volumes to frames of one common rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.interpolate import CubicSpline

from neurotranscoder.core.axes import TimeAxis
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.source import AlignedRun

Interpolation = Literal["linear", "cubic"]
_HELD = 1.0  # samples: as long the first and the last are taken to last beyond their own
LEAST_INSIDE = 3  # volumes: r of two is 1 or -1


def frame_means(
    data: Float[ndarray, "channels samples"],
    sample_times: Float[ndarray, " samples"],
    axis: TimeAxis,
) -> Float[ndarray, "channels frames"]:
    """Return the mean of the samples that fall into each frame.

    Parameters
    ----------
    data : array, shape (channels, samples)
        Signals.
    sample_times : array, shape (samples,)
        Increasing times of the samples, in seconds.
    axis : TimeAxis
        Centres of the frames; a frame is ``1 / axis.sfreq`` seconds long.

    Returns
    -------
    means : array, shape (channels, frames)
        In the unit of ``data``.

    Raises
    ------
    GridError
        When a frame holds no sample.
    """
    edges = axis.start + (np.arange(axis.n_times + 1) - 0.5) / axis.sfreq
    bounds = np.searchsorted(sample_times, edges - 1e-9)
    counts = np.diff(bounds)
    if counts.min() < 1:
        frame = int(counts.argmin())
        raise GridError(
            f"frame {frame} ({edges[frame]:.3f}-{edges[frame + 1]:.3f} s) holds no EEG sample; "
            f"EEG spans {sample_times[0]:.3f}-{sample_times[-1]:.3f} s; crop the BOLD run to it "
            "or choose a lower group rate"
        )
    sums = np.add.reduceat(data[:, : bounds[-1]], bounds[:-1], axis=1, dtype=np.float64)
    return np.asarray(sums / counts)


def weighted_frame_means(
    data: Float[ndarray, "channels samples"],
    sample_times: Float[ndarray, " samples"],
    axis: TimeAxis,
) -> Float[ndarray, "channels frames"]:
    """Return the mean over each frame of samples that each last from one to the next.

    Samples count as far as they overlap a frame, so frames may be as short as samples or shorter:
    no frame lacks a sample, none holds one at random, and all see the same delay.

    Parameters
    ----------
    data : array, shape (channels, samples)
        Signals.
    sample_times : array, shape (samples,)
        Evenly spaced times of the samples, in seconds; each is the middle of what it stands for.
    axis : TimeAxis
        Centres of the frames; a frame is ``1 / axis.sfreq`` seconds long.

    Returns
    -------
    means : array, shape (channels, frames)
        In the unit of ``data``.

    Raises
    ------
    GridError
        When a frame reaches more than a sample beyond them.
    """
    n_samples = len(sample_times)
    step = float(sample_times[-1] - sample_times[0]) / (n_samples - 1)
    edges = axis.start + (np.arange(axis.n_times + 1) - 0.5) / axis.sfreq
    place = (edges - sample_times[0]) / step + 0.5
    if place[0] < -_HELD or place[-1] > n_samples + _HELD:
        raise GridError(
            f"frames span {edges[0]:.3f}-{edges[-1]:.3f} s; EEG spans {sample_times[0]:.3f}-"
            f"{sample_times[-1]:.3f} s and needs to cover them; crop the BOLD run to it"
        )
    held = np.pad(data, [(0, 0), (1, 1)], mode="edge")
    sums = np.pad(np.cumsum(held, axis=1, dtype=np.float64), [(0, 0), (1, 0)])
    lower = np.clip(np.floor(place).astype(np.int64) + 1, 0, n_samples + 1)
    share = place + 1 - lower
    integral = sums[:, lower] * (1 - share) + sums[:, lower + 1] * share
    return np.asarray(np.diff(integral, axis=1) / np.diff(place))


def interpolate_volumes(
    series: Float[ndarray, "cells volumes"],
    times: Float[ndarray, " volumes"],
    at: Float[ndarray, " frames"],
    *,
    kind: Interpolation = "cubic",
) -> Float[ndarray, "cells frames"]:
    """Interpolate series to other times; beyond the ends the first or last value is held.

    Parameters
    ----------
    series : array, shape (cells, volumes)
        Signals, all sampled at the same times.
    times, at : array
        Times of the samples and of the wanted values, in seconds.
    kind : {'linear', 'cubic'}
        Linear as in the paper (4.3.3), or a cubic spline.

    Returns
    -------
    values : array, shape (cells, frames)
        In the unit of ``series``.
    """
    inside = np.clip(at, times[0], times[-1])
    if kind == "cubic" and len(times) > 2:
        return np.asarray(CubicSpline(times, series, axis=1)(inside))
    upper = np.clip(np.searchsorted(times, inside), 1, len(times) - 1)
    weight = (inside - times[upper - 1]) / (times[upper] - times[upper - 1])
    return np.asarray(series[:, upper - 1] * (1 - weight) + series[:, upper] * weight)


def inside(step: float, n_times: int, edge: tuple[float, float]) -> slice:
    """Return the samples, ``step`` s apart, that are at least ``edge`` s from either end."""
    return slice(int(np.ceil(edge[0] / step)), n_times - int(np.ceil(edge[1] / step)))


def check_inside(
    runs: Sequence[AlignedRun], edge: tuple[float, float], *, what: str, cure: str
) -> None:
    """Refuse runs of which too little is left inside their edges.

    Parameters
    ----------
    runs : sequence of AlignedRun
        What is to be compared over time.
    edge : tuple of float
        Seconds at the start and the end of a run that do not count.
    what, cure : str
        Who leaves them out, and what to do beside using longer runs, for the message.

    Raises
    ------
    GridError
        With the shortest run.
    """
    shortest = min(runs, key=lambda run: run.cells.volumes.tr * run.cells.volumes.n_volumes)
    tr, n_volumes = shortest.cells.volumes.tr, shortest.cells.volumes.n_volumes
    if len(range(n_volumes)[inside(tr, n_volumes, edge)]) < LEAST_INSIDE:
        raise GridError(
            f"{shortest.run} lasts {tr * n_volumes:g} s ({n_volumes} volumes); {what} leave out "
            f"its first {edge[0]:g} s and its last {edge[1]:g} s and need at least {LEAST_INSIDE} "
            f"volumes between them; use longer runs, or {cure}"
        )
