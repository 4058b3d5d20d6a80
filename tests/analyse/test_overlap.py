from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.analyse.overlap import overlap_corrected
from neurotranscoder.analyse.trials import TrialSettings, cut_trials
from neurotranscoder.core.axes import TimeAxis
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.recording import Events
from trial_example import events, random_onsets, smooth_maps

SFREQ = 20.0
WINDOW = TrialSettings(start=-0.5, stop=1.5)
WHOLE = slice(0, 40)


def responses(rng):
    """Responses of two conditions, of three components, zero before the event."""
    lags = np.arange(-10, 30) / SFREQ
    shape = np.where(lags >= 0, lags * np.exp(-lags / 0.3), 0)
    return rng.standard_normal((2, 3, 1)) * shape


def overlapping_run(rng, kernels, movie, onsets):
    """Return a run in which responses add up, on a constant."""
    axis = TimeAxis(0.5 / SFREQ, SFREQ, int((onsets[-1] + 0.7) * SFREQ))
    courses = np.full((3, axis.n_times + 80), rng.standard_normal())
    names = rng.permutation(["a", "b"] * (len(onsets) // 2)).tolist()
    for onset, name in zip(onsets, names, strict=True):
        first = round((onset - axis.start) * SFREQ) - 10
        courses[:, first : first + 40] += kernels["ab".index(name)]
    run = replace(movie, courses=courses[:, : axis.n_times].astype(np.float32), axis=axis)
    return run, events(onsets, names)


def runs_with(rng, kernels, gap):
    movie = smooth_maps(rng, (3, 2, 2), 3)
    return [
        overlapping_run(rng, kernels, movie, random_onsets(rng, 60, gap=gap)) for _ in range(2)
    ]


def test_overlapping_responses_are_recovered_where_the_plain_average_is_not(rng):
    kernels = responses(rng)
    runs = runs_with(rng, kernels, (0.6, 1.0))
    found = overlap_corrected(runs, WINDOW)
    trials = cut_trials(runs, WINDOW)
    assert found.n_events == (60, 60)
    for name, kernel in zip("ab", kernels, strict=True):
        truth = runs[0][0].maps @ kernel
        largest = np.abs(truth).max()
        # courses are kept in single precision
        assert_allclose(found.of(name).at(WHOLE), truth, atol=1e-5 * largest)
        plain = trials.of(name).average().at(WHOLE)
        assert np.abs(plain - truth).max() > 0.2 * largest
    expected = runs[0][0].maps @ kernels.mean(axis=0)
    assert_allclose(found.pooled().at(WHOLE), expected, atol=1e-5 * np.abs(expected).max())


def test_without_overlap_both_averages_are_the_same(rng):
    kernels = responses(rng)
    runs = runs_with(rng, kernels, (2.1, 2.5))
    for run, _ in runs:
        run.courses[:] += rng.standard_normal(run.courses.shape)
    inside = [
        (run, events(happened.onset[:-1], happened.trial_type[:-1])) for run, happened in runs
    ]
    found, plain = overlap_corrected(inside, WINDOW), cut_trials(inside, WINDOW)
    assert plain.n_left_out == 0
    for name in "ab":
        # a constant is estimated from the times between trials, and leaves with the baseline
        assert_allclose(found.of(name).courses, plain.of(name).average().courses, atol=1e-5)


def test_responses_are_baseline_corrected_and_on_the_time_of_the_event(rng):
    found = overlap_corrected(runs_with(rng, responses(rng), (0.6, 1.0)), WINDOW)
    assert_allclose(found.of("a").axis.times[[0, 10]], [-0.5, 0], atol=1e-12)
    assert_allclose(found.of("a").courses[:, :10].mean(axis=1), 0, atol=1e-6)
    assert_array_equal(found.conditions, ["a", "b"])


def test_inflation_is_what_the_correction_costs(rng):
    movie = smooth_maps(rng, (3, 2, 2), 3)
    alone = runs_with(rng, np.zeros((2, 3, 40)), (2.1, 2.5))
    jittered = runs_with(rng, np.zeros((2, 3, 40)), (0.6, 1.4))
    regular = [overlapping_run(rng, np.zeros((2, 3, 40)), movie, 1.0 + np.arange(120))]
    costs = [max(overlap_corrected(runs, WINDOW).inflation) for runs in (alone, jittered, regular)]
    # events far apart cost nothing but the constant, estimated from the few frames between
    assert 1 < costs[0] < 3
    assert costs[0] < costs[2]
    assert costs[1] < costs[2]
    assert costs[2] > 5


def test_responses_and_inflation_are_those_of_a_dense_regression(rng):
    runs = runs_with(rng, responses(rng), (0.6, 1.4))
    designs, courses = [], []
    for number, (run, happened) in enumerate(runs):
        run.courses[:] += rng.standard_normal(run.courses.shape)
        design = np.zeros((run.axis.n_times, 82))
        design[:, 80 + number] = 1
        for onset, name in zip(happened.onset, happened.trial_type, strict=True):
            first = np.abs(run.axis.times - onset).argmin() - 10
            for lag in range(max(0, -first), min(40, run.axis.n_times - first)):
                design[first + lag, 40 * "ab".index(name) + lag] += 1
        designs.append(design)
        courses.append(run.courses.T)
    dense = np.concatenate(designs)
    solved = np.linalg.lstsq(dense, np.concatenate(courses))[0][:80].reshape(2, 40, 3)
    expected = solved - solved[:, :10].mean(axis=1, keepdims=True)
    variances = np.diag(np.linalg.inv(dense.T @ dense))[:80].reshape(2, 40)
    found = overlap_corrected(runs, WINDOW)
    for number, name in enumerate("ab"):
        assert_allclose(found.of(name).courses, expected[number].T, atol=1e-5)
    assert_allclose(found.inflation, np.sqrt(60 * variances.max(axis=1)), rtol=1e-6)


def test_events_that_cannot_be_told_apart_are_refused(rng):
    run, happened = runs_with(rng, responses(rng), (0.6, 1.0))[0]
    pressed = events(
        [*happened.onset, *(happened.onset + 0.5)], [*happened.trial_type] + ["c"] * 60
    )
    with pytest.raises(GridError, match="responses cannot be told apart"):
        overlap_corrected([(run, pressed)], WINDOW)
    with pytest.raises(GridError, match="the runs have no events"):
        overlap_corrected([(run, Events.none())], WINDOW)
    with pytest.raises(GridError, match="no event of 'c'; the runs have 'a', 'b'"):
        overlap_corrected([(run, happened)], WINDOW).of("c")
