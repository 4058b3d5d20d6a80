"""The facade: MNE recordings, arrays with axes, whole recordings."""

import mne
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import signal

import neurotranscoder as nt
from gradient_example import SFREQ, TR, clean, raw_example
from neurotranscoder.core.axes import Montage, VolumeAxis, VoxelGrid
from neurotranscoder.core.errors import CleaningError, ClockError, SettingsError
from neurotranscoder.core.recording import Bold, Clock, Eeg, OtherChannel, Recording, RunId
from neurotranscoder.simulate.catalogue import named_scenario


@pytest.fixture(scope="module")
def example():
    return raw_example(np.random.default_rng(7), n_channels=3)


@pytest.fixture(scope="module")
def expected(example):
    return clean(example)[0]


@pytest.fixture
def raw(example):
    info = mne.create_info(["Cz", "ECG", "status"], SFREQ, ["eeg", "ecg", "misc"])
    raw = mne.io.RawArray(example.dirty, info, verbose="error")
    n = len(example.triggers)
    marks = mne.Annotations(
        np.append(example.triggers, [1.0, 5.0]), np.zeros(n + 2), ["R128"] * n + ["S  1"] * 2
    )
    return raw.set_annotations(marks)


def eeg_of(example):
    ecg = OtherChannel("ECG", "ECG", example.dirty[2].copy())
    return Eeg(example.dirty[:2].copy(), SFREQ, Montage(("Cz", "Pz")), others=(ecg,))


def test_an_mne_recording_is_cleaned_in_a_copy(raw, example, expected):
    found, report = nt.remove_gradient(raw, tr=TR)
    assert_allclose(found.get_data()[:2], expected[:2], atol=1e-12)
    assert_array_equal(raw.get_data(), example.dirty)
    assert report.channels == ("Cz", "ECG")
    assert_array_equal(found.annotations.onset, raw.annotations.onset)


def test_channels_that_are_no_potentials_are_left_as_they_are(raw, example):
    found, _ = nt.remove_gradient(raw, tr=TR)
    assert_array_equal(found.get_data()[2], example.dirty[2])


@pytest.mark.parametrize("how", ["name", "times"])
def test_triggers_may_be_named_or_given_and_the_tr_follows(raw, example, expected, how):
    found, _ = nt.remove_gradient(raw, triggers="R128" if how == "name" else example.triggers)
    assert_allclose(found.get_data()[:2], expected[:2], atol=1e-12)


def test_a_cropped_recording_keeps_its_triggers(raw):
    found, report = nt.remove_gradient(raw.copy().crop(1.5), tr=TR)
    assert len(report.starts) == 14
    assert found.get_data().std(axis=1)[0] < 2e-5


def test_an_eeg_is_cleaned_with_what_was_recorded_beside_it(example, expected):
    eeg = eeg_of(example)
    found, report = nt.remove_gradient(eeg, triggers=example.triggers, tr=TR)
    assert_allclose(found.data, expected[:2], atol=1e-12)
    assert_allclose(found.others[0].data, expected[2], atol=1e-12)
    assert report.channels == ("Cz", "Pz", "ECG")
    assert_array_equal(eeg.data, example.dirty[:2])


def test_single_precision_stays_single(example, expected):
    eeg = Eeg(example.dirty.astype(np.float32), SFREQ, Montage(("A", "B", "C")))
    found, _ = nt.remove_gradient(eeg, triggers=example.triggers)
    assert found.data.dtype == np.float32
    assert_allclose(found.data, expected, atol=2e-8)  # V: 3 mV have steps of .2 nV


def test_a_recording_knows_its_tr_slices_and_clock(example):
    grid = VoxelGrid((1, 1, 19), np.eye(4))
    volumes = VolumeAxis(TR, 14, example.slice_times)
    bold = Bold(np.ones((1, 1, 19, 14)), grid, volumes, np.ones((1, 1, 19), dtype=bool))
    clock = Clock("measured", -example.triggers[0] * (1 + 15e-6), 15.0)
    recording = Recording(RunId("01", "rest"), eeg_of(example), bold, clock)
    found, report = nt.remove_gradient(recording)
    assert example.residual(np.vstack([found.eeg.data, found.eeg.others[0].data])) < 1.5
    assert (report.n_slices, found.bold) == (19, bold)
    with pytest.raises(SettingsError, match="a Recording got tr, slice_times or triggers"):
        nt.remove_gradient(recording, tr=TR)


def test_a_run_of_the_scanner_scenario_becomes_the_run_without_gradients():
    shorter = {"n_subjects": 1, "runs_per_subject": 1, "duration": 24.0}
    scenario = named_scenario("artefacts", preset="tiny", seed=1, **shorter)
    silent = scenario.scanner.model_copy(update={"gradient_mv": 0.0})
    run, few = nt.simulate_run(scenario), ["Fp1", "Cz", "Oz"]
    truth = nt.simulate_run(scenario.model_copy(update={"scanner": silent})).raw.get_data(few)
    found, report = nt.remove_gradient(run.raw.pick(few), tr=scenario.tr)
    assert_allclose(report.drift_ppm, scenario.drift_ppm, atol=0.2)
    assert report.n_slices == 10
    band = signal.butter(4, (1, 40), "bandpass", fs=SFREQ, output="sos")
    error = signal.sosfiltfilt(band, found.get_data() - truth, axis=1)
    assert np.sqrt(np.mean(error**2)) < 2.7e-6


def test_eeg_without_trigger_times_is_refused(example):
    with pytest.raises(SettingsError, match="holds no markers: need the times"):
        nt.remove_gradient(eeg_of(example), tr=TR)


def test_raw_without_tr_or_triggers_is_refused(raw):
    with pytest.raises(SettingsError, match="need the TR in s to find volume triggers among"):
        nt.remove_gradient(raw)


def test_raw_without_markers_is_refused(raw):
    bare = raw.copy().set_annotations(None)
    with pytest.raises(ClockError, match="no volume triggers"):
        nt.remove_gradient(bare, tr=TR)


def test_an_unknown_name_is_refused_with_what_there_is(raw):
    with pytest.raises(CleaningError, match="there are 0 triggers"):
        nt.remove_gradient(raw, triggers="V1")
    with pytest.raises(ClockError, match="'R128' x 14"):
        nt.remove_gradient(raw, triggers="V1", tr=TR)


def test_raw_without_electric_channels_is_refused(raw):
    with pytest.raises(CleaningError, match=r"types \['misc'\]; need at least one of eeg, ecg"):
        nt.remove_gradient(raw.pick(["status"]), tr=TR)
