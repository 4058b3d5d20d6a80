"""Runs of movies with events, of known responses in noise that is smooth in time."""

from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter1d

from movie_example import VOXEL_TO_WORLD
from neurotranscoder.analyse.trials import TrialSettings
from neurotranscoder.core.axes import TimeAxis, VoxelGrid
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.recording import Events

SHORT = TrialSettings(start=-0.5, stop=0.5)


def events(onsets, names):
    nothing = np.full(len(onsets), np.nan)
    return Events(np.asarray(onsets, dtype=np.float64), nothing, tuple(names), nothing)


def random_onsets(rng, n, *, first=1.0, gap=(1.1, 1.6)):
    return first + np.cumsum(rng.uniform(*gap, n)) - gap[0]


def smooth_maps(rng, shape, n_components):
    """Maps without a mask's holes, correlated with those of their neighbours."""
    maps = rng.standard_normal((int(np.prod(shape)), n_components)).astype(np.float32)
    return SourceMovie(
        maps, np.zeros((n_components, 1), dtype=np.float32), VoxelGrid(shape, VOXEL_TO_WORLD),
        np.ones(shape, dtype=bool), TimeAxis(0.0, 10.0, 1), "eeg",
    )  # fmt: skip


def noise_run(rng, movie, *, n_trials, sfreq=10.0, names=("a",)):
    """Return a run without effect, and its events, of conditions in turn."""
    onsets = random_onsets(rng, n_trials)
    n_times = int((onsets[-1] + 2) * sfreq)
    noise = gaussian_filter1d(rng.standard_normal((movie.n_components, n_times)), 1.0, axis=1)
    axis = TimeAxis(0.5 / sfreq, sfreq, n_times)
    run = replace(movie, courses=noise.astype(np.float32), axis=axis)
    return run, events(onsets, [names[i % len(names)] for i in range(n_trials)])
