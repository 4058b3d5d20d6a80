import numpy as np
from numpy.testing import assert_allclose

from neurotranscoder.core.response import Response


def test_peak_of_a_parabola_is_exact():
    times = np.arange(0, 10, 0.4)
    assert_allclose(Response(times, 9 - (times - 5.13) ** 2).peak, 5.13)


def test_width_of_a_triangle_is_half_its_base():
    times = np.arange(0, 12, 0.4)
    triangle = np.clip(1 - np.abs(times - 4.8) / 2.4, 0, None)
    assert_allclose(Response(times, triangle).fwhm, 2.4)


def test_response_that_never_falls_has_no_width():
    assert np.isnan(Response(np.arange(5.0), np.arange(5.0)).fwhm)
