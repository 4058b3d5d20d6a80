import shutil

import mne
import nibabel as nib
import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.io.movies import load_movie
from neurotranscoder.io.store import read_json
from neurotranscoder.preprocess.study import open_study
from neurotranscoder.train.trained_subject import load_subject
from small_study import command

RUN = "task-oddball_run-01"
QUICK_SUBJECT = ("--stage", "subject", "--set", "subject.frames=200", "--set", "subject.rounds=1")


@pytest.fixture(scope="module")
def halves(tiny_study, tmp_path_factory):
    """A study whose first subject has EEG alone, and whose second has BOLD alone."""
    root = tmp_path_factory.mktemp("halves") / "study"
    keep = shutil.ignore_patterns("derivatives", "*run-02*", "*run-03*", "*run-04*", "*run-05*")
    shutil.copytree(tiny_study, root, ignore=keep)
    shutil.rmtree(root / "sub-01" / "func")
    shutil.rmtree(root / "sub-02" / "eeg")
    return root


@pytest.fixture(scope="module")
def model(tiny_results):
    return ("--model", tiny_results / "models" / "closed_form")


def image(folder, name):
    found = nib.load(next(folder.rglob(f"*{RUN}_*desc-{name}.nii.gz")))
    return np.asarray(found.dataobj), found.header.get_zooms()[3]


def test_training_needs_runs_with_both(halves, tmp_path, capsys):
    assert command("train", halves, tmp_path / "out") == 2
    assert "the same sub, ses, task and run labels" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_bold_alone_gives_what_it_gives_beside_eeg(tiny_study, halves, model, tmp_path, capsys):
    assert command("reconstruct", halves, tmp_path / "half", *model, "--from", "bold") == 0
    said = capsys.readouterr().err
    assert f"sub-02_{RUN}: BOLD without EEG; what it has is read" in said
    assert f"sub-01_{RUN}: EEG without BOLD; left out" in said
    label = ("--participant-label", "02")
    assert command("reconstruct", tiny_study, tmp_path / "both", *model, *label) == 0
    alone, _ = image(tmp_path / "half", "frombold_source")
    beside, _ = image(tmp_path / "both" / "sub-02", "frombold_source")
    assert_allclose(alone, beside, rtol=1e-6)
    assert not list((tmp_path / "half").rglob("*fused*"))


def test_eeg_alone_gives_what_it_gives_beside_bold(tiny_study, halves, model, tmp_path):
    for study, name in ((halves, "half"), (tiny_study, "both")):
        words = ("--participant-label", "01", "--to", "bold")
        assert command("transcode", study, tmp_path / name, *model, *words) == 0
    alone, step = image(tmp_path / "half", "fromeeg_bold")
    beside, _ = image(tmp_path / "both", "fromeeg_bold")
    path = next((tmp_path / "half").rglob("*_bold.json"))
    sidecar = read_json(path)
    assert sidecar["EEGClock"] == "EEG starts at 0.0000 s (declared, not measured)"
    assert sidecar["StartTime"] == pytest.approx(step / 2)
    # time 0 of the one is the first EEG sample, of the other the first volume
    shift = round(
        -open_study(tiny_study).load(open_study(tiny_study).runs[0]).clock.eeg_start / step
    )
    n_frames = min(alone.shape[3] - shift, beside.shape[3])
    known = np.any(beside, axis=3)
    one, other = (x[known][:, :n_frames].ravel() for x in (alone[..., shift:], beside))
    assert np.corrcoef(one, other)[0, 1] > 0.98  # frames differ by at most half of one


