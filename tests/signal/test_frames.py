import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.axes import TimeAxis
from neurotranscoder.core.errors import GridError
from neurotranscoder.signal.frames import frame_means, interpolate_volumes, weighted_frame_means


def test_frame_is_the_mean_of_its_samples(rng):
    data = rng.standard_normal((2, 130))
    times = -0.1 + np.arange(130) / 100  # begins before the scanner, 0.01 s a sample
    found = frame_means(data, times, TimeAxis.of_frames(1.2, 2.5))
    assert_allclose(found, data[:, 10:130].reshape(2, 3, 40).mean(axis=2))


def test_eeg_that_ends_early_is_refused():
    times = np.arange(100) / 100
    with pytest.raises(GridError, match=r"EEG spans 0.000-0.990 s"):
        frame_means(np.zeros((1, 100)), times, TimeAxis.of_frames(2.0, 2.5))


def test_weighted_mean_of_whole_samples_is_their_mean(rng):
    data, times = rng.standard_normal((2, 120)), 0.005 + np.arange(120) / 100  # middles of samples
    axis = TimeAxis.of_frames(1.2, 2.5)
    found = weighted_frame_means(data, times, axis)
    assert_allclose(found, frame_means(data, times, axis), atol=1e-12)


def test_weighted_mean_of_a_line_is_its_value_in_the_middle_of_frames_of_any_length():
    times = 0.003 + np.arange(400) / 105
    axis = TimeAxis(0.5, 100.0, 300)  # shorter than samples would fill evenly
    found = weighted_frame_means(3 * times[np.newaxis], times, axis)
    assert_allclose(found[0], 3 * axis.times, atol=3 * 0.5 / 105)  # samples are steps of a line


def test_weighted_means_hold_the_outer_samples_for_one_more():
    times, data = 0.1 * np.arange(5), np.array([[1.0, 2.0, 3.0, 4.0, 5.0]])
    found = weighted_frame_means(data, times, TimeAxis(-0.125, 20.0, 13))  # from -.15 to .5 s
    assert_allclose(found[0, :4], [1, 1, 1, 1])
    assert_allclose(found[0, -2:], [5, 5])


def test_weighted_means_beyond_the_samples_are_refused():
    times = np.arange(100) / 100
    with pytest.raises(GridError, match=r"frames span 0.000-2.000 s; EEG spans 0.000-0.990 s"):
        weighted_frame_means(np.zeros((1, 100)), times, TimeAxis.of_frames(2.0, 2.5))


@pytest.mark.parametrize("kind", ["linear", "cubic"])
def test_interpolation_is_exact_for_a_line_and_holds_its_ends(kind):
    times = 0.3 + 2.0 * np.arange(8)
    line = 3 * times[np.newaxis] + 1
    at = np.array([0.0, 0.3, 5.1, 14.3, 15.0])
    found = interpolate_volumes(line, times, at, kind=kind)
    assert_allclose(found[0], 3 * np.clip(at, 0.3, 14.3) + 1, atol=1e-12)
