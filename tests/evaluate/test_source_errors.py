import numpy as np
from numpy.testing import assert_allclose

from neurotranscoder.evaluate.source_errors import leakage, normalised_errors


def test_a_flat_map_leaks_the_share_of_blocks_that_are_silent(rng):
    flat = np.tile(rng.standard_normal(50), (10, 1))
    assert_allclose(leakage(flat, np.arange(10) < 3), 0.3)


def test_leakage_is_energy_over_time_and_not_the_mean(rng):
    course = rng.standard_normal(50)
    estimate = np.stack([3 * course + 100.0, course - 7.0])
    assert_allclose(leakage(estimate, np.array([False, True])), 1 / 10)
    assert leakage(estimate, np.array([False, False])) == 0


def test_an_estimate_without_energy_has_no_leakage():
    assert np.isnan(leakage(np.ones((2, 9)), np.array([False, True])))


def test_a_scaled_and_shifted_copy_of_the_truth_has_no_error(rng):
    truth = rng.standard_normal((4, 60))
    errors, energies = normalised_errors(-3 * truth + 5.0, truth)
    assert_allclose(errors, 0.0, atol=1e-12)
    assert_allclose(energies, 60 * np.var(truth, axis=1))


def test_zeros_have_the_error_one(rng):
    errors, energies = normalised_errors(np.ones((4, 60)), rng.standard_normal((4, 60)))
    assert_allclose(errors, energies)


def test_error_of_all_blocks_is_what_one_correlation_leaves(rng):
    truth = rng.standard_normal((4, 60))
    estimate = truth + rng.standard_normal((4, 60))
    errors, energies = normalised_errors(estimate, truth)
    one, two = ((x - x.mean(axis=1, keepdims=True)).ravel() for x in (estimate, truth))
    r = one @ two / np.sqrt((one @ one) * (two @ two))
    assert_allclose(errors.sum() / energies.sum(), 1 - r**2)


def test_wrong_proportions_of_blocks_are_an_error(rng):
    truth = rng.standard_normal((2, 60))
    errors, energies = normalised_errors(truth * [[1.0], [4.0]], truth)
    assert errors.sum() > 0.2 * energies.sum()  # r is 1 in either block
