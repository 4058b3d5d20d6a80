"""Small aligned runs that a transcoder can learn: sources, a leadfield, a response."""

import numpy as np

from neurotranscoder.core.axes import Montage, TimeAxis, VolumeAxis, VoxelGrid
from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.core.recording import Clock, RunId
from neurotranscoder.core.source import AlignedRun, SliceCells

RATE = 2.5
SHAPE = (4, 3, 3)
N_CHANNELS = 5


def block_map(shape=SHAPE):
    grid = VoxelGrid(shape, np.diag([12.0, 12.0, 12.0, 1.0]))
    brain = np.ones(shape, dtype=bool)
    brain[0, 0, 0] = brain[-1, -1, -1] = False
    return BlockMap.from_mask(grid, brain, factors=(1, 1, 1))


def response(n_lags=12):
    lags = np.arange(n_lags) / RATE
    hrf = lags**2 * np.exp(-lags / 0.8)
    return hrf / hrf.sum()


def run_of(eeg, bold, blocks, *, number=1):
    n_frames = eeg.shape[1]
    n_volumes = n_frames // 5
    n_slices = blocks.voxels.shape[2]
    axis = TimeAxis(0.5 / RATE, RATE, n_frames)
    cells = SliceCells(
        data=bold[:, : 5 * n_volumes : 5],
        block=np.arange(blocks.n_blocks),
        slice=np.zeros(blocks.n_blocks, dtype=np.int64),
        n_voxels=np.ones(blocks.n_blocks, dtype=np.int64),
        volumes=VolumeAxis(5 / RATE, n_volumes, np.zeros(n_slices)),
    )
    montage = Montage(tuple(f"C{index}" for index in range(len(eeg))))
    run = RunId(subject="01", task="rest", run=str(number))
    return AlignedRun(run, eeg, bold, axis, cells, blocks, montage, Clock("declared", 0.0))


def synthetic_runs(n_runs, *, n_frames=200, noise=0.1, seed=0):
    """Sources of rank 2, the same leadfield and response in every run; V and image units."""
    rng = np.random.default_rng(seed)
    blocks = block_map()
    maps = rng.standard_normal((blocks.n_blocks, 2))
    leadfield = rng.standard_normal((N_CHANNELS, 2))
    runs = []
    for number in range(n_runs):
        courses = rng.standard_normal((2, n_frames))
        late = np.apply_along_axis(np.convolve, 1, courses, response())[:, :n_frames]
        eeg = leadfield @ courses + noise * rng.standard_normal((N_CHANNELS, n_frames))
        bold = maps @ late + noise * rng.standard_normal((blocks.n_blocks, n_frames))
        runs.append(run_of(1e-5 * eeg + 2e-6, 20 * bold + 900, blocks, number=number + 1))
    return runs
