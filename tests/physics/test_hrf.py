import numpy as np
from nilearn.glm.first_level import spm_hrf
from numpy.testing import assert_allclose
from scipy.integrate import quad

from neurotranscoder.physics.hrf import HrfShape, double_gamma_hrf, hrf_kernel, sampled_hrf


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
