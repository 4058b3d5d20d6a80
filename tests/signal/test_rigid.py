import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import GridError
from neurotranscoder.signal.rigid import (
    framewise_displacement,
    grid_centre,
    rigid_matrix,
    rigid_parameters,
)

CENTRE = np.array([3.0, -20.0, 10.0])


def test_no_motion_is_the_identity():
    assert_allclose(rigid_matrix(np.zeros(6), CENTRE), np.eye(4), atol=1e-15)


def test_a_head_that_turns_left_about_z_has_its_front_on_the_left():
    turned = rigid_matrix(np.array([0, 0, 0, 0, 0, np.pi / 2]), CENTRE)
    front = turned @ np.append(CENTRE + np.array([0, 50.0, 0]), 1.0)
    assert_allclose(front[:3], CENTRE - [50.0, 0, 0], atol=1e-12)


def test_parameters_come_back_from_their_matrix(rng):
    parameters = np.concatenate([rng.uniform(-9, 9, 3), rng.uniform(-1, 1, 3)])
    assert_allclose(
        rigid_parameters(rigid_matrix(parameters, CENTRE), CENTRE), parameters, atol=1e-12
    )


def test_a_matrix_that_scales_is_not_rigid():
    with pytest.raises(GridError, match="not rigid"):
        rigid_parameters(np.diag([1.01, 1.0, 1.0, 1.0]), CENTRE)


def test_displacement_is_the_sum_of_steps_with_rotations_on_a_sphere():
    parameters = np.array([[0.0] * 6, [0.1, -0.2, 0, 0, 0.004, 0], [0.1, -0.2, 0, 0, 0.004, 0]])
    assert_allclose(framewise_displacement(parameters), [np.nan, 0.1 + 0.2 + 50 * 0.004, 0.0])


def test_centre_of_a_grid_is_the_mean_of_its_voxels():
    affine = np.array([[-2.0, 0, 0, 5], [0, 3, 1, 7], [0, 0, 4, 9], [0, 0, 0, 1]])
    grid = VoxelGrid((4, 3, 2), affine)
    indices = np.indices(grid.shape).reshape(3, -1).T
    assert_allclose(grid_centre(grid), grid.world(indices).mean(axis=0))
