import numpy as np
from numpy.testing import assert_allclose
from scipy.stats import pearsonr, ttest_1samp

from neurotranscoder.signal.correlation import (
    correlate_rows,
    correlation_interval,
    fisher_mean,
    median_interval,
)


def test_rows_correlate_as_in_scipy(rng):
    first, second = rng.standard_normal((2, 5, 40))
    expected = [pearsonr(a, b).statistic for a, b in zip(first, second, strict=True)]
    assert_allclose(correlate_rows(first, second), expected, atol=1e-12)


def test_constant_row_has_no_correlation(rng):
    assert np.isnan(correlate_rows(np.full((1, 9), 0.1), rng.standard_normal((1, 9)))[0])


def test_fisher_mean_leaves_out_missing_values():
    assert_allclose(fisher_mean(np.array([0.5, np.nan, 0.5])), 0.5)


def test_interval_is_the_t_interval_on_fisher_z():
    r = [0.3, 0.5, 0.4, 0.6, 0.45]
    found = correlation_interval(r, list("abcde"))
    expected = ttest_1samp(np.arctanh(r), 0).confidence_interval(0.95)
    assert_allclose([found.low, found.high], np.tanh([expected.low, expected.high]))
    assert found.n == 5


def test_runs_of_one_subject_that_agree_widen_the_interval():
    r = [0.3, 0.3, 0.3, 0.6, 0.6, 0.6]
    independent = correlation_interval(r, list("abcdef"))
    clustered = correlation_interval(r, list("aaabbb"))
    assert clustered.high - clustered.low > 1.2 * (independent.high - independent.low)


def test_one_run_gives_no_interval():
    assert np.isnan(correlation_interval([0.4], ["a"]).low)


def test_interval_of_the_median_is_between_the_order_statistics_of_the_binomial():
    found = median_interval(np.arange(1.0, 21.0)[::-1])
    # P(at most 5 of 20 below the median) = .021: the 6th and the 15th value (Conover 1999)
    assert (found.mean, found.low, found.high, found.n) == (10.5, 6.0, 15.0, 20)


def test_missing_values_count_as_the_largest_of_a_median():
    found = median_interval(np.array([np.nan, 1.0, 3.0, np.nan, 2.0, 4.0, 5.0]))
    assert (found.mean, found.low, found.n) == (4.0, 1.0, 7)
    assert np.isnan(found.high)
    assert np.isnan(median_interval(np.array([1.0, np.nan, np.nan])).mean)
