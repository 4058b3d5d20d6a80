from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.tiles import Box
from neurotranscoder.evaluate.subject_estimates import FactorMovies
from neurotranscoder.evaluate.subject_latents import StageInputs
from neurotranscoder.evaluate.subject_scores import SubjectScores, SubjectTruth, score_estimate
from neurotranscoder.reconstruct.fast import interpolated
from neurotranscoder.reconstruct.paper_subject import fit_paper_subject, latent_sources
from neurotranscoder.train.paper_subject import PaperSubjectSettings
from subject_runs import tiny_subject

QUICK = PaperSubjectSettings(
    rate=25.0,
    tile=(6, 6, 6, 75),
    spatial_features=(2, 2, 2, 2),
    temporal_features=(2, 2, 2, 2),
    temporal_kernel=5,
    steps=0,
)


@pytest.fixture(scope="module")
def subject():
    return tiny_subject("closed_form")


@pytest.fixture(scope="module")
def inputs(subject):
    """S_E and S_B of one run, at every fourth frame where whole."""
    recording = subject.recordings[3]
    return StageInputs.of(
        [recording], subject.group, QUICK, mask=recording.bold.mask, compared=slice(0, None, 4)
    )


def test_inputs_have_the_scores_of_the_movies_that_they_are(subject, inputs):
    recording = subject.recordings[3]
    movie = interpolated(subject.group, recording, rate=25.0).from_eeg
    truth = SubjectTruth(subject.truth, (recording.run,), (movie.axis,), movie.mask)
    movies = FactorMovies([movie], seconds=3.0)
    found = score_estimate(inputs.estimates()["from_eeg"], truth, movies)
    wanted = score_estimate(movies, truth, movies)
    for name in set(SubjectScores.__slots__) - {"r_continuous", "localisation", "spread"}:
        assert_allclose(getattr(found, name), getattr(wanted, name), rtol=1e-3, atol=1e-6)
    assert_allclose(found.r_continuous, wanted.r_continuous, atol=0.05)  # of 750 frames


def test_whole_runs_are_the_latent_sources_at_every_so_many_frames(subject, inputs):
    recording = subject.recordings[3]
    trained = fit_paper_subject([recording], subject.group, QUICK, device="cpu")
    assert trained.steps == 0
    latent = latent_sources(trained, subject.group, recording)
    box = Box((0, 0, 0, 0), (*latent.fused.grid.shape, 400))  # more than one piece
    whole = latent.fused.values(box)[inputs.mask][:, ::4]
    found = inputs.estimates(trained)["fused"].runs[0](slice(0, 100))
    assert_allclose(found, whole, atol=1e-5 * np.abs(whole).max())


def test_a_part_of_a_run_is_compared_with_that_part_of_the_truth(subject, inputs):
    recording = subject.recordings[3]
    part = replace(inputs, compared=slice(200, 900, 2)).estimates()["fused"]
    both = interpolated(subject.group, recording, rate=25.0)
    whole = both.from_eeg.at(slice(200, 900)) + both.from_bold.at(slice(200, 900))
    found = part.runs[0](slice(0, 350))
    assert_allclose(found, whole[:, ::2], atol=1e-5 * np.abs(whole).max())
    truth = SubjectTruth(
        subject.truth, (recording.run,), (both.from_eeg.axis,), recording.bold.mask
    )
    known = truth.courses[0][:, 200:900:2]
    active = truth.maps.any(axis=1)
    pairs = zip(found[active], truth.maps[active] @ known, strict=True)
    expected = np.mean([np.corrcoef(one, two)[0, 1] for one, two in pairs])
    assert_allclose(part.continuous_r(truth.maps, truth.courses), expected, rtol=1e-4)
