import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.errors import WeightsError
from neurotranscoder.reconstruct.subject import subject_movie
from neurotranscoder.reconstruct.subject_transcode import (
    eeg_of_bold,
    eeg_of_movie,
    voxel_bold_of_eeg,
)
from neurotranscoder.train.subject import fit_subject
from neurotranscoder.train.subject_signals import scaled_eeg
from subject_runs import QUICK, tiny_subject

LATE = 15  # volumes: the response of what came before the run has gone


@pytest.fixture(scope="module", params=["closed_form", "sparse"])
def study(request):
    subject = tiny_subject(request.param)
    return subject, fit_subject(subject.recordings[:3], subject.group, QUICK)


def r(one, two):
    return np.corrcoef(one.ravel(), two.ravel())[0, 1]


def test_bold_from_eeg_is_that_of_the_run_at_voxels(study):
    subject, trained = study
    run, other = subject.recordings[3], subject.recordings[2]
    found = voxel_bold_of_eeg(trained, subject.group, run.eeg, run.clock, run.bold.volumes)
    active = found.std(axis=1) > np.quantile(found.std(axis=1), 0.8)

    def seen(recording):
        rows = recording.bold.data[trained.mask][active][:, LATE:].astype(float)
        return rows - rows.mean(axis=1, keepdims=True)

    own = r(found[active][:, LATE:], seen(run))
    assert own > 0.1
    assert own > r(found[active][:, LATE:], seen(other)) + 0.1


def test_bold_of_linear_courses_doubles_with_the_eeg(study):
    subject, trained = study
    run = subject.recordings[3]
    args = trained, subject.group
    once = voxel_bold_of_eeg(*args, run.eeg, run.clock, run.bold.volumes)
    assert once.shape == (trained.mask.sum(), run.bold.volumes.n_volumes)
    if trained.coder.sparse is None:
        double = type(run.eeg)(2 * run.eeg.data, run.eeg.sfreq, run.eeg.montage)
        twice = voxel_bold_of_eeg(*args, double, run.clock, run.bold.volumes)
        assert_allclose(twice, 2 * once, rtol=1e-3, atol=1e-5 * np.abs(once).max())


def test_eeg_of_a_movie_of_eeg_is_near_that_eeg(study):
    subject, trained = study
    run = subject.recordings[3]
    movie = subject_movie(trained, run)
    read = scaled_eeg(run.eeg, run.clock, movie.axis, trained.montage, trained.eeg_scale)
    assert r(eeg_of_movie(trained, movie), trained.eeg_scale * read) > 0.5


def test_eeg_from_bold_has_all_channels_and_is_slow(study):
    subject, trained = study
    run = subject.recordings[3]
    eeg = eeg_of_bold(trained, subject.group, run.bold)
    assert eeg.shape == (len(trained.montage.names), subject_movie(trained, run).axis.n_times)
    assert np.diff(eeg, axis=1).std() <= 0.2 * eeg.std()


def test_other_groups_are_refused(study):
    subject, trained = study
    other = tiny_subject("closed_form" if trained.coder.sparse is not None else "sparse").group
    run = subject.recordings[3]
    with pytest.raises(WeightsError, match="fitted with another group model"):
        voxel_bold_of_eeg(trained, other, run.eeg, run.clock, run.bold.volumes)
