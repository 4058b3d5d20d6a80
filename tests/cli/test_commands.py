import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.io.output_folder import open_output_folder
from neurotranscoder.io.store import read_json, read_table, write_json
from neurotranscoder.preprocess.study import open_study
from neurotranscoder.simulate.truth import load_truth
from neurotranscoder.train.trained import load_trained
from small_study import bytes_below, command

RUN = "sub-01_task-oddball_run-01"
VALIDATOR = Path(sys.executable).with_name("bids-validator-deno")


def copy_of(study, folder):
    """Copy a study without its truth; a test may damage it."""
    ignore = shutil.ignore_patterns("derivatives", "manifest.json")
    return Path(shutil.copytree(study, folder, ignore=ignore))


def without_seconds(path):
    return {name: cells for name, cells in read_table(path).items() if name != "seconds"}


def test_training_writes_the_resolved_settings_and_one_model_each(tiny_results):
    assert "steps = 4" in (tiny_results / "settings.toml").read_text()
    for name in ("closed_form", "transcoder"):
        files = {path.name for path in (tiny_results / "models" / name).iterdir()}
        assert {"manifest.json", "weights.json", "split.json", "curve.tsv"} <= files
    assert not list(tiny_results.glob("models/*.checkpoint"))


def test_a_trained_model_is_kept_and_other_data_train_it_anew(tiny_study, results, capsys):
    folder = results / "models" / "closed_form"
    before = bytes_below(folder)
    words = ("train", tiny_study, results, "--architecture", "closed_form")
    assert command(*words) == 0
    assert "closed_form is complete" in capsys.readouterr().err
    assert bytes_below(folder) == before
    assert command(*words, "--set", 'align.interpolation="linear"') == 0
    assert "is complete" not in capsys.readouterr().err
    assert bytes_below(folder, without=["timing.json"]) != before


def test_a_damaged_model_is_trained_again(tiny_study, results, capsys):
    folder = results / "models" / "closed_form"
    before = bytes_below(folder, without=["timing.json", "manifest.json"])
    with (folder / "split.json").open("a") as file:
        file.write(" ")
    assert command("train", tiny_study, results, "--architecture", "closed_form") == 0
    assert "trained again" in capsys.readouterr().err
    assert bytes_below(folder, without=["timing.json", "manifest.json"]) == before


def test_a_folder_that_another_command_has_open_is_refused_and_left_alone(
    tiny_study, results, capsys
):
    marker = read_json(results / "neurotranscoder.json")
    with open_output_folder(results, kind=marker["kind"], identity=marker["identity"]):
        (results / ".metrics.tsv.abcdefgh.partial.tsv").write_text("half")
        before = bytes_below(results)
        assert command("reconstruct", tiny_study, results) == 2
        assert bytes_below(results) == before
    assert f"process {os.getpid()} on" in capsys.readouterr().err


def test_workers_share_the_runs_and_leave_nothing_behind(tiny_study, results, tmp_path):
    words = ("train", tiny_study, tmp_path / "out", "--architecture", "closed_form")
    assert command(*words, "--jobs", "2") == 0
    assert not list((tmp_path / "out").glob(".neurotranscoder*"))
    one, two = (
        load_trained(folder / "models" / "closed_form").module.state_dict()
        for folder in (results, tmp_path / "out")
    )
    for name, value in one.items():
        assert_allclose(two[name], value, rtol=0, atol=1e-5 * float(value.abs().max()))


def test_reconstruct_writes_three_sources_of_each_run(tiny_study, results):
    assert command("reconstruct", tiny_study, results) == 0
    images = sorted(path.name for path in results.rglob("*_source.nii.gz"))
    assert len(images) == 30
    assert images[:3] == [
        f"{RUN}_desc-{n}_source.nii.gz" for n in ("frombold", "fromeeg", "fused")
    ]
    sidecar = read_json(results / f"sub-01/func/{RUN}_desc-fused_source.json")
    assert sidecar["RepetitionTime"] == pytest.approx(0.4)
    assert len(sidecar["Sources"]) == 2
    assert "measured from 60 volume triggers" in sidecar["EEGClock"]


