import numpy as np
import pytest
from nilearn.glm.first_level import spm_hrf
from numpy.testing import assert_allclose
from pydantic import ValidationError
from scipy.integrate import quad
from scipy.stats import truncnorm

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.physics.hrf import (
    HrfShape,
    HrfSpread,
    double_gamma_hrf,
    draw_hrf_shapes,
    hrf_kernel,
    sampled_hrf,
)


def test_continuous_response_has_unit_area():
    shape = HrfShape(peak_delay=5.3, ratio=0.3, duration=28.0)
    area = quad(lambda t: float(double_gamma_hrf(np.array(t), shape)), 0, 28, limit=200)[0]
    assert_allclose(area, 1.0, rtol=1e-8)


def test_samples_sum_to_the_sampling_frequency():
    assert_allclose(sampled_hrf(7.0).sum() / 7.0, 1.0)


def test_response_agrees_with_nilearn():
    nilearn = spm_hrf(2.0, oversampling=200) * 100  # 1/s instead of per sample
    ours = double_gamma_hrf((np.arange(3200) - 1) / 100)  # nilearn begins one sample late
    # nilearn rounds the ratio to .167 and truncates by samples: 1e-3 of the peak
    assert_allclose(ours, nilearn, atol=1e-3 * ours.max())


def test_canonical_response_has_the_published_landmarks():
    times = np.arange(0, 32, 0.001)
    response = double_gamma_hrf(times)
    wide = times[response > response.max() / 2]
    assert_allclose(times[response.argmax()], 5.0, atol=0.05)
    assert_allclose(wide[-1] - wide[0], 5.3, atol=0.1)
    assert_allclose(response.min() / response.max(), -0.089, atol=0.002)


def test_response_hides_fast_rhythms():
    gain = np.abs(hrf_kernel().transfer(np.array([0.0, 0.1, 0.2, 0.5])))
    assert_allclose(gain[0], 1.0, rtol=1e-6)
    assert_allclose(gain[1:], [0.43, 0.07, 1e-3], rtol=0.1)


@pytest.fixture(scope="module")
def drawn():
    return draw_hrf_shapes(2000, HrfShape(), HrfSpread(), np.random.default_rng(7))


def test_drawn_parameters_have_the_spread_that_was_asked(drawn):
    gaps = [shape.undershoot_delay - shape.peak_delay for shape in drawn]
    n = len(drawn)
    for values, mean, sd in (
        ([shape.peak_dispersion for shape in drawn], 1.0, 0.12),
        (gaps, 10.0, 1.2),
        ([shape.ratio for shape in drawn], 1 / 6, 0.06),
    ):
        # the ranges cut at 2.8 sd or beyond, which takes less than 2 % off the sd
        assert_allclose(np.mean(values), mean, atol=4 * sd / np.sqrt(n))
        assert_allclose(np.std(values), sd, rtol=4 / np.sqrt(2 * n) + 0.02)


def test_peak_times_have_the_spread_that_was_asked(drawn):
    times = np.arange(0, 12, 0.01)
    peaks = np.array([times[double_gamma_hrf(times, shape).argmax()] for shape in drawn])
    delays = truncnorm(-(5 - 3.1) / 0.8, (8.5 - 5) / 0.8, loc=5, scale=0.8)
    # the mode is peak_delay - peak_dispersion; the cut and the undershoot shift it by < .05 s
    sd = np.hypot(delays.std(), 0.12)
    standard_error = sd / np.sqrt(2 * len(drawn))
    assert_allclose(peaks.std(), sd, atol=4 * standard_error)
    assert_allclose(peaks.mean(), 5.0, atol=0.05 + 4 * sd / np.sqrt(len(drawn)))
    assert peaks.min() >= 3.0
    assert peaks.max() <= 8.5


def test_wide_spread_still_draws_plausible_responses():
    spread = HrfSpread(peak_delay_sd=4, peak_dispersion_sd=1, undershoot_gap_sd=5, ratio_sd=1)
    times = np.arange(0, 12, 0.01)
    for shape in draw_hrf_shapes(500, HrfShape(), spread, np.random.default_rng(3)):
        assert 3.0 <= times[double_gamma_hrf(times, shape).argmax()] <= 8.5


def test_drawn_responses_have_unit_area(drawn):
    for shape in drawn[:50]:
        assert_allclose(sampled_hrf(20.0, shape).sum() / 20.0, 1.0)
        assert_allclose(hrf_kernel(shape).transfer(np.zeros(1)), 1.0, rtol=1e-5)


def test_no_spread_draws_the_canonical_response():
    canonical = HrfShape(peak_delay=5.5, undershoot_delay=15.0, duration=28.0)
    none = HrfSpread(peak_delay_sd=0, peak_dispersion_sd=0, undershoot_gap_sd=0, ratio_sd=0)
    assert draw_hrf_shapes(3, canonical, none, np.random.default_rng(0)) == (canonical,) * 3


def test_spread_around_an_implausible_response_is_refused(rng):
    with pytest.raises(SettingsError, match=r"peak_dispersion .* is 10; .* allows 3\.1-8\.5"):
        draw_hrf_shapes(2, HrfShape(peak_delay=11.0), HrfSpread(), rng)
    with pytest.raises(ValidationError, match=r"ratio_range is 0\.3-0\.2; need it increasing"):
        HrfSpread(ratio_range=(0.3, 0.2))
