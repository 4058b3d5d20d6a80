import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.errors import GridError
from neurotranscoder.preprocess.mixture import Mixture, field_terms, fit_mixture

MEANS = np.array([0.4, 1.0, 1.3, 0.05])  # three tissues, and what is none


def voxels(rng, n=6000, field=0.0):
    """Return brightness, priors and places of pure voxels; priors are right in 8 of 10."""
    which = rng.integers(0, 4, n)
    priors = np.full((n, 4), 0.2 / 3)
    priors[np.arange(n), which] = 0.8
    places = rng.uniform(-1, 1, (n, 3))
    shade = np.exp(field * places[:, 0])
    return shade * (MEANS[which] + 0.03 * rng.standard_normal(n)), priors[:, :3], places, which


def fitted(bright, priors, terms):
    return fit_mixture(bright, priors, terms, n_others=1, max_iterations=60)


def test_brightness_of_each_tissue_is_found(rng):
    bright, priors, places, _ = voxels(rng)
    found = fitted(bright, priors, field_terms(places, 0))
    # mixed voxels, of which there are none here, take a little on the side of the other tissue
    assert_allclose(found.means, MEANS, atol=0.02)


def test_field_over_the_head_is_found(rng):
    bright, priors, places, _ = voxels(rng, field=0.3)
    terms = field_terms(places, 2)
    found = fitted(bright, priors, terms)
    shade = terms @ found.field
    slope = np.polyfit(places[:, 0], shade, 1)[0]
    assert_allclose(slope, 0.3, atol=0.01)
    assert_allclose(shade - shade.mean(), 0.3 * (places[:, 0] - places[:, 0].mean()), atol=0.05)


def test_brightness_corrects_a_prior_that_is_wrong(rng):
    bright, priors, places, which = voxels(rng)
    terms = field_terms(places, 0)
    found = fitted(bright, np.roll(priors, 1, axis=1) * 0.2 + priors * 0.8, terms)
    held = found.classes(bright, priors, terms) @ found.recipes
    assert np.mean(held.argmax(axis=1) == which) > 0.97


def test_a_voxel_half_way_between_two_tissues_holds_half_of_each():
    mixture = Mixture(MEANS, np.full(4, 0.03), np.ones(1), np.zeros(0))
    priors = np.array([[0.0, 0.5, 0.5]])
    held = mixture.classes(np.array([1.15]), priors, np.zeros((1, 0))) @ mixture.recipes
    assert_allclose(held, [[0, 0.5, 0.5, 0]], atol=1e-6)


def test_probabilities_have_a_sum_of_one(rng):
    bright, priors, places, _ = voxels(rng, 100)
    mixture = Mixture(MEANS, np.full(4, 0.05), np.ones(1), np.zeros(0))
    found = mixture.classes(bright, priors, field_terms(places, 0))
    assert_allclose(found.sum(axis=1), 1.0)


def test_terms_are_all_products_up_to_a_degree_without_the_constant():
    places = np.array([[0.5, -0.25, 1.0]])
    assert_allclose(np.sort(field_terms(places, 1)), np.sort(places))
    assert field_terms(places, 4).shape == (1, 34)  # (4 + 3 choose 3) - 1


def test_a_tissue_without_a_place_is_refused(rng):
    bright, priors, places, _ = voxels(rng, 100)
    with pytest.raises(GridError, match="each needs more than 1"):
        fitted(bright, priors * [1.0, 1.0, 0.0], field_terms(places, 0))
