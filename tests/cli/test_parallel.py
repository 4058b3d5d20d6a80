"""Several commands on one output folder, each with subjects of its own, as on a cluster."""

import shutil
import time
from contextlib import suppress
from multiprocessing import get_context

import nibabel as nib
import numpy as np
import pytest

from neurotranscoder.cli import main
from neurotranscoder.cli.preprocess_faults import sorted_out
from neurotranscoder.config import load_config
from neurotranscoder.core.errors import StudyError
from neurotranscoder.io.folder_locks import held
from odd_caps import study_of_odd_caps
from small_study import bytes_below, command

SERVER = get_context("forkserver")  # modules are imported once for all processes
SERVER.set_forkserver_preload(["neurotranscoder.cli"])
STEPS = ("--set", 'clean.steps=["channels", "filters", "reference"]')


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Three subjects, of whom the last has images alone; never write to it."""
    root = study_of_odd_caps(tmp_path_factory.mktemp("odd") / "study", duration=40.0)
    shutil.rmtree(root / "derivatives")
    shutil.rmtree(root / "sub-03")
    shutil.rmtree(root / "sub-04" / "eeg")
    return root


def participant(study, out, *labels):
    words = ("--participant-label", *labels) if labels else ()
    return command("run", study, out, "participant", *STEPS, *words, quick=False)


def started(study, out, label):
    """Start a command in a process of its own."""
    words = ("run", study, out, "participant", *STEPS, "--participant-label", label)
    process = SERVER.Process(target=main, args=([str(word) for word in words],))
    process.start()
    return process


def end_of(process):
    """Wait until a process ends; return its exit code."""
    process.join()
    return process.exitcode


def wait_until_at_work(process, out):
    """Wait until subject 01 is being cleaned, whatever a killed command left."""
    owner = ""
    while process.exitcode is None and str(process.pid) not in owner:
        time.sleep(0.01)
        with suppress(FileNotFoundError):
            owner = (out / "preprocessed" / ".neurotranscoder.sub-01.lock").read_text()


def test_parallel_commands_one_of_them_killed_end_as_one_command_for_all(study, tmp_path, capsys):
    whole, out = tmp_path / "whole", tmp_path / "out"
    assert participant(study, whole) == 0
    first, second = (started(study, out, label) for label in ("01", "02"))
    wait_until_at_work(first, out)
    first.kill()
    assert (end_of(first), end_of(second)) == (-9, 0)
    again = started(study, out, "01")
    wait_until_at_work(again, out)
    again.terminate()
    assert end_of(again) == 75
    assert participant(study, out, "01") == 0
    assert "what was done: " in capsys.readouterr().err
    assert bytes_below(out) == bytes_below(whole)


def test_a_subject_that_another_command_is_at_is_refused_with_its_name(study, tmp_path, capsys):
    with held(tmp_path / "out", ["01"]):
        assert participant(study, tmp_path / "out", "02", "01") == 2
        assert "sub-01 (process" in capsys.readouterr().err
        assert command("run", study, tmp_path / "out", "group", *STEPS, quick=False) == 2
        assert "need all subjects at once" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("label", "said"),
    [((), "requires at least 1"), (("",), "participants has ''"), (("02\r",), r"has '02\r'")],
)
def test_a_label_that_a_script_lost_is_not_the_whole_study(study, tmp_path, label, said, capfd):
    words = ("participant", *STEPS, "--participant-label", *label)
    assert command("run", study, tmp_path / "out", *words, quick=False) == 2
    assert said in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_page_of_all_is_left_to_the_command_that_ends_last(study, tmp_path, capsys):
    clean = tmp_path / "clean"
    words = ("preprocess", study, clean, *STEPS, "--participant-label", "01")
    with held(clean, ["02"]):
        assert command(*words, quick=False) == 0
        said = capsys.readouterr().err
        assert "still at work: sub-02 (process" in said
        assert not (clean / "preprocessing.html").exists()
    assert command(*words, quick=False) == 0
    assert (clean / "preprocessing.html").is_file()


def test_a_subject_with_nothing_to_clean_is_no_fault(study, tmp_path, capsys):
    assert participant(study, tmp_path / "out", "04") == 0
    said = capsys.readouterr().err
    assert "nothing to clean of 04: left out, as said above" in said
    assert "sub-04: nothing is clean; no model is fitted, and no movies are made" in said
    assert not (tmp_path / "out").exists()


def asked(study, label, **options):
    config = load_config(None, [STEPS[1], f'study.participants=["{label}"]'])
    return sorted_out(study, config, strict=False, **options)


def test_whether_images_go_to_mni_is_decided_for_all_subjects(study, tmp_path):
    one_lacks_it = shutil.copytree(study, tmp_path / "study")
    for label in ("01", "02"):
        (one_lacks_it / f"sub-{label}/anat").mkdir(exist_ok=True)
    t1 = one_lacks_it / "sub-01/anat/sub-01_T1w.nii.gz"
    shutil.copy(next(study.glob("sub-01/func/*_bold.nii.gz")), t1)
    assert not asked(one_lacks_it, "01").to_mni
    shutil.copy(t1, one_lacks_it / "sub-02/anat/sub-02_T1w.nii.gz")
    with pytest.raises(StudyError, match="sub-01_T1w"):  # it is looked at, and has volumes
        asked(one_lacks_it, "01")


def test_a_grid_is_compared_with_that_of_subjects_who_are_not_asked_for(study, tmp_path):
    moved = shutil.copytree(study, tmp_path / "study")
    path = next(moved.glob("sub-02/func/*_bold.nii.gz"))
    image = nib.load(path)
    affine = image.affine + np.eye(4, k=3)
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj), affine, image.header), path)
    with pytest.raises(StudyError, match="voxel grid"):
        asked(moved, "02", one_grid=True)
    assert not asked(moved, "01", one_grid=True).faults
