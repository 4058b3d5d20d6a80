import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.signal.fir import valid_slice
from neurotranscoder.train.alternating import filter_statistics


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
def test_filter_statistics_are_those_of_the_lagged_designs(n_lags, first_lag, rng):
    runs = [(rng.standard_normal((3, n)) + 2, rng.standard_normal((3, n)) - 1) for n in (40, 25)]
    inputs, targets = zip(*runs, strict=True)
    gram, cross = filter_statistics(inputs, targets, n_lags=n_lags, first_lag=first_lag)
    parts = [by_designs(*run, n_lags, first_lag) for run in runs]
    assert_allclose(gram, sum(part[0] for part in parts), atol=1e-10)
    assert_allclose(cross, sum(part[1] for part in parts), atol=1e-10)
