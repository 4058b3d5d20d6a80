import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.evaluate.time_courses import lag_correlations, peak_lag
from neurotranscoder.signal.correlation import correlate_rows


@pytest.mark.parametrize("lag", [-3, 0, 2])
def test_r_at_a_lag_is_that_of_the_times_that_both_have(lag, rng):
    late, true = rng.standard_normal((2, 4, 60)) + 5.0
    late[1] = 2.0  # constant: no r
    n = 60 - abs(lag)
    one, two = late[:, max(lag, 0) :][:, :n], true[:, max(-lag, 0) :][:, :n]
    found = lag_correlations(late, true, 3)
    assert_allclose(found[lag + 3], correlate_rows(one, two), atol=1e-12)  # sums of 60 terms


def test_of_equal_peaks_the_smallest_lag_is_named():
    assert peak_lag([np.array([0.5, 0.1, 0.5, 0.1, 0.5])], 2.0) == (0.0, pytest.approx(0.5))
