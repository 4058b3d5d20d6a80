import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.axes import VolumeAxis
from neurotranscoder.core.errors import GridError
from neurotranscoder.signal.slice_timing import correct_slice_timing, middle_time

AXIS = VolumeAxis(2.0, 200, 0.4 * np.array([0.0, 2, 4, 1, 3]))


def slow_signal(times, rng):
    """Return a sum of waves that a response to events could hold: .01 to .12 Hz."""
    frequency = np.linspace(0.01, 0.12, 23)
    phase = rng.uniform(0, 2 * np.pi, 23)
    return np.sin(2 * np.pi * frequency * times[:, np.newaxis] + phase).sum(axis=1)


def sampled(rng):
    """Return the same signal as every slice sees it, and as it is at the middle of the TR."""
    seed = rng.integers(1 << 30)
    slices = [slow_signal(AXIS.times(z), np.random.default_rng(seed)) for z in range(5)]
    middle = slow_signal(0.8 + AXIS.tr * np.arange(200), np.random.default_rng(seed))
    return np.stack(slices)[np.newaxis, np.newaxis], middle


def test_correction_brings_slices_to_one_moment(rng):
    data, middle = sampled(rng)
    corrected, _ = correct_slice_timing(data, AXIS)
    before = np.mean([np.corrcoef(row, middle)[0, 1] for row in data[0, 0]])
    after = np.mean([np.corrcoef(row, middle)[0, 1] for row in corrected[0, 0]])
    assert before < 0.97
    assert after > 0.998  # a spline of 2 s has lost little at .12 Hz


def test_images_at_the_moment_itself_stay(rng):
    data = rng.standard_normal((3, 2, 5, 200))
    corrected, _ = correct_slice_timing(data, AXIS, moment=0.8)
    assert_allclose(corrected[:, :, 1], data[:, :, 1], rtol=1e-9)


def test_straight_lines_stay_straight_lines():
    times = np.stack([AXIS.times(z) for z in range(5)])[np.newaxis, np.newaxis]
    corrected, _ = correct_slice_timing(3 * times + 1, AXIS)
    inner = np.s_[..., 1:-1]  # the ends are held
    expected = np.broadcast_to(3 * (0.8 + 2.0 * np.arange(200)) + 1, times.shape)
    assert_allclose(corrected[inner], expected[inner])


def test_the_axis_then_says_one_time_for_all_slices(rng):
    _, axis = correct_slice_timing(rng.standard_normal((1, 1, 5, 200)), AXIS)
    assert axis.slice_times.tolist() == [0.8] * 5
    assert middle_time(axis) == 0.8


def test_single_precision_is_kept(rng):
    data = rng.standard_normal((2, 2, 5, 200), dtype=np.float32)
    assert correct_slice_timing(data, AXIS)[0].dtype == np.float32


def test_images_of_another_number_of_slices_are_refused(rng):
    with pytest.raises(GridError, match="4 slices and 200 volumes; slice timing is for 5"):
        correct_slice_timing(rng.standard_normal((2, 2, 4, 200)), AXIS)


def test_a_moment_after_the_volume_is_refused(rng):
    with pytest.raises(GridError, match=r"the moment is 2\.5 s"):
        correct_slice_timing(rng.standard_normal((2, 2, 5, 200)), AXIS, moment=2.5)
