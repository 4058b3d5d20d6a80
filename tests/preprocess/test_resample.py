import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.errors import GridError
from neurotranscoder.preprocess.motion import HeadMotion, still_head
from neurotranscoder.preprocess.resample import epi_points, resample_once
from neurotranscoder.preprocess.warp import linear_warp
from neurotranscoder.signal.rigid import apply_matrix, grid_centre, rigid_matrix
from registration_example import brain_of, grid_of_size, head_at, points_of, seen_through

GRID = grid_of_size()
MOVES = np.array([[0.0] * 6, [1.5, -1, 2, 0.03, 0.02, -0.04], [-1, 0.5, 0.7, 0, 0.05, 0]])
MATRICES = np.stack([rigid_matrix(row, grid_centre(GRID)) for row in MOVES])
MOTION = HeadMotion(MATRICES, grid_centre(GRID), np.ones(3, dtype=bool))
EPI_TO_T1 = rigid_matrix(np.array([4.0, 3, -2, 0.05, 0, 0.1]), np.zeros(3))
TO_T1 = linear_warp(EPI_TO_T1 @ np.diag([0.95, 1.05, 1.02, 1.0]))


@pytest.fixture(scope="module")
def run():
    return np.stack([seen_through(matrix, GRID) for matrix in MATRICES], axis=-1)


def test_no_motion_and_the_same_grid_give_the_run_back(run):
    everywhere = np.ones(GRID.shape, dtype=bool)
    points = epi_points(GRID, everywhere, linear_warp(np.eye(4)), np.eye(4))
    values = resample_once(run, GRID, still_head(3, GRID), points)
    assert_allclose(values, run.reshape(-1, 3), atol=1e-6)


def test_all_volumes_show_the_still_head_in_the_new_space(run):
    mask = brain_of(GRID)
    points = epi_points(GRID, mask, TO_T1, EPI_TO_T1)
    values = resample_once(run, GRID, MOTION, points)
    expected = head_at(points)
    rms = np.sqrt(np.mean((values - expected[:, np.newaxis]) ** 2, axis=0))
    assert np.all(rms < 0.02 * expected.mean())  # a cubic spline of 4 mm voxels


def test_points_go_to_the_anatomy_and_from_there_to_the_epi():
    mask = brain_of(GRID)
    straight = apply_matrix(np.linalg.inv(EPI_TO_T1) @ TO_T1.matrix, points_of(GRID)[mask.ravel()])
    assert_allclose(epi_points(GRID, mask, TO_T1, EPI_TO_T1), straight, atol=1e-9)


def test_what_left_the_images_is_nan(run):
    far = np.array([[0.0, 0, 0], [500.0, 0, 0]])
    values = resample_once(run, GRID, still_head(3, GRID), far)
    assert np.isnan(values).tolist() == [[False] * 3, [True] * 3]


def test_motion_of_another_run_is_refused(run):
    with pytest.raises(GridError, match="motion is known for 5 volumes, the run has 3"):
        resample_once(run, GRID, still_head(5, GRID), np.zeros((1, 3)))
