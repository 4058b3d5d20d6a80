import numpy as np
from numpy.testing import assert_allclose

from neurotranscoder.signal.lines import without_lines

SFREQ = 200.0


def test_lines_go_and_noise_stays(rng):
    noise = rng.standard_normal(12_000)
    lines = sum(3 * np.sin(2 * np.pi * f * np.arange(12_000) / SFREQ) for f in (16, 33.333))
    left = without_lines(noise + lines, SFREQ) - noise
    # what stays has the usual size of its few bins: 2 of 6,000, each spread over a handful
    assert np.std(left) < 0.1


def test_noise_without_lines_is_unchanged(rng):
    noise = rng.standard_normal(12_000)
    assert_allclose(without_lines(noise, SFREQ), noise, atol=1e-12)