def test_the_sum_of_both_sources_is_written_when_it_is_asked_for(tiny_study, results):
    words = ("reconstruct", tiny_study, results, "--set", "reconstruct.fusion=sum")
    assert command(*words, "--participant-label", "01") == 0
    names = [f"{RUN}_desc-{n}_source.nii.gz" for n in ("frombold", "fromeeg", "fused")]
    parts = [np.asarray(nib.load(results / "sub-01/func" / name).dataobj) for name in names]
    assert_allclose(parts[2], parts[0] + parts[1], atol=1e-5 * np.abs(parts[2]).max())


@pytest.mark.parametrize("origin", ["eeg", "bold"])
def test_reconstruct_from_one_modality_writes_that_alone(tiny_study, results, origin):
    words = ("reconstruct", tiny_study, results, "--from", origin, "--participant-label", "02")
    assert command(*words) == 0
    found = {path.name[:6] + path.name[-25:] for path in results.rglob("*_source.nii.gz")}
    assert len(list(results.rglob("*_source.nii.gz"))) == 5
    assert all(name.startswith("sub-02") and f"from{origin}" in name for name in found)


def test_transcoded_signals_are_a_bids_derivative_without_errors(tiny_study, results):
    one = ("--participant-label", "01")
    assert command("reconstruct", tiny_study, results, *one) == 0
    for target in ("bold", "eeg"):
        assert command("transcode", tiny_study, results, "--to", target, *one) == 0
    assert len(list(results.rglob("*_desc-fromeeg_bold.nii.gz"))) == 5
    assert len(list(results.rglob("*_desc-frombold_eeg.vhdr"))) == 5
    if not VALIDATOR.exists():
        pytest.skip("bids-validator-deno is not installed; pip install neurotranscoder[test]")
    done = subprocess.run([VALIDATOR, "--format", "json", results], capture_output=True)
    issues = json.loads(done.stdout)["issues"]["issues"]
    assert [issue for issue in issues if issue["severity"] == "error"] == []


def test_evaluate_and_report_give_the_same_table_twice(tiny_study, results):
    words = ("evaluate", tiny_study, results, "--model", results / "models" / "closed_form")
    assert command(*words) == 0
    first = without_seconds(results / "metrics.tsv")
    assert {"closed_form", "oracle_spatial_wiener", "null_wrong_run"} <= set(first["method"])
    assert command(*words) == 0
    assert without_seconds(results / "metrics.tsv") == first
    assert command("report", results, quick=False) == 0
    page = (results / "report.html").read_text()
    assert "minimum_norm_true_leadfield" in page
    assert "How realistic the recordings are" in page
    assert not re.search(r"(src|href)\s*=\s*[\"']https?://", page)


def test_sparse_sources_are_trained_and_used_by_the_commands(tiny_study, tmp_path):
    out = tmp_path / "out"
    words = ("train", tiny_study, out, "--architecture", "sparse")
    assert command(*words, "--set", "train.sparse.frames=300") == 0
    trained = load_trained(out / "models" / "sparse")
    assert trained.settings.sparse.frames == 300
    assert trained.shape.sparse_rounds in (0, trained.settings.sparse.rounds)
    words = ("reconstruct", tiny_study, out, "--participant-label", "02")
    assert command(*words, "--model", out / "models" / "sparse") == 0
    images = [nib.load(path) for path in out.rglob("*_desc-fromeeg_source.nii.gz")]
    assert len(images) == 5
    assert all(np.isfinite(np.asarray(image.dataobj)).all() for image in images)


