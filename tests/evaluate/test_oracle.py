import numpy as np
from numpy.testing import assert_allclose

from neurotranscoder.evaluate.oracle import wiener


def test_without_noise_the_filter_inverts_the_leadfield(rng):
    leadfield, mixing = rng.standard_normal((2, 5, 5))
    found = wiener(leadfield, mixing @ mixing.T, np.zeros((5, 5)))
    assert_allclose(found @ leadfield, np.eye(5), atol=1e-6)


def test_filter_is_the_regression_of_sources_on_eeg(rng):
    leadfield, mixing = rng.standard_normal((6, 4)), rng.standard_normal((4, 4))
    sources = mixing @ rng.standard_normal((4, 400_000))
    eeg = leadfield @ sources + 0.7 * rng.standard_normal((6, 400_000))
    regression = sources @ eeg.T @ np.linalg.inv(eeg @ eeg.T)
    # coefficients of 400,000 samples: standard errors of about .002
    assert_allclose(wiener(leadfield, mixing @ mixing.T, 0.49 * np.eye(6)), regression, atol=0.02)
