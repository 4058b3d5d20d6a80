import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.physics.evoked import evoked_kernel
from neurotranscoder.physics.hrf import HrfShape, hrf_kernel
from neurotranscoder.physics.kernel import Kernel, transfers


def test_transfer_function_of_a_box_is_a_sinc():
    box = Kernel(np.ones_like, -0.5, 0.5)
    frequencies = np.array([0.0, 0.3, 1.0, 2.5])
    assert_allclose(box.transfer(frequencies), np.sinc(frequencies), atol=1e-6)


def test_averaging_multiplies_the_transfer_function_by_a_sinc():
    kernel, frequencies = evoked_kernel(), np.array([0.0, 0.5, 1.7, 4.0])
    averaged = kernel.averaged(0.4).transfer(frequencies)
    assert_allclose(averaged, kernel.transfer(frequencies) * np.sinc(0.4 * frequencies), atol=1e-6)


def test_averaged_kernel_is_the_mean_over_the_window():
    kernel, width = evoked_kernel(), 0.4
    offsets = (np.arange(4000) + 0.5) / 4000 * width - width / 2  # midpoint rule
    for lag in (-0.15, 0.05, 0.3, 0.6):
        expected = kernel(lag + offsets).mean()
        assert_allclose(kernel.averaged(width)(np.array([lag])), expected, atol=1e-5)


def test_kernel_is_zero_outside_its_support():
    lags = np.array([-1e-9, hrf_kernel().stop + 1e-9])
    assert_allclose(hrf_kernel()(lags), 0.0)


def test_centre_of_mass_of_a_box_is_its_middle():
    assert_allclose(Kernel(np.ones_like, 1.0, 3.0).centre_of_mass, 2.0)


@pytest.mark.parametrize(
    "frequencies",
    [np.linspace(0.3, 30.0, 400), np.linspace(0.3, 30.0, 700), np.geomspace(0.3, 30.0, 700)],
    ids=["few", "many", "uneven"],
)
def test_transforms_of_many_responses_are_those_of_each(frequencies):
    kernels = (hrf_kernel(), evoked_kernel(), hrf_kernel(HrfShape(peak_delay=5.0)))
    together = transfers(kernels, frequencies)
    for kernel, mine in zip(kernels, together, strict=True):
        waves = np.exp(-2j * np.pi * frequencies[:, np.newaxis] * kernel.lags)
        expected = np.trapezoid(waves * kernel(kernel.lags), kernel.lags, axis=1)
        assert_allclose(mine, expected, atol=1e-10)