def test_relative_paths_and_another_working_directory(tiny_study, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study").symlink_to(tiny_study)
    (tmp_path / "my.toml").write_text("[train]\narchitecture = 'closed_form'\n")
    assert command("train", "study", "here/out", "--config", "my.toml") == 0
    assert (tmp_path / "here/out/models/closed_form/manifest.json").is_file()


def test_participant_labels_restrict_the_study(tiny_study, tmp_path):
    words = ("train", tiny_study, tmp_path / "out", "--architecture", "closed_form")
    assert command(*words, "--participant-label", "02") == 0
    split = read_json(tmp_path / "out/models/closed_form/split.json")
    assert {label[:6] for part in split.values() for label in part} == {"sub-02"}
    assert command(*words, "--participant-label", "01", "02") == 0
    split = read_json(tmp_path / "out/models/closed_form/split.json")
    assert {label[:6] for part in split.values() for label in part} == {"sub-01", "sub-02"}


BAD_SETTINGS = {
    "unknown key": ("train.residual.stepz=3", "unknown key 'stepz'; known keys are .*'steps'"),
    "unknown section": ("trian.seed=3", "unknown key 'trian'; known keys are 'study', 'clean'"),
    "no value": ("train.residual.steps", "needs section.key=value"),
    "wrong type": ("train.residual.steps=many", "train.residual.steps = 'many'"),
    "too small": ("align.block_size=-1", "align.block_size = -1"),
    "not finite": ("align.block_size=inf", "align.block_size = inf"),
    "unknown word": ("reconstruct.fusion=mean", "'joint', 'sum' or 'zscored'"),
    "too many validation runs": ("train.split.validation=5", "0 training"),
}


@pytest.mark.parametrize("fault", BAD_SETTINGS)
def test_bad_settings_end_with_2_and_write_nothing(fault, tiny_study, tmp_path, capsys):
    setting, message = BAD_SETTINGS[fault]
    out = tmp_path / "out"
    assert command("train", tiny_study, out, "--set", setting) == 2
    assert re.search(message, capsys.readouterr().err)
    assert not out.exists()


def test_an_output_folder_that_holds_something_else_is_left_alone(tiny_study, tmp_path, capsys):
    (tmp_path / "thesis.txt").write_text("years of work")
    assert command("train", tiny_study, tmp_path) == 2
    assert "holds 1 other entries (thesis.txt" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    assert command("train", tiny_study, tmp_path / "thesis.txt") == 2
    assert "is a file; need a folder" in capsys.readouterr().err


def test_results_are_never_put_around_the_study(tiny_study, capsys):
    for out in (tiny_study, tiny_study.parent):
        assert command("train", tiny_study, out) == 2
        assert "holds the study itself" in capsys.readouterr().err


def test_all_problems_of_a_study_are_listed_at_once(tiny_study, tmp_path, capsys):
    study = copy_of(tiny_study, tmp_path / "study")
    func = study / "sub-01/func"
    (func / f"{RUN}_bold.json").unlink()
    sidecar = func / "sub-01_task-oddball_run-02_bold.json"
    write_json(sidecar, read_json(sidecar) | {"RepetitionTime": 3.0})
    markers = study / "sub-02/eeg/sub-02_task-oddball_run-01_eeg.vmrk"
    markers.write_text(re.sub(r"(?m)^Mk.*R128.*\n", "", markers.read_text()))
    for name in ("train", "reconstruct", "evaluate"):
        assert command(name, study, tmp_path / "out") == 2
        told = capsys.readouterr().err
        assert "3 problems found" in told
        assert re.search(rf"{RUN}_bold\S*: sidecar: got none", told)
        assert "RepetitionTime: got 3.0 s in the sidecar, 2 s in the header" in told
        assert "no volume triggers" in told
    assert not (tmp_path / "out").exists()


def test_commands_without_a_model_say_which_command_makes_one(tiny_study, tmp_path, capsys):
    for words in (("reconstruct",), ("transcode", "--to", "bold"), ("evaluate",)):
        assert command(words[0], tiny_study, tmp_path / "out", *words[1:]) == 2
        assert "run `neurotranscoder train` first or name one" in capsys.readouterr().err
    assert command("report", tmp_path, quick=False) == 2
    assert (
        "got neither an evaluation, nor statistics of subjects, nor a benchmark"
        in capsys.readouterr().err
    )
    assert not (tmp_path / "out").exists()


def test_a_model_of_other_electrodes_or_voxels_is_refused(
    tiny_study, tiny_results, tmp_path, capsys
):
    study = copy_of(tiny_study, tmp_path / "study")
    model = tiny_results / "models" / "closed_form"
    excluded = ("--set", 'study.exclude_channels=["Cz"]')
    words = ("reconstruct", study, tmp_path / "out", "--model", model)
    assert command(*words, *excluded) == 2
    assert "they differ in ['Cz']; use recordings with the same" in capsys.readouterr().err
    assert command(*words, "--set", "align.frames_per_tr=7") == 2
    assert "3.5 Hz, the model at 2.5 Hz" in capsys.readouterr().err
    for path in study.rglob("*_bold.nii.gz"):
        image = nib.load(path)
        image.affine[0, 3] += 12
        moved = nib.Nifti1Image(np.asarray(image.dataobj), image.affine, image.header)
        moved.to_filename(path)
    assert command(*words) == 2
    assert "use images in the space of the model" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--preset", "huge"), "known presets are small, tiny, paper"),
        (("--runs", "0"), "runs_per_subject"),
        (("--duration", "33.3", "--preset", "tiny"), "need a whole number"),
        (("--seed", "-1"), "seed"),
        (("--events", "nowhere.tsv"), r"nowhere.tsv: file: got .*No such file"),
    ],
)
def test_impossible_simulations_are_refused(words, message, tmp_path, capsys):
    assert command("simulate", tmp_path / "study", *words, quick=False) == 2
    assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / "study").exists()


