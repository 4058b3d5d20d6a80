import pytest
from numpy.testing import assert_allclose

import neurotranscoder as nt
from layout_example import write_natview, write_set
from neurotranscoder.core.errors import StudyError
from small_study import validation_errors

STEM = "sub-01_ses-01_task-checker"
CLEANED = nt.ImportSettings(eeg="cleaned")
SINGLE = 1.2e-7  # relative error of float32


@pytest.fixture
def source(tmp_path):
    """One session that a test may break."""
    write_natview(tmp_path / "source")
    return tmp_path / "source"


@pytest.mark.parametrize(("settings", "sfreq"), [(None, 1000), (CLEANED, 250)])
def test_a_session_becomes_a_bids_study(source, tmp_path, settings, sfreq):
    nt.import_study("natview", source, tmp_path / "out", settings=settings)
    recording = next(iter(nt.load_study(tmp_path / "out")))
    assert (str(recording.run), recording.eeg.sfreq) == (STEM, sfreq)
    assert recording.eeg.montage.names == ("Fz", "Cz")  # heart and eyes are no EEG
    assert_allclose(recording.clock.eeg_start, -1, atol=1e-6)
    assert_allclose(recording.bold.volumes.slice_times, [0, 1.05, 0.525, 1.575])
    assert validation_errors(tmp_path / "out") == []


def test_samples_go_over_in_volts(tmp_path):
    data = write_natview(tmp_path / "source")
    nt.import_study("natview", tmp_path / "source", tmp_path / "out")
    recording = next(iter(nt.load_study(tmp_path / "out")))
    assert_allclose(recording.eeg.data, data[:2], rtol=SINGLE)


def test_cleaned_eeg_with_samples_cut_out_is_refused(source, tmp_path):
    marks = [(1.0 + 2.1 * i, "R128") for i in range(8)] + [(9.5, "boundary")]
    path = source / "preproc_data/sub-01/ses-01/eeg" / f"{STEM}_eeg.set"
    write_set(path, marks, sfreq=250.0, seconds=20)
    with pytest.raises(StudyError, match=r"1 cuts .'boundary'., the first at 9\.500 s"):
        nt.import_study("natview", source, tmp_path / "out", settings=CLEANED)


def test_without_a_sidecar_the_slice_order_has_to_be_given(tmp_path):
    write_natview(tmp_path / "source", with_json=False)
    with pytest.raises(StudyError, match="slice timing: got nothing"):
        nt.import_study("natview", tmp_path / "source", tmp_path / "out")
    settings = nt.ImportSettings(slice_order="odd-first")
    nt.import_study("natview", tmp_path / "source", tmp_path / "out", settings=settings)
    times = next(iter(nt.load_study(tmp_path / "out"))).bold.volumes.slice_times
    assert_allclose(times, [0, 1.05, 0.525, 1.575])


def test_samples_that_are_missing_are_named(source, tmp_path):
    (source / "raw_data/sub-01/ses-01/eeg" / f"{STEM}_eeg.fdt").unlink()
    with pytest.raises(StudyError, match=r"_eeg\.set: file: got .*\.fdt"):
        nt.import_study("natview", source, tmp_path / "out")


def test_eeg_outside_the_scanner_is_named_and_left_out(source, tmp_path):
    path = source / "raw_data/sub-01/ses-01/eeg/sub-01_ses-01_task-checkerout_eeg.set"
    write_set(path, [(1.0, "S 1")], sfreq=250.0, seconds=5)
    done = nt.import_study("natview", source, tmp_path / "out")
    assert done.alone == ("sub-01_ses-01_task-checkerout: EEG without BOLD; left out",)
