import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.errors import CleaningError
from neurotranscoder.preprocess.heart import find_beats, living
from scanner_eeg import SFREQ, pulse_example


@pytest.fixture(scope="module")
def example():
    return pulse_example(100)


def errors_of(found, true):
    """Distance of each beat to the nearest other one, both ways, in s."""
    distance = np.abs(found[:, np.newaxis] - true)
    return distance.min(axis=1), distance.min(axis=0)


def test_every_r_peak_is_found_among_waves_of_flowing_blood(example):
    beats = find_beats(example.raw)
    # the last beat may lie within a window of the end
    extra, missed = errors_of(beats.times, example.beats[1:-1])
    assert beats.source == "ecg"
    assert missed.max() < 2e-3  # parabolas through samples 5 ms apart
    assert np.sum(extra > 0.05) <= 2  # the first and the last beat


def test_lines_that_gradients_leave_in_the_ecg_hide_no_beat(example):
    residual = example.raw.copy()
    phase = 2 * np.pi * 16 * residual.times  # slices per second
    residual._data[-1] += 3e-4 * (np.sin(phase) + np.sin(2 * phase))  # R peaks are of 1e-3 V
    _, missed = errors_of(find_beats(residual).times, example.beats[1:-1])
    assert missed.max() < 0.02


def test_the_rate_is_that_of_the_heart(example):
    assert_allclose(
        find_beats(example.raw).per_minute, 60 / np.median(np.diff(example.beats)), rtol=5e-3
    )


def test_where_the_ecg_dies_the_pulse_in_the_eeg_goes_on():
    dead = pulse_example(101, dead=True)
    with pytest.warns(RuntimeWarning, match=r"the ECG is dead for \d+ of"):
        beats = find_beats(dead.raw)
    _, missed = errors_of(beats.times, dead.beats[2:-2])
    assert beats.source == "ecg and eeg"
    assert beats.dead_seconds > 30
    # the strength of each pattern varies, and with it where the sum looks most like a pulse
    assert np.sqrt(np.mean(missed**2)) < 0.02


def test_without_an_ecg_beats_keep_one_distance_from_the_r_peaks(example):
    with pytest.warns(RuntimeWarning, match="there is no ECG channel; beats are those of"):
        beats = find_beats(example.raw.copy().drop_channels(["ECG"]))
    after = np.array([one - example.beats[example.beats <= one].max() for one in beats.times[2:]])
    assert beats.source == "eeg"
    assert np.median(np.abs(after - np.median(after))) < 0.02


def test_a_flat_ecg_is_as_good_as_none(example):
    flat = example.raw.copy()
    flat._data[-1] = 0.0
    with pytest.warns(RuntimeWarning, match="is dead"):
        assert find_beats(flat).source == "eeg"


def test_eeg_without_any_heartbeat_is_refused(example):
    silent = example.clean.drop_channels(["ECG"])
    # no warning that beats were found in the EEG, which would be an error here
    with pytest.raises(CleaningError, match="no heartbeat was found"):
        find_beats(silent)


def test_a_recording_that_is_too_short_is_refused(example):
    with pytest.raises(CleaningError, match=r"lasts 5\.0 s"):
        find_beats(example.raw.copy().crop(0, 5 - 1 / SFREQ))


def test_a_lost_electrode_that_picks_up_a_little_noise_is_dead(rng):
    ecg = rng.standard_normal(12_000)
    ecg[4000:] *= 0.01
    assert living(ecg)[:3900].all()
    assert not living(ecg)[4100:].any()
