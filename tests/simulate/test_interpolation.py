import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.simulate.interpolation import OFFSETS, lagrange_weights, upsampled


def test_polynomials_of_degree_7_are_met_everywhere(rng):
    polynomial = np.polynomial.Polynomial(rng.standard_normal(8))
    places = rng.uniform(0, 1, 50)
    values = polynomial(np.asarray(OFFSETS, dtype=float))
    # weights of 8 neighbours up to 4 samples away lose three digits of double precision
    assert_allclose(values @ lagrange_weights(places), polynomial(places), rtol=1e-9)


@pytest.mark.parametrize("per_cycle", [8, 16, 24])
def test_the_error_of_a_wave_is_the_stated_one(per_cycle):
    phase = 2 * np.pi / per_cycle
    wave = np.exp(1j * phase * np.asarray(OFFSETS))
    error = np.abs(wave @ lagrange_weights(np.array([0.5])) - np.exp(0.5j * phase))[0]
    bound = 0.00107 * phase**8
    assert bound / 1.2 < error < bound  # middle of the samples, where it is largest


@pytest.mark.parametrize("factor", [1, 3, 10, 977])
@pytest.mark.parametrize("n_times", [5, 9770, 200_001])
def test_samples_are_interpolated_on_a_grid_between_them(factor, n_times):
    times = np.arange(n_times) / factor
    coarse = np.arange(-(-n_times // factor) + len(OFFSETS) - 1) + OFFSETS[0]
    waves = np.array([[1.0], [2.0]]), np.array([[0.2], [-0.1]])

    def values(at):
        return waves[0] * np.sin(waves[1] * at + 0.3)

    # 30 samples in a cycle: 4e-9; single precision: 6e-8 for each of 8 neighbours
    assert_allclose(upsampled(values(coarse), factor, n_times), values(times), atol=1e-6)
