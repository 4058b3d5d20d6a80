import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.signal import lfilter

from neurotranscoder.core.axes import VolumeAxis, VoxelGrid
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.recording import Bold
from neurotranscoder.evaluate.bold_measures import (
    autocorrelations,
    bold_spectrum,
    brain_signal,
    framewise_displacement,
    slow_share,
)
from neurotranscoder.simulate.motion import MotionSettings, draw_motion


def images(voxels):
    """Images of one row of voxels, shape (voxels, 1, 1, volumes); all of them are brain."""
    data = voxels[:, np.newaxis, np.newaxis]
    grid = VoxelGrid(data.shape[:3], np.diag([3.0, 3.0, 3.0, 1.0]))
    return Bold(data, grid, VolumeAxis(2.0, data.shape[3], np.zeros(1)), np.ones(grid.shape, bool))


def test_temporal_snr_is_mean_over_sd(rng):
    noise = rng.standard_normal((4, 20_000))
    mean, sd = np.array([50.0, 100.0, 200.0, 400.0]), np.array([1.0, 2.0, 1.0, 8.0])
    found = brain_signal(images(mean[:, np.newaxis] + sd[:, np.newaxis] * noise)).temporal_snr
    assert_allclose(found, mean / sd, rtol=4 / np.sqrt(2 * 20_000))  # four standard errors of sd


def test_linear_trend_does_not_lower_temporal_snr(rng):
    voxels = 100 + rng.standard_normal((3, 200))
    trend = np.linspace(-20, 20, 200)
    expected = brain_signal(images(voxels)).temporal_snr
    assert_allclose(brain_signal(images(voxels + trend)).temporal_snr, expected, rtol=1e-9)


def test_temporal_change_is_that_of_nipype(rng):
    voxels = rng.uniform(80, 120, (5, 1)) + rng.standard_normal((5, 60))
    scaled = 100 * voxels / np.median(voxels)
    change = np.sqrt(np.mean(np.diff(scaled, axis=1) ** 2, axis=0))
    found = brain_signal(images(voxels)).temporal_change
    assert_allclose(found, change, rtol=0.02)  # ours is of trendless voxels


def test_global_signal_is_the_mean_image_signal_in_percent():
    wave = np.sin(2 * np.pi * np.arange(100) / 10)
    voxels = np.array([[50.0], [150.0], [400.0]]) + np.outer([5.0, 0.1, 0.1], wave)
    mean = voxels.mean(axis=0)
    found = brain_signal(images(voxels)).global_signal
    expected = 100 * mean.std() / mean.mean()
    assert_allclose(found.std(), expected, rtol=0.02)  # the trend of the waves is taken out


def test_size_of_images_does_not_matter(rng):
    voxels = 100 + rng.standard_normal((3, 50))
    one, other = (brain_signal(images(scale * voxels)) for scale in (1.0, 17.0))
    assert_allclose(one.data, other.data, rtol=1e-9)
    assert_allclose(one.temporal_change, other.temporal_change, rtol=1e-9)


def test_images_without_a_baseline_are_known(rng):
    found = brain_signal(images(rng.standard_normal((5, 80))))
    assert not found.has_baseline
    assert_allclose(found.data.std(axis=1), 1.0, rtol=0.1)  # trends were there before


def test_voxels_that_never_change_are_left_out(rng):
    voxels = 100 + rng.standard_normal((4, 50))
    voxels[2] = 100.0
    assert brain_signal(images(voxels)).inside.ravel().tolist() == [True, True, False, True]


def test_brain_that_never_changes_is_refused():
    with pytest.raises(GridError, match="no voxel of 2 in the brain mask changes"):
        brain_signal(images(np.full((2, 9), 7.0)))


def test_autocorrelation_of_a_first_order_process_is_recovered(rng):
    noise = rng.standard_normal((20, 5_000))
    series = lfilter([1.0], [1.0, -0.4], noise, axis=1)
    found = autocorrelations(series, 3).mean(axis=0)
    assert_allclose(found, 0.4 ** np.arange(4), atol=4 / np.sqrt(20 * 5_000))


def test_slow_share_is_the_share_of_a_slow_wave():
    times = 2.0 * np.arange(400)
    slow, fast = (np.sin(2 * np.pi * f * times) for f in (0.05, 0.2))
    found = slow_share((np.sqrt(3) * slow + fast)[np.newaxis], 0.5)
    assert_allclose(found, 0.75, atol=1e-6)


def test_spectrum_holds_the_variance(rng):
    series = rng.standard_normal((4, 2_000))
    found = bold_spectrum(series, 2.0)
    step = found.frequencies[1] - found.frequencies[0]
    assert_allclose(found.power.sum(axis=1) * step, 1.0, rtol=0.15)  # one sd of welch is .03


def test_displacement_is_that_of_the_simulator(rng):
    volumes = VolumeAxis(2.0, 150, np.zeros(3))
    motion = draw_motion(MotionSettings(jerk_rate=2.0), volumes, rng)
    middles = 2.0 * (np.arange(150) + 0.5)
    found = framewise_displacement(motion.parameters(middles))
    assert_allclose(found, motion.framewise_displacement(volumes), rtol=1e-12)
