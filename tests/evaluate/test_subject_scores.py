from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.axes import TimeAxis
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.evaluate.subject_estimates import DenseEstimate, FactorMovies, trial_average
from neurotranscoder.evaluate.subject_scores import (
    SubjectScores,
    SubjectTruth,
    score_estimate,
    score_movies,
)
from subject_runs import tiny_subject

RATE = 25.0


@pytest.fixture(scope="module")
def truth():
    """The true sources of two tiny runs."""
    subject = tiny_subject("closed_form")
    runs = tuple(one.run for one in subject.recordings[:2])
    axis = TimeAxis.of_frames(120.0, RATE)
    return SubjectTruth(subject.truth, runs, (axis, axis), subject.recordings[0].bold.mask)


def movies_of(truth, maps, courses):
    return [
        SourceMovie(
            maps.astype(np.float32),
            rows.astype(np.float32),
            truth.truth.head.grid,
            truth.mask,
            axis,
            "eeg",
        )
        for rows, axis in zip(courses, truth.axes, strict=True)
    ]


def test_truth_has_full_marks(truth):
    movies = movies_of(truth, truth.maps, truth.courses)
    scores = score_movies(movies, truth, movies)
    for value in (scores.r_time, scores.r_movie, scores.r_continuous, scores.copy_r):
        assert_allclose(value, 1.0, atol=1e-5)  # factors are float32
    assert scores.false_activity == 0
    assert_allclose(scores.latency, 0)
    half_a_voxel = 8.0  # mm; voxels are 12 x 12 x 15 mm, peaks are centres of large values
    assert np.median(scores.localisation) < half_a_voxel


def test_scale_and_sign_of_a_movie_count_as_they_should(truth):
    scores = score_movies(movies_of(truth, -3 * truth.maps, truth.courses), truth)
    assert_allclose((scores.r_time, scores.r_movie), -1.0, atol=1e-5)
    assert np.isnan(scores.copy_r)


def test_false_activity_is_the_energy_that_silent_voxels_have(truth):
    silent, maps = ~truth.maps.any(axis=1), truth.maps.copy()
    maps[silent, 0] = 1.0
    scores = score_movies(movies_of(truth, maps, truth.courses), truth)
    onsets = [truth.onsets(run) for run in truth.runs]
    mean = trial_average(truth.courses, onsets, truth.axes)
    wrong = silent.sum() * np.sum(mean[0] ** 2)
    assert_allclose(scores.false_activity, wrong / np.sum((truth.maps @ mean) ** 2), rtol=1e-4)
    assert_allclose(scores.r_time, 1.0, atol=1e-5)


def test_late_movie_is_late_by_as_much(truth):
    late = [np.roll(rows, 2, axis=1) for rows in truth.courses]
    scores = score_movies(movies_of(truth, truth.maps, late), truth)
    assert_allclose(np.median(scores.latency), 2000 / RATE)


def test_continuous_r_is_that_of_the_dense_movie(truth, rng):
    maps = truth.maps + 0.3 * rng.standard_normal(truth.maps.shape)
    courses = [rows + 0.5 * rng.standard_normal(rows.shape) for rows in truth.courses]
    scores = score_movies(movies_of(truth, maps, courses), truth)
    found, true = (
        np.concatenate([m @ (c - c.mean(axis=1, keepdims=True)) for c in own], axis=1)
        for m, own in ((maps, courses), (truth.maps, truth.courses))
    )
    active = truth.maps.any(axis=1)
    products = np.sum(found * true, axis=1)
    r = products / np.sqrt(np.sum(found**2, axis=1) * np.sum(true**2, axis=1) + 1e-300)
    assert_allclose(scores.r_continuous, r[active].mean(), rtol=1e-4)


def test_trial_average_takes_windows_that_lie_within_the_run():
    axis = TimeAxis(0.02, RATE, 100)  # 4 s; a window has 38 frames
    rows = np.arange(100.0)[np.newaxis]
    mean = trial_average([rows], [np.array([-1.0, 0.4, 1.2, 3.5])], [axis])
    assert_allclose(mean[0], 20 + np.arange(38))  # of 10 .. and 30 ..


def test_frames_of_other_runs_are_other_truths(truth):
    swapped = replace(truth, runs=truth.runs[::-1])
    movies = movies_of(truth, truth.maps, swapped.courses)
    assert score_movies(movies, truth).r_continuous < 0.5


def dense(truth, movies, *, step=1):
    """The same movies, multiplied out."""

    def average():
        onsets = [truth.onsets(run) for run in truth.runs]
        return movies[0].maps @ trial_average([m.courses for m in movies], onsets, truth.axes)

    def frames_of(movie):
        return lambda frames: movie.maps @ movie.courses[:, ::step][:, frames]

    return DenseEstimate(
        average(), RATE, [frames_of(movie) for movie in movies], slice(None, None, step)
    )


def noisy(truth, rng):
    maps = truth.maps + 0.3 * rng.standard_normal(truth.maps.shape)
    return movies_of(
        truth, maps, [rows + 0.5 * rng.standard_normal(rows.shape) for rows in truth.courses]
    )


def test_dense_estimates_have_the_scores_of_their_factors(truth, rng):
    movies, other = noisy(truth, rng), movies_of(truth, truth.maps, truth.courses)
    of_factors = score_movies(movies, truth, other)
    found = score_estimate(dense(truth, movies), truth, FactorMovies(other))
    for name in SubjectScores.__slots__:  # products in single precision
        assert_allclose(getattr(found, name), getattr(of_factors, name), rtol=1e-4, atol=1e-6)


def test_every_fifth_frame_of_a_run_tells_r_nearly_as_all_do(truth, rng):
    movies = noisy(truth, rng)
    whole, part = (score_estimate(dense(truth, movies, step=n), truth) for n in (1, 5))
    standard_error = 1 / np.sqrt(truth.courses[0].shape[1] / 5)  # of r in one voxel
    assert part.r_continuous != whole.r_continuous
    assert_allclose(part.r_continuous, whole.r_continuous, atol=standard_error)


def test_trial_average_leaves_out_what_a_longer_trial_would_not_fit():
    axis = TimeAxis(0.02, RATE, 100)
    rows = np.arange(100.0)[np.newaxis]
    mean = trial_average([rows], [np.array([0.4, 1.2])], [axis], seconds=3.0)
    assert_allclose(mean[0], 10 + np.arange(38))  # 1.2 s + 3 s are more than the run


def test_averages_that_are_too_short_are_refused(truth):
    short = DenseEstimate(np.zeros((len(truth.maps), 20)), RATE, [])
    with pytest.raises(GridError, match="average longer trials"):
        score_estimate(short, truth)
