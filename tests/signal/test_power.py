import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.signal.power import band_power

SFREQ = 100.0


def test_power_is_that_of_the_waves_within_the_band():
    times = np.arange(0, 40, 1 / SFREQ)
    inside, outside = 3 * np.sin(2 * np.pi * 10 * times), 5 * np.sin(2 * np.pi * 25 * times)
    found = band_power((inside + outside)[np.newaxis], SFREQ, (8, 13))[0, 1000:-1000]
    # mean square 4.5; the filter of order 3, applied twice, leaves about 1e-4 of the other
    assert_allclose(found.mean(), 4.5, rtol=1e-2)


@pytest.mark.parametrize("band", [(8.0, 50.0), (0.0, 4.0), (9.0, 8.0)])
def test_bands_beyond_the_sampling_are_refused(band):
    with pytest.raises(SettingsError, match=r"needs 0 < lower < upper < 50 Hz"):
        band_power(np.zeros((1, 100)), SFREQ, band)
