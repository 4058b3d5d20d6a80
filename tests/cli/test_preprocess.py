import shutil

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import signal

from neurotranscoder.core.errors import DiskError
from neurotranscoder.io.store import read_json, read_table, write_table
from neurotranscoder.physics.channels import CHANNELS_64
from neurotranscoder.preprocess.study import open_study
from neurotranscoder.preprocess.study_settings import StudySettings
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.session import simulate_study
from small_study import VALIDATOR, bytes_below, command, validation_errors

KEPT = tuple(name for name in CHANNELS_64 if name in {"Fp1", "F3", "Cz", "T7", "Pz", "O2"})
FEW = f"study.exclude_channels={[name for name in CHANNELS_64 if name not in KEPT]}"


FILES = (
    "eeg/sub-03_task-oddball_run-01_eeg.vhdr",
    "func/sub-03_task-oddball_run-01_bold.nii.gz",
)


@pytest.fixture(scope="module")
def raw_study(tmp_path_factory):
    """Raw 5 kHz EEG of three subjects, 40 s each; never write to it."""
    root = tmp_path_factory.mktemp("raw") / "study"
    sizes = {"n_subjects": 3, "runs_per_subject": 1, "duration": 40.0, "drift_ppm": 15.0}
    simulate_study(named_scenario("artefacts", preset="tiny", seed=100, **sizes), root)
    write_table(root / "sub-03/sub-03_scans.tsv", {"filename": list(FILES), "split": ["test"] * 2})
    return root


@pytest.fixture(scope="module")
def broken(raw_study, tmp_path_factory):
    """The same, and the second subject has lost its samples."""
    root = tmp_path_factory.mktemp("broken") / "study"
    shutil.copytree(raw_study, root, ignore=shutil.ignore_patterns("derivatives"))
    next(root.glob("sub-02/eeg/*.eeg")).unlink()
    return root


@pytest.fixture(scope="module")
def cleaned(broken, tmp_path_factory):
    """What `preprocess` makes of the broken study, and its exit code."""
    out = tmp_path_factory.mktemp("clean") / "out"
    return out, preprocess(broken, out)


def preprocess(study, out, *words):
    return command("preprocess", study, out, "--set", FEW, *words, quick=False)


def spread_uv(eeg):
    """Standard deviation from 1 to 40 Hz, of all channels, in uV."""
    band = signal.butter(3, (1, 40), "bandpass", fs=eeg.sfreq, output="sos")
    return 1e6 * signal.sosfiltfilt(band, eeg.data, axis=1).std()


def test_one_broken_subject_is_named_and_the_others_are_done(broken, cleaned, tmp_path, capsys):
    out, code = cleaned
    assert code == 1
    assert sorted(path.name for path in out.glob("sub-*")) == ["sub-01", "sub-03"]
    assert preprocess(broken, tmp_path / "again") == 1
    said = capsys.readouterr().err
    assert "1 of 3 subjects failed and were left out" in said
    assert "sub-02" in said
    assert ".eeg" in said
    assert preprocess(broken, tmp_path / "strict", "--strict") == 2
    assert "--strict: 1 of 3 subjects failed" in capsys.readouterr().err


def test_the_clean_study_is_read_beside_the_images_of_the_raw_one(broken, cleaned):
    few = StudySettings(exclude_channels=tuple(n for n in CHANNELS_64 if n not in KEPT))
    raw = open_study(broken, few.model_copy(update={"participants": ("01", "03")}))
    clean = open_study(cleaned[0], StudySettings(images=broken, participants=("01", "03")))
    assert clean.runs == raw.runs
    assert clean.test_runs == raw.test_runs == {"sub-03_task-oddball_run-01"}
    one, other = (study.load(raw.runs[0]) for study in (clean, raw))
    assert one.eeg.sfreq == 250
    assert one.eeg.montage.names == KEPT
    assert_allclose(one.eeg.montage.positions, other.eeg.montage.positions, atol=1e-9)
    assert one.clock == other.clock  # not measured again: triggers are rounded to 4 ms
    assert_allclose(one.events.onset, other.events.onset)
    assert spread_uv(other.eeg) > 5 * spread_uv(one.eeg)
    assert spread_uv(one.eeg) < 40


