import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.train.voxel_maps import (
    Choice,
    Folds,
    MapMaker,
    MapRecipe,
    MapSettings,
    first_recipe,
)
from neurotranscoder.train.voxel_products import VoxelProducts

MASK = np.ones((8, 8, 4), bool)
GRID = VoxelGrid(MASK.shape, np.diag([3.0, 3.0, 4.0, 1.0]))
SLICES = np.nonzero(MASK)[2]
N_FEATURES = 3


def maps_of_regions():
    """Return maps of three features, each of 27 voxels; the others are silent."""
    full = np.zeros((*MASK.shape, N_FEATURES))
    for feature, (x, y) in enumerate(((0, 0), (5, 0), (2, 5))):
        full[x : x + 3, y : y + 3, :3, feature] = 1.0
    return full[MASK]


def products(rng, *, noise, maps=None, n_volumes=60):
    """Return products of BOLD that follows maps, and of its noise."""
    maps = maps_of_regions() if maps is None else maps
    features = rng.standard_normal((N_FEATURES, n_volumes))
    bold = maps @ features + noise * rng.standard_normal((len(maps), n_volumes))
    gram = np.tile(features @ features.T, (MASK.shape[2], 1, 1))
    return VoxelProducts(bold @ features.T, gram, np.sum(bold**2, axis=1), SLICES)


def folds(rng, *, noise, prior=None, **options):
    prior = np.zeros((len(SLICES), N_FEATURES)) if prior is None else prior
    parts = [products(rng, noise=noise, **options) for _ in range(3)]
    return Folds(parts, MapMaker(MASK, GRID, prior))


def test_smoothing_and_shrinkage_are_chosen_where_bold_is_noisy(rng):
    recipe, choices = folds(rng, noise=5.0).choose(MapSettings())
    assert recipe.smoothing > 0
    assert recipe.shrinkage > 0
    assert all(len(one.scores) == len(one.candidates) for one in choices)


def test_neither_is_chosen_without_noise_where_all_voxels_are_active(rng):
    maps = rng.standard_normal((len(SLICES), N_FEATURES))
    recipe, _ = folds(rng, noise=0.0, maps=maps).choose(MapSettings())
    assert recipe == MapRecipe(0.0, 1e-3, 0.0, 0.0)


def test_prior_is_used_as_far_as_it_predicts_held_out_bold(rng):
    right, wrong = maps_of_regions(), rng.standard_normal((len(SLICES), N_FEATURES))
    settings = MapSettings(smoothings=(0.0,))
    weights = [
        folds(rng, noise=noise, prior=prior).choose(settings)[0].group_weight
        for prior, noise in ((right, 10.0), (wrong, 0.5))  # noise alone asks for smaller maps
    ]
    assert weights[0] >= 0.75
    assert weights[1] <= 0.1


def test_scale_of_the_prior_does_not_matter(rng):
    found, recipe = products(rng, noise=1.0), MapRecipe(0.0, 1e-2, group_weight=0.5)
    one, two = (
        MapMaker(MASK, GRID, scale * maps_of_regions()).maps(found, recipe) for scale in (1.0, 7.0)
    )
    assert_allclose(one, two)


def test_shrinkage_silences_what_does_not_stand_out(rng):
    found = products(rng, noise=0.5)
    prior = np.zeros((len(SLICES), N_FEATURES))
    maps = MapMaker(MASK, GRID, prior).maps(found, MapRecipe(0.0, 1e-2, shrinkage=2.0))
    silent = ~maps_of_regions().any(axis=1)
    assert np.mean(maps[silent].any(axis=1)) < 0.2  # the floor is twice the median of mostly noise
    assert maps[~silent].any(axis=1).all()


def test_score_is_the_share_of_held_out_power_that_the_other_parts_explain(rng):
    made = folds(rng, noise=1.0)
    recipe = MapRecipe(0.0, 1e-2)
    explained = 0.0
    for number, part in enumerate(made.parts):
        one, two = (other for k, other in enumerate(made.parts) if k != number)
        explained += part.explained(made.maker.maps(one + two, recipe))
    total = sum(part.powers.sum() for part in made.parts)
    assert_allclose(made.score(recipe), explained / total)


def test_first_of_equal_candidates_is_chosen():
    choice = Choice.best("ridge", (3.0, 1.0, 2.0), lambda _: 0.5)
    assert choice.value == 3.0
    assert_array_equal(choice.scores, [0.5] * 3)


def test_choosing_starts_from_the_middle_with_the_own_maps():
    settings = MapSettings(smoothings=(1.0, 2.0, 3.0), ridges=(0.1,))
    assert first_recipe(settings) == MapRecipe(2.0, 0.1)
    with pytest.raises(ValueError, match="at least 1 item"):
        MapSettings(ridges=())
