"""Windows of runs without events, for the paper's second stage: around peaks, or at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy.signal import find_peaks

from neurotranscoder.core.axes import TimeAxis
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.train.average_tiles import TrialAverage

SINGLE = "random windows, un-averaged"


def global_power(movie: SourceMovie) -> Float[ndarray, " frames"]:
    """Return the sum of squares over all voxels at each frame, from the factors."""
    maps, courses = movie.maps.astype(np.float64), movie.courses.astype(np.float64)
    return np.asarray(np.sum(courses * (maps.T @ maps @ courses), axis=0))


def peak_windows(movie: SourceMovie, n_frames: int) -> Int[ndarray, " windows"]:
    """Return the first frames of windows that have a peak of the global power in their middle.

    Peaks are at least a window apart, the strongest first, and above the mean power of the run.

    Parameters
    ----------
    movie : SourceMovie
        A whole run.
    n_frames : int
        Frames of a window.
    """
    power = global_power(movie)
    peaks, _ = find_peaks(power, height=power.mean(), distance=n_frames)
    first = peaks - n_frames // 2
    inside = (first >= 0) & (first + n_frames <= len(power))
    return np.asarray(first[inside], dtype=np.int64)


def single_windows(
    runs: Sequence[tuple[SourceMovie, SourceMovie]],
    mask: Bool[ndarray, "x y z"],
    *,
    n_windows: int,
    n_frames: int,
    rng: np.random.Generator,
) -> list[TrialAverage]:
    """Return windows at random places of runs, each by itself.

    Parameters
    ----------
    runs : sequence of (SourceMovie, SourceMovie)
        S_E and S_B of whole runs.
    mask : array of bool, shape (x, y, z)
        Voxels that all runs have.
    n_windows : int
        How many, spread over the runs.
    n_frames : int
        Frames of each.
    rng : Generator
        Where they are.

    Raises
    ------
    GridError
        When a run is shorter than a window.
    """
    found = []
    for number, run in enumerate(runs):
        room = run[0].axis.n_times - n_frames
        if room < 0:
            raise GridError(
                f"a run has {run[0].axis.n_times} frames, a window {n_frames}; use a shorter "
                "window (paper_subject.stop)"
            )
        cut = [replace(movie, maps=movie.maps[mask[movie.mask]], mask=mask) for movie in run]
        axis = TimeAxis(0.0, run[0].axis.sfreq, n_frames)
        share = len(range(number, n_windows, len(runs)))
        for first in rng.integers(0, room, size=share, endpoint=True):
            frames = slice(int(first), int(first) + n_frames)
            eeg, bold = (replace(m, courses=m.courses[:, frames].copy(), axis=axis) for m in cut)
            found.append(TrialAverage(eeg, bold, SINGLE, 1))
    return found
