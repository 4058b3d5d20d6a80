import json

import nibabel as nib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import neurotranscoder as nt
from layout_example import write_ds002336, write_image
from neurotranscoder.core.errors import StudyError
from small_study import validation_errors

STEM = "sub-xp101_task-motorloc"
RAW = nt.ImportSettings(eeg="raw")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """One subject; never write to it."""
    root = tmp_path_factory.mktemp("ds002336") / "source"
    write_ds002336(root)
    return root


@pytest.fixture(scope="module")
def study(source, tmp_path_factory):
    """The study made of the cleaned EEG; never write to it."""
    out = tmp_path_factory.mktemp("imported") / "study"
    nt.import_study("ds002336", source, out)
    return out


@pytest.fixture
def broken(tmp_path):
    """One subject that a test may break."""
    root = tmp_path / "source"
    write_ds002336(root)
    return root


def test_cleaned_eeg_begins_with_the_volume_that_the_raw_markers_show(source, study):
    before = nib.load(source / "sub-xp101" / "func" / f"{STEM}_bold.nii.gz")
    recording = next(iter(nt.load_study(study)))
    assert_array_equal(recording.bold.data, np.asarray(before.dataobj)[..., 1:])
    assert_allclose(recording.clock.eeg_start, 0, atol=1e-9)
    sidecar = json.loads((study / "sub-xp101" / "func" / f"{STEM}_bold.json").read_text())
    assert sidecar["NumberOfVolumesDiscardedByUser"] == 1


def test_events_move_with_the_volumes_that_were_left_out(study):
    events = next(iter(nt.load_study(study))).events
    assert_allclose(events.onset, [0, 8])
    assert events.trial_type == ("Rest", "Task-ME")


def test_a_missing_first_block_marker_is_one_block_before_the_first_task(broken, tmp_path):
    path = broken / "sub-xp101" / "eeg" / f"{STEM}_eeg.vmrk"
    path.write_text(path.read_text().replace("S 99", "S 77"))
    done = nt.import_study("ds002336", broken, tmp_path / "out")
    assert any("counted in the raw marker file: volume 1" in note for note in done.notes)


def test_without_raw_markers_the_first_volume_is_that_of_the_readme(broken, tmp_path):
    (broken / "sub-xp101" / "eeg" / f"{STEM}_eeg.vmrk").unlink()
    done = nt.import_study("ds002336", broken, tmp_path / "out")
    assert any("as the README says" in note for note in done.notes)
    assert next(iter(nt.load_study(tmp_path / "out"))).bold.volumes.n_volumes == 9


def test_a_first_marker_after_the_block_leaves_out_one_volume_more(broken, tmp_path):
    path = broken / "derivatives/sub-xp101/eeg_pp" / f"{STEM}_eeg_pp.vmrk"
    lines = path.read_text().splitlines()
    first = next(i for i, line in enumerate(lines) if "R128" in line)
    path.write_text("\n".join(lines[:first] + lines[first + 1 :]) + "\n")
    nt.import_study("ds002336", broken, tmp_path / "out")
    recording = next(iter(nt.load_study(tmp_path / "out")))
    assert recording.bold.volumes.n_volumes == 8
    assert_allclose(recording.clock.eeg_start, -2, atol=1e-9)


def test_raw_eeg_keeps_all_volumes_which_are_the_very_file(source, tmp_path):
    nt.import_study("ds002336", source, tmp_path, settings=RAW)
    recording = next(iter(nt.load_study(tmp_path)))
    assert recording.bold.volumes.n_volumes == 10
    assert (recording.eeg.sfreq, len(recording.eeg.data)) == (5000, 3)
    assert_allclose(recording.clock.eeg_start, -1, atol=1e-6)
    image = f"sub-xp101/func/{STEM}_bold.nii.gz"
    assert (tmp_path / image).samefile(source / image)


def test_slice_times_and_facts_of_the_sidecar_go_over(source, study):
    recording = next(iter(nt.load_study(study)))
    assert_allclose(recording.bold.volumes.slice_times, [1, 0, 1.5, 0.5])
    sidecar = json.loads((study / "sub-xp101" / "func" / f"{STEM}_bold.json").read_text())
    assert (sidecar["EchoTime"], sidecar["TaskName"]) == (0.023, "motorloc")


def test_the_study_is_bids(study, source, tmp_path):
    assert validation_errors(study) == []
    nt.import_study("ds002336", source, tmp_path, settings=RAW)
    assert validation_errors(tmp_path) == []


def test_a_sidecar_without_slice_times_asks_for_an_order(broken, tmp_path):
    path = broken / "sub-xp101" / "func" / f"{STEM}_bold.json"
    path.write_text('{"RepetitionTime": 2}')
    with pytest.raises(StudyError, match="slice timing: got nothing"):
        nt.import_study("ds002336", broken, tmp_path / "out", settings=RAW)
    order = nt.ImportSettings(eeg="raw", slice_order="even-first")
    nt.import_study("ds002336", broken, tmp_path / "out", settings=order)
    times = next(iter(nt.load_study(tmp_path / "out"))).bold.volumes.slice_times
    assert_allclose(times, [1, 0, 1.5, 0.5])


def test_a_sidecar_with_another_tr_or_too_few_slice_times_is_refused(broken, tmp_path):
    path = broken / "sub-xp101" / "func" / f"{STEM}_bold.json"
    path.write_text('{"RepetitionTime": 1, "SliceTiming": [0, 1]}')
    with pytest.raises(StudyError, match="2 problems") as caught:
        nt.import_study("ds002336", broken, tmp_path / "out", settings=RAW)
    assert "1 s in the sidecar, 2 s in the header" in str(caught.value)
    assert "got 2 numbers; need one per slice (4)" in str(caught.value)


def test_images_that_end_before_the_eeg_begins_are_refused(broken, tmp_path):
    write_image(broken / "sub-xp101" / "func" / f"{STEM}_bold.nii.gz", tr=2.0, n_volumes=2)
    with pytest.raises(StudyError, match="got 2 volumes, 1 of them before the EEG; need at least"):
        nt.import_study("ds002336", broken, tmp_path / "out")
