import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.axes import VolumeAxis
from neurotranscoder.core.recording import Clock
from neurotranscoder.simulate.electrodes import Electrodes
from neurotranscoder.simulate.event_train import EventTrain
from neurotranscoder.simulate.scanner import (
    ScannerSettings,
    add_gradient_artefact,
    add_pulse_artefact,
    draw_pulses,
    excitations,
    gradient_gains,
    gradient_train,
    pulse_patterns,
)

SFREQ, SETTINGS = 5000.0, ScannerSettings()
PLACES = np.array([[x, y, z] for x in (-70.0, 0, 70) for y in (-90.0, 60) for z in (0.0, 80)])
CAP = Electrodes.average_referenced(PLACES)


def scan(n_slices, *, tr=2.0, n_volumes=3, last=None):
    times = np.arange(n_slices) * ((last or tr) / n_slices)
    return VolumeAxis(tr, n_volumes, times)


def gradient(volumes, *, drift_ppm=0.0, start=0.0, seconds=None, motion=None, settings=SETTINGS):
    n_times = int((seconds or volumes.duration) * SFREQ)
    times = Clock("measured", start, drift_ppm).scanner_times(n_times, SFREQ)
    eeg = np.zeros((len(PLACES), n_times))
    add_gradient_artefact(eeg, times, volumes, CAP, settings, motion=motion)
    return times, eeg


