from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.errors import GridError
from neurotranscoder.preprocess.priors import carry_back
from neurotranscoder.preprocess.template import Template, mni_template
from neurotranscoder.preprocess.tissues import TissueSettings, find_tissues
from neurotranscoder.preprocess.warp import Warp, linear_warp
from neurotranscoder.signal.rigid import apply_matrix, rigid_matrix
from registration_example import brain_of, grid_of_size, layers_at, points_of, skull_at

GRID, T1_GRID = grid_of_size((38, 42, 32), 3.0), grid_of_size((60, 64, 52), 2.2)
QUICK = TissueSettings(spacing=6.0, bias_degree=2)
PLACE = rigid_matrix(np.array([4.0, -3, 5, 0.06, 0.05, -0.08]), np.zeros(3))  # template to anatomy


@cache
def template():
    fluid, grey, white = (one.reshape(GRID.shape) for one in layers_at(points_of(GRID)))
    return Template(0.4 * fluid + 0.7 * grey + 0.9 * white, GRID, brain_of(GRID), grey, white)


@cache
def truth():
    """Return fluid, grey and white matter of an anatomy that lies elsewhere."""
    places = apply_matrix(np.linalg.inv(PLACE), points_of(T1_GRID))
    return np.stack([one.reshape(T1_GRID.shape) for one in layers_at(places)])


@cache
def shade():
    x, y = np.meshgrid(*(np.linspace(-1, 1, n) for n in T1_GRID.shape[:2]), indexing="ij")
    return np.exp(0.25 * x - 0.2 * y**2)[..., np.newaxis] * np.ones(T1_GRID.shape)


@cache
def anatomy():
    places = apply_matrix(np.linalg.inv(PLACE), points_of(T1_GRID))
    image = np.tensordot([0.4, 0.7, 0.9], truth(), 1) + skull_at(places).reshape(T1_GRID.shape)
    noise = np.random.default_rng(1).standard_normal(T1_GRID.shape)
    return 500 * shade() * image + 10 * noise


@cache
def found(miss=0.0):
    """Return tissues, with a warp that misses by some mm."""
    off = PLACE @ rigid_matrix(np.array([miss, 0, 0, 0, 0, 0]), np.zeros(3))
    return find_tissues(anatomy(), T1_GRID, linear_warp(off), template(), QUICK)


def dice(first, second):
    return 2 * np.sum(first & second) / (first.sum() + second.sum())


@pytest.mark.parametrize("miss", [0.0, 1.5])
def test_tissues_are_where_they_are_even_if_the_warp_misses_a_little(miss):
    ours = np.stack([found(miss).fluid, found(miss).grey, found(miss).white])
    assert dice(ours[2] > 0.5, truth()[2] > 0.5) > 0.96
    assert dice(ours[1] > 0.5, truth()[1] > 0.5) > 0.9  # a shell of three voxels
    assert dice(ours[0] > 0.5, truth()[0] > 0.5) > 0.75  # less than two


def test_brain_ends_before_the_skull():
    assert dice(found().brain, truth().sum(axis=0) > 0.5) > 0.97
    places = apply_matrix(np.linalg.inv(PLACE), points_of(T1_GRID))
    assert not found().brain[skull_at(places).reshape(T1_GRID.shape) > 0].any()


def test_nothing_is_tissue_outside_the_brain():
    for one in (found().grey, found().white, found().fluid):
        assert not one[~found().brain].any()


def test_what_coils_do_to_brightness_is_found():
    inside = truth().sum(axis=0) > 0.9
    ours, theirs = np.log(found().bias[inside]), np.log(shade()[inside])
    assert np.std(ours - theirs) < 0.25 * np.std(theirs)  # layers look like a square of the place
    assert_allclose(found().bias[found().brain].mean(), 1.0, atol=0.01)


def test_tissues_of_a_stripped_image_are_found_too():
    image = np.tensordot([0.4, 0.7, 0.9], truth(), 1) * (truth().sum(axis=0) > 0.5)
    ours = find_tissues(image, T1_GRID, linear_warp(PLACE), template(), QUICK)
    assert dice(ours.brain, truth().sum(axis=0) > 0.5) > 0.97
    assert dice(ours.white > 0.5, truth()[2] > 0.5) > 0.97


def test_priors_are_the_template_where_the_warp_takes_it():
    rng = np.random.default_rng(2)
    bend = np.zeros((*GRID.shape, 3))
    bend[..., 0] = np.sin(points_of(GRID)[:, 1] / 20).reshape(GRID.shape) + 0.1 * rng.random()
    warp = Warp(PLACE, GRID, bend)
    priors = carry_back(T1_GRID, warp, template(), blur=0.0)
    there = warp.invert(points_of(T1_GRID)).reshape(*T1_GRID.shape, 3)[priors.box]
    expected = layers_at(there[priors.near])[2]
    assert_allclose(priors.white[priors.near], expected, atol=0.15)  # voxels of 3 mm
    assert np.abs(priors.white[priors.near] - expected).mean() < 0.01


def test_priors_have_a_sum_of_at_most_one():
    priors = carry_back(T1_GRID, linear_warp(PLACE), template(), blur=4.0)
    assert (priors.fluid + priors.grey + priors.white).max() < 1 + 1e-9


def test_a_template_without_tissues_is_refused():
    bare = Template(template().image, GRID, template().brain)
    with pytest.raises(GridError, match="the template has no tissues"):
        find_tissues(anatomy(), T1_GRID, linear_warp(PLACE), bare)


def test_a_head_outside_the_image_is_refused():
    far = rigid_matrix(np.array([900.0, 0, 0, 0, 0, 0]), np.zeros(3))
    with pytest.raises(GridError, match="registration has failed"):
        find_tissues(anatomy(), T1_GRID, linear_warp(far), template())


def test_an_image_below_zero_is_refused():
    with pytest.raises(GridError, match="grey matter has a brightness of"):
        find_tissues(-anatomy(), T1_GRID, linear_warp(PLACE), template())


def test_tissues_of_the_template_of_nilearn_fill_its_brain():
    ours = mni_template()
    total = ours.grey + ours.white
    assert total.max() < 1 + 1e-6
    assert total[~ours.brain].mean() < 0.002
    assert 0.8 < total[ours.brain].mean() < 1.0  # the rest is fluid
