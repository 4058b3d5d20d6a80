import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.signal.fir import valid_slice
from neurotranscoder.train.alternating import filter_products
from neurotranscoder.train.regression import Products


def by_designs(series, target, n_lags, first_lag):
    """Return the normal equations of one run from a design of all lags, row by row."""
    valid = valid_slice(series.shape[1], n_lags, first_lag=first_lag)
    gram, cross = np.zeros((n_lags, n_lags)), np.zeros(n_lags)
    for row, goal in zip(series, target[:, valid], strict=True):
        design = np.lib.stride_tricks.sliding_window_view(row, n_lags)[:, ::-1]
        design = design - design.mean(axis=0)
        gram += design.T @ design
        cross += design.T @ (goal - goal.mean())
    return gram, cross


@pytest.mark.parametrize(("n_lags", "first_lag"), [(1, 0), (2, 0), (9, 0), (5, -4), (9, -4)])
def test_products_of_a_filter_are_those_of_the_lagged_designs(n_lags, first_lag, rng):
    runs = [(rng.standard_normal((3, n)) + 2, rng.standard_normal((3, n)) - 1) for n in (40, 25)]
    first, second = (filter_products(*run, n_lags=n_lags, first_lag=first_lag) for run in runs)
    found = first + second
    parts = [by_designs(*run, n_lags, first_lag) for run in runs]
    assert_allclose(found.gram, sum(part[0] for part in parts), atol=1e-10)
    assert_allclose(found.cross, [sum(part[1] for part in parts)], atol=1e-10)


def test_errors_of_products_are_those_of_what_is_predicted(rng):
    targets, inputs = rng.standard_normal((2, 50)), rng.standard_normal((3, 50))
    products = Products.of(targets[:, :20], inputs[:, :20])
    products += Products.of(targets[:, 20:], inputs[:, 20:])
    weights = rng.standard_normal((2, 3))
    expected = np.sum((targets - weights @ inputs) ** 2, axis=1)
    assert_allclose(products.errors(weights), expected)
    factors = np.array([1.0, 0.5, 2.0])
    scaled = Products.of(targets, inputs * factors[:, np.newaxis])
    for name in ("cross", "gram", "powers"):
        assert_allclose(getattr(products.scaled(factors), name), getattr(scaled, name))


def test_the_ridge_with_the_least_error_in_other_runs_is_chosen(rng):
    inputs = rng.standard_normal((4, 30))
    targets = inputs[:1] + 3 * rng.standard_normal((1, 30))
    known = Products.of(targets[:, :10], inputs[:, :10])
    unseen = Products.of(targets[:, 10:], inputs[:, 10:])
    ridges = (0.0, 0.1, 1.0, 10.0)
    weights, ridge = known.best(unseen, ridges)
    errors = [unseen.errors(known.weights(one)).sum() for one in ridges]
    assert ridge == ridges[int(np.argmin(errors))]
    assert_allclose(weights, known.weights(ridge))
    assert len({*errors}) == 4