def residue(eeg, n_template):
    """Rms that subtraction of the mean template leaves, relative; the first slice is left out."""
    cut = eeg[:, n_template : eeg.shape[1] // n_template * n_template]
    segments = cut.reshape(len(eeg), -1, n_template)
    return np.std(segments - segments.mean(axis=1, keepdims=True)) / np.std(segments)


def test_without_drift_template_subtraction_leaves_nothing():
    _, eeg = gradient(scan(40))  # a slice lasts 50 ms, 250 samples
    assert residue(eeg, 250) < 1e-9  # rounding of times near 6 s


def test_with_drift_templates_jitter_within_a_sample():
    _, eeg = gradient(scan(40), drift_ppm=20.0)  # 0.6 samples over 6 s
    assert residue(eeg, 250) > 0.01


def test_slices_that_are_no_whole_number_of_samples_do_not_repeat():
    _, eeg = gradient(scan(35))  # a slice lasts 285.7 samples
    assert residue(eeg, 286) > 0.1


def test_lines_are_the_multiples_of_slices_per_tr():
    _, eeg = gradient(scan(35, n_volumes=7), start=2.0, seconds=10.0)
    power = np.sum(np.abs(np.fft.rfft(eeg)) ** 2, axis=0)
    frequencies = np.fft.rfftfreq(eeg.shape[1], 1 / SFREQ)
    on_a_line = np.abs(frequencies / 17.5 - np.rint(frequencies / 17.5)) < 1e-6
    # what the filter leaves above 2.5 kHz, 100 dB down, comes back between the lines
    assert power[~on_a_line].sum() < 1e-8 * power.sum()
    lines = power[on_a_line & (frequencies > 1) & (frequencies < 200)]
    assert np.sum(lines > 1e-4 * power.max()) >= 8
    assert power[frequencies > 1000].sum() < 1e-4 * power.sum()


@pytest.mark.parametrize("low_pass", [30.0, 120.0])
def test_the_amplifier_limits_the_bandwidth(low_pass):
    _, eeg = gradient(scan(20), settings=ScannerSettings(low_pass=low_pass))
    power = np.sum(np.abs(np.fft.rfft(eeg)) ** 2, axis=0)
    frequencies = np.fft.rfftfreq(eeg.shape[1], 1 / SFREQ)
    assert power[frequencies > 2 * low_pass].sum() < 1e-2 * power.sum()


def test_the_strongest_channel_reaches_the_stated_millivolts():
    _, eeg = gradient(scan(40), settings=ScannerSettings(gradient_mv=7.0))
    # the largest of 250 samples per slice lies beside the peak of a wave up to 250 Hz
    assert_allclose(np.abs(eeg).max(), 7e-3, rtol=0.02)
    assert_allclose(eeg.mean(axis=0), 0, atol=1e-12)


def test_the_order_of_slices_does_not_matter_and_simultaneous_ones_count_once(rng):
    one = scan(12)
    shuffled = VolumeAxis(2.0, 3, rng.permutation(one.slice_times))
    multiband = VolumeAxis(2.0, 3, np.tile(one.slice_times, 3))
    for other in (shuffled, multiband):
        assert_array_equal(excitations(other), excitations(one))
        assert_array_equal(gradient(other)[1], gradient(one)[1])


def test_slice_times_with_a_rounded_table_keep_their_excitations():
    rounded = VolumeAxis(2.16, 4, np.round(np.arange(30) * 0.072 / 0.0025) * 0.0025)
    assert_allclose(np.diff(excitations(rounded)), 0.072, atol=0.0026)
    assert len(excitations(rounded)) == 120


def test_gaps_and_the_time_before_and_after_the_scan_are_silent():
    volumes = scan(20, last=1.4)  # nothing from 1.4 to 2 s
    times, eeg = gradient(volumes, start=-1.0, seconds=9.0)
    phase = np.where(times < 0, 1.9, np.where(times > 6, 1.9, times % 2))
    ringing = 0.03  # the filter is 5 orders of magnitude down by then
    silent = (phase > 1.4 + ringing) & (np.abs(times) > 1e-9)
    assert_allclose(eeg[:, silent], 0, atol=1e-12)
    assert np.abs(eeg[:, (phase > 0.01) & (phase < 1.35)]).max() > 4e-3


def test_volumes_without_slice_times_have_one_artefact_each():
    volumes = VolumeAxis(2.0, 3, np.ones(35))
    assert_array_equal(excitations(volumes), [1.0, 3.0, 5.0])
    assert gradient_train(volumes, 250.0).durations.max() < 0.15


def test_a_head_at_rest_and_one_that_is_not_tracked_are_the_same():
    still = gradient(scan(20), motion=lambda times: np.zeros((6, len(times))))[1]
    assert_allclose(still, gradient(scan(20))[1], rtol=1e-12, atol=1e-18)


@pytest.mark.parametrize("parameter", range(6))
def test_the_artefact_follows_the_electrodes_to_first_order(parameter):
    volumes, direction = scan(20, n_volumes=2), np.zeros((6, 1))
    direction[parameter] = 1.0 if parameter < 3 else 0.01
    train, at_rest = gradient_train(volumes, 250.0), CAP.derivation @ gradient_gains(PLACES)
    volts = 5e-3 / np.abs(at_rest @ train.table).max()
    errors = []
    for size in (1.0, -2.0):
        shift, turn = size * direction[:3, 0], size * direction[3:, 0]
        moved = PLACES + shift + np.cross(turn, PLACES - [0.0, -16.0, 5.0])
        times, eeg = gradient(volumes, motion=lambda t, s=size: s * direction * np.ones(len(t)))
        expected = volts * CAP.derivation @ gradient_gains(moved) @ train.sample(times)
        change = np.abs(expected - volts * at_rest @ train.sample(times)).max()
        errors.append(np.abs(eeg - expected).max())
        assert errors[-1] < 0.05 * change
    # gains are quadratic: what is left out grows fourfold, or is nothing (shifts)
    assert_allclose(errors[1], 4 * errors[0], rtol=1e-3, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_long_eeg_is_changed_in_place_without_a_copy(dtype):
    eeg = np.zeros((12, 500_000), dtype=dtype)
    times = np.arange(500_000) / SFREQ
    pulses = draw_pulses(np.arange(0, 100.0, 0.9), SETTINGS, np.random.default_rng(0))
    tracemalloc.start()
    add_gradient_artefact(eeg, times, scan(35, n_volumes=50), CAP, SETTINGS)
    add_pulse_artefact(eeg, times, pulses, CAP, SETTINGS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert eeg.dtype == dtype
    # 16 k samples of 12 channels and a few vectors are 5 MB whatever the length; a copy is 24
    assert peak < 12e6


def pulse(beats, *, settings=SETTINGS, seed=0, seconds=10.0):
    times = np.arange(int(500 * seconds)) / 500
    eeg = np.zeros((len(PLACES), len(times)))
    pulses = draw_pulses(beats, settings, np.random.default_rng(seed))
    add_pulse_artefact(eeg, times, pulses, CAP, settings)
    return times, eeg


def test_a_typical_beat_has_its_size_delay_and_length():
    settings = ScannerSettings(pulse_uv=120.0, pulse_spread=0.0)
    times, eeg = pulse(np.array([3.0]), settings=settings)
    # waves last 0.1 s and more, samples are 2 ms apart
    assert_allclose(np.ptp(eeg, axis=1).max(), 120e-6, rtol=0.01)
    seen = times[np.abs(eeg).max(axis=0) > 1e-9]
    assert_allclose([seen.min(), seen.max()], [3.2, 3.9], atol=0.03)


def test_pulses_of_fast_beats_overlap_and_add_up():
    settings = ScannerSettings(pulse_spread=0.0)
    beats = np.array([1.0, 1.5, 2.0, 4.0])
    together = pulse(beats, settings=settings)[1]
    apart = sum(pulse(np.array([beat]), settings=settings)[1] for beat in beats)
    assert_allclose(together, apart, atol=1e-15)


def test_beats_differ_as_told_around_a_gain_of_one(rng):
    settings = ScannerSettings(pulse_spread=0.2)
    gains = draw_pulses(np.arange(20_000.0), settings, rng).gains
    n = gains.size
    assert_allclose(gains.mean(), 1, atol=4 * 0.2 / np.sqrt(n))
    assert_allclose(np.std(np.log(gains)), 0.2, rtol=4 / np.sqrt(2 * n))


def test_the_pulse_artefact_has_three_patterns():
    _, eeg = pulse(np.arange(0, 9, 0.83))
    strengths = np.linalg.svd(eeg, compute_uv=False)
    assert strengths[2] > 1e-2 * strengths[0]
    assert strengths[3] < 1e-10 * strengths[0]


def test_nodding_and_flow_are_opposite_on_both_sides_and_arteries_are_not():
    left, right = (pulse_patterns(PLACES * [side, 1, 1]) for side in (1, -1))
    assert_allclose(right, left * [-1, 1, -1], atol=1e-15)


def test_artefacts_of_a_run_without_beats_or_strength_are_nothing():
    _, eeg = pulse(np.zeros(0))
    assert_array_equal(eeg, 0)
    assert_array_equal(gradient(scan(20), settings=ScannerSettings(gradient_mv=0.0))[1], 0)


def test_a_train_is_whole_however_its_excitations_follow_each_other():
    train = gradient_train(scan(100), 250.0)  # the filter rings over more than one slice
    assert isinstance(train, EventTrain)
    assert train.n_overlapping == 3
    assert_allclose(train.table[:, -2:], 0, atol=1e-6)
