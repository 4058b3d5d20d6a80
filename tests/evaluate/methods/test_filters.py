import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.errors import GridError
from neurotranscoder.evaluate.methods.filters import (
    FilterBank,
    canonical_response,
    every_lag,
    smooth_lags,
    splines,
    true_responses,
)
from neurotranscoder.evaluate.truths import true_response
from neurotranscoder.physics.head import build_head
from neurotranscoder.simulate.cohort import make_cohort
from neurotranscoder.simulate.presets import PRESETS
from neurotranscoder.simulate.truth import Truth
from synthetic_runs import RATE, synthetic_runs


@pytest.fixture(scope="module")
def run():
    return synthetic_runs(1)[0]


def test_canonical_response_peaks_at_5_s_and_dips_at_about_15_s(run):
    taps = canonical_response()(run).taps[0]
    # frames are .4 s apart
    assert_allclose(np.argmax(taps) / RATE, 5.0, atol=0.2)
    assert_allclose(np.argmin(taps) / RATE, 15.7, atol=0.4)


def test_canonical_response_passes_a_constant_as_it_is(run):
    # the sum over frames of a smooth response is its integral, to 1e-4 at this rate
    assert_allclose(canonical_response()(run).taps.sum(), 1.0, atol=1e-3)


def test_every_lag_is_a_shift(run, rng):
    rows = rng.standard_normal((2, 30))
    features = every_lag(4 / RATE)(run).features(rows)
    shifted = rows[1, 3 - 2 : 30 - 2]
    assert_allclose(features[4 + 2, 3:], shifted - shifted.mean(), atol=1e-12)


def test_negative_lags_look_into_the_future(rng):
    rows = rng.standard_normal((1, 30))
    bank = FilterBank(np.array([[1.0, 0.0, 0.0]]), -2)
    ahead = rows[0, 2:]
    assert_allclose(bank.features(rows)[0, bank.valid(30)], ahead - ahead.mean(), atol=1e-12)


def test_splines_are_the_same_backwards():
    assert_allclose(splines(41, 8)[::-1, ::-1], splines(41, 8), atol=1e-12)


def test_splines_add_up_to_every_lag_being_one():
    assert_allclose(splines(41, 8).sum(axis=0), np.ones(41))


def test_splines_hold_every_cubic():
    lags = np.arange(41.0)
    cubic = (lags - 7) * (lags - 20) * (lags - 33)
    basis = splines(41, 8).T
    weights = np.linalg.lstsq(basis, cubic, rcond=None)[0]
    assert_allclose(basis @ weights, cubic, atol=1e-8 * np.abs(cubic).max())


def test_smooth_lags_reach_from_the_first_to_the_last(run):
    bank = smooth_lags((-30.0, 10.0), 20)(run)
    assert bank.first_lag == -75
    assert bank.taps.shape == (20, 101)
    assert bank.valid(200) == slice(25, 125)


def test_features_have_no_mean_over_valid_times(rng):
    bank = FilterBank(rng.standard_normal((3, 8)), -2)
    features = bank.features(5 + rng.standard_normal((2, 40)))
    assert_allclose(features[:, bank.valid(40)].mean(axis=1), np.zeros(6), atol=1e-12)


def test_runs_shorter_than_the_filters_are_refused(rng):
    with pytest.raises(GridError, match="has 8 frames, the filters of a regression span 8"):
        FilterBank(np.ones((1, 8))).features(rng.standard_normal((2, 8)))


def test_true_response_is_that_of_the_brain_advanced_by_the_evoked_delay(run):
    scenario = PRESETS["tiny"]
    cohort = make_cohort(scenario, build_head(scenario.head))
    truth = Truth(cohort, (), lambda _: pytest.fail("no sources are needed"))
    taps = true_responses(truth)(run).taps[0]
    expected = true_response(truth, truth.subject(run.run), np.arange(80) / RATE) / RATE
    assert_allclose(taps, expected)
