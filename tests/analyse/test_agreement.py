import numpy as np
from numpy.testing import assert_allclose

from neurotranscoder.analyse.agreement import (
    SourcePair,
    agreement,
    band_correlations,
    best_lag,
)

RATE = 2.5


def waves(frequency, n_times=1000):
    return np.sin(2 * np.pi * frequency * np.arange(n_times) / RATE)[np.newaxis]


def test_one_band_that_holds_everything_has_the_plain_correlation(rng):
    first, second = rng.standard_normal((2, 4, 300))
    found = band_correlations(SourcePair("01", first, first + second, RATE), [(0.0, 9.0)])
    expected = [np.corrcoef(a, a + b)[0, 1] for a, b in zip(first, second, strict=True)]
    assert_allclose(found[0], expected)


def test_bands_tell_where_two_signals_agree():
    slow, fast = waves(0.05), waves(0.4)
    pair = SourcePair("01", slow + fast, slow - fast, RATE)
    found = band_correlations(pair, [(0.02, 0.1), (0.3, 0.5), (2.0, 3.0)])
    assert_allclose(found[:2, 0], [1.0, -1.0], atol=1e-6)
    assert np.isnan(found[2, 0])


def test_a_late_estimate_has_a_positive_lag(rng):
    source = rng.standard_normal((3, 500))
    late = np.roll(source, 3, axis=1)
    assert_allclose(best_lag(SourcePair("01", source, late, RATE)), 3 / RATE, atol=0.05)


def test_gain_is_the_slope_of_one_estimate_on_the_other(rng):
    runs = [rng.standard_normal((3, 200)) for _ in range(4)]
    found = agreement([SourcePair("01", x, 0.25 * x, RATE) for x in runs], [(0.0, 1.0)])
    assert_allclose([found.gain.mean, found.gain.low, found.gain.high], 0.25)
    assert_allclose(found.r.value, 1.0, atol=1e-4)  # Fisher z ends at .99999
    assert found.in_bands.value.shape == (1, 3)


def test_intervals_are_over_runs(rng):
    first = [rng.standard_normal((1, 400)) for _ in range(5)]
    pairs = [SourcePair("01", x, x + 2 * rng.standard_normal(x.shape), RATE) for x in first]
    found = agreement(pairs, [(0.0, 2.0)])
    assert found.r.low[0] < found.r.value[0] < found.r.high[0]
    assert found.r.low[0] < 1 / np.sqrt(5) < found.r.high[0]
