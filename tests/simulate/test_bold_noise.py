"""Every part of the noise of BOLD obeys a law of its own."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.axes import Montage, VolumeAxis, VoxelGrid
from neurotranscoder.core.errors import GridError, SettingsError
from neurotranscoder.physics.head import Head
from neurotranscoder.simulate.band_noise import delay_shares, draw_band_noise
from neurotranscoder.simulate.bold_noise import PARTS, BoldNoiseSettings, draw_bold_noise
from neurotranscoder.simulate.noise_maps import smooth_maps
from neurotranscoder.simulate.physiology import PhysiologySettings, draw_physiology

SHAPE = (10, 9, 5)
ONLY = {part: dict.fromkeys(PARTS, 0.0) | {part: 1.0} for part in PARTS}
STEADY = {
    "short_term_sd": 0.0,
    "sinus_arrhythmia": 0.0,
    "slow_wave": 0.0,
    "breathing_rate_spread": 0.0,
    "breath_sd": 0.0,
}


@pytest.fixture(scope="module")
def head():
    voxel_to_world = np.diag([15.0, 15.0, 20.0, 1.0])
    brain = np.zeros(SHAPE, bool)
    brain[1:-1, 1:-1, 1:] = True
    count = int(brain.sum())
    share = np.linspace(0.3, 0.8, count)
    montage = Montage(("a", "b"))
    leadfield, orientations = np.zeros((2, count)), np.zeros((count, 3))
    grid = VoxelGrid(SHAPE, voxel_to_world)
    return Head(grid, brain, leadfield, orientations, montage, share, 0.9 - share)


def volume_axis(n_volumes=300, tr=2.0, slice_times=(0.0, 0.813, 1.611, 0.402, 1.2)):
    return VolumeAxis(tr, n_volumes, np.asarray(slice_times, dtype=float))


def noise_of(head, settings, *, volumes=None, run=0, physiology=None):
    volumes = volumes or volume_axis()
    physiology = draw_physiology(
        PhysiologySettings(**(physiology or {})),
        start=0.0,
        stop=volumes.duration,
        rng=np.random.default_rng([run, 77]),
    )
    return draw_bold_noise(
        BoldNoiseSettings(**settings),
        head,
        volumes,
        physiology,
        maps_rng=np.random.default_rng(5),
        rngs=lambda part: np.random.default_rng([run, PARTS.index(part)]),
    ), physiology


def images(noise, part, **options):
    """One part alone, for a unit of 1 everywhere inside the brain."""
    bold = np.zeros(noise.shape)
    noise.add(part, bold, np.ones(noise.shape[:3]), **options)
    return bold


def courses(head, part, *, run=0, volumes=None, physiology=None, **settings):
    noise, _ = noise_of(
        head, ONLY[part] | settings, run=run, volumes=volumes, physiology=physiology
    )
    return images(noise, part)[head.brain]


@pytest.mark.parametrize("part", PARTS)
def test_the_root_mean_square_over_the_brain_is_the_setting(head, part):
    noise, _ = noise_of(head, {part: 0.7, "spread": 0.5})
    assert_allclose(np.mean(noise.variance(part)), 0.7**2, rtol=1e-6)


@pytest.mark.parametrize("part", PARTS)
def test_each_part_has_its_expected_variance(head, part):
    noise, _ = noise_of(head, ONLY[part])
    squares = np.mean(
        [np.mean(courses(head, part, run=run) ** 2, axis=1) for run in range(30)], axis=0
    )
    # 30 runs: a drift of one place is mainly its slowest two cosines, with random weights, whose
    # squares average to sqrt(2 / 30) = 26 % (one sd); over the brain they are known to 8 %
    assert_allclose(squares.mean(), noise.variance(part).mean(), rtol=0.08)
    expected = noise.variance(part)
    assert np.sqrt(np.mean((squares / expected - 1) ** 2)) < (0.35 if part == "drift" else 0.1)


@pytest.mark.parametrize("absent", PARTS)
def test_switching_one_part_off_leaves_the_others_to_the_last_bit(head, absent):
    volumes = volume_axis(70)
    everything, _ = noise_of(head, {}, volumes=volumes)
    fewer, _ = noise_of(head, {absent: 0.0}, volumes=volumes)
    assert fewer.parts == tuple(part for part in PARTS if part != absent)
    for part in fewer.parts:
        assert np.array_equal(images(everything, part), images(fewer, part))
        assert np.array_equal(everything.variance(part), fewer.variance(part))


@pytest.mark.parametrize("part", PARTS)
def test_a_part_can_be_added_again_and_scaled(head, part):
    noise, _ = noise_of(head, {}, volumes=volume_axis(70))
    first = images(noise, part)
    assert first.any()
    assert np.array_equal(images(noise, part), first)
    assert_allclose(images(noise, part, scale=2.5), 2.5 * first, rtol=1e-5, atol=1e-6)


def test_noise_is_in_units_of_the_unit_image(head):
    noise, _ = noise_of(head, {}, volumes=volume_axis(70))
    unit = np.zeros(SHAPE)
    unit[head.brain] = np.linspace(2, 9, head.n_voxels)
    for part in PARTS:
        bold = np.zeros(noise.shape, np.float32)
        noise.add(part, bold, unit)
        expected = images(noise, part)[head.brain] * unit[head.brain][:, np.newaxis]
        assert_allclose(bold[head.brain], expected, rtol=1e-5, atol=1e-5)


def test_a_subject_keeps_its_maps_from_run_to_run(head):
    one, _ = noise_of(head, {}, run=1)
    two, _ = noise_of(head, {}, run=2)
    for part in PARTS:
        assert np.array_equal(one.variance(part), two.variance(part))
        assert not np.array_equal(images(one, part), images(two, part))


@pytest.mark.parametrize("part", [part for part in PARTS if part != "thermal"])
def test_only_thermal_noise_lies_outside_the_brain(head, part):
    noise, _ = noise_of(head, {})
    assert not images(noise, part)[~head.brain].any()


def test_thermal_noise_outside_the_brain_is_a_magnitude(head):
    noise, _ = noise_of(head, {"thermal": 2.0})
    outside = images(noise, "thermal")[~head.brain]
    assert outside.min() >= 0
    standard_error = 2 * np.sqrt(1 - 2 / np.pi) / np.sqrt(outside.size)
    assert_allclose(outside.mean(), 2 * np.sqrt(2 / np.pi), atol=4 * standard_error)


def test_thermal_noise_is_white_in_time_and_space(head):
    noise, _ = noise_of(head, ONLY["thermal"] | {"spread": 0.0})
    inside = images(noise, "thermal")[1:-1, 1:-1, 1:]
    for axis in range(4):
        first = np.delete(inside, -1, axis=axis).ravel()
        second = np.delete(inside, 0, axis=axis).ravel()
        assert abs(np.corrcoef(first, second)[0, 1]) < 4 / np.sqrt(first.size)


def test_autoregressive_noise_forgets_by_powers_of_its_coefficient(head):
    noise = courses(head, "autoregressive", ar_coefficient=0.6, spread=0.0)
    for lag in (1, 2, 3, 6):
        correlation = np.mean(noise[:, lag:] * noise[:, :-lag])
        # variance of a mean product of an AR(1): (1 + a^2) / (1 - a^2) over the count
        error = np.sqrt((1 + 0.6**2) / (1 - 0.6**2) / noise.size) * 2
        assert_allclose(correlation, 0.6**lag, atol=4 * error)


def test_autoregressive_noise_is_stationary_from_the_first_volume(head):
    runs = range(40)
    first = [
        courses(head, "autoregressive", ar_coefficient=0.9, spread=0.0, run=run)[:, :3]
        for run in runs
    ]
    squares = np.mean(np.square(np.concatenate(first)), axis=0)
    assert_allclose(squares, 1.0, atol=4 * np.sqrt(2 / (40 * head.n_voxels)))


@pytest.mark.parametrize(("rate", "tr"), [(1.12, 2.0), (0.9, 2.1), (1.3, 0.8)])
def test_a_steady_heart_aliases_to_its_distance_from_the_scanner(head, rate, tr):
    volumes = volume_axis(300, tr, np.linspace(0, 0.7, 5))
    steady = STEADY | {"heart_rate": rate}
    noise = courses(head, "cardiac", volumes=volumes, physiology=steady)
    power = np.mean(np.abs(np.fft.rfft(noise, axis=1)) ** 2, axis=0)
    frequencies = np.fft.rfftfreq(300, tr)
    alias = abs(rate - round(rate * tr) / tr)
    assert_allclose(frequencies[np.argmax(power)], alias, atol=0.5 / (300 * tr) * 1.01)


def test_each_slice_sees_the_heart_at_its_own_times(head):
    volumes = volume_axis()
    noise, physiology = noise_of(head, ONLY["cardiac"], volumes=volumes)
    bold = images(noise, "cardiac")
    for z in range(1, 5):
        data = bold[:, :, z][head.brain[:, :, z]]

        def unexplained(slice_index, data=data):
            regressors = physiology.cardiac_regressors(volumes.times(slice_index)).T
            weights = np.linalg.lstsq(regressors, data.T, rcond=None)[0]
            return np.linalg.norm(data.T - regressors @ weights) / np.linalg.norm(data)

        assert unexplained(z) < 1e-5
        assert unexplained(z - 1) > 0.3


def test_the_heart_is_strongest_at_the_base_of_the_brain(head):
    noise, _ = noise_of(head, {"spread": 0.0})
    height = head.places[:, 2]
    sd = np.sqrt(noise.variance("cardiac"))
    assert sd[height == height.min()].mean() > 1.5 * sd[height == height.max()].mean()
    assert_allclose(np.sqrt(noise.variance("thermal")), BoldNoiseSettings().thermal, rtol=1e-12)


def test_drift_has_no_power_above_its_cutoff(head):
    volumes = volume_axis()
    noise, _ = noise_of(head, ONLY["drift"] | {"drift_period": 150.0})
    bold = images(noise, "drift")
    for z in range(1, 5):
        data = bold[:, :, z][head.brain[:, :, z]]
        slow = np.arange(1, 9) / 1200  # multiples of 1 / (2 * 600 s) up to 1 / 150 s
        angles = 2 * np.pi * np.outer(volumes.times(z), slow)
        waves = np.hstack([np.cos(angles), np.sin(angles)])
        weights = np.linalg.lstsq(waves, data.T, rcond=None)[0]
        assert np.linalg.norm(data.T - waves @ weights) < 1e-5 * np.linalg.norm(data)


def test_a_run_too_short_for_the_drift_is_refused(head):
    with pytest.raises(SettingsError, match=r"needs 64 s or more but the run lasts 60 s; set dr"):
        noise_of(head, {}, volumes=volume_axis(30))


def test_delays_are_interpolated_to_a_millionth(rng):
    wave = draw_band_noise((0.01, 0.1), duration=600.0, exponent=1.0, rng=rng)
    delays = np.concatenate([[-4.0, 7.0], rng.uniform(-4, 7, 50)])
    times = rng.uniform(0, 600, 200)
    shares, nodes = delay_shares(delays, (-4.0, 7.0), highest=0.1)
    direct = [wave(times - delay) for delay in delays]
    assert_allclose(shares @ wave.delayed(times, nodes), direct, atol=1e-6)
    assert len(nodes) < 20


def test_band_noise_lies_in_its_band_and_does_not_repeat(rng):
    wave = draw_band_noise((0.01, 0.1), duration=600.0, exponent=1.0, rng=rng)
    times = np.arange(0, 600, 2.0)
    values = wave(times)
    assert wave.frequencies.min() >= 0.01
    assert wave.frequencies.max() <= 0.1
    assert_allclose(np.sum(wave.amplitudes**2) / 2, 1.0, rtol=1e-12)
    later = [np.corrcoef(values[lag:], values[:-lag])[0, 1] for lag in range(30, 240)]  # 60-480 s
    # some 40 independent values of 1/f noise overlap at the longest lag: chance reaches .6
    assert max(later) < 0.75


def lags_of(waves, reference, lags):
    """The lag at which each wave is most like the reference, which is a function of lag."""
    likeness = [[np.corrcoef(wave, reference[lag])[0, 1] for lag in lags] for wave in waves]
    return np.array(lags)[np.argmax(likeness, axis=1)]


def test_delays_are_found_again_by_cross_correlation(head):
    volumes = volume_axis(1200, 0.5, np.zeros(5))

    def waves(delays):
        settings = {"global_delays": delays, "spread": 0.0}
        return courses(head, "global_signal", volumes=volumes, **settings)

    lags = np.arange(-1.0, 7.01, 0.25)
    reference = {lag: waves((lag, lag))[0] for lag in lags}
    narrow = lags_of(waves((0.0, 3.0)), reference, lags)
    wide = lags_of(waves((0.0, 6.0)), reference, lags)
    assert narrow.min() >= 0
    assert wide.max() <= 6
    assert wide.max() - wide.min() > 4
    assert_allclose(wide, 2 * narrow, atol=0.375)  # each is rounded to .25 s


def test_the_usual_noise_has_the_usual_temporal_snr(head):
    noise, _ = noise_of(head, {})
    total = sum(noise.variance(part) for part in noise.parts)
    grey = head.grey > 0.5
    assert 56 < np.median(100 / np.sqrt(total[grey])) < 88


def test_smooth_maps_are_standardised_and_as_smooth_as_asked(head, rng):
    maps = smooth_maps(head, 400, smoothness=15.0, rng=rng)
    assert_allclose(maps.mean(axis=0), 0, atol=1e-12)
    assert_allclose(maps.std(axis=0), 1, rtol=1e-12)
    field = np.zeros((*SHAPE, 400))
    field[head.brain] = maps
    step = field[2:-1, 1:-1, 1:] - field[1:-2, 1:-1, 1:]
    # neighbours at 15 mm of white noise smoothed by 15 mm correlate with exp(-1/4); the mean
    # that is taken away holds about a tenth of the variance
    assert_allclose(1 - np.mean(step**2) / 2, np.exp(-0.25), atol=0.06)


def test_images_of_another_shape_and_unknown_parts_are_refused(head):
    noise, _ = noise_of(head, {"drift": 0.0}, volumes=volume_axis(20))
    unit = np.ones(SHAPE)
    with pytest.raises(GridError, match=r"shape \(10, 9, 5, 20\) but got \(10, 9, 5, 21\)"):
        noise.add("thermal", np.zeros((*SHAPE, 21)), unit)
    with pytest.raises(SettingsError, match="no noise 'drift'; this run has thermal, "):
        noise.variance("drift")
    with pytest.raises(GridError, match="5 slices but there are 4 slice times"):
        noise_of(head, {}, volumes=volume_axis(slice_times=(0, 0.1, 0.2, 0.3)))


def test_delays_that_fall_are_refused():
    with pytest.raises(ValueError, match="global_delays are 3 and -3 s; they need to rise"):
        BoldNoiseSettings(global_delays=(3.0, -3.0))
