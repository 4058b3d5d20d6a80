import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import GridError
from neurotranscoder.preprocess.motion import HeadMotion, RealignSettings, estimate_motion
from neurotranscoder.signal.rigid import grid_centre, rigid_matrix
from registration_example import brain_of, grid_of_size, mean_error, seen_through

GRID = grid_of_size()
MOVES = np.array(
    [
        [0, 0, 0, 0, 0, 0],
        [0.8, -0.5, 1.2, 0.01, -0.02, 0.015],
        [6.0, 4.0, -5.0, 0.08, 0.06, -0.1],  # a jump far beyond a voxel
        [-0.3, 0.2, 0.1, 0, 0.005, 0],
    ]
)
TRUE = np.stack([rigid_matrix(row, grid_centre(GRID)) for row in MOVES])


@pytest.fixture(scope="module")
def run():
    rng = np.random.default_rng(0)
    still = np.stack([seen_through(matrix, GRID) for matrix in TRUE], axis=-1)
    return still + 0.02 * rng.standard_normal(still.shape)


@pytest.fixture(scope="module")
def found(run):
    return estimate_motion(run, GRID, brain_of(GRID))


@pytest.mark.parametrize("volume", range(4))
def test_motion_is_found_to_a_tenth_of_a_millimetre(found, volume):
    assert mean_error(found.to_volume[volume], TRUE[volume], GRID) < 0.1  # voxels: 4 mm
    assert found.converged[volume]


def test_parameters_say_how_the_head_moved(found):
    assert_allclose(found.parameters[1, :3], MOVES[1, :3], atol=0.1)
    assert_allclose(found.parameters[1, 3:], MOVES[1, 3:], atol=0.004)


def test_displacement_of_a_run_has_no_value_at_its_first_volume(found):
    steps = found.framewise_displacement
    assert np.isnan(steps[0])
    expected = np.abs(np.diff(MOVES, axis=0)) @ [1, 1, 1, 50, 50, 50]
    assert_allclose(steps[1:], expected, atol=0.5)  # six errors of .1 mm at most, mostly less


def test_a_still_head_stays(run):
    still = np.repeat(run[..., :1], 3, axis=3)
    found = estimate_motion(still, GRID, brain_of(GRID))
    assert_allclose(found.to_volume, np.repeat(np.eye(4)[None], 3, axis=0), atol=1e-3)


def test_brightness_of_a_volume_is_no_motion(run):
    bright = run * [1.0, 1.3, 0.8, 1.1]
    found = estimate_motion(bright, GRID, brain_of(GRID))
    assert mean_error(found.to_volume[1], TRUE[1], GRID) < 0.1


def test_same_run_gives_same_bytes(run, found):
    again = estimate_motion(run, GRID, brain_of(GRID))
    assert_array_equal(again.to_volume, found.to_volume)


def test_moving_the_world_moves_the_matrices_with_it(run, found):
    shifted = type(GRID)(GRID.shape, np.eye(4) + np.eye(4, k=3) * 7.0)
    moved = type(GRID)(GRID.shape, shifted.voxel_to_world @ GRID.voxel_to_world)
    there = estimate_motion(run, moved, brain_of(GRID))
    back = np.linalg.inv(shifted.voxel_to_world) @ there.to_volume @ shifted.voxel_to_world
    assert_allclose(back, found.to_volume, atol=1e-6)


def test_one_volume_is_refused(run):
    with pytest.raises(GridError, match="at least 2 volumes"):
        estimate_motion(run[..., :1], GRID, brain_of(GRID))


def test_a_single_slice_is_refused(run):
    slab = VoxelGrid((*GRID.shape[:2], 1), GRID.voxel_to_world)
    with pytest.raises(GridError, match="at least 3 along each axis"):
        estimate_motion(run[:, :, 3:4], slab, brain_of(GRID)[:, :, 3:4])


def test_a_reference_beyond_the_run_is_refused(run):
    with pytest.raises(GridError, match="reference 9"):
        estimate_motion(run, GRID, brain_of(GRID), RealignSettings(reference=9))


def test_numbers_that_are_not_finite_are_refused(run):
    broken = run.copy()
    broken[3, 3, 3, 1] = np.nan
    with pytest.raises(GridError, match="1 samples that are not finite"):
        estimate_motion(broken, GRID, brain_of(GRID))


def test_images_without_contrast_are_refused():
    with pytest.raises(GridError, match="does not vary"):
        estimate_motion(np.ones((*GRID.shape, 2)), GRID, brain_of(GRID))


def test_a_matrix_that_is_not_rigid_has_no_parameters():
    scaled = np.repeat(np.diag([2.0, 1, 1, 1])[None], 2, axis=0)
    with pytest.raises(GridError, match="not rigid"):
        _ = HeadMotion(scaled, np.zeros(3), np.ones(2, dtype=bool)).parameters
