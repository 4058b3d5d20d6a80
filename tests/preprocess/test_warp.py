import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import GridError
from neurotranscoder.preprocess.warp import Warp, linear_warp
from neurotranscoder.signal.rigid import apply_matrix, rigid_matrix

MATRIX = rigid_matrix(np.array([3.0, -2, 5, 0.1, -0.2, 0.3]), np.zeros(3)) @ np.diag(
    [1.1, 1, 0.9, 1]
)
GRID = VoxelGrid((5, 6, 7), np.diag([4.0, 4, 4, 1]))


def smooth_warp(size=1.0):
    x, y, z = np.indices(GRID.shape)
    field = np.stack([np.sin(y / 2), np.cos(z / 2), np.sin(x / 2)], axis=-1)
    return Warp(MATRIX, GRID, size * field)


def test_a_warp_without_displacement_is_its_matrix(rng):
    points = rng.uniform(-40, 40, (20, 3))
    assert_allclose(linear_warp(MATRIX).apply(points), apply_matrix(MATRIX, points), atol=1e-12)


def test_displacement_at_a_node_is_the_stored_one():
    nodes = GRID.world(np.array([[1, 2, 3], [4, 5, 6]]))
    warp = smooth_warp()
    added = warp.apply(nodes) - apply_matrix(MATRIX, nodes)
    assert_allclose(added, warp.displacement[[1, 4], [2, 5], [3, 6]], atol=1e-12)


def test_inverse_brings_points_back(rng):
    points = rng.uniform(0, 20, (50, 3))
    warp = smooth_warp()
    assert_allclose(warp.invert(warp.apply(points)), points, atol=5e-3)  # stops at .001 mm


def test_a_warp_that_folds_space_has_no_inverse(rng):
    warp = smooth_warp(60.0)
    with pytest.raises(GridError, match="cannot be inverted"):
        warp.invert(rng.uniform(0, 20, (50, 3)))


def test_a_singular_matrix_is_refused():
    with pytest.raises(GridError, match="non-zero determinant"):
        linear_warp(np.diag([1.0, 1, 0, 1]))


def test_displacement_on_another_grid_is_refused():
    with pytest.raises(GridError, match="its grid has"):
        Warp(MATRIX, GRID, np.zeros((5, 6, 6, 3)))


def test_displacement_that_is_not_finite_is_refused():
    with pytest.raises(GridError, match="not finite"):
        Warp(MATRIX, GRID, np.full((*GRID.shape, 3), np.nan))
