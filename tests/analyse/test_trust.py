from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import spearmanr

from neurotranscoder.analyse.trust import trust_map, write_trust
from neurotranscoder.core.errors import SettingsError
from neurotranscoder.evaluate.subject_scores import SubjectTruth
from neurotranscoder.io.store import read_json
from neurotranscoder.reconstruct.subject import subject_movie
from neurotranscoder.train.subject import fit_subject
from subject_runs import QUICK, tiny_subject


@pytest.fixture(scope="module")
def subject():
    return tiny_subject("sparse", "cohort")


@pytest.fixture(scope="module")
def trained(subject):
    return fit_subject(subject.recordings[:3], subject.group, QUICK)


@pytest.fixture(scope="module")
def trust(subject, trained):
    return trust_map(trained, subject.group, subject.recordings[3:])


def r_with_truth(subject, trained):
    """r of each voxel's movie with its true source, over the held-out run; NaN where silent."""
    recording = subject.recordings[3]
    movie = subject_movie(trained, recording)
    truth = SubjectTruth(subject.truth, (recording.run,), (movie.axis,), movie.mask)
    found, true = movie.at(slice(None)).astype(float), truth.maps @ truth.courses[0]
    with np.errstate(invalid="ignore"):
        return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(found, true, strict=True)])


def test_trust_orders_voxels_by_their_accuracy(subject, trained, trust):
    r = r_with_truth(subject, trained)
    known = np.isfinite(r)
    order = spearmanr(trust.r[known], r[known]).statistic
    assert order > 0.3
    seen = trust.seen()[known]
    assert r[known][seen].mean() > r[known][~seen].mean()


def test_bold_of_another_run_is_not_seen(subject, trained):
    one, other = subject.recordings[3], subject.recordings[0]
    mixed = replace(one, bold=replace(one.bold, data=other.bold.data))
    trust = trust_map(trained, subject.group, [mixed])
    assert trust.seen().mean() < 0.05  # of voxels without any link a share of .05 of the maps
    assert abs(np.mean(trust.z)) < 1


def test_voxels_without_a_map_are_not_seen(subject, trained):
    maps = trained.maps.copy()
    maps[:10] = 0
    trust = trust_map(replace(trained, maps=maps), subject.group, subject.recordings[3:])
    assert_array_equal(trust.r[:10], 0)
    assert_array_equal(trust.q[:10], 1)


def test_r_of_several_runs_is_that_of_their_products(subject, trained, trust):
    twice = trust_map(trained, subject.group, [*subject.recordings[3:]] * 2)
    assert_allclose(twice.r, trust.r, atol=1e-12)
    assert_allclose(twice.z, np.sqrt(2) * trust.z, atol=1e-9)


def test_runs_of_the_fit_are_refused(subject, trained):
    with pytest.raises(SettingsError, match="that the model was fitted on"):
        trust_map(trained, subject.group, subject.recordings[2:])
    with pytest.raises(SettingsError, match="got no run"):
        trust_map(trained, subject.group, [])


def test_trust_is_written_as_images_with_sidecars(trust, trained, tmp_path):
    write_trust(tmp_path, "01", trust, sources=["bids:raw:one"])
    image = nib.load(tmp_path / "sub-01_res-voxel_desc-trust_mask.nii.gz")
    assert_array_equal(np.asarray(image.dataobj)[trust.mask] > 0, trust.seen())
    assert_allclose(image.affine, trained.grid.voxel_to_world)
    q = np.asarray(nib.load(tmp_path / "sub-01_res-voxel_desc-trust_q.nii.gz").dataobj)
    assert_array_equal(q[~trust.mask], 1)
    sidecar = read_json(tmp_path / "sub-01_res-voxel_desc-trust_r.json")
    assert sidecar["Sources"] == ["bids:raw:one"]
