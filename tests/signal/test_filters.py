import mne
import numpy as np
import pytest
from numpy.testing import assert_allclose
from pydantic import ValidationError

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.signal.filters import (
    FilterSettings,
    apply_filters,
    measured_passband,
    without_drift,
)

SFREQ, N_TIMES = 100.0, 20_000
TIMES = np.arange(N_TIMES) / SFREQ
BAND = FilterSettings(drift_period=0, low_cut=1.0, high_cut=20.0)


def test_filters_are_those_of_mne(rng):
    data = rng.standard_normal((2, N_TIMES))
    expected = mne.filter.filter_data(
        data, SFREQ, 1.0, None, l_trans_bandwidth=1.0, verbose="error"
    )
    expected = mne.filter.filter_data(
        expected, SFREQ, None, 20.0, h_trans_bandwidth=5.0, verbose="error"
    )
    assert_allclose(apply_filters(data, SFREQ, BAND), expected, rtol=1e-12, atol=1e-12)


def test_filters_have_no_phase():
    wave = np.sin(2 * np.pi * 5 * TIMES)[np.newaxis]
    inside = slice(1000, -1000)
    # ripple of a Hamming window's pass band
    assert_allclose(apply_filters(wave, SFREQ, BAND)[:, inside], wave[:, inside], atol=3e-3)


def test_filters_are_linear(rng):
    one, two = rng.standard_normal((2, 3, N_TIMES))
    settings = FilterSettings(low_cut=0.5, notches=(30.0,))
    both = apply_filters(one + 2 * two, SFREQ, settings)
    parts = apply_filters(one, SFREQ, settings) + 2 * apply_filters(two, SFREQ, settings)
    assert_allclose(both, parts, atol=1e-10)


def test_a_slope_and_slow_cosines_go_and_faster_ones_stay(rng):
    drift = 3 + TIMES + np.cos(2 * np.pi * (TIMES + 0.5 / SFREQ) / 100)
    fast = np.cos(2 * np.pi * (TIMES + 0.5 / SFREQ) / 5)
    left = without_drift((drift + fast)[np.newaxis], SFREQ, 50.0)
    # a slope is no sum of cosines: fitted together they take a little of a fast one along
    assert_allclose(left[0], fast, atol=0.01)


def test_taking_out_drift_twice_is_taking_it_out_once(rng):
    data = np.cumsum(rng.standard_normal((2, N_TIMES)), axis=1)
    once = without_drift(data, SFREQ, 50.0)
    assert_allclose(without_drift(once, SFREQ, 50.0), once, atol=1e-9)


@pytest.mark.parametrize("frequency", [0.25, 0.5, 1.5, 10.0, 22.5, 30.0])
def test_the_measured_gain_is_what_a_wave_keeps(frequency):
    wave = np.sin(2 * np.pi * frequency * TIMES)[np.newaxis]
    kept = apply_filters(wave, SFREQ, BAND)[0, 2000:-2000]
    gain = np.std(kept) / np.std(wave)
    # between the frequencies that are kept, gains are interpolated
    found = measured_passband(N_TIMES, SFREQ, BAND).at(np.array([frequency]))
    assert_allclose(found, gain, atol=0.05)


def test_the_measured_gain_of_a_notch_is_low_at_its_line():
    band = measured_passband(N_TIMES, SFREQ, FilterSettings(drift_period=0, notches=(30.0,)))
    gains = band.at(np.array([20.0, 30.0, 40.0]))
    assert_allclose(gains[[0, 2]], 1.0, atol=0.01)
    assert gains[1] < 0.01


def test_the_default_lets_a_fiftieth_of_a_hertz_through_and_stops_the_mean():
    band = measured_passband(60_000, SFREQ, FilterSettings())
    assert band.at(np.array([0.0]))[0] < 1e-9
    assert_allclose(band.at(np.array([0.02, 1.0])), 1.0, atol=0.05)
    assert band.low_cut <= 0.01


def test_filters_beyond_the_sampling_are_refused():
    with pytest.raises(SettingsError, match=r"filters reach up to 56\.25 Hz"):
        apply_filters(np.zeros((1, N_TIMES)), SFREQ, FilterSettings(high_cut=45.0))


def test_filters_longer_than_the_signals_are_refused():
    with pytest.raises(SettingsError, match=r"a filter is 330\.0 s long and the signals 200\.0 s"):
        apply_filters(np.zeros((1, N_TIMES)), SFREQ, FilterSettings(low_cut=0.01))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"low_cut": 2.0, "high_cut": 1.0}, "need a lower low_cut"),
        ({"low_cut": 1.0, "low_transition": 2.0}, "reach below 0 Hz"),
    ],
)
def test_impossible_bands_are_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        FilterSettings(**settings)
