import numpy as np
from numpy.testing import assert_allclose

from neurotranscoder.evaluate.bold_responses import (
    BoldResponses,
    bold_responses,
    hemodynamic_responses,
    lag_regressors,
)
from neurotranscoder.evaluate.potentials import Condition


def test_regressors_interpolate_the_response_linearly():
    lags = np.arange(2.0, 9.0, 2.0)
    response = np.array([1.0, 3.0, -1.0, 2.0])
    times = np.linspace(0, 20, 81)
    found = lag_regressors(np.array([3.0]), times, lags) @ response
    expected = np.interp(times - 3.0, [0.0, *lags, 10.0], [0.0, *response, 0.0])
    assert_allclose(found, expected, atol=1e-12)


def overlapping(rng, seconds=600.0):
    """Two conditions whose responses overlap in time, and the responses."""
    onset = np.cumsum(rng.uniform(2.0, 4.0, 190))
    rare = rng.random(190) < 0.25
    lags = np.arange(2.0, 19.0, 2.0)
    shape = lags**3 * np.exp(-lags / 1.3)
    shape /= shape.max()
    conditions = (Condition("often", onset[~rare]), Condition("rare", onset[rare]))
    times = np.arange(0.2, seconds, 0.4)
    series = sum(
        size * lag_regressors(one.onset, times, lags) @ shape
        for size, one in zip((0.5, 1.5), conditions, strict=True)
    )
    return conditions, times, series, lags, shape


def test_responses_that_overlap_are_told_apart(rng):
    conditions, times, series, lags, shape = overlapping(rng)
    drift = 3 * np.cos(np.pi * times / 600)  # about the first of the cosines that are fitted
    found = hemodynamic_responses((series + drift)[np.newaxis], times, conditions, lags)
    assert_allclose(found[:, 0], np.outer([0.5, 1.5], shape), atol=0.01)


def test_mean_response_of_the_rows_that_respond_is_recovered(rng):
    conditions, times, series, lags, shape = overlapping(rng)
    rows = 0.5 * rng.standard_normal((100, len(times)))
    rows[10:15] += series
    found = bold_responses(rows, times, conditions, tr=2.0)
    assert_allclose(found.values[1, 1:-1], 1.5 * shape, atol=0.2)
    assert_allclose(found.beyond[1:-1], shape, atol=0.15)
    assert_allclose(found.peak[0], lags[np.argmax(shape)], atol=0.6)
    assert_allclose(found.peak[1], 1.0, atol=0.15)
    assert found.chance < 0.3


def test_rows_of_noise_have_no_response_however_they_are_chosen(rng):
    conditions, times, *_ = overlapping(rng)
    rows = rng.standard_normal((100, len(times)))
    found = bold_responses(rows, times, conditions, tr=2.0)
    # five rows in two halves of 750 samples, 48 rare events; chosen on the same half it is .2
    assert np.abs(found.beyond).max() < 0.15
    assert found.beyond.max() < 3 * found.chance


def test_run_too_short_for_its_conditions_gives_no_response(rng):
    conditions, times, series, _, _ = overlapping(rng)
    short = times < 120
    assert bold_responses(series[np.newaxis, short], times[short], conditions, tr=2.0) is None
    assert bold_responses(series[np.newaxis], times, (), tr=2.0) is None


def test_one_condition_alone_has_nothing_beyond_which_it_is_measured(rng):
    (_, rare), times, *_ = overlapping(rng)
    found = bold_responses(rng.standard_normal((9, len(times))), times, [rare], tr=2.0)
    assert_allclose(found.beyond, found.values[0])


def test_peak_of_a_response_lies_between_lags_and_beyond_chance():
    lags = np.arange(0.0, 21.0, 2.0)
    values = np.exp(-0.5 * ((lags - 5.0) / 2.5) ** 2)
    clear = BoldResponses(("a",), lags, values[np.newaxis], values, 0.5)
    assert_allclose(clear.peak, (5.0, 1.0), atol=0.05)
    assert np.isnan(BoldResponses(("a",), lags, values[np.newaxis], values, 2.0).peak[0])
