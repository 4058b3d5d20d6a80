from collections import Counter

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.recording import Events
from neurotranscoder.simulate.design import OddballDesign, draw_oddball
from neurotranscoder.simulate.faces import FACE_CONDITIONS, FacesDesign, draw_faces
from neurotranscoder.simulate.tasks import condition_of, task_of


@pytest.mark.parametrize("seed", range(30))
def test_all_180_images_fit_into_280_volumes_with_30_of_each_condition(seed):
    events = draw_faces(FacesDesign(), 560.0, np.random.default_rng(seed))
    assert Counter(events.trial_type) == dict.fromkeys(FACE_CONDITIONS, 30)
    assert events.onset[-1] + events.response_time[-1] < 560.0
    assert_array_equal(events.duration, 0.05)


def test_intervals_between_images_are_uniform_from_two_to_four_seconds(rng):
    intervals = np.diff(draw_faces(FacesDesign(n_trials=5000), 20_000.0, rng).onset)
    # quantiles in random order: off by one of 5000 steps of .4 ms, and by rounding to 1 ms
    assert_allclose(np.sort(intervals), np.linspace(2.0, 4.0, 4999), atol=2e-3)
    neighbours = np.corrcoef(intervals[:-1], intervals[1:])[0, 1]
    assert abs(neighbours) < 4 / np.sqrt(4999)


def test_every_image_is_answered_and_later_where_coherence_is_low(rng):
    events = draw_faces(FacesDesign(n_trials=6000), 30_000.0, rng)
    low = np.array([label.endswith("low") for label in events.trial_type])
    standard_error = 1.25 * 0.25 / np.sqrt(3000)  # of a median's logarithm
    for rows, log_mean in ((~low, -0.43), (low, -0.29)):
        median = np.log(np.median(events.response_time[rows]))
        assert_allclose(median, log_mean, atol=4 * standard_error)
    assert events.response_time.min() >= 0.3
    assert events.response_time.max() <= 1.8


def test_order_of_conditions_is_random():
    orders = {
        draw_faces(FacesDesign(), 60.0, np.random.default_rng(seed)).trial_type
        for seed in range(10)
    }
    assert len(orders) == 10


def test_oddball_ends_after_its_trials_and_the_rest_is_unchanged():
    whole, ended = (
        draw_oddball(OddballDesign(n_trials=n), 300.0, np.random.default_rng(1))
        for n in (None, 50)
    )
    assert len(ended.onset) == 50
    assert_array_equal(ended.onset, whole.onset[:50])
    assert ended.trial_type == whole.trial_type[:50]


@pytest.mark.parametrize("faces", [None, FacesDesign(n_trials=20_000)], ids=["oddball", "faces"])
def test_statistics_of_a_task_are_those_of_its_draws(faces, rng):
    task = task_of(OddballDesign(), faces)
    events = task.draw(60_000.0, rng)
    n_events = len(events.onset)
    interval = np.diff(events.onset)
    assert_allclose(1 / interval.mean(), task.rate, rtol=0.005)
    assert_allclose(np.sort(interval).mean(), task.intervals.mean(), rtol=0.005)
    assert_allclose(interval.std(), task.intervals.std(), rtol=0.02)
    assert set(events.trial_type) == set(task.labels)
    for expected in task.conditions:
        found = condition_of(events, expected.label)
        error = np.sqrt(expected.share * (1 - expected.share) / n_events)
        assert_allclose(found.share, expected.share, atol=4 * error + 2 / n_events)
        assert found.responding == expected.responding
        if expected.responding:
            error = found.responses.std() / np.sqrt(len(found.responses))
            # the last of 100 quantiles stand for a tail: .5 ms
            assert_allclose(
                found.responses.mean(), expected.responses.mean(), atol=4 * error + 5e-4
            )


def test_unknown_conditions_are_refused_with_the_known_ones(rng):
    task = task_of(OddballDesign(), None)
    with pytest.raises(SettingsError, match="its conditions are standard, oddball"):
        task.condition("face_high")
    with pytest.raises(SettingsError, match=r"the table has \['oddball', 'standard'\]"):
        condition_of(task.draw(200.0, rng), "face_high")


def test_condition_of_a_table_counts_stimuli_and_answers():
    labels = ("a", "b", "a", "response to a", "a")
    responses = np.array([0.5, np.nan, np.nan, 0.5, 0.7])
    found = condition_of(Events(np.arange(5.0), np.ones(5), labels, responses), "a")
    assert (found.share, found.responding) == (0.75, pytest.approx(2 / 3))
    assert found.responses.tolist() == [0.5, 0.7]