def test_what_no_run_has_cannot_be_read(halves, model, tmp_path, capsys):
    words = ("--participant-label", "01", "--from", "bold")
    assert command("reconstruct", halves, tmp_path / "out", *model, *words) == 2
    assert "BOLD is to be read, and none of the 1 runs has it" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_cap_that_lacks_channels_of_the_model_is_refused(halves, model, tmp_path, capsys):
    words = ("--participant-label", "01", "--set", 'study.exclude_channels=["Cz"]')
    assert command("reconstruct", halves, tmp_path / "out", *model, *words) == 2
    assert "lacks the EEG channels ['Cz']" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_movies_are_made_of_either_modality_alone(tiny_study, halves, model, tmp_path):
    out = tmp_path / "out"
    assert command("train", tiny_study, out, *QUICK_SUBJECT, *model) == 0
    words = ("reconstruct", halves, tmp_path / "half", *QUICK_SUBJECT, *model, "--from", "both")
    assert command(*words) == 2  # no model of these subjects
    assert command(*words, "--subject-models", out / "models" / "subjects") == 0
    made = sorted(path.name for path in (tmp_path / "half").rglob("*.movie"))
    assert made == [
        f"sub-01_{RUN}_res-voxel_desc-fromeeg_source.movie",
        f"sub-02_{RUN}_res-voxel_desc-frombold_source.movie",
    ]
    label = ("--participant-label", "02", "--from", "bold")
    assert command("reconstruct", tiny_study, out, *QUICK_SUBJECT, *model, *label) == 0
    alone, beside = (load_movie(next(f.rglob(made[1]))) for f in (tmp_path / "half", out))
    assert_allclose(alone.courses, beside.courses, rtol=1e-6)
    eeg = load_movie(next((tmp_path / "half").rglob(made[0])))
    assert eeg.axis.sfreq == 100
    assert eeg.axis.start == pytest.approx(0.005)


@pytest.fixture(scope="module")
def subjects(tiny_study, model, tmp_path_factory):
    """The folder with the models of single subjects."""
    out = tmp_path_factory.mktemp("subjects")
    assert command("train", tiny_study, out, *QUICK_SUBJECT, *model) == 0
    return ("--stage", "subject", "--subject-models", out / "models" / "subjects")


def test_bold_of_voxels_is_predicted_at_the_slices_of_the_run(
    tiny_study, model, subjects, tmp_path
):
    label = ("--participant-label", "01")
    words = ("transcode", tiny_study, tmp_path, *model, *subjects, *label, "--to", "bold")
    assert command(*words) == 0
    found, step = image(tmp_path, "fromeeg_bold")
    study = open_study(tiny_study)
    bold = study.load(study.runs[0]).bold
    assert found.shape == bold.data.shape
    assert step == bold.volumes.tr
    sidecar = read_json(next(tmp_path.rglob(f"*{RUN}_res-voxel_desc-fromeeg_bold.json")))
    assert_allclose(sidecar["SliceTiming"], bold.volumes.slice_times)
    mask = load_subject(subjects[-1] / "sub-01").mask
    assert not np.any(found[~mask])
    assert np.all(np.any(found[mask], axis=1))


def test_bold_of_voxels_from_eeg_alone_is_that_beside_bold(
    tiny_study, halves, model, subjects, tmp_path
):
    words = ("--participant-label", "01", "--to", "bold")
    for study, name in ((halves, "half"), (tiny_study, "both")):
        assert command("transcode", study, tmp_path / name, *model, *subjects, *words) == 0
    alone, step = image(tmp_path / "half", "fromeeg_bold")
    beside, tr = image(tmp_path / "both", "fromeeg_bold")
    study = open_study(tiny_study)
    run = study.load(study.runs[0])
    slice_index = 5
    after = run.bold.volumes.times(slice_index) - run.clock.eeg_start  # s after the first sample
    frames = np.rint(after / step - 0.5).astype(int)
    known = np.any(beside[:, :, slice_index], axis=2)
    inside = (frames < alone.shape[3]) & (np.arange(len(frames)) * tr > 30)
    one, other = alone[:, :, slice_index][known], beside[:, :, slice_index][known]
    # frames differ from slices by at most half a frame
    assert np.corrcoef(one[:, frames[inside]].ravel(), other[:, inside].ravel())[0, 1] > 0.98


def test_eeg_of_a_subject_is_predicted_from_bold_alone(halves, model, subjects, tmp_path, capsys):
    assert command("transcode", halves, tmp_path, *model, *subjects, "--to", "eeg") == 0
    found = mne.io.read_raw_brainvision(next(tmp_path.rglob("*.vhdr")), verbose="error")
    assert found.info["sfreq"] == 100
    assert np.ptp(found.get_data()) > 0
    assert "sub-01_task-oddball_run-01: EEG without BOLD; left out" in capsys.readouterr().err


def test_models_of_subjects_are_for_the_subject_stage(halves, model, tmp_path, capsys):
    words = ("--subject-models", tmp_path, "--to", "bold")
    assert command("transcode", halves, tmp_path / "out", *model, *words) == 2
    assert "add --stage subject" in capsys.readouterr().err
