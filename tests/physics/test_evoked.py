import numpy as np
from numpy.testing import assert_allclose

from neurotranscoder.physics.evoked import evoked_kernel, sampled_evoked, surviving_share


def test_response_lasts_470_ms_and_begins_and_ends_at_zero():
    kernel = evoked_kernel()
    assert_allclose([kernel.start, kernel.stop], [0.0, 0.47])
    assert_allclose(kernel(np.array([0.0, 0.47])), 0.0, atol=1e-12)


def test_response_hands_on_a_constant():
    kernel = evoked_kernel()
    assert_allclose(kernel.transfer(np.zeros(1)), 1.0, rtol=1e-6)
    assert_allclose(sampled_evoked(100.0).sum() / 100.0, 1.0, rtol=1e-4)


def test_centre_of_mass_lies_between_p2_and_p3():
    assert 0.2 < evoked_kernel().centre_of_mass < 0.33


def test_response_is_smooth():
    slope = np.abs(np.diff(sampled_evoked(1000.0)))
    assert slope.max() < 0.05 * evoked_kernel()(evoked_kernel().lags).max()


def test_surviving_share_matches_a_simulated_train(rng):
    sfreq, n_frame, n_times = 100, 40, 400_000
    train = rng.poisson(0.003, n_times) * float(sfreq)
    response = np.convolve(train, sampled_evoked(sfreq) / sfreq)[:n_times]
    share = response.reshape(-1, n_frame).mean(axis=1).std() / response.std()
    # about 1,200 impulses: relative standard error of the ratio about 2 %
    assert_allclose(surviving_share(evoked_kernel(), n_frame / sfreq), share, rtol=0.06)
