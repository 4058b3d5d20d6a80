import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.io import loadmat, savemat

import neurotranscoder as nt
from layout_example import levels, write_ds000116, write_image
from neurotranscoder.core.errors import StudyError
from neurotranscoder.io.layouts.matlab import events_of
from small_study import validation_errors

AUDITORY = "auditoryoddballwithbuttonresponsetotargetstimuli"
STEM = f"sub-01_task-{AUDITORY}_run-01"
RUN = "task001_run001"
SINGLE = 1.2e-7  # relative error of float32, in which EEG of this length is written


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Two subjects in the layout of openFMRI; never write to them."""
    root = tmp_path_factory.mktemp("ds000116") / "source"
    write_ds000116(root)
    return root


@pytest.fixture
def broken(tmp_path):
    """One subject that a test may break."""
    root = tmp_path / "source"
    write_ds000116(root, subjects=(1,))
    return root


@pytest.fixture(scope="module")
def study(source, tmp_path_factory):
    """The study made of it with the default settings; never write to it."""
    out = tmp_path_factory.mktemp("imported") / "study"
    nt.import_study("ds000116", source, out)
    return out


def volts_of(source, name, variable):
    """Return a matrix of the first subject, in the units of its file."""
    return loadmat(source / "sub001" / "EEG" / RUN / f"{name}.mat")[variable]


def refusal(source, tmp_path, **settings):
    """Import, and return the message of the error."""
    with pytest.raises(StudyError) as caught:
        nt.import_study(
            "ds000116", source, tmp_path / "out", settings=nt.ImportSettings(**settings)
        )
    assert not (tmp_path / "out").exists()
    return str(caught.value)


def test_rereferenced_eeg_is_34_channels_in_volts(source, study):
    recording = next(iter(nt.load_study(study)))
    microvolts = volts_of(source, "EEG_rereferenced", "data_reref")[:34]
    assert recording.run.label == STEM
    assert_allclose(recording.eeg.data, 1e-6 * microvolts, rtol=SINGLE)


def test_raw_eeg_is_divided_by_the_gain_of_the_amplifier(source, tmp_path):
    nt.import_study("ds000116", source, tmp_path, settings=nt.ImportSettings(eeg="raw"))
    recording = next(iter(nt.load_study(tmp_path)))
    amplified = volts_of(source, "EEG_raw", "data")[:43]
    assert_allclose(recording.eeg.data, amplified / 10_000, rtol=SINGLE)


def test_noisy_pairs_of_the_readme_are_bad_and_the_heart_is_no_eeg(source, tmp_path):
    nt.import_study("ds000116", source, tmp_path, settings=nt.ImportSettings(eeg="noGA"))
    lines = (tmp_path / "sub-01" / "eeg" / f"{STEM}_channels.tsv").read_text().splitlines()
    rows = [line.split("\t") for line in lines[1:]]
    assert [name for name, *_, status in rows if status == "bad"] == ["pair08", "pair24"]
    kinds = [kind for _, kind, *_ in rows]
    assert [kinds.count(kind) for kind in ("EEG", "EOG", "ECG")] == [43, 2, 2]


def test_stimuli_and_responses_become_events_on_both_clocks(study):
    events = next(iter(nt.load_study(study))).events
    assert_allclose(events.onset, [3, 6, 9])
    assert events.trial_type[1] == "auditory oddball stimulus presentation"
    assert_allclose(events.response_time, [np.nan, 0.4, np.nan])


def test_a_response_belongs_to_the_last_stimulus_and_glitches_are_no_stimuli(tmp_path):
    stimuli = levels(9000, [(1000, 225), (4000, 250)], base=25)
    stimuli[997:1000] = 125  # on its way up
    stimuli[1100:1103] = 30
    responses = levels(9000, [(500, 100), (4300, 100), (4800, 100)])
    events = events_of(tmp_path, stimuli, responses)
    assert_allclose(events.onset, [1, 4])
    assert_allclose(events.response_time, [np.nan, 0.3])


def test_clock_is_locked_and_the_study_says_that_nobody_measured_it(study):
    opened = nt.load_study(study)
    clock = opened.load(opened.runs[0]).clock
    assert_allclose([clock.eeg_start, clock.drift_ppm], 0, atol=1e-9)
    assert any("not measured" in note for note in opened.notes[opened.runs[0]])
    sidecar = json.loads((study / "sub-01" / "eeg" / f"{STEM}_eeg.json").read_text())
    assert "multiples of the TR" in sidecar["Assumptions"][0]


def test_a_declared_clock_marks_no_volumes(source, tmp_path):
    nt.import_study("ds000116", source, tmp_path, settings=nt.ImportSettings(clock="declared"))
    with pytest.raises(StudyError, match="declare the start of the EEG"):
        nt.load_study(tmp_path)


def test_slice_times_follow_the_file_of_the_data_set(source, study, tmp_path):
    recording = next(iter(nt.load_study(study)))
    assert_allclose(recording.bold.volumes.slice_times, [0, 0.5, 1, 1.5])
    order = tmp_path / "order.txt"
    order.write_text("2\n4\n1\n3\n")
    settings = nt.ImportSettings(slice_order=str(order))
    nt.import_study("ds000116", source, tmp_path / "out", settings=settings)
    recording = next(iter(nt.load_study(tmp_path / "out")))
    assert_allclose(recording.bold.volumes.slice_times, [1, 0, 1.5, 0.5])


def test_electrodes_get_the_names_of_the_location_file(source, tmp_path):
    table = tmp_path / "locations_34_EEG.ced"
    names = [f"E{i}" for i in range(34)]
    table.write_text("Number\tlabels\ttheta\n" + "".join(f"{i}\t{n}\t0\n" for i, n in
                                                         enumerate(names)))  # fmt: skip
    settings = nt.ImportSettings(electrodes=table)
    nt.import_study("ds000116", source, tmp_path / "out", settings=settings)
    assert next(iter(nt.load_study(tmp_path / "out"))).eeg.montage.names == tuple(names)


def test_the_study_is_bids_and_has_the_anatomy(study):
    assert validation_errors(study) == []
    assert (study / "sub-01" / "anat" / "sub-01_T1w.nii.gz").is_file()


def test_a_missing_matrix_and_a_missing_image_are_named_together(broken, tmp_path):
    (broken / "sub001" / "EEG" / RUN / "EEG_rereferenced.mat").unlink()
    (broken / "sub001" / "BOLD" / RUN / "bold.nii.gz").unlink()
    message = refusal(broken, tmp_path)
    assert "2 problems" in message
    assert "EEG_rereferenced.mat: file: got no such file; need the file; restore" in message
    assert f"BOLD/{RUN}: files: got none; need one file *bold.nii.gz or *bold.nii" in message


def test_a_matrix_of_other_rows_is_refused_with_what_is_there(broken, tmp_path):
    path = broken / "sub001" / "EEG" / RUN / "EEG_rereferenced.mat"
    savemat(path, {"data_reref": np.zeros((36, 16_000))})
    assert "got data_reref 36 x 16000; need 'data_reref' of 37 rows" in refusal(broken, tmp_path)


def test_two_matrices_that_may_be_the_raw_eeg_are_refused(broken, tmp_path):
    path = broken / "sub001" / "EEG" / RUN / "EEG_raw.mat"
    savemat(path, {"a": np.zeros((49, 16_000)), "b": np.zeros((49, 16_000))})
    assert "a 49 x 16000, b 49 x 16000; need one matrix" in refusal(broken, tmp_path, eeg="raw")


def test_a_file_that_is_no_matlab_file_is_refused(broken, tmp_path):
    (broken / "sub001" / "EEG" / RUN / "EEG_rereferenced.mat").write_bytes(b"no MATLAB" * 40)
    assert "need a whole MATLAB file of version 5 to 7" in refusal(broken, tmp_path)


def test_eeg_that_is_too_short_for_its_images_is_refused(broken, tmp_path):
    write_image(broken / "sub001" / "BOLD" / RUN / "bold.nii.gz", tr=2.0, n_volumes=12)
    assert "got 16.000 s of EEG; need 24.000 s, as long as bold.nii.gz" in refusal(
        broken, tmp_path
    )


def test_a_header_with_another_tr_is_refused(broken, tmp_path):
    write_image(broken / "sub001" / "BOLD" / RUN / "bold.nii.gz", tr=1.0)
    assert "pixdim[4]: got a TR of 1 s; need 2 s" in refusal(broken, tmp_path)


def test_without_a_slice_order_the_user_is_asked_for_one(broken, tmp_path):
    (broken / "slice_order.txt").unlink()
    message = refusal(broken, tmp_path)
    assert "slice timing: got nothing; need the order of the slices; give slice_order" in message


def test_a_slice_order_that_misses_a_slice_is_refused(broken, tmp_path):
    (broken / "slice_order.txt").write_text("1\n2\n2\n4\n")
    message = refusal(broken, tmp_path)
    assert "got 4 numbers, 3 different, 1 to 4; need each of the slices 1-4 once" in message


def test_stimulus_rows_without_a_known_code_are_refused():
    with pytest.raises(StudyError, match=r"got levels \[0, 7\]; need codes 125, 150, 225, 250"):
        events_of(Path("file.mat"), levels(900, [(300, 7)]), np.zeros(900))


def test_values_that_are_not_finite_are_refused_and_leave_no_run_behind(broken, tmp_path):
    path = broken / "sub001" / "EEG" / RUN / "EEG_rereferenced.mat"
    matrix = loadmat(path)["data_reref"]
    matrix[3, 5] = np.nan
    savemat(path, {"data_reref": matrix})
    with pytest.raises(StudyError, match="1 of 592000 values are NaN or infinite"):
        nt.import_study("ds000116", broken, tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*_eeg.json"))
