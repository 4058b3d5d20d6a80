from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.errors import GridError, WeightsError
from neurotranscoder.evaluate.subject_scores import SubjectTruth, score_movies
from neurotranscoder.reconstruct.subject import subject_movie
from neurotranscoder.reconstruct.subject_bold import bold_movie, deconvolved, fused_movie
from neurotranscoder.train.subject import fit_subject
from subject_runs import QUICK, tiny_subject


@pytest.fixture(scope="module")
def study():
    """A tiny subject, its fit, and the run that nothing was fitted on."""
    subject = tiny_subject("sparse")
    return (
        subject,
        fit_subject(subject.recordings[:3], subject.group, QUICK),
        subject.recordings[3],
    )


def truth_of(study, run, axis):
    subject, trained, _ = study
    return SubjectTruth(subject.truth, (run,), (axis,), trained.mask)


def test_what_a_series_followed_is_found_where_it_was_passed_on(rng):
    n = 400
    frequencies = np.fft.rfftfreq(n)
    transfer = np.exp(-((frequencies / 0.05) ** 2)) * np.exp(-2j * np.pi * frequencies * 3)
    source = rng.standard_normal(n)
    series = np.fft.irfft(np.fft.rfft(source) * transfer, n)
    sd = 0.05
    noisy = series + sd * rng.standard_normal(n)
    wiener = np.conj(transfer) / (np.abs(transfer) ** 2 + sd**2)
    ideal = np.fft.irfft(np.fft.rfft(noisy) * wiener, n)  # knows signal and noise
    found = deconvolved(noisy, transfer, n)
    assert np.corrcoef(found, ideal)[0, 1] > 0.9
    r = [np.corrcoef(one, source)[0, 1] for one in (found, noisy)]
    assert r[0] > r[1] + 0.1  # it was late


def test_noise_alone_gives_next_to_nothing(rng):
    transfer = np.exp(-np.fft.rfftfreq(400) / 0.05).astype(complex)
    noise = rng.standard_normal(400)
    assert deconvolved(noise, transfer, 400).std() < 0.3 * noise.std()
    assert_array_equal(deconvolved(np.zeros(400), transfer, 400), 0)


def test_fused_sources_are_nearer_to_the_truth_over_whole_runs(study):
    subject, trained, test = study
    movies = subject_movie(trained, test), fused_movie(trained, subject.group, test)
    truth = truth_of(study, test.run, movies[0].axis)
    alone, fused = (score_movies([movie], truth) for movie in movies)
    assert fused.r_continuous > alone.r_continuous
    assert movies[1].origin == "fused"


def test_bold_of_its_own_run_is_what_fused_sources_need(study):
    subject, trained, test = study
    other = replace(test, bold=subject.recordings[2].bold)
    right, wrong = (fused_movie(trained, subject.group, one) for one in (test, other))
    truth = truth_of(study, test.run, right.axis)
    assert score_movies([right], truth).r_continuous > score_movies([wrong], truth).r_continuous


def test_sources_from_bold_alone_are_those_of_the_run(study):
    subject, trained, test = study
    movie = bold_movie(trained, subject.group, test.bold)
    assert movie.origin == "bold"
    assert movie.axis == subject_movie(trained, test).axis
    own = score_movies([movie], truth_of(study, test.run, movie.axis)).r_continuous
    other = subject.recordings[2].run
    assert own > score_movies([movie], truth_of(study, other, movie.axis)).r_continuous + 0.05


def test_eeg_that_explains_all_of_bold_is_left_as_it_is(study):
    subject, trained, test = study
    flat = replace(test.bold, data=np.ones_like(test.bold.data))
    silent = replace(trained, maps=np.zeros_like(trained.maps))
    fused = fused_movie(silent, subject.group, replace(test, bold=flat))
    assert_allclose(fused.courses, subject_movie(silent, test).courses, atol=1e-6)


def test_other_groups_and_grids_are_refused(study):
    subject, trained, test = study
    with pytest.raises(WeightsError, match="fitted with another group model"):
        bold_movie(trained, tiny_subject("closed_form").group, test.bold)
    grid = test.bold.grid
    moved = replace(grid, voxel_to_world=grid.voxel_to_world + np.eye(4)[:, [3]] * 0.0 + 5.0)
    with pytest.raises(GridError, match="use images in the space of the model"):
        bold_movie(trained, subject.group, replace(test.bold, grid=moved))
