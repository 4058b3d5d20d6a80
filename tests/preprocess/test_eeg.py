import mne
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.errors import CleaningError
from neurotranscoder.core.passband import Passband
from neurotranscoder.preprocess.eeg import DISPLAY, filter_eeg, resample_eeg
from neurotranscoder.signal.filters import FilterSettings, apply_filters, measured_passband

SFREQ, N_TIMES = 200.0, 12_000


@pytest.fixture
def raw(rng):
    info = mne.create_info(["Fp1", "Cz", "Oz", "ECG"], SFREQ, ["eeg"] * 3 + ["ecg"])
    data = 1e-5 * rng.standard_normal((4, N_TIMES)) + 1e-4 * np.linspace(0, 1, N_TIMES)
    raw = mne.io.RawArray(data, info, verbose="error")
    return raw.set_annotations(mne.Annotations([10.003, 20.0], [0.5, 0.0], ["face", "R128"]))


def test_a_copy_is_filtered_and_other_channels_stay(raw):
    before = raw.get_data()
    filtered, report = filter_eeg(raw)
    assert_array_equal(raw.get_data(), before)
    assert_array_equal(filtered.get_data()[3], before[3])
    expected = apply_filters(before[:3], SFREQ, FilterSettings())
    assert_allclose(filtered.get_data()[:3], expected, rtol=1e-12)
    assert report.channels == ("Fp1", "Cz", "Oz")
    assert_allclose(report.removed, 1 - np.var(expected, axis=1) / np.var(before[:3], axis=1))


def test_a_filtered_recording_carries_its_measured_gain(raw, tmp_path):
    filtered, _ = filter_eeg(raw, settings=DISPLAY)
    filtered.save(tmp_path / "display_eeg.fif", verbose="error")
    back = mne.io.read_raw(tmp_path / "display_eeg.fif", verbose="error")
    places = np.array([0.1, 0.5, 10.0, 45.0, 60.0])
    expected = measured_passband(N_TIMES, SFREQ, DISPLAY).at(places)
    assert_allclose(Passband.noted(back.info["description"]).at(places), expected, atol=1e-4)
    assert (back.info["highpass"], back.info["lowpass"]) == (1.0, 40.0)


def test_gains_of_two_filters_multiply(raw):
    first, second = FilterSettings(low_cut=1.0), FilterSettings(drift_period=0, high_cut=30.0)
    filtered = filter_eeg(filter_eeg(raw, settings=first)[0], settings=second)[0]
    places = np.array([0.4, 10.0, 33.0])
    gains = [measured_passband(N_TIMES, SFREQ, one).at(places) for one in (first, second)]
    found = Passband.noted(filtered.info["description"]).at(places)
    assert_allclose(found, gains[0] * gains[1], atol=0.02)  # interpolated between frequencies


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (FilterSettings(), "drift was done on this recording before"),
        (FilterSettings(drift_period=0, low_cut=0.5), "low_cut is 0.5 Hz .* at 1 Hz before"),
        (FilterSettings(drift_period=0, high_cut=40.0), "high_cut is 40 Hz .* at 30 Hz before"),
        (FilterSettings(drift_period=0, notches=(50.0,)), "notch was done"),
        (FilterSettings(drift_period=0), "no filter is asked for"),
    ],
)
def test_filters_that_were_applied_before_are_refused(raw, settings, message):
    chain = FilterSettings(low_cut=1.0, high_cut=30.0, notches=(50.0,))
    filtered, _ = filter_eeg(raw, settings=chain)
    with pytest.raises(CleaningError, match=message):
        filter_eeg(filtered, settings=settings)


def test_a_recording_without_eeg_is_refused(raw):
    with pytest.raises(CleaningError, match="no EEG channel; types are"):
        filter_eeg(raw.copy().pick("ecg"))


def test_resampling_keeps_slow_waves_stops_aliases_and_keeps_events(raw):
    times = raw.times
    raw._data[0] = np.sin(2 * np.pi * 5 * times)
    raw._data[1] = np.sin(2 * np.pi * 70 * times)  # 30 Hz after sampling at 100 Hz
    resampled, report = resample_eeg(raw, 100.0)
    inside = slice(200, -200)
    # ripple of the anti-aliasing filter, up to 1 %
    assert_allclose(resampled.get_data()[0, inside], raw._data[0, ::2][inside], atol=0.01)
    assert np.abs(resampled.get_data()[1, inside]).max() < 0.01
    assert_array_equal(resampled.annotations.onset, raw.annotations.onset)
    assert (report.sfreq_before, report.sfreq, report.n_events) == (200.0, 100.0, 2)
    assert_allclose(report.removed[:2], [0.0, 1.0], atol=0.01)


def test_more_samples_than_there_are_are_refused(raw):
    with pytest.raises(CleaningError, match="need fewer than there are"):
        resample_eeg(raw, 400.0)