def test_a_fault_that_is_seen_at_once_is_refused_before_anything_is_cleaned(
    raw_study, tmp_path, capsys
):
    root = tmp_path / "study"
    shutil.copytree(raw_study, root, ignore=shutil.ignore_patterns("derivatives", "*.eeg"))
    for path in [*root.glob("*_eeg.json"), *root.glob("sub-03/eeg/*_eeg.json")]:
        path.unlink()
    assert preprocess(root, tmp_path / "out", "--strict") == 2
    assert "sub-03" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_each_step_says_what_it_did(cleaned):
    record = read_json(cleaned[0] / "records" / "sub-01_task-oddball_run-01.json")
    steps = {step["step"]: step for step in record["steps"]}
    assert list(steps) == [
        "gradient", "resample", "pulse", "bad_channels", "ocular", "channels", "filters",
        "reference",
    ]  # fmt: skip
    assert steps["gradient"]["done"]
    assert "volumes" in steps["gradient"]["said"]
    assert steps["resample"]["done"]
    sidecar = read_json(next(cleaned[0].glob("sub-01/eeg/*_desc-preproc_eeg.json")))
    assert sidecar["EEGReference"] == "average"
    assert len(sidecar["CleaningSteps"]) == 8
    page = (cleaned[0] / "preprocessing.html").read_text()
    assert page.count("<details id=") == 2
    assert page.count("<img") == 6
    assert "Subjects that could not be cleaned" in page


def test_records_keep_the_numbers_of_each_step_and_its_settings(cleaned):
    record = read_json(cleaned[0] / "records" / "sub-01_task-oddball_run-01.json")
    numbers = {step["step"]: step["numbers"] for step in record["steps"]}
    assert numbers["resample"] == {"from_hz": 5000.0, "to_hz": 250.0}
    assert numbers["gradient"]["before_uv"] > 5 * numbers["gradient"]["after_uv"]
    assert record["recorded"]["channels"] == 6
    assert record["settings"]["sfreq"] == 250.0
    study = read_json(cleaned[0] / "records" / "study.json")
    assert (study["name"], study["simulated"], list(study["left_out"])) == ("study", True, ["02"])


def test_what_is_clean_is_not_cleaned_again(broken, cleaned, capsys):
    before = bytes_below(cleaned[0])
    assert preprocess(broken, cleaned[0], "--jobs", "2") == 1
    assert "sub-01_task-oddball_run-01: is there" in capsys.readouterr().err
    assert bytes_below(cleaned[0]) == before


@pytest.mark.skipif(not VALIDATOR.exists(), reason="bids-validator-deno is not installed")
def test_the_clean_study_is_a_bids_derivative_without_errors(cleaned):
    assert validation_errors(cleaned[0]) == []


def test_steps_can_be_left_out_and_clean_eeg_is_left_alone(cleaned, broken, tmp_path):
    words = ("--set", f'study.images="{broken}"', "--participant-label", "01")
    assert preprocess(cleaned[0], tmp_path / "twice", *words) == 0
    record = read_json(tmp_path / "twice" / "records" / "sub-01_task-oddball_run-01.json")
    done = {step["step"]: step["done"] for step in record["steps"]}
    assert not done["gradient"]
    assert not done["resample"]
    said = {step["step"]: step["said"] for step in record["steps"]}
    assert "1000" in said["gradient"]
    only = ("--set", 'clean.steps=["resample"]', "--participant-label", "03")
    assert preprocess(broken, tmp_path / "one", *only) == 0
    record = read_json(tmp_path / "one" / "records" / "sub-03_task-oddball_run-01.json")
    assert [step["step"] for step in record["steps"]] == ["resample"]
    assert np.all([step["done"] for step in record["steps"]])


def test_results_are_never_written_into_the_raw_study(broken, capsys):
    for out in (broken, broken / "sub-01" / "out", broken.parent):
        assert preprocess(broken, out) == 2
        assert "holds the study itself, or lies in it" in capsys.readouterr().err
    assert not (broken / "sub-01" / "out").exists()


def test_what_changed_is_cleaned_again_and_settings_are_not_mixed(broken, tmp_path, capsys):
    study, out = tmp_path / "study", tmp_path / "out"
    shutil.copytree(broken, study, ignore=shutil.ignore_patterns("sub-02", "sub-03"))
    quick = ("--set", 'clean.steps=["resample"]')
    assert preprocess(study, out, *quick) == 0
    clean = next(out.glob("sub-01/eeg/*.eeg"))
    before = clean.read_bytes()
    clean.write_bytes(before[:1000])
    assert preprocess(study, out, *quick) == 0
    assert clean.read_bytes() == before
    capsys.readouterr()
    marks = next(study.glob("sub-01/eeg/*.vmrk"))
    text = marks.read_text(encoding="utf-8")
    marks.write_text(text.replace("R128", "R129"), encoding="utf-8")  # of the same size
    assert preprocess(study, out, *quick) == 0
    assert "is there" not in capsys.readouterr().err
    shutil.copytree(broken / "sub-03", study / "sub-03")  # a subject that came later
    assert preprocess(study, out, *quick) == 0
    assert len(list(out.glob("sub-*"))) == 2
    other = (*quick, "--set", "clean.sfreq=200", "--participant-label", "01")
    assert preprocess(study, out, *other) == 2
    assert "were preprocessed with other settings ([clean]" in capsys.readouterr().err


