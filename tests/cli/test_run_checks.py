import json
import os
import shutil

import nibabel as nib
import numpy as np
import pytest

from neurotranscoder.cli.common import Common, Workers
from neurotranscoder.cli.preprocess_faults import sorted_out
from neurotranscoder.cli.run import RawStudy
from neurotranscoder.cli.run_checks import check_results
from neurotranscoder.config import load_config
from neurotranscoder.core.errors import PartialError
from neurotranscoder.io.manifest import write_manifest
from neurotranscoder.io.output_folder import open_output_folder
from odd_caps import study_of_odd_caps
from small_study import command

STEPS = ("--set", 'clean.steps=["channels", "filters", "reference"]')
SPLIT = ("--set", "train.split.by=subject", "--set", "train.split.test=1")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Three subjects that can be cleaned; never write to it."""
    root = study_of_odd_caps(tmp_path_factory.mktemp("odd") / "study", duration=40.0)
    shutil.rmtree(root / "derivatives")
    shutil.rmtree(root / "sub-04")
    return root


@pytest.fixture
def study(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "study")


def app(study, out, level, *words):
    return command("run", study, out, level, *STEPS, *words, quick=False)


def cleaned(out):
    return sorted(path.name for path in (out / "preprocessed").glob("sub-*"))


def test_a_damaged_table_of_events_is_a_fault_of_its_subject(study, tmp_path, capsys):
    next(study.glob("sub-02/func/*_events.tsv")).write_text("onset\tduration\nsoon\t1\n")
    assert app(study, tmp_path / "out", "participant") == 1
    assert "sub-02: sub-02/func/sub-02_task-oddball_run-01_events.tsv" in capsys.readouterr().err
    assert cleaned(tmp_path / "out") == ["sub-01", "sub-03"]


def test_another_grid_is_a_fault_of_its_subject_where_images_stay(study, tmp_path, capsys):
    path = next(study.glob("sub-03/func/*_bold.nii.gz"))
    image = nib.load(path)
    moved = nib.Nifti1Image(np.asarray(image.dataobj), image.affine + np.eye(4, k=3), image.header)
    nib.save(moved, path)
    assert app(study, tmp_path / "out", "participant") == 1
    said = capsys.readouterr().err
    assert "sub-03: sub-03_task-oddball_run-01: voxel grid" in said
    assert cleaned(tmp_path / "out") == ["sub-01", "sub-02"]
    assert command("preprocess", study, tmp_path / "eeg", *STEPS, quick=False) == 0


def test_a_split_that_the_study_is_too_small_for_is_refused_before_cleaning(
    study, tmp_path, capsys
):
    assert app(study, tmp_path / "out", "group") == 2
    assert "0 training, 0 validation and 3 test runs" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("nowhere", "got no manifest.json"),
        ("junk", "got a JSON list"),
        ("movie", "holds a 'movie'"),
    ],
)
def test_a_folder_that_is_no_group_model_is_refused_before_cleaning(
    study, tmp_path, capsys, model, words
):
    for name in ("junk", "movie"):
        (tmp_path / name).mkdir()
    (tmp_path / "junk/manifest.json").write_text("[]")
    write_manifest(tmp_path / "movie", kind="movie", settings_hash="")
    given = ("--model", tmp_path / model)
    assert app(study, tmp_path / "out", "participant", *given) == 2
    assert f"{tmp_path / model}" in (said := capsys.readouterr().err)
    assert words in said
    assert not (tmp_path / "out").exists()


def test_conditions_that_no_table_has_are_refused_before_cleaning(study, tmp_path, capsys):
    words = (*SPLIT, "--set", 'analyse.trials.conditions=["odball"]')
    assert app(study, tmp_path / "out", "group", *words) == 2
    assert (
        "got the conditions 'odball'; need some of 'oddball', 'standard'"
        in capsys.readouterr().err
    )
    assert not (tmp_path / "out").exists()


def test_a_path_that_is_no_utf8_is_refused_before_anything_is_written(tmp_path, capsys):
    out = tmp_path / os.fsdecode(b"results-\xfc")  # Latin-1
    assert app(tmp_path, out, "participant") == 2
    assert "holds bytes that are no UTF-8" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("jobs", ["0", "-2"])
def test_a_number_of_jobs_that_is_none_leaves_no_folder(whole, tmp_path, jobs):
    words = (*SPLIT, "--jobs", jobs)
    assert app(whole, tmp_path / "out", "group", *words) == 2
    assert not (tmp_path / "out").exists()


@pytest.fixture
def with_results(study, tmp_path):
    """A study of which results were made, of two subjects."""
    out = tmp_path / "out"
    assert app(study, out, "participant", "--participant-label", "01", "02") == 0
    with open_output_folder(out / "results", kind="derivative", identity="of two"):
        pass
    return study, out


def test_other_settings_than_those_of_results_are_refused_before_cleaning(with_results, capsys):
    study, out = with_results
    capsys.readouterr()
    assert app(study, out, "group", *SPLIT, "--set", "clean.filters.low_cut=0.1") == 2
    said = capsys.readouterr().err
    assert "was made with other settings: clean.filters of" in said
    assert "cleaning subjects" not in said


def test_subjects_that_results_are_not_made_of_are_refused_before_cleaning(with_results, capsys):
    study, out = with_results
    (out / "results/models/sparse").mkdir(parents=True)
    capsys.readouterr()
    assert app(study, out, "participant", "--participant-label", "03") == 2
    said = capsys.readouterr().err
    assert "is made of 2 subjects, and 03 would come" in said
    assert cleaned(out) == ["sub-01", "sub-02"]


def test_a_group_of_fewer_subjects_does_not_take_the_place_of_the_model_of_all(
    with_results, capsys
):
    study, out = with_results
    split = out / "results/models/sparse/split.json"
    split.parent.mkdir(parents=True)
    runs = [f"sub-0{number}_task-oddball_run-01" for number in (1, 2)]
    split.write_text(json.dumps({"training": runs[:1], "validation": [], "test": runs[1:]}))
    capsys.readouterr()
    assert app(study, out, "group", *SPLIT, "--participant-label", "01") == 2
    said = capsys.readouterr().err
    assert "has a group model of 2 subjects, and one without 02 would take its place" in said
    assert "cleaning subjects" not in said


def test_a_subject_that_failed_before_is_none_that_comes(with_results):
    study, out = with_results
    next(study.glob("sub-03/eeg/*.eeg")).unlink()
    assert command("preprocess", study, out / "preprocessed", *STEPS, quick=False) == 1
    found = sorted_out(study, load_config(None, STEPS[1:]), strict=False)
    assert [runs[0].run.subject for runs in found.subjects] == ["01", "02", "03"]
    check_results(found, out)


def test_a_subject_that_fails_now_is_left_out_though_it_was_clean_before(with_results):
    study, out = with_results
    app_of = RawStudy(study, out, Common(), Workers())
    assert app_of.without(PartialError("", ["03"])) == app_of
    assert app_of.without(PartialError("", ["02"])).common.participant_label == ("01",)
    with pytest.raises(PartialError, match="both"):
        app_of.without(PartialError("both", ["01", "02"]))


def test_report_of_a_run_is_that_of_its_results(with_results, capsys):
    _, out = with_results
    assert command("report", out, quick=False) == 2
    assert f"{out / 'results'}: got neither an evaluation" in capsys.readouterr().err
