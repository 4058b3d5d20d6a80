import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.core.errors import GridError

GRID = VoxelGrid((4, 4, 5), np.diag([6.0, 6.0, 6.0, 1.0]))


def test_average_over_blocks_is_the_mean_of_their_brain_voxels(rng):
    brain = rng.random(GRID.shape) < 0.7
    blocks = BlockMap.from_mask(GRID, brain, factors=(2, 2, 2))
    values = rng.standard_normal((*GRID.shape, 3))
    found = blocks.unmask(blocks.average(values))
    inside = np.zeros(GRID.shape, bool)
    inside[2:4, 0:2, 2:4] = True
    assert_allclose(found[1, 0, 1], values[inside & brain].mean(axis=0))


def test_block_with_too_little_brain_is_not_used():
    brain = np.zeros(GRID.shape, bool)
    brain[:2, :2, :2] = True
    brain[3, 3, 4] = True
    blocks = BlockMap.from_mask(GRID, brain, factors=(2, 2, 2))
    assert blocks.n_blocks == 1
    assert blocks.labels[3, 3, 4] == -1


def test_empty_brain_is_refused():
    with pytest.raises(GridError, match="no block"):
        BlockMap.from_mask(GRID, np.zeros(GRID.shape, bool), factors=(2, 2, 2))
