import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.evaluate.coupling import (
    chance_coupling,
    coupling_by_lag,
    strongest_correlation,
)


def test_strongest_pair_is_found_with_its_sign(rng):
    first, second = rng.standard_normal((3, 500)), rng.standard_normal((4, 500))
    second[2] -= 2 * first[1]
    expected = np.corrcoef(first[1], second[2])[0, 1]
    assert_allclose(strongest_correlation(first, second), expected, rtol=1e-12)
    assert expected < -0.8


@pytest.mark.parametrize("delay", [-7, 0, 12])
def test_lag_of_a_delayed_signal_is_recovered(rng, delay):
    first = rng.standard_normal((2, 600))
    second = np.roll(first[1:], delay, axis=1) + 0.5 * rng.standard_normal((1, 600))
    lags = np.arange(-15, 21)
    r = coupling_by_lag(first, second, lags)
    assert lags[np.argmax(np.abs(r))] == delay
    assert_allclose(np.abs(r).max(), 1 / np.sqrt(1.25), atol=0.05)


def test_correlation_at_a_lag_uses_the_common_times_alone(rng):
    first, second = rng.standard_normal((1, 50)), rng.standard_normal((1, 50))
    found = coupling_by_lag(first, second, np.array([-3, 4]))
    late, early = (
        np.corrcoef(first[0, 3:], second[0, :-3]),
        np.corrcoef(first[0, :-4], second[0, 4:]),
    )
    assert_allclose(found, [late[0, 1], early[0, 1]], rtol=1e-12)


def test_signals_that_go_together_are_beyond_chance(rng):
    first = rng.standard_normal((2, 800))
    second = np.roll(first[:1], 5, axis=1) + rng.standard_normal((1, 800))
    chance = chance_coupling(first, second, least=30)
    assert np.abs(coupling_by_lag(first, second, np.arange(10))).max() > 2 * chance


def test_chance_is_the_strongest_over_all_shifts(rng):
    first, second = rng.standard_normal((2, 70)), rng.standard_normal((3, 70))
    shifts = (np.roll(first, shift, axis=1) for shift in range(30, 41))
    expected = max(abs(strongest_correlation(one, second)) for one in shifts)
    assert_allclose(chance_coupling(first, second, least=30), expected, rtol=1e-12)


def test_chance_grows_with_the_number_of_pairs(rng):
    first, second = rng.standard_normal((20, 400)), rng.standard_normal((30, 400))
    few = chance_coupling(first[:1], second[:1], least=30)
    assert few < chance_coupling(first, second, least=30)


def test_small_shifts_do_not_count_as_chance(rng):
    signal = np.cumsum(rng.standard_normal((1, 4_000)), axis=1)
    noise = np.diff(signal, 20, axis=1)  # remembers 20 samples, no more
    assert chance_coupling(noise, noise, least=30) < 0.3


def test_signals_too_short_to_be_shifted_have_no_chance(rng):
    assert np.isnan(chance_coupling(*rng.standard_normal((2, 1, 60)), least=30))


def test_signal_that_never_changes_is_uncorrelated(rng):
    flat = np.full((1, 40), 0.1)
    assert strongest_correlation(flat, rng.standard_normal((2, 40))) == 0.0
