"""The transcoder of the paper at its own size: 64 channels, 64 x 64 x 35 voxels of 3 mm."""

import numpy as np
import torch

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.core.recording import RunId
from neurotranscoder.train.network import NetworkSettings, build_network
from neurotranscoder.train.training import Training
from neurotranscoder.train.windows import ScaledRun

SETTINGS = NetworkSettings(architecture="paper", steps=1, blocks_per_step=300)


def paper_blocks():
    """An ellipsoid of a brain in 16 x 16 x 12 blocks of 4 x 4 x 3 voxels."""
    grid = VoxelGrid((64, 64, 35), np.diag([3.0, 3.0, 4.0, 1.0]))
    axes = np.ogrid[-1:1:64j, -1:1:64j, -1:1:35j]
    brain = sum((axis / 0.87) ** 2 for axis in axes) < 1
    return BlockMap.from_mask(grid, brain, factors=(4, 4, 3))


def test_paper_preset_takes_one_step(rng):
    blocks = paper_blocks()
    assert blocks.mask.shape == (16, 16, 12)
    assert 1000 < blocks.n_blocks < 1300
    eeg, bold = rng.standard_normal((64, 75)), rng.standard_normal((blocks.n_blocks, 75))
    run = ScaledRun(RunId("01", "rest"), eeg, bold, 2.5)
    model = build_network(64, blocks.mask, SETTINGS)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    training = Training(model, [run], [run], SETTINGS, None)
    training.start()
    assert np.isfinite(training.advance())
    moved = [
        not torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True)
    ]
    assert np.mean(moved) > 0.9  # Adam moves all but what a dead ReLU hides
    assert training.finished