def test_recordings_without_truth_are_compared_with_references_too(tiny_study, results, tmp_path):
    study, out = copy_of(tiny_study, tmp_path / "study"), tmp_path / "out"
    model = results / "models" / "closed_form"
    assert command("evaluate", study, out, "--model", model) == 0
    assert command("report", out, quick=False) == 0
    page = (out / "report.html").read_text()
    assert '<h2 id="realism">How realistic the recordings are</h2>' in page  # simulated ones
    assert f"One held-out run, {read_json(model / 'split.json')['test'][0]}," in page
    assert len(read_table(out / "realism.tsv")["measure"]) > 15


def test_words_that_are_no_command_end_with_2(capsys):
    assert command("guess", quick=False) == 2
    assert command("train", quick=False) == 2
    assert command("transcode", "a", "b", "--to", "meg", quick=False) == 2
    assert command("--version", quick=False) == 0
    assert "0.1.0" in capsys.readouterr().out


def test_the_demo_of_the_tiny_preset_ends_with_a_report(tmp_path, capsys):
    assert command("demo", tmp_path / "demo", "--preset", "tiny", quick=False) == 0
    assert "report in" in capsys.readouterr().err
    methods = set(read_table(tmp_path / "demo/metrics.tsv")["method"])
    assert {"sparse", "closed_form", "paper", "null_wrong_run", "ridge_lags"} <= methods
    assert (tmp_path / "demo/report.html").stat().st_size > 1e5


def test_simulate_writes_the_same_bytes_with_two_jobs(tmp_path):
    words = ("--preset", "tiny", "--duration", "20", "--runs", "2", "--subjects", "1")
    assert command("simulate", tmp_path / "one", *words, quick=False) == 0
    assert command("simulate", tmp_path / "two", *words, "--jobs", "2", quick=False) == 0
    assert bytes_below(tmp_path / "one") == bytes_below(tmp_path / "two")


def test_a_cluster_that_is_none_is_refused_before_anything_is_written(tmp_path, capsys):
    assert command("simulate", tmp_path / "one", "--cluster", "slurm", quick=False) == 2
    assert "cluster is 'slurm'" in capsys.readouterr().err
    assert not (tmp_path / "one").exists()


def test_runs_that_the_study_sets_aside_are_the_test_runs_of_every_model(tiny_study, tiny_results):
    scenario = load_truth(tiny_study).cohort.scenario
    labels = {run.label for run in scenario.test_ids}
    assert open_study(tiny_study).test_runs == labels
    assert set(load_trained(tiny_results / "models" / "closed_form").split.test) == labels
