import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.simulate.run import simulate_run_of
from neurotranscoder.simulate.truth import truth_of


@pytest.fixture(scope="module")
def truth(tiny_cohort):
    return truth_of(tiny_cohort, [simulate_run_of(tiny_cohort, 0, 0)])


def halved(grid):
    """Return a grid with eight voxels in the place of each."""
    half = np.diag([0.5, 0.5, 0.5, 1.0])
    half[:3, 3] = -0.25
    return VoxelGrid(tuple(2 * n for n in grid.shape), grid.voxel_to_world @ half)


def test_truth_on_its_own_voxels_is_itself(truth):
    assert truth.on(truth.head.grid) is truth


def test_truth_on_finer_voxels_repeats_each_voxel(truth):
    fine = truth.on(halved(truth.head.grid))
    whole = np.ones((2, 2, 2), dtype=int)
    assert_array_equal(fine.regions.labels, np.kron(truth.regions.labels, whole))
    assert_array_equal(fine.head.brain, np.kron(truth.head.brain.astype(int), whole) > 0)
    assert_allclose(
        fine.head.leadfield.sum(axis=1), 8 * truth.head.leadfield.sum(axis=1), rtol=1e-9
    )


def test_blocks_have_the_same_shares_of_regions_on_finer_voxels(truth):
    fine = truth.on(halved(truth.head.grid))
    shares = [
        one.block_shares(BlockMap.from_mask(one.head.grid, one.head.brain, factors=factors))
        for one, factors in ((truth, (2, 2, 2)), (fine, (4, 4, 4)))
    ]
    assert_allclose(shares[1], shares[0], atol=1e-12)


def test_voxels_beyond_those_that_were_simulated_are_silent(truth):
    grid = truth.head.grid
    moved = grid.voxel_to_world.copy()
    moved[0, 3] += 5 * grid.voxel_sizes[0]
    away = truth.on(VoxelGrid(grid.shape, moved))
    assert np.all(away.regions.labels[-5:] == -1)
    assert_array_equal(away.regions.labels[:-5], truth.regions.labels[5:])
