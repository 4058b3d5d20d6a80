import gzip
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pydantic import ValidationError

from neurotranscoder.core.axes import Montage, VoxelGrid
from neurotranscoder.core.errors import StudyError
from neurotranscoder.core.recording import Clock, RunId
from neurotranscoder.io.store import read_json, write_json
from neurotranscoder.preprocess.checks import refuse_unreadable
from neurotranscoder.preprocess.study import open_study
from neurotranscoder.preprocess.study_settings import ClockSettings, StudySettings

from .conftest import CLOCK, SFREQ, TR, make_recording, write_study

RUN = RunId("01", "oddball", run="01")
EEG = "sub-01/eeg/sub-01_task-oddball_run-01_eeg"
BOLD = "sub-01/func/sub-01_task-oddball_run-01_bold"


def test_a_study_that_we_write_has_no_bids_errors(study_folder):
    validator = shutil.which("bids-validator-deno", path=str(Path(sys.executable).parent))
    if validator is None:
        pytest.skip("bids-validator-deno is not installed; pip install neurotranscoder[test]")
    done = subprocess.run(
        [validator, "--format", "json", str(study_folder)], capture_output=True, check=False
    )
    issues = json.loads(done.stdout)["issues"]["issues"]
    assert [issue for issue in issues if issue["severity"] == "error"] == []
    assert done.returncode == 0


def test_what_is_written_is_what_is_loaded(study_folder, recording):
    study = open_study(study_folder)
    loaded = study.load(RUN)
    assert study.runs == (RUN,)
    assert len(study) == 1
    assert loaded.eeg.montage.names == recording.eeg.montage.names
    assert_allclose(loaded.eeg.data, recording.eeg.data, atol=1e-11)  # float32 of 1e-4 V
    assert_allclose(loaded.eeg.montage.positions, recording.eeg.montage.positions, atol=1e-12)
    spread = np.median(np.std(recording.bold.data[recording.bold.mask], axis=-1))
    error = np.std(loaded.bold.data - recording.bold.data)
    assert error < 1e-3 * spread  # int16 over the range of the images
    assert loaded.bold.grid.matches(recording.bold.grid)
    assert_allclose(loaded.bold.volumes.slice_times, recording.bold.volumes.slice_times)
    assert loaded.bold.volumes.tr == TR
    assert np.mean(loaded.bold.mask == recording.bold.mask) > 0.95
    assert_allclose(loaded.events.onset, recording.events.onset)
    assert_array_equal(loaded.events.response_time, recording.events.response_time)
    assert loaded.events.trial_type == recording.events.trial_type


def test_the_clock_of_a_written_recording_is_recovered_to_a_millisecond(study_folder, recording):
    loaded = open_study(study_folder).load(RUN)
    n_times = recording.eeg.data.shape[1]
    truth = CLOCK.scanner_times(n_times, SFREQ)
    assert np.max(np.abs(loaded.clock.scanner_times(n_times, SFREQ) - truth)) < 1e-3


def test_equal_recordings_give_equal_bytes(tmp_path, recording):
    for name in "ab":
        write_study(tmp_path / name, [recording])
    files = sorted(
        p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*.*") if p.is_file()
    )
    assert len(files) > 10
    for path in files:
        assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes(), path


def test_notes_name_triggers_filters_and_dropped_events(study_folder):
    events = study_folder / BOLD.replace("_bold", "_events.tsv")
    events.write_text(events.read_text() + "n/a\tn/a\tn/a\tn/a\n")
    notes = "; ".join(open_study(study_folder).notes[RUN])
    for fact in ("measured from 20", "Response/R128", "1 events without", "0.1-100 Hz"):
        assert fact in notes


