from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import GridError
from neurotranscoder.preprocess.boundary import (
    BoundarySettings,
    refine_on_boundary,
    white_boundary,
)
from neurotranscoder.preprocess.coregister import CoregisterSettings, centre_of_mass, coregister
from neurotranscoder.signal.rigid import rigid_matrix
from registration_example import (
    grid_of_size,
    head_at,
    mean_error,
    points_of,
    seen_through,
)

EPI_GRID, T1_GRID = grid_of_size(), grid_of_size((40, 44, 34), 2.2)
TRUE = rigid_matrix(np.array([7.0, -4, 6, 0.1, -0.08, 0.12]), np.zeros(3))  # EPI to anatomy
QUICK = CoregisterSettings(n_starts=1, max_iterations=60)


def anatomy():
    return head_at(points_of(T1_GRID)).reshape(T1_GRID.shape)


@cache
def epi():
    """Return the head with another contrast: what is bright in the anatomy is dark here."""
    bright = seen_through(np.linalg.inv(TRUE), EPI_GRID)
    noise = np.random.default_rng(5).standard_normal(bright.shape)
    return np.where(bright > 0.5, 4 - bright, 0.2 * bright) + 0.05 * noise


@cache
def mask():
    return seen_through(np.linalg.inv(TRUE), EPI_GRID) > 0.5


@cache
def found():
    return coregister(epi(), EPI_GRID, mask(), anatomy(), T1_GRID, QUICK)


def test_place_is_found_across_contrasts():
    assert mean_error(found().epi_to_t1, TRUE, EPI_GRID) < 0.6  # voxels: 4 mm; it began at 13 mm


def test_same_images_give_same_bytes():
    again = coregister(epi(), EPI_GRID, mask(), anatomy(), T1_GRID, QUICK)
    assert_array_equal(again.epi_to_t1, found().epi_to_t1)


def test_starts_come_with_the_best_first():
    several = CoregisterSettings(n_starts=3, max_iterations=5)
    starts = coregister(epi(), EPI_GRID, mask(), anatomy(), T1_GRID, several).starts
    assert starts.tolist() == sorted(starts, reverse=True)
    assert len(starts) == 3


def test_a_constant_image_is_refused():
    with pytest.raises(GridError, match="constant"):
        coregister(epi(), EPI_GRID, mask(), np.ones(T1_GRID.shape), T1_GRID, QUICK)


def test_an_anatomy_with_a_hole_of_nan_is_refused():
    broken = anatomy()
    broken[3, 3, 3] = np.nan
    with pytest.raises(GridError, match="the anatomy holds 1 samples"):
        coregister(epi(), EPI_GRID, mask(), broken, T1_GRID, QUICK)


def test_centre_of_mass_of_one_bright_voxel_is_its_place():
    image = np.zeros(EPI_GRID.shape)
    image[3, 4, 5] = 2.0
    assert_allclose(centre_of_mass(image, EPI_GRID), EPI_GRID.world(np.array([[3, 4, 5]]))[0])


def ball(points, radius=20.0):
    return 1 / (1 + np.exp((np.linalg.norm(points / [1, 1.3, 0.8], axis=1) - radius) / 0.7))


def test_boundary_of_a_ball_is_at_its_radius_and_points_outwards():
    affine = np.eye(4)
    affine[:3, 3] = [-28, -30, -25]
    grid = VoxelGrid((56, 60, 50), affine)
    radius = np.linalg.norm(points_of(grid), axis=1)
    white = (1 / (1 + np.exp((radius - 18) / 0.7))).reshape(grid.shape)
    points, normals = white_boundary(white, grid, 2000)
    distance = np.linalg.norm(points, axis=1)
    assert_allclose(distance, 18.0, atol=0.15)  # a straight line through a curved slope
    assert np.min(np.sum(normals * points, axis=1) / distance) > 0.99


def test_boundary_brings_back_an_epi_that_is_off_by_a_millimetre():
    grid = grid_of_size((60, 70, 50), 1.2)
    white = ball(points_of(grid)).reshape(grid.shape)
    bright = 1.0 - 0.3 * ball(points_of(EPI_GRID)).reshape(EPI_GRID.shape)
    off = rigid_matrix(np.array([1.0, -0.8, 0.9, 0.02, 0, 0]), np.zeros(3))
    fit = refine_on_boundary(bright, EPI_GRID, white, grid, off)
    assert mean_error(fit.epi_to_t1, np.eye(4), EPI_GRID) < 0.3
    assert fit.cost_after < fit.cost_before


@pytest.mark.parametrize(
    ("contrast", "farthest", "why_not"),
    [
        (-0.3, 3.0, ""),
        (0.3, 3.0, "it moved by"),
        (0.0, 3.0, "grey matter is not"),
        (-0.3, 0.2, "it moved by"),
    ],
)
def test_a_place_is_taken_only_where_it_is_better_and_near(contrast, farthest, why_not):
    grid = grid_of_size((60, 70, 50), 1.2)
    white = ball(points_of(grid)).reshape(grid.shape)
    bright = 1.0 + contrast * ball(points_of(EPI_GRID)).reshape(EPI_GRID.shape)
    off = rigid_matrix(np.array([1.0, -0.8, 0.9, 0.02, 0, 0]), np.zeros(3))
    settings = BoundarySettings(farthest=farthest)
    found = refine_on_boundary(bright, EPI_GRID, white, grid, off, settings).why_not
    assert found.startswith(why_not)
    assert bool(found) == bool(why_not)


def test_white_matter_without_a_boundary_is_refused():
    with pytest.raises(GridError, match="0 voxels at its boundary"):
        white_boundary(np.zeros(T1_GRID.shape), T1_GRID, 1000)
