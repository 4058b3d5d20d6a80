import mne
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.errors import GridError
from neurotranscoder.simulate.eeg_artefacts import (
    BlinkSettings,
    HeartSettings,
    add_blinks,
    add_heart,
    blink_topography,
    draw_blinks,
    heart_topography,
    heart_train,
)
from neurotranscoder.simulate.electrodes import Electrodes
from neurotranscoder.simulate.event_train import CHUNK, EventTrain, add_waves

SFREQ = 250.0
CHANNELS = (
    *("Fp1", "Fpz", "Fp2", "AF7", "AF3", "AFz", "AF4", "AF8", "F7", "F3", "Fz", "F4", "F8"),
    *("FCz", "T7", "C3", "Cz", "C4", "T8", "TP9", "TP10", "P7", "P3", "Pz", "P4", "P8"),
    *("PO7", "PO8", "O1", "Oz", "O2", "Iz"),
)


@pytest.fixture(scope="module")
def cap():
    places = mne.channels.make_standard_montage("fsaverage_1005").get_positions()["ch_pos"]
    return Electrodes.average_referenced(np.array([1e3 * places[name] for name in CHANNELS]))


@pytest.fixture
def train(rng):
    starts = np.sort(rng.uniform(0, 50, 60))  # many overlap
    table = np.sin(np.linspace(0, np.pi, 1001)) * np.array([[1.0], [2.0]])
    return EventTrain(starts, rng.uniform(0.2, 3, 60), rng.standard_normal((2, 60)), table)


def test_events_add_up_wherever_they_overlap(train):
    times = np.linspace(-1, 55, 4000)
    expected = np.zeros((2, 4000))
    for i, (start, duration) in enumerate(zip(train.starts, train.durations, strict=True)):
        phase = (times - start) / duration
        wave = np.where((phase >= 0) & (phase < 1), np.sin(np.pi * phase), 0)
        expected += train.gains[:, i, np.newaxis] * wave * [[1], [2]]
    # linear interpolation between 1000 points of half a sine errs by (pi / 1000)^2 / 8
    assert_allclose(train.sample(times), expected, atol=60 * 2e-6)


def test_a_train_without_events_is_silent():
    train = EventTrain(np.zeros(0), np.zeros(0), np.zeros((1, 0)), np.zeros((1, 5)))
    assert_array_equal(train.sample(np.arange(9.0)), np.zeros((1, 9)))


def test_chunks_give_what_the_whole_gives(train, rng):
    times = np.linspace(-1, 55, 2 * CHUNK + 17)
    mixing, eeg = rng.standard_normal((3, 2)), np.ones((3, len(times)))
    add_waves(eeg, times, mixing, train.sample)
    assert_allclose(eeg, 1 + mixing @ train.sample(times), rtol=1e-12, atol=1e-12)


def test_events_out_of_order_are_refused():
    with pytest.raises(GridError, match="ascending starts"):
        EventTrain(np.array([1.0, 0.0]), np.ones(2), np.ones((1, 2)), np.zeros((1, 5)))


def test_blinks_are_strongest_at_the_frontal_pole_and_fade_to_the_back(cap):
    topography = dict(zip(CHANNELS, blink_topography(cap), strict=True))
    strongest = sorted(topography, key=topography.get, reverse=True)
    assert set(strongest[:2]) == {"Fp1", "Fp2"}
    midline = [topography[name] for name in ("Fpz", "AFz", "Fz", "FCz", "Cz", "Pz", "Oz")]
    assert midline == sorted(midline, reverse=True)
    assert midline[4] - midline[6] < 0.2 * (midline[0] - midline[4])  # the back sees little
    assert_allclose(max(topography.values()), 1)


def test_blinks_of_a_symmetric_cap_are_symmetric(cap):
    mirrored = Electrodes(cap.positions * [-1, 1, 1], cap.derivation)
    assert_allclose(blink_topography(mirrored), blink_topography(cap), rtol=1e-12)


