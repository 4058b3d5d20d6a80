import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.signal.beats import (
    average_beat,
    between_samples,
    matched_score,
    periodicity,
    pulse_delay,
    track_beats,
)

RATE = 100.0


@pytest.fixture
def beats(rng):
    return np.cumsum(rng.integers(80, 101, 40))


def impulses(beats):
    """Return a score that ends shortly after the last beat."""
    score = np.zeros(beats[-1] + 40)
    score[beats] = 1.0
    return score


def test_tracked_beats_are_those_of_clear_scores(beats):
    found = track_beats(impulses(beats), RATE, period=0.9)
    assert_array_equal(found, beats)


def test_a_missing_beat_is_filled_in_and_one_too_many_is_passed_over(beats):
    score = impulses(np.delete(beats, 10))
    score[beats[20] + 30] = 0.8
    found = track_beats(score, RATE, period=0.9)
    assert len(found) == len(beats)
    assert np.min(np.abs(found - beats[10])) <= 20  # anywhere within the gap costs little
    assert beats[20] + 30 not in found


def test_a_peak_between_samples_is_found_by_its_parabola():
    times = np.arange(50.0)
    score = 1 - ((times - 20.3) / 10) ** 2
    assert_allclose(between_samples(score, np.array([19]), 3), [20.3], rtol=1e-12)


def test_alternating_average_has_nothing_that_all_beats_share(beats):
    data = np.stack([impulses(beats), 3 * impulses(beats)])
    even = beats[2:-2]
    assert_array_equal(average_beat(data, even, 20, alternate=True), np.zeros((2, 41)))
    assert_array_equal(average_beat(data, even, 20)[:, 20], [1.0, 3.0])


def test_a_matched_score_is_one_at_beats_and_near_zero_elsewhere(beats, rng):
    data = rng.standard_normal((6, beats[-1] + 50))
    wave = 5 * np.hanning(15)
    for beat in beats:
        data[:2, beat - 7 : beat + 8] += wave
    score = matched_score(data, beats, 20)
    assert_allclose(np.median(score[beats]), 1.0, rtol=1e-12)
    assert abs(np.median(score)) < 0.1


def test_channels_that_are_strong_and_do_not_follow_the_beat_count_little(beats, rng):
    data = rng.standard_normal((3, beats[-1] + 50))
    data[2] *= 100
    for beat in beats:
        data[0, beat - 7 : beat + 8] += 4 * np.hanning(15)
    score = matched_score(data, beats, 20)
    assert abs(np.corrcoef(score, data[2])[0, 1]) < 0.3


@pytest.mark.parametrize("delay", [-20, 15, 40, 60])
def test_the_delay_of_a_pulse_is_that_of_the_beat_it_follows(delay, rng):
    beats = np.cumsum(rng.integers(80, 101, 40)) + 100
    data = np.zeros((2, 4300))
    for beat in beats:
        data[:, beat + delay - 10 : beat + delay + 11] += np.hanning(21)
    # intervals vary by a tenth, which blurs what the next beat adds to the average
    assert_allclose(pulse_delay(data, beats, 90), delay, atol=3)


def test_the_period_of_a_rhythm_is_found_among_noise(rng):
    times = np.arange(6000) / RATE
    signal = np.sin(2 * np.pi * times / 0.8) + 0.5 * rng.standard_normal(6000)
    size, period = periodicity(signal, RATE, (0.4, 1.5))
    assert_allclose(period, 0.8)
    # the share of the rhythm in the power, 0.5 of 0.75, less what 1 % of the lags cuts off
    assert_allclose(size, 0.5 / 0.75, atol=0.05)
