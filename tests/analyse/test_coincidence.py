import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.analyse.coincidence import circular_correlations, coincidence
from neurotranscoder.core.errors import GridError


def slow(rng, rows, n_times):
    """Rows whose neighbours in time are alike."""
    return np.apply_along_axis(
        np.convolve, 1, rng.standard_normal((rows, n_times + 9)), np.ones(10), mode="valid"
    )


def test_circular_correlations_are_those_of_rolled_rows(rng):
    first, second = rng.standard_normal((2, 3, 20))
    found = circular_correlations(first, second)
    for shift in (0, 1, 7, 19):
        rolled = np.roll(first, shift, axis=1)
        expected = [np.corrcoef(a, b)[0, 1] for a, b in zip(rolled, second, strict=True)]
        assert_allclose(found[:, shift], expected)


def test_rows_without_anything_in_common_are_not_seen(rng):
    pairs = [(slow(rng, 200, 400), slow(rng, 200, 400)) for _ in range(2)]
    found = coincidence(pairs, least=30, n_draws=999, rng=rng)
    assert found.seen().sum() <= 1
    # p is uniform: the share below .2 of 200 rows has a standard error of .028
    assert_allclose(np.mean(found.p <= 0.2), 0.2, atol=4 * 0.028)


def test_rows_with_something_in_common_are_seen_and_opposite_ones_are_not(rng):
    common = [slow(rng, 6, 400) for _ in range(2)]
    signs = np.array([1.0, 1.0, 1.0, 1.0, -1.0, -1.0])[:, np.newaxis]
    pairs = [(x, signs * x + slow(rng, 6, 400)) for x in common]
    found = coincidence(pairs, least=30, n_draws=999, rng=rng)
    assert_array_equal(found.seen(), [True, True, True, True, False, False])
    assert np.all(found.r[:4] > 0.5)
    assert np.all(found.r[4:] < -0.5)


def test_null_is_as_wide_as_chance_correlations_of_slow_rows(rng):
    pairs = [(slow(rng, 100, 400), slow(rng, 100, 400))]
    found = coincidence(pairs, least=30, n_draws=999, rng=rng)
    # over 100 rows r at lag 0 is one draw of each null: its sd has a standard error of 7 %
    assert_allclose(found.null_sd.mean(), found.r.std(), rtol=0.3)
    assert found.null_sd.mean() > 2 / np.sqrt(400)  # wider than that of white rows


def test_a_constant_row_is_not_seen(rng):
    first, second = rng.standard_normal((2, 2, 100))
    first[0] = 3.0
    found = coincidence([(first, second)], least=10, n_draws=99, rng=rng)
    assert np.isnan(found.r[0])
    assert found.p[0] == found.q[0] == 1.0


def test_a_run_too_short_for_its_shifts_is_refused(rng):
    pair = tuple(rng.standard_normal((2, 2, 50)))
    with pytest.raises(GridError, match=r"50 samples inside its edges.* needs 62"):
        coincidence([pair], least=30, n_draws=99, rng=rng)


def test_equal_generators_give_equal_answers():
    rng = np.random.default_rng(3)
    pairs = [(rng.standard_normal((3, 90)), rng.standard_normal((3, 90)))]
    one, two = (
        coincidence(pairs, least=10, n_draws=99, rng=np.random.default_rng(5)) for _ in range(2)
    )
    assert_array_equal(one.p, two.p)


def test_no_shift_is_smaller_than_the_least(rng):
    """A wave is itself again after its period, here half the run: all other shifts are barred."""
    wave = np.sin(2 * np.pi * np.arange(80) / 40)[np.newaxis]
    found = coincidence([(wave, wave)], least=39, n_draws=999, rng=rng)
    # one of three shifts gives r = 1 again; with all 80 it would be one in 40
    assert_allclose(found.p, 1 / 3, atol=4 * 0.015)
