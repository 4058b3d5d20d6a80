import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.axes import TimeAxis
from neurotranscoder.core.errors import GridError
from neurotranscoder.signal.frames import frame_means, interpolate_volumes


def test_frame_is_the_mean_of_its_samples(rng):
    data = rng.standard_normal((2, 130))
    times = -0.1 + np.arange(130) / 100  # begins before the scanner, 0.01 s a sample
    found = frame_means(data, times, TimeAxis.of_frames(1.2, 2.5))
    assert_allclose(found, data[:, 10:130].reshape(2, 3, 40).mean(axis=2))


def test_eeg_that_ends_early_is_refused():
    times = np.arange(100) / 100
    with pytest.raises(GridError, match=r"EEG spans 0.000-0.990 s"):
        frame_means(np.zeros((1, 100)), times, TimeAxis.of_frames(2.0, 2.5))


@pytest.mark.parametrize("kind", ["linear", "cubic"])
def test_interpolation_is_exact_for_a_line_and_holds_its_ends(kind):
    times = 0.3 + 2.0 * np.arange(8)
    line = 3 * times[np.newaxis] + 1
    at = np.array([0.0, 0.3, 5.1, 14.3, 15.0])
    found = interpolate_volumes(line, times, at, kind=kind)
    assert_allclose(found[0], 3 * np.clip(at, 0.3, 14.3) + 1, atol=1e-12)