def test_notes_count_voxels_amid_the_brain_that_are_nan(study_folder):
    path = study_folder / f"{BOLD}.nii.gz"
    image = nib.load(path)
    data = image.get_fdata(dtype=np.float32)
    data[5, 4, 2:4] = np.nan
    image.header.set_data_dtype(np.float32)
    nib.save(nib.Nifti1Image(data, image.affine, image.header), path)
    assert "2 voxels amid the brain are NaN" in "; ".join(open_study(study_folder).notes[RUN])


def test_events_of_the_eeg_folder_are_moved_to_the_scanner_clock(study_folder, recording):
    (study_folder / BOLD.replace("_bold", "_events.tsv")).unlink()
    loaded = open_study(study_folder).load(RUN)
    assert_allclose(loaded.events.onset, recording.events.onset, atol=1e-3)  # of the clock


def test_iterating_loads_runs_in_order_and_select_restricts(tmp_path):
    runs = [RunId("02", "oddball"), RunId("01", "oddball")]
    write_study(tmp_path, [make_recording(run) for run in runs])
    study = open_study(tmp_path)
    assert [recording.run for recording in study] == sorted(runs)
    assert study.select([runs[0]]).runs == (runs[0],)
    with pytest.raises(StudyError, match=r"sub-03_task-x; need sub-01_task-oddball"):
        study.load(RunId("03", "x"))
    assert open_study(tmp_path, StudySettings(participants=("02",))).runs == (runs[0],)
    with pytest.raises(StudyError, match=r"labels \['09'\]; need some of \['01', '02'\]"):
        open_study(tmp_path, StudySettings(participants=("02", "09")))


def change_json(path, **fields):
    content = read_json(path)
    write_json(path, {k: v for k, v in {**content, **fields}.items() if v is not None})


def drop_markers(folder, keep):
    path = folder / f"{EEG}.vmrk"
    lines = path.read_text().splitlines(keepends=True)
    markers = [line for line in lines if line.startswith("Mk")]
    path.write_text(
        "".join(line for line in lines if not line.startswith("Mk") or keep(markers.index(line)))
    )


def change_image(folder, change):
    path = folder / f"{BOLD}.nii.gz"
    content = bytearray(gzip.decompress(path.read_bytes()))
    change(content)
    path.write_bytes(gzip.compress(bytes(content), mtime=0))


def put_floats(content, offset, *values):
    content[offset : offset + 4 * len(values)] = np.array(values, dtype="<f4").tobytes()


