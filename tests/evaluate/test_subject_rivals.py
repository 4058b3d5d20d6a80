from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.errors import WeightsError
from neurotranscoder.evaluate.subject_rivals import (
    coloured,
    fir_movies,
    group_movies,
    inverse_movies,
    oracle_movies,
    with_group_maps,
)
from neurotranscoder.evaluate.subject_scores import SubjectTruth, score_movies
from neurotranscoder.reconstruct.fast import interpolated
from neurotranscoder.reconstruct.subject import subject_movie
from neurotranscoder.train.subject import fit_subject
from subject_runs import QUICK, tiny_subject


@pytest.fixture(scope="module")
def study():
    """A tiny subject, its fit, the run that nothing was fitted on, and the truth of that."""
    subject = tiny_subject("closed_form")
    trained = fit_subject(subject.recordings[:3], subject.group, QUICK)
    tests = subject.recordings[3:]
    axis = subject_movie(trained, tests[0]).axis
    truth = SubjectTruth(subject.truth, (tests[0].run,), (axis,), trained.mask)
    return subject, trained, tests, truth


def leadfield_of(study):
    subject, trained, *_ = study
    head = subject.truth.head
    return head.leadfield[:, trained.mask[head.brain]]


def test_oracle_is_better_than_minimum_norm_and_knows_which_voxels_are_silent(study):
    subject, trained, tests, truth = study
    brain = subject.truth.subject(tests[0].run)
    oracle = score_movies(
        oracle_movies(brain.leadfield, truth.maps, truth.courses, trained, tests), truth
    )
    inverse = score_movies(
        inverse_movies(leadfield_of(study), trained, tests, snr=3.0, standardised=False), truth
    )
    assert oracle.r_movie > inverse.r_movie + 0.2
    assert oracle.false_activity == 0


def test_sloreta_gives_each_voxel_the_course_of_minimum_norm(study):
    _, trained, tests, _ = study
    both = [
        inverse_movies(leadfield_of(study), trained, tests, snr=3.0, standardised=standardised)[0]
        for standardised in (False, True)
    ]
    one, two = (movie.window(20.0, 30.0) for movie in both)
    r = [np.corrcoef(a, b)[0, 1] for a, b in zip(one[::20], two[::20], strict=True)]
    assert_allclose(r, 1.0, atol=1e-4)  # factors are float32


def test_sloreta_finds_a_single_source_without_noise_where_it_is(study):
    _, trained, tests, _ = study
    field = leadfield_of(study)
    movie = inverse_movies(field, trained, tests, snr=1e3, standardised=True)[0]
    sources = range(0, field.shape[1], 25)
    topographies = field[:, sources] - field[:, sources].mean(axis=0)
    assert np.abs(movie.maps @ topographies).argmax(axis=0).tolist() == [*sources]


def test_group_maps_of_courses_that_are_those_of_the_group_give_the_group_stage(study):
    subject, trained, tests, _ = study
    of_group = group_movies(subject.group, trained, tests)
    mixed = [replace(one, courses=2 * one.courses[::-1]) for one in of_group]
    found = with_group_maps(of_group, mixed)[0]
    want = of_group[0].window(20.0, 25.0)
    assert_allclose(found.window(20.0, 25.0), want, atol=1e-3 * np.abs(want).max())


def test_coloured_voxels_have_the_power_of_bold_and_the_course_of_eeg(study):
    subject, trained, tests, _ = study
    of_group = group_movies(subject.group, trained, tests)
    of_bold = fir_movies(subject.group, trained, subject.recordings[:3], tests)
    movie = coloured(of_group, of_bold)[0]
    start, stop = movie.axis.times[0], movie.axis.times[-1]
    sd = movie.window(start, stop).std(axis=1)
    strength = np.sqrt(np.mean(of_bold[0].maps ** 2, axis=1))
    alive = strength > 0
    assert alive.any()
    ratio = sd[alive] / strength[alive]
    assert_allclose(ratio, np.median(ratio), rtol=1e-2)  # means of courses are not exactly 0


def test_group_stage_is_the_fast_source_of_the_group_at_voxels(study):
    subject, trained, tests, _ = study
    found = group_movies(subject.group, trained, tests)[0]
    want = interpolated(subject.group, tests[0], rate=trained.rate).from_eeg
    assert_array_equal(found.courses, want.courses)
    assert_array_equal(found.maps, want.maps)


def test_group_without_maps_is_refused(study):
    subject, trained, tests, _ = study
    group = subject.group
    coder = group.module.eeg_to_source
    group.module.eeg_to_source = group.module.source_to_eeg
    try:
        with pytest.raises(WeightsError, match="reads EEG with a network"):
            group_movies(group, trained, tests)
    finally:
        group.module.eeg_to_source = coder
