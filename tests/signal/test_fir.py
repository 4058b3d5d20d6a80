import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.signal.fir import apply_fir, second_differences, valid_slice


def brute_force(series, taps, first_lag):
    out = np.zeros_like(series)
    for t in range(series.shape[1]):
        for i, tap in enumerate(taps):
            past = t - first_lag - i
            if 0 <= past < series.shape[1]:
                out[:, t] += tap * series[:, past]
    return out


@pytest.mark.parametrize("first_lag", [-12, -3, 0, 2, 25])
def test_filter_equals_its_sum(first_lag, rng):
    series, taps = rng.standard_normal((2, 20)), rng.standard_normal(7)
    assert_allclose(
        apply_fir(series, taps, first_lag=first_lag),
        brute_force(series, taps, first_lag),
        atol=1e-12,
    )


@pytest.mark.parametrize("first_lag", [-4, -3, 0])
def test_lags_times_taps_equal_the_filter_where_all_lags_exist(first_lag, rng):
    series, taps = rng.standard_normal((2, 30)), rng.standard_normal(5)
    valid = valid_slice(30, 5, first_lag=first_lag)
    filtered = apply_fir(series, taps, first_lag=first_lag)
    lags = np.lib.stride_tricks.sliding_window_view(series, 5, axis=1)[:, :, ::-1]
    assert_allclose(lags @ taps, filtered[:, valid], atol=1e-12)


def test_straight_line_has_no_second_difference_inside():
    operator = second_differences(9)
    line = np.arange(9.0)
    curvature = -2 * line + np.r_[line[1:], 0] + np.r_[0, line[:-1]]
    assert_allclose(line @ operator @ line, np.sum(curvature**2))