def test_a_fault_leaves_what_was_clean_before(broken, tmp_path):
    study, out = tmp_path / "sub-studies" / "study", tmp_path / "out"
    shutil.copytree(broken, study, ignore=shutil.ignore_patterns("sub-02", "sub-03"))
    for path in sorted((study / "sub-01").rglob("*run-01*")):  # another run, which will break
        text = path.read_bytes().replace(b"run-01", b"run-02")
        path.with_name(path.name.replace("run-01", "run-02")).write_bytes(text)
    quick = ("--set", 'clean.steps=["resample"]')
    assert preprocess(study, out, *quick) == 0
    before = next(out.glob("sub-01/eeg/*run-01*.eeg")).read_bytes()
    next(study.glob("sub-01/eeg/*run-02*.vmrk")).write_text("nothing", encoding="utf-8")
    assert preprocess(study, out, *quick) == 1
    assert next(out.glob("sub-01/eeg/*run-01*.eeg")).read_bytes() == before
    assert not list(out.rglob("*run-02*"))
    assert (
        preprocess(study, out, *quick, "--participant-label", "77") == 2
    )  # no fault of 'studies'


def test_a_full_disk_stops_and_is_no_fault_of_a_subject(broken, tmp_path, capsys, monkeypatch):
    study, quick = tmp_path / "study", ("--set", 'clean.steps=["resample"]')
    shutil.copytree(broken, study, ignore=shutil.ignore_patterns("sub-02", "sub-03"))

    def full(*_, **__):
        raise DiskError("x.eeg: could not be written (No space left on device)")

    with monkeypatch.context() as patched:
        patched.setattr("neurotranscoder.io.derivatives.write_brainvision", full)
        assert preprocess(study, tmp_path / "out", *quick) == 1
    said = capsys.readouterr().err
    assert "DiskError: x.eeg: could not be written" in said
    assert "left out" not in said
    assert preprocess(study, tmp_path / "out", *quick) == 0


def test_runs_of_one_modality_are_named(broken, tmp_path, capsys):
    study = tmp_path / "study"
    shutil.copytree(broken, study, ignore=shutil.ignore_patterns("sub-02", "sub-03"))
    shutil.copytree(study / "sub-01" / "func", study / "sub-09" / "func")
    for path in sorted((study / "sub-09").rglob("sub-01*")):
        path.rename(path.with_name(path.name.replace("sub-01", "sub-09")))
    assert preprocess(study, tmp_path / "out", "--set", 'clean.steps=["resample"]') == 0
    assert "sub-09_task-oddball_run-01: BOLD without EEG; left out" in capsys.readouterr().err


def test_a_channel_that_gets_another_type_is_noticed(broken, tmp_path):
    study, out = tmp_path / "study", tmp_path / "out"
    shutil.copytree(broken, study, ignore=shutil.ignore_patterns("sub-02", "sub-03"))
    quick = ("--set", 'clean.steps=["resample"]')
    assert preprocess(study, out, *quick) == 0
    table = next(study.glob("sub-01/eeg/*_channels.tsv"))
    text = table.read_text(encoding="utf-8")
    table.write_text(text.replace(f"{KEPT[0]}\tEEG", f"{KEPT[0]}\tEOG"), encoding="utf-8")
    assert preprocess(study, out, *quick) == 0
    columns = read_table(next(out.glob("sub-01/eeg/*_channels.tsv")))
    assert columns["name"] == list(KEPT[1:])


def test_eeg_with_a_gradient_artefact_and_no_images_is_left_out(raw_study, tmp_path, capsys):
    study, out = tmp_path / "study", tmp_path / "out"
    shutil.copytree(raw_study, study, ignore=shutil.ignore_patterns("sub-02", "derivatives"))
    shutil.rmtree(study / "sub-03" / "func")
    (study / "sub-03" / "sub-03_scans.tsv").unlink()
    assert preprocess(study, out, "--set", 'clean.steps=["resample"]') == 0
    said = capsys.readouterr().err
    assert "EEG without BOLD; left out: it has a gradient artefact every 2 s" in said
    assert [path.name for path in out.glob("sub-*")] == ["sub-01"]


def test_eeg_beside_images_of_another_label_is_not_taken_for_eeg_alone(
    raw_study, tmp_path, capsys
):
    study, out = tmp_path / "study", tmp_path / "out"
    shutil.copytree(raw_study, study, ignore=shutil.ignore_patterns("sub-02", "derivatives"))
    for path in study.glob("sub-03/func/*_run-01_*"):
        path.rename(path.with_name(path.name.replace("run-01", "run-1")))
    assert preprocess(study, out, "--set", 'clean.steps=["resample"]') == 0
    assert (
        "left out: there is BOLD without EEG as well; do their labels differ?"
        in capsys.readouterr().err
    )
    assert [path.name for path in out.glob("sub-*")] == ["sub-01"]
