import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.simulate.rhythms import rhythm_frequencies
from neurotranscoder.simulate.waves import sum_of_waves


@pytest.mark.parametrize("band", [(0.01, 0.2), (1.0, 30.0)], ids=["direct", "by FFT"])
def test_waves_are_summed_at_any_times(rng, band):
    frequencies = rhythm_frequencies(band, 600.0)
    waves = rng.standard_normal((3, len(frequencies), 2)) @ [1.0, 1.0j]
    times = np.sort(rng.uniform(-40.0, 640.0, 200))
    expected = np.real(waves @ np.exp(2j * np.pi * np.outer(frequencies, times)))
    actual = sum_of_waves(waves, frequencies, times)
    assert_allclose(actual, expected, atol=1e-7 * np.abs(expected).max())


def test_no_rhythm_gives_no_rows():
    frequencies = rhythm_frequencies((1.0, 30.0), 600.0)
    nothing = np.zeros((0, len(frequencies)), dtype=complex)
    assert sum_of_waves(nothing, frequencies, np.arange(5.0)).shape == (0, 5)
