"""Beats and breaths have the rates, the variability and the phases that were asked for."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.ndimage import median_filter

from neurotranscoder.core.errors import GridError
from neurotranscoder.simulate.physiology import PhysiologySettings, draw_physiology

STEADY = {
    "short_term_sd": 0.0,
    "sinus_arrhythmia": 0.0,
    "slow_wave": 0.0,
    "breathing_rate_spread": 0.0,
    "breath_sd": 0.0,
    "depth_spread": 0.0,
}


def drawn(stop=600.0, seed=0, **settings):
    rng = np.random.default_rng(seed)
    return draw_physiology(PhysiologySettings(**settings), start=0.0, stop=stop, rng=rng)


def test_beats_and_breaths_cover_ten_seconds_more_than_the_run():
    run = drawn(stop=60.0, heart_rate=0.4, breathing_rate=0.05)
    for events in (run.beats, run.breaths):
        assert events[0] <= -10
        assert events[-1] >= 70


def test_without_variability_intervals_are_the_inverse_of_the_rate():
    run = drawn(**STEADY)
    assert_allclose(np.diff(run.beats), 1 / 1.12, rtol=1e-9)
    assert_allclose(np.diff(run.breaths), 1 / 0.28, rtol=1e-9)


def test_phases_grow_by_one_cycle_from_event_to_event():
    run = drawn()
    cycles = run.cardiac_phase(run.beats) / (2 * np.pi)
    assert_allclose(cycles, np.arange(len(run.beats)), atol=1e-9)
    halfway = (run.breaths[1:] + run.breaths[:-1]) / 2
    cycles = run.respiratory_phase(halfway) / (2 * np.pi)
    assert_allclose(cycles, np.arange(len(halfway)) + 0.5, atol=1e-9)


def test_the_mean_rates_are_those_of_the_settings():
    run = drawn(stop=1200.0, heart_rate=1.3, breathing_rate=0.2)
    # the ends of the run leave up to one interval unseen
    assert_allclose(1 / np.diff(run.beats).mean(), 1.3, rtol=0.01)
    assert_allclose(1 / np.diff(run.breaths).mean(), 0.2, rtol=0.02)


def test_intervals_that_vary_from_beat_to_beat_have_the_requested_sd():
    intervals = np.diff(drawn(stop=6000.0, **STEADY | {"short_term_sd": 0.05}).beats)
    # the sample sd of n values has a relative standard error of 1 / sqrt(2 n)
    assert_allclose(intervals.std(), 0.05, rtol=4 / np.sqrt(2 * len(intervals)))
    assert abs(np.corrcoef(intervals[1:], intervals[:-1])[0, 1]) < 4 / np.sqrt(len(intervals))


def test_sinus_arrhythmia_is_averaged_over_each_interval():
    run = drawn(stop=3000.0, **STEADY | {"sinus_arrhythmia": 0.03})
    intervals = np.diff(run.beats)
    # a mean over a beat shrinks a wave by sinc(.28 / 1.12); 2 % for terms of second order
    assert_allclose(intervals.std(), 0.03 * np.sinc(0.28 / 1.12), rtol=0.02)
    phase = run.respiratory_phase((run.beats[1:] + run.beats[:-1])[2:-2] / 2)
    assert np.corrcoef(intervals[2:-2], np.cos(phase))[0, 1] < -0.99


def test_slow_waves_of_the_heart_lie_around_a_tenth_of_a_hertz():
    run = drawn(stop=2000.0, **STEADY | {"slow_wave": 0.04})
    times = np.arange(0, 2000, 0.5)
    intervals = np.interp(times, run.beats[1:], np.diff(run.beats))
    intervals -= intervals.mean()
    power = np.abs(np.fft.rfft(intervals * np.hanning(len(times)))) ** 2
    frequencies = np.fft.rfftfreq(len(times), 0.5)
    inside = (frequencies > 0.035) & (frequencies < 0.155)
    assert power[inside].sum() > 0.97 * power.sum()  # the rest: a rate is not an interval
    assert_allclose(intervals.std(), 0.04, rtol=0.1)


def test_each_harmonic_has_a_mean_square_of_one_half():
    regressors = drawn(stop=3000.0).regressors(np.arange(0, 3000, 0.05))
    assert len(regressors) == 8
    # depth and phase of some 840 breaths are independent: their products average to 1 / 29
    assert_allclose(np.mean(regressors**2, axis=1), 0.5, rtol=0.03)
    products = regressors @ regressors.T / regressors.shape[1]
    assert_allclose(products - np.diag(np.diag(products)), 0, atol=0.03)


def test_one_seed_gives_the_same_beats_whatever_the_breathing_depth():
    deep, shallow = drawn(depth_spread=0.5), drawn(depth_spread=0.0)
    assert np.array_equal(deep.beats, shallow.beats)
    assert_allclose(shallow.depths, 1.0, rtol=1e-12)
    assert deep.depths.std() > 0.2


def test_phases_outside_the_drawn_time_are_refused():
    with pytest.raises(GridError, match=r"heart beats span .* asked for .*; draw the physiology"):
        drawn(stop=60.0).cardiac_phase(np.array([200.0]))


def variability(beats):
    """Sd and rmssd of R-R intervals, in s, without errors of the detector."""
    intervals = np.diff(beats)
    good = np.abs(intervals / median_filter(intervals, 11) - 1) < 0.25
    differences = np.diff(intervals)[good[1:] & good[:-1]]
    return intervals[good].std(), np.sqrt(np.mean(differences**2))


def test_variability_is_that_of_three_real_sessions(real_data):
    files = sorted(real_data.glob("scanner_markers/*/derivatives/*/eeg/*.vmrk"))
    pattern = re.compile(r"Pulse Artifact,R,(\d+)")
    real = [
        variability(np.array(pattern.findall(file.read_text()), dtype=float) / 250)
        for file in files
    ]
    assert len(real) == 3
    ours = np.mean([variability(drawn(seed=seed).beats) for seed in range(5)], axis=0)
    # sessions differ threefold; the defaults stay within a fifth of their median
    assert_allclose(ours, np.median(real, axis=0), rtol=0.2)
