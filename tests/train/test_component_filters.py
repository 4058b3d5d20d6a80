import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.signal import lfilter

from neurotranscoder.signal.fir import apply_fir
from neurotranscoder.train.component_filters import LaggedProducts, filter_errors, own_filters

RIDGES = (1e-3, 1e-1, 10.0)
TIMES = np.arange(12.0)
SHARED = TIMES * np.exp(-TIMES / 2)
EARLY, LATE = (np.interp(TIMES, TIMES + shift, SHARED, left=0) for shift in (-1, 2))


def runs_of(rng, filters, n_runs=4, n_frames=600, noise=0.5, first_lag=0):
    """Smooth inputs, and what filters of their own and noise make of them."""
    runs = []
    for _ in range(n_runs):
        inputs = lfilter([1.0], [1.0, -0.8], rng.standard_normal((len(filters), n_frames)))
        targets = apply_fir(inputs, filters, first_lag=first_lag)
        runs.append((inputs, targets + noise * rng.standard_normal(targets.shape)))
    return runs


def products_of(runs):
    first, *others = (LaggedProducts.of(run, n_lags=12) for run in runs)
    return sum(others, first)


@pytest.mark.parametrize("first_lag", [0, -5])
def test_filters_of_single_components_are_found(rng, first_lag):
    filters = np.stack([SHARED, EARLY, LATE])
    known = runs_of(rng, filters, first_lag=first_lag)
    unseen = runs_of(rng, filters, 1, first_lag=first_lag)
    found = own_filters(known, unseen, SHARED, ridges=RIDGES, first_lag=first_lag)
    assert_allclose(found, filters, atol=0.1)
    assert np.abs(EARLY - SHARED).max() > 0.3


def test_components_that_do_not_differ_keep_the_shared_filter(rng):
    filters = np.stack([SHARED, LATE, SHARED])
    known, unseen = runs_of(rng, filters), runs_of(rng, filters, 2)
    found = own_filters(known, unseen, SHARED, ridges=RIDGES)
    both = np.stack([found, np.tile(SHARED, (3, 1))])
    errors, shared = sum(filter_errors(run, both) for run in unseen)
    assert errors[1] < 0.7 * shared[1]
    assert (errors <= shared).all()


def test_without_candidates_all_keep_the_shared_filter(rng):
    runs = runs_of(rng, np.stack([EARLY, LATE]))
    assert_array_equal(own_filters(runs, runs, SHARED, ridges=()), np.tile(SHARED, (2, 1)))


def test_noise_is_not_fitted(rng):
    filters = np.tile(SHARED, (5, 1))
    known, unseen = (runs_of(rng, filters, n, 200, noise=20.0) for n in (2, 4))
    found = own_filters(known, unseen, SHARED, ridges=(1e-3,))
    fitted = products_of(known).filters(SHARED, 1e-3)
    assert (found == SHARED).all(axis=1).any()
    assert np.abs(found - SHARED).sum() < np.abs(fitted - SHARED).sum()


def test_power_can_be_kept_where_targets_are_shrunk(rng):
    """An estimate of a hardly seen source is small; what BOLD says of it need not be."""
    filters = np.stack([0.1 * LATE, LATE])
    known, unseen = (runs_of(rng, filters, n, noise=0.02) for n in (4, 1))
    found = own_filters(known, unseen, SHARED, ridges=RIDGES, keep_power=True)
    assert_allclose(found[0], found[1], rtol=0.2, atol=0.1)
    products = products_of(known)
    assert_allclose(products.power(found), products.power(np.tile(SHARED, (2, 1))), rtol=1e-9)


def test_products_add_up_over_runs(rng):
    runs = runs_of(rng, np.stack([EARLY, LATE]), n_runs=3)
    parts = [LaggedProducts.of(run, n_lags=9, first_lag=-3) for run in runs]
    whole = parts[0] + parts[1] + parts[2]
    assert_allclose(whole.own, sum(one.own for one in parts))
    assert_allclose(whole.cross, sum(one.cross for one in parts))


def test_products_are_those_of_lagged_series(rng):
    series, target = rng.standard_normal((2, 2, 50))
    series, target = (x - x.mean(axis=1, keepdims=True) for x in (series, target))
    found = LaggedProducts.of((series, target), n_lags=4, first_lag=-2)
    padded = np.pad(series, [(0, 0), (10, 10)])
    for i in range(4):
        at = padded[:, 10 - (i - 2) : 60 - (i - 2)]
        assert_allclose(found.cross[:, i], (target * at).sum(axis=1))
        moved = padded[:, 10 + i : 60 + i]
        assert_allclose(found.own[:, i], (series * moved).sum(axis=1))