def test_artefacts_of_pairs_are_differences_of_those_of_electrodes(cap):
    pairs = Electrodes.of_pairs(("Fp1-F3", "O2-Cz"), CHANNELS, cap.positions)
    for topography in (blink_topography, heart_topography):
        single = dict(zip(CHANNELS, topography(cap), strict=True))
        expected = [single["Fp1"] - single["F3"], single["O2"] - single["Cz"]]
        assert_allclose(topography(pairs), expected, rtol=1e-12)


@pytest.mark.parametrize("name", ["Fp1", "Fp1-XX", "Fp1-Fp1"])
def test_a_channel_that_is_no_pair_is_refused(cap, name):
    with pytest.raises(GridError, match="no pair of known electrodes"):
        Electrodes.of_pairs((name,), CHANNELS, cap.positions)


def test_a_derivation_against_nothing_is_refused(cap):
    with pytest.raises(GridError, match="rows that sum to 0"):
        Electrodes(cap.positions, np.eye(len(CHANNELS)))


def test_blinks_come_as_often_as_told_and_differ_as_told(rng):
    settings = BlinkSettings(per_minute=12, duration_spread=0.2, amplitude_spread=0.3)
    blinks = draw_blinks(settings, -5.0, 59_995.0, rng)
    n = len(blinks.starts)
    assert_allclose(n, 12_000, atol=4 * np.sqrt(12_000))  # a Poisson number
    assert blinks.starts.min() >= -5
    spread = 4 / np.sqrt(2 * n)  # four standard errors of a standard deviation
    assert_allclose(np.std(np.log(blinks.durations)), 0.2, rtol=spread)
    assert_allclose(np.std(np.log(blinks.gains)), 0.3, rtol=spread)
    assert_allclose(np.median(blinks.durations), 0.3, rtol=0.2 * 1.25 * 4 / np.sqrt(n))


def test_a_typical_blink_has_its_amplitude_over_the_eyes_and_lasts_its_time(cap, rng):
    settings = BlinkSettings(amplitude_uv=80.0, amplitude_spread=0.0, duration_spread=0.0)
    blinks = EventTrain(
        np.array([1.0]), np.array([0.3]), np.ones((1, 1)), draw_blinks(settings, 0, 9, rng).table
    )
    times = np.arange(1000) / SFREQ
    eeg = np.zeros((len(CHANNELS), 1000))
    add_blinks(eeg, times, blinks, cap, settings)
    # samples are 4 ms apart, so the peak of a bump 0.3 s long is met to better than 1 %
    assert_allclose(eeg.max(), 80e-6, rtol=0.01)
    seen = times[np.any(eeg != 0, axis=0)]
    assert seen.min() > 1
    assert seen.max() < 1.3
    assert np.ptp(seen) > 0.28


def test_the_heart_is_seen_at_its_beats(cap, rng):
    beats = np.cumsum(rng.uniform(0.7, 1.0, 30))
    times = np.arange(int(30 * SFREQ)) / SFREQ
    eeg = np.zeros((len(CHANNELS), len(times)))
    add_heart(eeg, times, beats, cap, HeartSettings(amplitude_uv=4.0))
    best = eeg[np.argmax(heart_topography(cap))]
    at_beats = np.interp(beats[(beats > 1) & (beats < 29)], times, best)
    assert_allclose(at_beats, 4e-6, rtol=0.1)  # R peaks lie up to 2 ms beside a sample
    assert np.median(np.abs(best)) < 0.05 * at_beats.mean()


def test_the_r_peak_is_at_the_beat():
    times = np.arange(0, 4, 1e-4)
    wave = heart_train(np.array([1.0, 3.0])).sample(times)[0]
    peaks = [times[np.argmax(np.where(np.abs(times - b) < 0.5, wave, 0))] for b in (1.0, 3.0)]
    assert_allclose(peaks, [1.0, 3.0], atol=1.5e-4)
