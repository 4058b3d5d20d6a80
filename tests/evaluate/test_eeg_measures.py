import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.signal import periodogram

from neurotranscoder.core.axes import Montage
from neurotranscoder.core.recording import Eeg
from neurotranscoder.evaluate.eeg_measures import (
    APERIODIC_BAND,
    alpha_peak,
    alpha_power,
    eeg_spectrum,
    n_components,
    slow_eeg,
)
from neurotranscoder.evaluate.spectra import Spectrum, exponents

RATE = 250.0


def eeg_of(microvolts, sfreq=RATE):
    names = tuple(f"C{i}" for i in range(len(microvolts)))
    return Eeg(1e-6 * microvolts, sfreq, Montage(names))


def coloured(rng, exponent, n_channels=4, seconds=400):
    """Noise whose power falls with a given exponent; its largest frequency has power 1."""
    n_times = int(seconds * RATE)
    frequencies = np.fft.rfftfreq(n_times, 1 / RATE)
    amplitude = np.zeros(len(frequencies))
    amplitude[1:] = frequencies[1:] ** (-exponent / 2)
    lines = rng.standard_normal((2, n_channels, len(frequencies)))
    return np.fft.irfft((lines[0] + 1j * lines[1]) * amplitude, n_times) * 500


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
def test_exponent_of_coloured_noise_is_recovered(rng, exponent):
    found = exponents(eeg_spectrum(eeg_of(coloured(rng, exponent))), APERIODIC_BAND)
    assert_allclose(found, exponent, atol=0.06)  # 200 windows: .02 per channel, and leakage


def test_alpha_rhythm_hardly_bends_the_exponent(rng):
    noise = coloured(rng, 1.0)
    times = np.arange(noise.shape[1]) / RATE
    rhythm = 3 * noise.std() * np.sin(2 * np.pi * 10.2 * times)
    found = exponents(eeg_spectrum(eeg_of(noise + rhythm)), APERIODIC_BAND)
    assert_allclose(found, 1.0, atol=0.1)


def test_alpha_peak_is_found_where_it_is(rng):
    noise = coloured(rng, 1.0)
    times = np.arange(noise.shape[1]) / RATE
    rhythm = 0.3 * noise.std() * np.sin(2 * np.pi * 10.2 * times)
    assert_allclose(alpha_peak(eeg_spectrum(eeg_of(noise + rhythm))), 10.25, atol=0.25)


def test_noise_and_rhythms_of_other_bands_are_no_alpha(rng):
    noise = coloured(rng, 1.0)
    times = np.arange(noise.shape[1]) / RATE
    beta = noise.std() * np.sin(2 * np.pi * 20 * times)
    assert np.isnan(alpha_peak(eeg_spectrum(eeg_of(noise))))
    assert np.isnan(alpha_peak(eeg_spectrum(eeg_of(noise + beta))))


def test_ripples_on_a_broad_hump_are_no_alpha(rng):
    frequencies = np.arange(0.25, 50, 0.25)
    hump = 1 + np.exp(-0.5 * ((frequencies - 6) / 4) ** 2)
    ripples = np.exp(0.05 * rng.standard_normal(len(frequencies)))
    spectrum = Spectrum(frequencies, (hump**2 * ripples / frequencies)[np.newaxis])
    assert np.isnan(alpha_peak(spectrum))


def test_sampling_too_low_for_the_band_gives_no_exponent(rng):
    found = exponents(eeg_spectrum(eeg_of(rng.standard_normal((2, 2_000)), 50.0)), APERIODIC_BAND)
    assert np.isnan(found).all()


def test_amplitude_of_a_band_is_the_rms_within_it(rng):
    times = np.arange(int(100 * RATE)) / RATE
    wave = 7 * np.sqrt(2) * np.sin(2 * np.pi * 10 * times)
    found = eeg_spectrum(eeg_of(wave[np.newaxis]))
    assert_allclose(found.amplitude((8.0, 13.0)), 7.0, rtol=1e-3)  # a Hann window leaks little
    assert found.amplitude((20.0, 30.0))[0] < 0.01


def test_number_of_components_is_that_of_equal_sources(rng):
    sources = rng.standard_normal((3, 10_000))
    mixing = np.linalg.qr(rng.standard_normal((8, 3)))[0]
    assert n_components(mixing @ sources + 1e-3 * rng.standard_normal((8, 10_000))) == 3
    assert n_components(mixing @ sources, share=0.6) == 2


def test_fast_eeg_is_slowed_without_aliases():
    times = np.arange(50_000) / 5_000
    kept, folded = (np.sin(2 * np.pi * f * times) for f in (10.0, 260.0))
    found = slow_eeg(eeg_of((kept + folded)[np.newaxis], 5_000.0))
    assert found.sfreq == 250.0
    frequencies, power = periodogram(1e6 * found.data[0, 250:-250], 250.0)
    assert power[np.argmin(np.abs(frequencies - 10))] > 1e6 * power[frequencies > 20].max()


def test_slow_eeg_is_left_as_it_is(rng):
    eeg = eeg_of(rng.standard_normal((1, 100)), 499.0)
    assert slow_eeg(eeg) is eeg


def test_alpha_power_follows_the_envelope():
    times = np.arange(int(60 * RATE)) / RATE
    envelope = 1 + 0.8 * np.sin(2 * np.pi * 0.05 * times)
    power = alpha_power(eeg_of((envelope * np.sin(2 * np.pi * 10 * times))[np.newaxis]))
    smooth = np.convolve(power, np.ones(250) / 250, mode="same")
    inner = slice(500, -500)
    assert np.corrcoef(smooth[inner], envelope[inner] ** 2)[0, 1] > 0.99


def test_alpha_power_needs_a_rate_that_holds_it(rng):
    assert alpha_power(eeg_of(rng.standard_normal((1, 100)), 30.0)) is None
