import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.errors import GridError
from neurotranscoder.core.recording import Events
from neurotranscoder.simulate.design import (
    OddballDesign,
    crop_events,
    draw_oddball,
    is_stimulus,
    is_target,
)


@pytest.fixture(scope="module")
def long_run():
    return draw_oddball(OddballDesign(), 20_000.0, np.random.default_rng(5))


def test_asynchronies_have_the_measured_minimum_and_median(long_run):
    soa = np.diff(long_run.onset)
    assert soa.min() >= 2.017 - 1e-3
    assert soa.max() <= 3.127 + 1e-3
    assert_allclose(np.median(soa), 2.614, atol=0.02)  # 7,900 draws


def test_a_fifth_of_the_stimuli_are_oddballs_and_they_alone_have_responses(long_run):
    target = is_target(long_run)
    standard_error = np.sqrt(0.2 * 0.8 / len(target))
    assert_allclose(target.mean(), 0.2, atol=4 * standard_error)
    assert_array_equal(np.isfinite(long_run.response_time), target)


def test_response_times_have_the_measured_median_and_range(long_run):
    response = long_run.response_time[is_target(long_run)]
    assert_allclose(np.median(response), 0.39, atol=0.02)
    assert response.min() >= 0.198
    assert response.max() <= 0.956


@pytest.mark.parametrize("seed", range(20))
def test_first_two_stimuli_are_standards_and_all_end_within_the_run(seed):
    events = draw_oddball(OddballDesign(target_share=0.9), 30.0, np.random.default_rng(seed))
    assert events.trial_type[:2] == ("standard", "standard")
    assert events.onset[0] >= 2.0
    assert events.onset[-1] + 0.2 < 30.0


def test_rows_that_describe_responses_are_no_stimuli():
    labels = ("auditory oddball stimulus", "behavioral response time following", "n/a")
    events = Events(np.arange(3.0), np.ones(3), labels, np.full(3, np.nan))
    assert is_stimulus(events).tolist() == [True, False, True]
    assert is_target(events).tolist() == [True, False, False]


def test_events_outside_the_run_are_dropped_and_counted():
    events = Events(np.array([-1.0, 5.0, 10.0]), np.ones(3), ("a", "b", "c"), np.full(3, np.nan))
    cropped = crop_events(events, 10.0)
    assert cropped.trial_type == ("b",)
    assert cropped.n_dropped == 2
    with pytest.raises(GridError, match=r"none of 3 events begins in 0-0\.5 s"):
        crop_events(events, 0.5)


@pytest.mark.parametrize(
    ("label", "stimulus", "target"),
    [
        ("oddball", True, True),
        ("auditory target stimulus", True, True),
        ("nontarget", True, False),
        ("non-target", True, False),
        ("go_response", True, False),
        ("button response", False, False),
        ("response", False, False),
        ("Response to oddball", False, True),
        ("behavioral response time following auditory oddball", False, True),
    ],
)
def test_labels_are_read_word_by_word(label, stimulus, target):
    one = Events(np.zeros(1), np.zeros(1), (label,), np.full(1, np.nan))
    assert is_stimulus(one).tolist() == [stimulus]
    assert is_target(one).tolist() == [target]
