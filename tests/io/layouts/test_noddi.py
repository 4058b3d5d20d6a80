import numpy as np
import pytest
from numpy.testing import assert_allclose

import neurotranscoder as nt
from layout_example import write_image, write_noddi
from neurotranscoder.core.errors import StudyError
from neurotranscoder.io.brainvision import read_markers
from neurotranscoder.io.eeg import EegHeader, Markers
from neurotranscoder.io.layouts import noddi
from neurotranscoder.io.layouts.eeg_files import BrainVisionPart
from small_study import validation_errors

SINGLE = 1.2e-7  # relative error of float32


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """One subject in each archive; never write to them."""
    root = tmp_path_factory.mktemp("noddi") / "source"
    write_noddi(root)
    return root


@pytest.fixture(scope="module")
def study(source, tmp_path_factory):
    """The study made of it with the default settings; never write to it."""
    out = tmp_path_factory.mktemp("imported") / "study"
    nt.import_study("noddi", source, out)
    return out


@pytest.fixture
def broken(tmp_path):
    """One subject that a test may break."""
    root = tmp_path / "source"
    write_noddi(root, ids=("32",), tops=("EEG",))
    return root


def refusal(source, tmp_path, **settings):
    """Import, and return the message of the error."""
    with pytest.raises(StudyError) as caught:
        nt.import_study("noddi", source, tmp_path / "out", settings=nt.ImportSettings(**settings))
    assert not (tmp_path / "out").exists()
    return str(caught.value)


def test_subjects_of_both_archives_are_runs_of_rest(study):
    assert [str(run) for run in nt.load_study(study).runs] == [
        "sub-32_task-rest",
        "sub-36_task-rest",
    ]


def test_cleaned_eeg_keeps_its_samples_and_loses_the_heart(tmp_path):
    data = write_noddi(tmp_path / "source", ids=("32",), tops=("EEG",))
    nt.import_study("noddi", tmp_path / "source", tmp_path / "out")
    recording = next(iter(nt.load_study(tmp_path / "out")))
    assert recording.eeg.montage.names == ("Fz", "Cz", "Oz")
    assert_allclose(recording.eeg.data, data["32"][:3], rtol=SINGLE)


def test_clock_is_measured_from_scan_starts(study):
    clock = next(iter(nt.load_study(study))).clock
    assert (clock.source, clock.n_triggers) == ("measured", 8)
    assert_allclose(clock.eeg_start, -0.144, atol=1e-6)


def test_slice_times_are_those_that_were_published(study):
    times = next(iter(nt.load_study(study))).bold.volumes.slice_times
    assert_allclose(times, noddi.SLICE_TIMES)


def test_raw_eeg_gets_the_volume_markers_of_the_cleaned_file(source, tmp_path):
    nt.import_study("noddi", source, tmp_path, settings=nt.ImportSettings(eeg="raw"))
    study = nt.load_study(tmp_path)
    clock = study.load(study.runs[0]).clock
    assert_allclose(clock.eeg_start, -(1.4 + 0.144), atol=1e-6)  # it began 1.4 s earlier
    assert any("moved by the difference of the dates" in n for n in study.notes[study.runs[0]])


def test_raw_eeg_whose_amplifier_clock_disagrees_is_refused(broken, tmp_path):
    [markers] = (broken / "EEG" / "32" / "raw").glob("*.vmrk")
    text = markers.read_text()
    markers.write_text(text.replace("20130410102500000000", "20130410102500500000"))
    assert "got SyncStatus markers 500.0 ms apart" in refusal(broken, tmp_path, eeg="raw")


def test_real_markers_of_cleaned_and_raw_eeg_agree_on_the_amplifier_clock(real_data):
    folder = real_data / "scanner_markers/eeg_rest_fmri"
    found = []
    for subject in ("sub-32", "sub-35", "sub-36"):
        parts = []
        for top, sfreq in ((folder, 5000.0), (folder / "derivatives", 250.0)):
            header = top / subject / "eeg" / f"{subject}_task-rest_eeg.vhdr"
            nothing = EegHeader((), sfreq, 0, Markers(np.zeros(0), ()))
            parts.append(BrainVisionPart(header, nothing))
        offset, error = noddi._offset(*parts)
        assert error < 0.0041  # markers of the cleaned file are rounded to its samples of 4 ms
        found.append(offset)
    assert_allclose(found, [115.784, 0, 0])


def test_files_keep_their_bytes_but_for_the_names_in_the_headers(source, study):
    export = source / "EEG1" / "32" / "export"
    stem = "sub-32_task-rest_eeg"
    eeg = study / "sub-32" / "eeg"
    assert (eeg / f"{stem}.eeg").samefile(export / "20130410320002_Segmentation_bin.dat")
    before = read_markers(export / "20130410320002_Segmentation_bin.vmrk")
    assert read_markers(eeg / f"{stem}.vmrk") == before
    header = (eeg / f"{stem}.vhdr").read_text()
    assert f"DataFile={stem}.eeg\nMarkerFile={stem}.vmrk\n" in header


def test_the_study_is_bids(study):
    assert validation_errors(study) == []


def test_a_header_that_names_a_file_elsewhere_is_refused(broken, tmp_path):
    [header] = (broken / "EEG" / "32" / "export").glob("*.vhdr")
    stem = header.stem
    header.write_text(header.read_text().replace(f"DataFile={stem}", f"DataFile=../{stem}"))
    assert "DataFile: got '../2013" in refusal(broken, tmp_path)


def test_a_link_without_its_content_is_refused_with_the_command_that_gets_it(broken, tmp_path):
    [samples] = (broken / "EEG" / "32" / "export").glob("*.dat")
    samples.unlink()
    samples.symlink_to(tmp_path / "absent")
    message = refusal(broken, tmp_path)
    assert "got a link without its content" in message
    assert f"datalad get {samples}" in message


def test_eeg_without_volume_markers_is_refused(broken, tmp_path):
    [markers] = (broken / "EEG" / "32" / "export").glob("*.vmrk")
    markers.write_text(markers.read_text().replace("Scan Start", "Other").replace("Mk3", "Mk2"))
    lines = [line for line in markers.read_text().splitlines() if "Other" not in line]
    markers.write_text("\n".join(lines))
    assert "markers: got no volume triggers" in refusal(broken, tmp_path)


def test_images_of_another_number_of_slices_are_refused(broken, tmp_path):
    write_image(broken / "fMRI/32/3_nw_mepi_rest_with_cross.nii.gz", tr=2.16, n_slices=4)
    assert "got 4 slices; need 30, as the published slice times" in refusal(broken, tmp_path)


def test_a_folder_whose_name_is_no_label_is_refused(broken, tmp_path):
    (broken / "EEG" / "32").rename(broken / "EEG" / "3..2")
    message = refusal(broken, tmp_path)
    assert "label '3..2' is not a BIDS label" in message


def test_the_same_subject_in_two_archives_is_refused(tmp_path):
    write_noddi(tmp_path / "source", ids=("32", "32"), tops=("EEG1", "EEG2"))
    assert "folders: got" in refusal(tmp_path / "source", tmp_path)


def test_one_modality_alone_is_named_and_left_out(source, tmp_path):
    write_image(tmp_path / "source/fMRI/40/3_rest_with_cross.nii.gz", tr=2.16)
    write_noddi(tmp_path / "source", ids=("32",), tops=("EEG",))
    done = nt.import_study("noddi", tmp_path / "source", tmp_path / "out")
    assert done.alone == ("sub-40_task-rest: BOLD without EEG; left out",)