FAULTS = {
    "missing sidecar": (
        lambda f: (f / f"{BOLD}.json").unlink(),
        r"_bold\.nii\.gz: sidecar: got none",
    ),
    "no slice timing": (
        lambda f: change_json(f / f"{BOLD}.json", SliceTiming=None),
        "SliceTiming: got nothing; need SliceTiming, or SliceTimingCorrected",
    ),
    "sagittal slices": (
        lambda f: change_json(f / f"{BOLD}.json", SliceEncodingDirection="i"),
        "SliceEncodingDirection: got 'i'; need slices along the third axis",
    ),
    "slice times in ms": (
        lambda f: change_json(f / f"{BOLD}.json", SliceTiming=[0, 300, 600, 900, 1200, 1500]),
        r"ms written as s\?",
    ),
    "too few slice times": (
        lambda f: change_json(f / f"{BOLD}.json", SliceTiming=[0, 1]),
        r"SliceTiming: got 2 numbers; need one per slice \(6\)",
    ),
    "TR mismatch": (
        lambda f: change_json(f / f"{BOLD}.json", RepetitionTime=2.0),
        r"RepetitionTime: got 2\.0 s in the sidecar, 2\.16 s in the header",
    ),
    "no triggers": (
        lambda f: drop_markers(f, lambda i: i < 0),
        "no volume triggers: the EEG marks nothing; need markers every 2.16 s",
    ),
    "irregular triggers": (
        lambda f: drop_markers(f, lambda i: i % 2 == 0),
        r"no volume triggers: the EEG marks 'Response/R128' x 10 every 4\.320 s",
    ),
    "last trigger missing": (lambda f: drop_markers(f, lambda i: i < 19), "1 fewer than the 20"),
    "missing marker file": (lambda f: (f / f"{EEG}.vmrk").unlink(), "MarkerFile: got no file"),
    "affine without volume": (
        lambda f: change_image(f, lambda c: put_floats(c, 280, 0, 0, 0, 0)),
        "sform/qform: got .*; need finite numbers and a non-zero determinant",
    ),
    "affine with NaN": (
        lambda f: change_image(f, lambda c: put_floats(c, 280, np.nan)),
        "sform/qform: got",
    ),
    "truncated image": (
        lambda f: change_image(f, lambda c: c.__delitem__(slice(2000, None))),
        "data: got .*; need as many numbers as dim says",
    ),
    "image that claims 100 GiB": (
        lambda f: change_image(
            f, lambda c: c.__setitem__(slice(42, 48), np.array([3000] * 3, "<i2").tobytes())
        ),
        r"dim: got 3000 x 3000 x 3000 x 20 = 2011\.7 GiB; need 1 byte to 8\.0 GiB",
    ),
    "bad cell in events": (
        lambda f: (f / BOLD.replace("_bold", "_events.tsv")).write_text("onset\tduration\nx\t1\n"),
        r"events\.tsv: line 2, onset: got 'x'",
    ),
    "dangling link": (
        lambda f: ((f / f"{BOLD}.nii.gz").unlink(), (f / f"{BOLD}.nii.gz").symlink_to("gone")),
        "links without their content: .*datalad get",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_problem_that_names_file_and_cure(fault, study_folder):
    harm, message = FAULTS[fault]
    harm(study_folder)
    with pytest.raises(StudyError, match=message) as caught:
        open_study(study_folder)
    assert len(caught.value.problems) == 1
    assert all((problem.where, problem.cure) for problem in caught.value.problems)


def altered(recording, change):
    data = recording.eeg.data.copy()
    change(data)
    return replace(recording, eeg=replace(recording.eeg, data=data))


def test_a_flat_channel_is_a_problem_until_it_is_excluded(tmp_path, recording):
    write_study(tmp_path, [altered(recording, lambda data: data.__setitem__(2, 1e-5))])
    with pytest.raises(StudyError, match=r"channels: got one constant value in \['Pz'\]"):
        open_study(tmp_path)
    study = open_study(tmp_path, StudySettings(exclude_channels=("Pz",)))
    assert study.load(RUN).eeg.montage.names == ("Fp1", "Cz", "Oz")


def test_nan_in_a_channel_is_a_problem(study_folder):
    path = study_folder / f"{EEG}.eeg"
    samples = np.fromfile(path, dtype="<f4").reshape(-1, 4)
    samples[100, 1] = np.nan
    samples.tofile(path)
    with pytest.raises(StudyError, match=r"channels: got NaN in \['Cz'\]"):
        open_study(study_folder)


def test_cleaning_refuses_nan_and_flat_eeg_but_leaves_one_flat_channel(
    recording,
):
    path = Path("sub-01_eeg.vhdr")
    refuse_unreadable(path, altered(recording, lambda data: data.__setitem__(2, 0.0)).eeg)
    with pytest.raises(StudyError, match=r"got one constant value in \['Fp1', 'Cz', 'Pz', 'Oz'\]"):
        refuse_unreadable(path, altered(recording, lambda data: data.fill(0.0)).eeg)
    broken = altered(recording, lambda data: data.__setitem__((1, 7), np.nan))
    with pytest.raises(StudyError, match=r"got NaN in \['Cz'\]; need finite numbers"):
        refuse_unreadable(path, broken.eeg)


def test_microvolts_read_as_volts_are_a_problem(tmp_path, recording):
    write_study(tmp_path, [altered(recording, lambda data: np.multiply(data, 1e6, out=data))])
    with pytest.raises(
        StudyError, match=r"unit: got a median deviation of .* V; need at most 0\.01"
    ):
        open_study(tmp_path)


def test_eeg_shorter_than_bold_is_a_problem_with_both_spans(tmp_path):
    write_study(tmp_path, [make_recording(clock=Clock("declared", 0.0), seconds=30.0)])
    settings = StudySettings(clock=ClockSettings(eeg_start=0.0))
    with pytest.raises(
        StudyError, match=r"EEG spans 0\.000-30\.000 s .*; need 0\.000-43\.200 s \(BOLD\)"
    ):
        open_study(tmp_path, settings)


def test_eeg_that_lost_its_end_and_its_triggers_is_said_to_be_short(tmp_path):
    write_study(tmp_path, [make_recording(seconds=30.0)])
    with pytest.raises(StudyError, match=r"duration: got 30\.000 s of EEG; need 43\.200 s"):
        open_study(tmp_path)


def test_a_declared_clock_stands_in_for_triggers_and_says_so(tmp_path):
    write_study(tmp_path, [make_recording(clock=Clock("declared", -3.3))])
    study = open_study(tmp_path, StudySettings(clock=ClockSettings(eeg_start=-3.3)))
    assert (
        study.load(RUN).clock == Clock("declared", -3.3) or study.load(RUN).clock.eeg_start == -3.3
    )
    assert "declared, not measured" in study.notes[RUN][0]


def test_runs_on_another_grid_or_with_other_channels_are_problems(tmp_path, recording):
    other = make_recording(RunId("02", "oddball"))
    grid = VoxelGrid(other.bold.grid.shape, other.bold.grid.voxel_to_world + np.eye(4, k=3))
    montage = replace(other.eeg.montage, names=("Fp1", "Cz", "Pz", "O1"))
    other = replace(
        other, bold=replace(other.bold, grid=grid), eeg=replace(other.eeg, montage=montage)
    )
    write_study(tmp_path, [recording, other])
    with pytest.raises(StudyError, match="2 problems") as caught:
        open_study(tmp_path, StudySettings(channels="same"))
    assert [problem.field for problem in caught.value.problems] == ["voxel grid", "channels"]


def test_all_problems_of_a_study_are_listed_at_once(tmp_path):
    runs = [RunId("01", "oddball", run="01"), RunId("02", "oddball"), RunId("03", "oddball")]
    write_study(tmp_path, [make_recording(run) for run in runs])
    change_json(tmp_path / f"{BOLD}.json", RepetitionTime=2.0, SliceTiming=None)
    (tmp_path / f"{EEG}.eeg").write_bytes(b"")
    for kind in ("eeg", "func"):
        path = tmp_path / f"sub-02/{kind}/sub-02_task-oddball_events.tsv"
        path.write_text("onset\tduration\nsoon\t1\n")
    with pytest.raises(StudyError, match="problems found") as caught:
        open_study(tmp_path)
    fields = [problem.field for problem in caught.value.problems]
    assert fields == ["length", "RepetitionTime", "SliceTiming", "line 2, onset"]
    assert all(not problem.where.startswith("/") for problem in caught.value.problems)


def test_a_study_without_simultaneous_runs_says_what_it_found(tmp_path, study_folder):
    func = study_folder / "sub-01/func"
    for path in list(func.iterdir()):
        path.rename(func / path.name.replace("run-01", "run-02"))
    with pytest.raises(
        StudyError, match=r"EEG runs 1 \(sub-01_task-oddball_run-01\), BOLD runs 1"
    ):
        open_study(study_folder)
    with pytest.raises(StudyError, match="nothing; need a BIDS data set"):
        open_study(tmp_path / "nowhere")


def test_labels_that_no_subject_has_are_one_problem(study_folder):
    with pytest.raises(StudyError, match=r"1 problem found.*\n.*labels \['77'\]; need some of"):
        open_study(study_folder, StudySettings(participants=("77",)))


def test_slice_time_corrected_images_have_one_time_for_all_slices(study_folder):
    sidecar = study_folder / f"{BOLD}.json"
    change_json(sidecar, SliceTimingCorrected=True, StartTime=1.08, SliceTiming=None)
    assert_allclose(open_study(study_folder).load(RUN).bold.volumes.slice_times, 1.08)


def test_slices_encoded_downwards_reverse_their_times(study_folder, recording):
    change_json(study_folder / f"{BOLD}.json", SliceEncodingDirection="k-")
    times = open_study(study_folder).load(RUN).bold.volumes.slice_times
    assert_allclose(times, recording.bold.volumes.slice_times[::-1])


def test_images_of_a_derivative_join_the_eeg_of_the_raw_study(study_folder, tmp_path, recording):
    func = tmp_path / "fmriprep/sub-01/func"
    func.mkdir(parents=True)
    stem = "sub-01_task-oddball_run-01_space-MNI152NLin2009cAsym"
    for ending in (".nii.gz", ".json"):
        shutil.move(study_folder / f"{BOLD}{ending}", func / f"{stem}_desc-preproc_bold{ending}")
    mask = np.zeros(recording.bold.grid.shape)
    mask[3:6, 3:6, 2:4] = 1
    write_mask(func / f"{stem}_desc-brain_mask.nii.gz", mask, recording.bold.grid)
    study = open_study(study_folder, StudySettings(images=tmp_path / "fmriprep"))
    loaded = study.load(RUN)
    assert_array_equal(loaded.bold.mask, mask > 0)
    assert len(loaded.events.onset) == 3


def write_mask(path, mask, grid):
    from neurotranscoder.io.nifti import image_of, write_nifti

    write_nifti(path, image_of(mask, grid))


def test_runs_of_one_modality_are_read_where_they_are_asked_for(study_folder):
    shutil.copytree(study_folder / "sub-01", study_folder / "sub-02")
    for path in sorted((study_folder / "sub-02").rglob("sub-01*")):
        text = path.read_bytes().replace(b"sub-01", b"sub-02")
        path.with_name(path.name.replace("sub-01", "sub-02")).write_bytes(text)
        path.unlink()
    shutil.rmtree(study_folder / "sub-01" / "func")
    shutil.rmtree(study_folder / "sub-02" / "eeg")
    with pytest.raises(StudyError, match="the same sub, ses, task and run labels"):
        open_study(study_folder)
    study = open_study(study_folder, alone=True)
    eeg, bold = (study.load_alone(RunId(label, "oddball", run="01")) for label in ("01", "02"))
    assert eeg.eeg.data.shape[0] == len(eeg.eeg.montage.names)
    assert bold.bold.volumes.tr == TR
    assert len(eeg.events.onset) > 0
    with pytest.raises(StudyError, match="see runs"):
        study.load_alone(RunId("09", "oddball"))


def test_a_run_of_one_modality_with_another_cap_is_named(study_folder):
    channels = study_folder / "sub-01" / "eeg"
    shutil.copytree(channels, study_folder / "sub-03" / "eeg")
    for path in sorted((study_folder / "sub-03").rglob("sub-01*")):
        text = path.read_bytes().replace(b"sub-01", b"sub-03")
        if path.name.endswith("_channels.tsv"):
            text = text.replace(b"EEG", b"MISC", 1)
        path.with_name(path.name.replace("sub-01", "sub-03")).write_bytes(text)
        path.unlink()
    assert len(open_study(study_folder)) == 1
    with pytest.raises(StudyError, match=r"sub-03.*the channels of sub-01"):
        open_study(study_folder, StudySettings(channels="same"), alone=True)
    study = open_study(study_folder, alone=True)
    lone = study.load_alone(RunId("03", "oddball", run="01"))
    assert lone.eeg.montage.names == ("Fp1", "Cz", "Pz", "Oz")


@pytest.fixture
def other_caps(tmp_path):
    """Three subjects: one has the usual cap, one lacks Pz, one has it and P9 in another order."""
    caps = (("Fp1", "Cz", "Pz", "Oz"), ("Fp1", "Cz", "Oz"), ("Oz", "P9", "Pz", "Fp1", "CZ"))
    recordings = []
    for label, names in zip(("01", "02", "03"), caps, strict=True):
        one = make_recording(RunId(label, "oddball"), seed=int(label))
        rows = 1e-5 * np.arange(len(names))[:, np.newaxis] + one.eeg.data[:1]
        eeg = replace(one.eeg, data=rows, montage=Montage(names))
        recordings.append(replace(one, eeg=eeg))
    write_study(tmp_path / "caps", recordings)
    return tmp_path / "caps"


def test_runs_are_brought_to_the_channels_that_are_asked_for(other_caps):
    names = ("Fp1", "Cz", "Pz", "Oz")
    study = open_study(other_caps, StudySettings(channels=names))
    assert [one.eeg.montage.names for one in study] == [names] * 3
    one, _, other = study
    assert_allclose(np.diff(one.eeg.data[:, 0]), 1e-5, rtol=1e-3)  # float32 on disk
    rows = other.eeg.data[:, 0] - other.eeg.data[3, 0]  # Oz was the first of the file
    assert_allclose(rows, [3e-5, 4e-5, 2e-5, 0], atol=1e-8)
    second = study.notes[RunId("02", "oddball")]
    third = study.notes[RunId("03", "oddball")]
    assert "EEG brought to 4 channels; interpolated: Pz" in second
    assert "EEG brought to 4 channels; renamed: CZ (Cz); left out: P9" in third


def test_a_part_of_a_study_is_brought_to_the_channels_of_the_whole(other_caps):
    whole = open_study(other_caps, StudySettings(channels="shared"))
    part = open_study(other_caps, StudySettings(channels="shared", participants=("03",)))
    assert whole.settings.channels == part.settings.channels == ("Fp1", "Cz", "Oz")
    assert part.load(RunId("03", "oddball")).eeg.montage.names == ("Fp1", "Cz", "Oz")


def test_a_run_that_lacks_too_much_is_a_problem_that_names_it(other_caps):
    settings = StudySettings(channels=("Fp1", "Cz", "Pz", "Oz"), max_interpolated=0.2)
    with pytest.raises(StudyError, match=r"sub-02.*1 of the 4 channels.*\(Pz\); need at most 20%"):
        open_study(other_caps, settings)


def test_channels_that_are_nowhere_are_refused_at_once(other_caps):
    names = (*["Fp1", "Cz", "Pz", "Oz", "P3", "P4"], "XX", "Fp1-YY")
    message = r"study.channels: got \['Fp1-YY', 'XX'\], which no EEG file has"
    with pytest.raises(StudyError, match=message):
        open_study(other_caps, StudySettings(channels=names, max_interpolated=0.9))


@pytest.mark.parametrize("names", [("Cz", "Cz"), ("T7", "T3"), ("Cz", "")])
def test_a_list_of_channels_needs_each_once(names):
    with pytest.raises(ValidationError, match="names of channels, each of them once"):
        StudySettings(channels=names)


def test_leaving_out_every_channel_is_not_said_to_be_a_wrong_name(other_caps):
    everything = StudySettings(exclude_channels=("Fp1", "Cz", "Pz", "Oz", "P9", "CZ"))
    with pytest.raises(StudyError, match="need at least 1 EEG channel") as caught:
        open_study(other_caps, everything)
    assert "which no EEG file has" not in str(caught.value)


def test_names_to_leave_out_that_no_file_has_are_refused(other_caps):
    with pytest.raises(StudyError, match=r"study.exclude_channels: got \['P10'\], which no EEG"):
        open_study(other_caps, StudySettings(exclude_channels=("P9", "P10")))
