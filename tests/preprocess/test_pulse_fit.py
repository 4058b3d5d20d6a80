import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.preprocess.pulse_fit import PulseFit, aligned, fit_pulses, rendered

HALF, N = 90, 12_000


@pytest.fixture
def centres(rng):
    return 200 + np.cumsum(rng.integers(170, 201, 60))


def wave():
    phase = np.linspace(-1, 1, 2 * HALF + 1)
    window = np.cos(np.pi * phase / 2) ** 2
    return np.stack([10 * window * np.sin(4 * phase), 4 * window * np.cos(3 * phase)])


def drawn(rng, n):
    gains = 1 + 0.15 * rng.standard_normal((n, 2))
    return PulseFit(gains, 4 * rng.standard_normal(n), 0.05 * rng.standard_normal(n))


def test_without_noise_strength_latency_and_length_of_each_pulse_come_back(centres, rng):
    true = drawn(rng, len(centres))
    found = fit_pulses(rendered(wave(), centres, true, N), centres, HALF)
    # shrunk to the mean by what neighbours that reach into the window look like
    for name, least in (("gains", 0.9), ("shifts", 0.98), ("stretches", 0.9)):
        pair = (getattr(one, name)[3:-3].ravel() for one in (found, true))
        assert np.corrcoef(*pair)[0, 1] > least


def test_fitted_pulses_are_nearer_to_the_true_ones_than_the_average_is(centres, rng):
    true = rendered(wave(), centres, drawn(rng, len(centres)), N)
    noisy = true + rng.standard_normal((2, N))
    fit = fit_pulses(noisy, centres, HALF)
    alike = PulseFit.alike(len(centres), 2)
    errors = []
    for one in (fit, alike):
        average = aligned(noisy, centres, HALF, one)[2:-2].mean(axis=0)
        errors.append(np.std(rendered(average, centres, one, N) - true))
    assert errors[0] < 0.5 * errors[1]


def test_pulses_that_are_alike_are_left_alike_by_noise(centres, rng):
    alike = PulseFit.alike(len(centres), 2)
    noisy = rendered(wave(), centres, alike, N) + 2 * rng.standard_normal((2, N))
    fit = fit_pulses(noisy, centres, HALF)
    # noise alone would spread latencies by more than a sample; most of it is shrunk away
    assert np.std(fit.shifts) < 0.6
    assert np.std(fit.gains) < 0.06


def test_aligning_undoes_rendering(centres, rng):
    true = drawn(rng, len(centres))
    true = PulseFit(np.ones_like(true.gains), true.shifts, true.stretches)
    apart = centres[::3]  # no neighbours in the window
    single = PulseFit(true.gains[::3], true.shifts[::3], true.stretches[::3])
    back = aligned(rendered(wave(), apart, single, N), apart, HALF, single)
    # twice linear between samples, of a wave of 10 that bends by 0.02 a sample squared
    assert_allclose(back, np.broadcast_to(wave(), back.shape), atol=0.02)


def test_pulses_beyond_the_ends_are_those_of_the_average():
    centres = np.array([5, 400, 590, 780, 970, 1160, 1350, 1540, 1995])
    data = rendered(wave(), centres, PulseFit.alike(9, 2), 2000)
    fit = fit_pulses(data, centres, HALF)
    assert_allclose(fit.gains[[0, -1]], 1.0)
    assert_allclose(fit.shifts[[0, -1]], 0.0)
