import shutil

import nibabel as nib
import numpy as np
import pytest
from nilearn.datasets import load_mni152_template
from numpy.testing import assert_allclose

from neurotranscoder.cli.preprocess_faults import sorted_out
from neurotranscoder.cli.preprocess_images import much_motion, print_of
from neurotranscoder.config import load_config
from neurotranscoder.core.errors import StudyError
from neurotranscoder.io.store import read_json
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
    "images.bold.normalise.iterations=[2, 0, 0]",
)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Two subjects; T1 images are the template, 25 mm off in one of them. Never write to it."""
    root = tmp_path_factory.mktemp("with_t1") / "study"
    sizes = {"n_subjects": 2, "runs_per_subject": 1, "duration": 40.0, "eeg_rate": 100.0}
    simulate_study(named_scenario("sequential-noisefree", preset="tiny", seed=1, **sizes), root)
    for label in ("01", "02"):
        (root / f"sub-{label}" / "anat").mkdir()
        path = root / f"sub-{label}" / "anat" / f"sub-{label}_T1w.nii.gz"
        save_t1(path, shift=25.0 if label == "02" else 0.0)
    return root


def save_t1(path, *, shift):
    """Write the template, moved to the front by some mm."""
    image = load_mni152_template(resolution=3)
    affine = image.affine.copy()
    affine[1, 3] += shift
    nib.save(nib.Nifti1Image(image.get_fdata(dtype=np.float32), affine), path)


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


@pytest.mark.parametrize("number", [0, 1], ids=["T1 in place", "T1 25 mm off"])
def test_the_place_in_mni_is_that_of_the_simulated_brain(study, out, number):
    centres = []
    for root in (out, study):
        opened = open_study(root)
        bold = opened.load(opened.runs[number]).bold
        centres.append(bold.grid.world(np.argwhere(bold.mask)).mean(axis=0))
    # voxels are 12 mm there, and the mask that all volumes cover is smaller than the brain
    assert np.linalg.norm(centres[0] - centres[1]) < 10


def test_the_anatomy_that_is_off_was_brought_back(out):
    places = []
    for label in ("01", "02"):
        transforms = read_json(next(out.glob(f"sub-{label}/func/*_transforms.json")))
        places.append(np.array(transforms["TemplateToT1w"]) @ [0, -20, 10, 1])
    assert_allclose(places[1] - places[0], [0, 25, 0, 0], atol=3)  # a coarse, short registration


def test_each_session_has_the_place_of_its_own_anatomy_and_events_stay_new(study, tmp_path):
    root, out = tmp_path / "study", tmp_path / "out"
    for session, shift in (("a", 0.0), ("b", 25.0)):
        folder = root / "sub-01" / f"ses-{session}"
        shutil.copytree(study / "sub-01", folder)
        new = f"sub-01_ses-{session}"
        for path in sorted(folder.rglob("sub-01*")):
            content = path.read_bytes()
            if not path.name.endswith(".gz"):
                content = content.replace(b"sub-01_", f"{new}_".encode())
            path.unlink()
            path.with_name(path.name.replace("sub-01", new)).write_bytes(content)
        save_t1(folder / "anat" / f"{new}_T1w.nii.gz", shift=shift)
    for path in study.glob("*.json"):
        shutil.copy(path, root)
    alone = ("images.bold.segment=false", "images.bold.clean.longest_period=0")
    place_alone = [word for one in alone for word in ("--set", one)]
    assert preprocess(root, out, *place_alone) == 0
    moved = [
        np.array(read_json(next(out.glob(f"sub-01/ses-{one}/func/*_transforms.json")))[name])[1, 3]
        for one in "ab"
        for name in ["TemplateToT1w"]
    ]
    assert moved[1] - moved[0] == pytest.approx(25, abs=5)
    events = next(root.glob("sub-01/ses-a/func/*_events.tsv"))
    events.write_text("onset\tduration\ttrial_type\n3.5\t0.2\tnew\n", encoding="utf-8")
    assert preprocess(root, out, *place_alone) == 0
    assert "new" in next(out.glob("sub-01/ses-a/func/*_events.tsv")).read_text(encoding="utf-8")


def test_what_is_there_is_not_made_again(study, out, capsys):
    before = bytes_below(out)
    assert preprocess(study, out) == 0
    assert "images are there" in capsys.readouterr().err
    assert bytes_below(out) == before


def test_an_image_whose_place_is_corrected_counts_as_another(tmp_path):
    path = tmp_path / "x_T1w.nii"
    save_t1(path, shift=0.0)
    before = print_of(path)
    assert print_of(path) == before
    save_t1(path, shift=25.0)
    after = print_of(path)
    assert after[:2] == before[:2]  # of the same name and size
    assert after != before


def test_the_result_is_a_bids_derivative_without_errors(out):
    assert validation_errors(out) == []


def test_the_page_shows_both_registrations_motion_and_quality_of_each_run(out):
    page = (out / "preprocessing.html").read_text(encoding="utf-8")
    assert page.count("Contours of mean EPI over T1 image") == 2
    assert page.count("Contours of template over T1 image in MNI") == 2
    assert page.count("Head motion over") == page.count("Carpet of") == 2
    assert len(list(out.glob("sub-*/figures/*"))) == 10
    assert "http" not in page.replace("http://www.w3.org/", "")


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


def four_dimensional(path):
    image = nib.load(path)
    both = np.stack([image.get_fdata(dtype=np.float32)] * 2, axis=-1)
    nib.save(nib.Nifti1Image(both, image.affine), path)


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def header_alone(path):
    path.write_bytes(path.read_bytes()[:50])


def gone(path):
    path.unlink()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (four_dimensional, "dim: got 4 axes"),
        (cut, "data: got "),
        (header_alone, "header: got "),
        (gone, "T1 image: got none"),
    ],
)
def test_a_damaged_t1_image_is_a_fault_of_its_subject_before_anything_is_cleaned(
    study, tmp_path, damage, words
):
    root = shutil.copytree(study, tmp_path / "study")
    damage(next(root.glob("sub-02/anat/*_T1w.nii.gz")))
    next(root.glob("sub-02/func/*_events.tsv")).write_text("onset\tduration\nsoon\t1\n")
    config = load_config(None, ["images.space=mni"])
    found = sorted_out(root, config, strict=False)
    assert [runs[0].run.subject for runs in found.subjects] == ["01"]
    assert words in found.faults["02"]
    assert "onset" in found.faults["02"]  # with all else that is wrong
    with pytest.raises(StudyError, match=words):
        sorted_out(root, config, strict=True)


def test_t1_images_that_are_not_used_are_not_looked_at(study, tmp_path):
    root = shutil.copytree(study, tmp_path / "study")
    cut(next(root.glob("sub-02/anat/*_T1w.nii.gz")))
    assert sorted_out(root, load_config(None, ["images.space=stored"]), strict=True).faults == {}


@pytest.mark.parametrize(
    ("moved", "confounds", "said"),
    [
        (0.19, (), 0),
        (0.21, (), 1),
        (0.21, ("trans_*", "rot_*"), 0),
        (0.21, ("a_comp_cor_*",), 1),
        (0.21, ("*",), 0),
    ],
)
def test_a_head_that_moved_is_told_unless_its_motion_is_regressed_out(moved, confounds, said):
    assert len(much_motion("sub-01_task-oddball_run-01", moved, confounds)) == said
