"""Movies of random factors."""

import numpy as np

from neurotranscoder.core.axes import TimeAxis, VoxelGrid
from neurotranscoder.core.movie import SourceMovie

VOXEL_TO_WORLD = np.array([[3.0, 0, 0, -90], [0, 3.0, 0, -110], [0, 0, 4.0, -60], [0, 0, 0, 1]])


def random_movie(rng, *, shape, n_times, n_components=6, start=0.005):
    """Return a movie at 100 Hz whose mask is 60 % of a grid, of values of the order of one."""
    mask = rng.random(shape) < 0.6
    maps = rng.standard_normal((int(mask.sum()), n_components)).astype(np.float32)
    courses = rng.standard_normal((n_components, n_times)) / np.sqrt(n_components)
    return SourceMovie(
        maps,
        courses.astype(np.float32),
        VoxelGrid(shape, VOXEL_TO_WORLD),
        mask,
        TimeAxis(start, 100.0, n_times),
        "eeg",
    )
