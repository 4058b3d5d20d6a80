import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.axes import Montage, VolumeAxis, VoxelGrid
from neurotranscoder.core.errors import StoreError
from neurotranscoder.core.recording import Bold, Clock, Eeg, OtherChannel, Recording, RunId
from neurotranscoder.io import brainvision
from neurotranscoder.io.brainvision import read_markers
from neurotranscoder.io.store import read_table
from neurotranscoder.io.study_writer import start_study, write_recording

VALIDATOR = Path(sys.executable).with_name("bids-validator-deno")
SFREQ = 500.0


def make_recording(source="measured"):
    rng = np.random.default_rng(0)
    grid = VoxelGrid((5, 6, 4), np.diag([4.0, 4, 4, 1]))
    data = 1000 + 10 * rng.standard_normal((5, 6, 4, 8), dtype=np.float32)
    volumes = VolumeAxis(2.0, 8, np.arange(4) / 2)
    bold = Bold(data, grid, volumes, np.ones((5, 6, 4), dtype=bool))
    signals = 2e-5 * rng.standard_normal((2, 9000), dtype=np.float32)
    eeg = Eeg(signals, SFREQ, Montage(("Fz", "Cz"), 50 * rng.standard_normal((2, 3))))
    return Recording(RunId("01", "rest"), eeg, bold, Clock(source, -1.0))


def write_study(root, recording, **options):
    readme = "A simulated study that tests write and remove again. " * 4
    start_study(root, name="Test", authors=("A. Author",), readme=readme, subjects=("01",))
    write_recording(root, recording, task_description="Lie still", **options)
    return root / "sub-01"


def samples_in(subject):
    markers = read_markers(subject / "eeg" / "sub-01_task-rest_eeg.vmrk")
    assert {marker.name for marker in markers} <= {"Response/R128"}
    return [marker.sample for marker in markers]


def test_a_measured_clock_marks_the_starts_of_volumes(tmp_path):
    marked = samples_in(write_study(tmp_path, make_recording()))
    assert_array_equal(marked, SFREQ * (1 + 2 * np.arange(8)))


def test_a_declared_clock_marks_nothing(tmp_path):
    assert samples_in(write_study(tmp_path, make_recording("declared"))) == []


@pytest.mark.parametrize("source", ["measured", "declared"])
def test_given_triggers_are_what_is_written(tmp_path, source):
    triggers = np.array([3, 500, 501, 501, 8999])
    assert samples_in(write_study(tmp_path, make_recording(source), triggers=triggers)) == list(
        triggers
    )


def test_no_triggers_at_all_can_be_given(tmp_path):
    none = np.zeros(0, dtype=np.int64)
    assert samples_in(write_study(tmp_path, make_recording(), triggers=none)) == []


def test_a_trigger_outside_the_eeg_is_refused(tmp_path):
    with pytest.raises(StoreError, match=r"samples \[9000\] are outside"):
        write_study(tmp_path, make_recording(), triggers=np.array([9000]))


def test_images_come_back_to_a_thousandth_of_their_noise(tmp_path):
    recording = make_recording()
    path = write_study(tmp_path, recording) / "func" / "sub-01_task-rest_bold.nii.gz"
    image = nib.load(path)
    assert image.get_data_dtype() == np.int16
    error = image.get_fdata() - recording.bold.data
    assert np.sqrt(np.mean(error**2)) < 1e-3 * 10


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_images_with_a_bad_value_are_refused(tmp_path, bad):
    recording = make_recording()
    recording.bold.data[1, 2, 3, 4] = bad
    with pytest.raises(StoreError, match="BOLD holds NaN or infinite values"):
        write_study(tmp_path, recording)


@pytest.mark.skipif(not VALIDATOR.exists(), reason="bids-validator-deno is not installed")
def test_a_study_with_packed_eeg_and_faulty_triggers_is_valid_bids(tmp_path, monkeypatch):
    monkeypatch.setattr(brainvision, "_MAX_FLOAT_BYTES", 0)
    subject = write_study(tmp_path, make_recording(), triggers=np.array([3, 500, 501, 501]))
    assert "INT_16" in (subject / "eeg" / "sub-01_task-rest_eeg.vhdr").read_text("utf-8")
    done = subprocess.run(
        [VALIDATOR, "--format", "json", tmp_path], capture_output=True, text=True, check=False
    )
    issues = json.loads(done.stdout)["issues"]["issues"]
    assert [issue for issue in issues if issue["severity"] == "error"] == []


def test_the_sidecar_states_the_reference_and_rate_of_the_eeg(tmp_path):
    subject = write_study(tmp_path, make_recording(), eeg_reference="FCz")
    sidecar = json.loads((subject / "eeg" / "sub-01_task-rest_eeg.json").read_text())
    assert sidecar["EEGReference"] == "FCz"
    assert_allclose([sidecar["SamplingFrequency"], sidecar["RecordingDuration"]], [500, 18])


def test_the_heart_is_declared_as_ecg(tmp_path):
    recording = make_recording()
    heart = OtherChannel("ECG", "ECG", np.zeros(9000, dtype=np.float32))
    eeg = dataclasses.replace(recording.eeg, others=(heart,))
    subject = write_study(tmp_path, dataclasses.replace(recording, eeg=eeg))
    table = read_table(subject / "eeg" / "sub-01_task-rest_channels.tsv")
    kinds = dict(zip(table["name"], table["type"], strict=True))
    assert kinds == {"Fz": "EEG", "Cz": "EEG", "ECG": "ECG"}
    sidecar = json.loads((subject / "eeg" / "sub-01_task-rest_eeg.json").read_text())
    assert [sidecar[f"{kind}ChannelCount"] for kind in ("EEG", "ECG", "EOG")] == [2, 1, 0]
