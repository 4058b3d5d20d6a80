from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pydantic import ValidationError

from movie_example import random_movie
from neurotranscoder.analyse.trials import TrialSettings, cut_trials
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.recording import Events
from trial_example import SHORT, events

WHOLE = slice(0, 100)


def two_runs(rng):
    first = random_movie(rng, shape=(4, 3, 2), n_times=1000)
    courses = rng.standard_normal(first.courses.shape).astype(np.float32)
    onsets = [0.2, 1.003, 2.251, 4.001, 6.408, 9.7]  # the first and last windows leave the run
    return [
        (first, events(onsets, "ababab")),
        (replace(first, courses=courses), events([1.001, 2.002, 3.004], "aab")),
    ]


def dense_trials(runs, condition):
    """The same trials from the dense movie, by a loop over events."""
    found = []
    for movie, happened in runs:
        dense = movie.maps.astype(np.float64) @ movie.courses.astype(np.float64)
        for onset, name in zip(happened.onset, happened.trial_type, strict=True):
            middle = np.abs(movie.axis.times - onset).argmin()
            if name == condition and middle >= 50 and middle + 50 <= dense.shape[1]:
                trial = dense[:, middle - 50 : middle + 50]
                found.append(trial - trial[:, :50].mean(axis=1, keepdims=True))
    return np.stack(found)


@pytest.mark.parametrize("condition", ["a", "b"])
def test_mean_is_that_of_the_dense_movie(rng, condition):
    runs = two_runs(rng)
    trials = cut_trials(runs, SHORT).of(condition)
    dense = dense_trials(runs, condition)
    assert trials.n == len(dense)
    # averages are kept in single precision
    assert_allclose(trials.average().at(WHOLE), dense.mean(axis=0), atol=1e-5)


def test_trials_that_leave_their_run_are_counted_and_the_others_keep_their_order(rng):
    trials = cut_trials(two_runs(rng), SHORT)
    assert trials.trial_type == ("b", "a", "b", "a", "a", "a", "b")
    assert trials.n_left_out == 2
    assert trials.run.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert trials.onset[[0, -1]].tolist() == [1.003, 3.004]
    assert repr(trials).startswith("Trials(a: 4, b: 3; 2 left out, ")


def test_trials_that_reach_into_the_next_baseline_are_known(rng):
    movie, _ = two_runs(rng)[0]
    # a window lasts from .5 s before to .5 s after its event
    trials = cut_trials([(movie, events([2.0, 3.05, 3.9, 6.0], "abab"))], SHORT)
    assert trials.overlaps.tolist() == [False, True, False, False]
    assert trials.of("a").overlaps.tolist() == [False, False]
    assert "1 reach into the next baseline" in repr(trials)


def test_jitter_is_that_of_the_nearest_frame(rng):
    trials = cut_trials(two_runs(rng)[:1], SHORT)
    # frames are at .005, .015, ... s
    assert_allclose(trials.jitter, [0.002, 0.004, 0.004, -0.003], atol=1e-9)


def test_the_window_is_that_of_the_settings_and_its_baseline_has_mean_zero(rng):
    settings = TrialSettings(start=-0.3, stop=0.4, baseline_start=-0.2, baseline_stop=-0.1)
    trials = cut_trials(two_runs(rng), settings)
    assert_allclose(trials.axis.times[[0, -1]], [-0.3, 0.39])
    assert_allclose(trials.courses[..., 10:20].mean(axis=-1), 0, atol=1e-12)
    assert np.abs(trials.courses[..., :20].mean(axis=-1)).max() > 1e-3


def test_pooled_and_single_conditions_share_their_trials(rng):
    trials = cut_trials(two_runs(rng), SHORT)
    assert trials.conditions == ("a", "b")
    sums = [trials.of(name).n * trials.of(name).average().courses for name in "ab"]
    assert_allclose(trials.n * trials.average().courses, sum(sums), atol=1e-5)
    assert_array_equal(trials.of("a", "b").courses, trials.courses)


def test_what_cannot_be_averaged_is_refused(rng):
    runs = two_runs(rng)
    other = random_movie(rng, shape=(4, 3, 2), n_times=1000)
    with pytest.raises(GridError, match=r"run 1 .* has other maps than run 0"):
        cut_trials([runs[0], (other, runs[0][1])], SHORT)
    with pytest.raises(GridError, match="got no run"):
        cut_trials([], SHORT)
    with pytest.raises(GridError, match="none of 0 events"):
        cut_trials([(other, Events.none())], SHORT)
    with pytest.raises(GridError, match="no trial of 'c'; the runs have 'a', 'b'"):
        cut_trials(runs, SHORT).of("c")
    with pytest.raises(GridError, match="has no frame at 100 Hz"):
        cut_trials(runs, TrialSettings(baseline_start=-0.001, baseline_stop=0.001))
    with pytest.raises(ValidationError, match="needs to lie inside the trial"):
        TrialSettings(baseline_start=-1)
