from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.ndimage import gaussian_filter, map_coordinates

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import GridError
from neurotranscoder.preprocess.bending import local_contrast
from neurotranscoder.preprocess.normalise import NormaliseSettings, normalise
from neurotranscoder.preprocess.template import Template, mni_template
from neurotranscoder.preprocess.warp import Warp
from neurotranscoder.signal.rigid import apply_matrix, rigid_matrix
from registration_example import brain_of, grid_of_size, head_at, points_of

GRID = grid_of_size((30, 34, 26), 3.0)
T1_GRID = grid_of_size((46, 50, 40), 2.2)
FAST = NormaliseSettings()


@cache
def template():
    image = head_at(points_of(GRID)).reshape(GRID.shape)
    return Template(image, GRID, brain_of(GRID))


@cache
def truth():
    """Return the warp from a subject to the template, 2 mm on average beyond the affine."""
    pose = rigid_matrix(np.array([4.0, -3, 5, 0.06, 0.05, -0.08]), np.zeros(3))
    rng = np.random.default_rng(8)
    noise = rng.standard_normal((3, *T1_GRID.shape))
    field = np.stack([gaussian_filter(one, 6.0) for one in noise], axis=-1)
    field *= 2.0 / np.linalg.norm(field, axis=-1).mean()
    return Warp(pose @ np.diag([1.05, 0.96, 1.03, 1.0]), T1_GRID, field)


@cache
def anatomy():
    """Return the subject's T1: another scale, a bias from left to right, noise."""
    image = head_at(truth().apply(points_of(T1_GRID))).reshape(T1_GRID.shape)
    bias = np.linspace(0.8, 1.2, T1_GRID.shape[0])[:, np.newaxis, np.newaxis]
    return 300 * image * bias + 4 * np.random.default_rng(1).standard_normal(image.shape)


def errors(found):
    """Return the mean error of the affine and of the warp in the brain of the subject, in mm."""
    places = truth().apply(points_of(T1_GRID))
    inside = np.linalg.norm(places / [34.0, 38.0, 28.0], axis=1) < 1
    points, there = points_of(T1_GRID)[inside], places[inside]
    affine = np.linalg.norm(apply_matrix(found.affine, there) - points, axis=1).mean()
    return affine, np.linalg.norm(found.template_to_t1.apply(there) - points, axis=1).mean()


@cache
def found(method="fast"):
    settings = NormaliseSettings(method=method)
    return normalise(anatomy(), T1_GRID, settings, template=template())


@pytest.mark.parametrize("method", ["fast", "quality"])
def test_warp_finds_what_the_affine_leaves(method):
    affine, warp = errors(found(method))
    assert affine < 3.0  # it cannot bend: the truth has 2 mm beyond it
    assert warp < (1.0 if method == "fast" else 0.8)  # voxels: 3 mm


def test_same_anatomy_gives_same_bytes():
    again = normalise(anatomy(), T1_GRID, FAST, template=template())
    assert_array_equal(again.template_to_t1.displacement, found().template_to_t1.displacement)


def test_warp_of_the_template_to_itself_stays_near():
    same = normalise(template().image, GRID, FAST, template=template())
    points = points_of(GRID)[template().brain.ravel()]
    moved = np.linalg.norm(same.template_to_t1.apply(points) - points, axis=1)
    assert moved.mean() < 0.3  # a tenth of a voxel


def test_a_warp_that_may_bend_almost_freely_does_not_fold():
    loose = normalise(anatomy(), T1_GRID, NormaliseSettings(bending=1), template=template())
    warp = loose.template_to_t1
    field = warp.displacement @ (np.linalg.inv(warp.matrix[:3, :3]).T * [-1, 1, 1])  # along voxels
    slopes = np.stack([np.gradient(field[..., axis], 3.0) for axis in range(3)])
    volumes = np.linalg.det(np.moveaxis(slopes, (0, 1), (-2, -1)) + np.eye(3))
    assert 0 < volumes.min() < 0.6  # stiff ones stay near 1


def test_an_anatomy_without_the_top_of_the_head_is_placed_by_the_rest():
    seen = anatomy()[:, :, :32]
    warp = normalise(seen, VoxelGrid(seen.shape, T1_GRID.voxel_to_world), template=template())
    assert errors(warp)[1] < 1.3


def test_local_contrast_does_not_see_scale_and_bias():
    image, mask = template().image, template().brain
    bias = np.linspace(0.9, 1.1, GRID.shape[0])[:, np.newaxis, np.newaxis]
    plain, biased = (
        local_contrast(one, mask, GRID.voxel_sizes)[mask] for one in (image, 7 * bias * image)
    )
    assert np.corrcoef(plain, biased)[0, 1] > 0.98


def test_an_anatomy_that_is_not_finite_is_refused():
    with pytest.raises(GridError, match="the anatomy holds"):
        normalise(np.full(T1_GRID.shape, np.nan), T1_GRID, FAST, template=template())


def test_template_is_on_two_millimetres_and_its_brain_around_the_origin():
    ours = mni_template()
    assert ours.grid.voxel_sizes == (2.0, 2.0, 2.0)
    origin = apply_matrix(np.linalg.inv(ours.grid.voxel_to_world), np.zeros((1, 3)))
    assert map_coordinates(ours.brain.astype(float), origin.T, order=0)[0] == 1
