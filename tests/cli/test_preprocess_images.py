import nibabel as nib
import numpy as np
import pytest
from nilearn.datasets import load_mni152_template

from neurotranscoder.preprocess.study import open_study
from neurotranscoder.preprocess.study_settings import StudySettings
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.session import simulate_study
from small_study import bytes_below, command, validation_errors

QUICK = (
    'clean.steps=["filters"]',
    "images.bold.voxel_size=6",
    "images.bold.coregister.n_starts=1",
    "images.bold.coregister.max_iterations=40",
    "images.bold.normalise.iterations=[5, 5, 2]",
)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Two subjects with a T1 image, which is the template; never write to it."""
    root = tmp_path_factory.mktemp("with_t1") / "study"
    sizes = {"n_subjects": 2, "runs_per_subject": 1, "duration": 40.0, "eeg_rate": 100.0}
    simulate_study(named_scenario("sequential-noisefree", preset="tiny", seed=1, **sizes), root)
    for label in ("01", "02"):
        (root / f"sub-{label}" / "anat").mkdir()
        path = root / f"sub-{label}" / "anat" / f"sub-{label}_T1w.nii.gz"
        nib.save(load_mni152_template(resolution=3), path)
    return root


@pytest.fixture(scope="module")
def out(study, tmp_path_factory):
    """What `preprocess` makes of it."""
    folder = tmp_path_factory.mktemp("mni") / "out"
    assert preprocess(study, folder) == 0
    return folder


def preprocess(study, out, *words):
    settings = [word for setting in QUICK for word in ("--set", setting)]
    return command("preprocess", study, out, *settings, *words, quick=False)


def test_images_of_all_subjects_lie_in_mni_beside_their_clean_eeg(study, out):
    clean, raw = open_study(out), open_study(study)
    assert clean.runs == raw.runs
    one, other = (clean.load(run) for run in clean.runs)
    assert one.bold.grid.matches(other.bold.grid)
    assert one.bold.grid.voxel_sizes == pytest.approx((6, 6, 6))
    assert one.bold.volumes.tr == raw.load(raw.runs[0]).bold.volumes.tr
    assert len(set(one.bold.volumes.slice_times)) == 1
    assert one.bold.mask.mean() > 0.1
    assert one.clock == raw.load(raw.runs[0]).clock
    assert len(one.events.onset) == len(raw.load(raw.runs[0]).events.onset) > 0


def test_the_place_in_mni_is_that_of_the_simulated_brain(study, out):
    run = open_study(out).load(open_study(out).runs[0]).bold
    raw = open_study(study).load(open_study(study).runs[0]).bold
    centres = []
    for bold in (run, raw):
        centres.append(bold.grid.world(np.argwhere(bold.mask)).mean(axis=0))
    # voxels are 12 mm there, and the mask that all volumes cover is smaller than the brain
    assert np.linalg.norm(centres[0] - centres[1]) < 10


def test_what_is_there_is_not_made_again(study, out, capsys):
    before = bytes_below(out)
    assert preprocess(study, out) == 0
    assert "images are there" in capsys.readouterr().err
    assert bytes_below(out) == before


def test_the_result_is_a_bids_derivative_without_errors(out):
    assert validation_errors(out) == []


def test_images_can_stay_as_they_are(study, tmp_path, capsys):
    words = ("--set", "images.space=stored", "--participant-label", "01")
    assert preprocess(study, tmp_path / "out", *words) == 0
    assert "--set 'study.images=" in capsys.readouterr().err
    assert not list((tmp_path / "out").rglob("*bold*"))
    settings = StudySettings(images=study, participants=("01",))
    assert len(open_study(tmp_path / "out", settings)) == 1


def test_a_subject_without_a_t1_image_is_named_before_anything_is_done(
    study, tiny_study, tmp_path, capsys
):
    assert preprocess(tiny_study, tmp_path / "out", "--set", "images.space=mni") == 2
    said = capsys.readouterr().err
    assert "sub-01: T1 image: got none; need *_T1w.nii.gz in anat/" in said
    assert not (tmp_path / "out").exists()
    words = ("--set", "images.space=mni", "--set", f'study.images="{study}"')
    assert preprocess(study, tmp_path / "out", *words) == 2
    assert "whose images are preprocessed" in capsys.readouterr().err
