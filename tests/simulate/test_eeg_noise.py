import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.simulate.eeg_noise import EegNoiseSettings, add_brain_noise, add_white_noise

SETTINGS = EegNoiseSettings(white_uv=0.5, brain_uv=8.0)


def white(rng, **options):
    eeg = np.zeros((6, 40_000))
    add_white_noise(eeg, SETTINGS, rng, **options)
    return eeg


def brain(rng, *, sfreq=105.0, n_times=40_000, settings=SETTINGS, leadfield=None):
    leadfield = np.eye(4) if leadfield is None else leadfield
    eeg = np.zeros((len(leadfield), n_times))
    add_brain_noise(eeg, sfreq, leadfield, settings, rng)
    return eeg


def power_at(eeg, sfreq):
    """Periodogram averaged over channels, in V^2/Hz, without the line at 0 Hz."""
    n_times = eeg.shape[1]
    power = np.mean(np.abs(np.fft.rfft(eeg)) ** 2, axis=0)
    return np.fft.rfftfreq(n_times, 1 / sfreq)[1:], 2 * power[1:] / (sfreq * n_times)


@pytest.mark.parametrize("average_reference", [True, False])
def test_white_noise_has_its_stated_rms_in_every_channel(rng, average_reference):
    eeg = white(rng, average_reference=average_reference)
    standard_error = 1 / np.sqrt(2 * eeg.shape[1])  # of an rms, relative
    assert_allclose(np.std(eeg, axis=1), 0.5e-6, rtol=4 * standard_error)
    assert_allclose(np.mean(eeg**2), SETTINGS.white_variance, rtol=4 * standard_error)
    power_of_average = np.mean(eeg.mean(axis=0) ** 2)
    expected = 0 if average_reference else 0.25e-12 / 6
    assert_allclose(power_of_average, expected, rtol=8 * standard_error, atol=1e-25)


def test_white_noise_is_white(rng):
    frequencies, power = power_at(white(rng, average_reference=False), 105.0)
    halves = [power[frequencies < 26].mean(), power[frequencies >= 26].mean()]
    # 6 channels of 10,000 lines each half, each line with a relative sd of 1
    assert_allclose(halves[0] / halves[1], 1, rtol=4 * np.sqrt(2 / 60_000))


def test_brain_noise_has_the_covariance_of_the_leadfield(rng):
    leadfield = rng.standard_normal((5, 200)) * np.arange(1, 6)[:, np.newaxis]
    leadfield -= leadfield.mean(axis=0)
    flat = SETTINGS.model_copy(update={"exponent": 0.0})
    eeg = brain(rng, settings=flat, leadfield=leadfield, n_times=200_000)
    expected = leadfield @ leadfield.T
    expected *= SETTINGS.brain_variance / np.mean(np.diag(expected))
    standard_error = np.sqrt(2 / eeg.shape[1]) * expected.max()  # of a covariance, at most
    assert_allclose(eeg @ eeg.T / eeg.shape[1], expected, atol=5 * standard_error)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("sfreq", [105.0, 1000.0])
def test_brain_noise_falls_with_frequency_as_its_exponent_says(rng, exponent, sfreq):
    settings = SETTINGS.model_copy(update={"exponent": exponent})
    eeg = brain(rng, settings=settings, leadfield=np.eye(16), sfreq=sfreq, n_times=100_000)
    eeg *= np.hanning(eeg.shape[1])  # steep spectra leak from the edges of the window else
    frequencies, power = power_at(eeg, sfreq)
    # at 1 kHz what interpolation from 500 Hz takes is made up for
    edges = np.array([1.0, 2, 4, 8, 16, 32, 50 if sfreq == 105 else 220])
    bands = [
        np.mean((power * frequencies**exponent)[(frequencies >= a) & (frequencies < b)])
        for a, b in itertools.pairwise(edges)
    ]
    n_lines = 16 * eeg.shape[1] / sfreq * np.diff(edges) / 2  # the window halves them
    assert_allclose(bands / np.mean(bands), 1, atol=5 / np.sqrt(n_lines.min()))


@pytest.mark.parametrize(("sfreq", "exponent"), [(105.0, 0.0), (105.0, 1.0), (5000.0, 0.5)])
def test_brain_noise_has_its_expected_variance_at_any_rate(rng, sfreq, exponent):
    settings = SETTINGS.model_copy(update={"exponent": exponent, "lowest": 1.0})
    eeg = brain(rng, sfreq=sfreq, settings=settings, leadfield=np.eye(64), n_times=50_000)
    # the slowest lines are the strongest: allow for 64 channels x 10 s x 2 Hz of free numbers
    assert_allclose(np.mean(eeg**2), SETTINGS.brain_variance, rtol=4 * np.sqrt(2 / 1280))


def test_brain_noise_begins_at_its_lowest_frequency(rng):
    settings = SETTINGS.model_copy(update={"lowest": 2.0, "exponent": 2.0})
    frequencies, power = power_at(brain(rng, settings=settings) * np.hanning(40_000), 105.0)
    assert power[frequencies < 1.9].max() < 1e-6 * power.max()


def test_brain_noise_at_5_khz_runs_through_its_points_at_500_hz(rng):
    eeg = brain(rng, sfreq=5000.0, n_times=40_003)
    knots = eeg[:, ::10]
    middle = (knots[:, :-1] + knots[:, 1:]) / 2
    assert_allclose(eeg[:, 5::10], middle, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("n_times", [40, 997, 16_384, 16_385])
@pytest.mark.parametrize("sfreq", [700.0, 5000.0])
def test_every_sample_of_any_length_gets_noise_and_keeps_its_signal(n_times, sfreq):
    settings = EegNoiseSettings(brain_uv=8.0, lowest=100.0)
    clean, noise = np.ones((3, n_times)), np.zeros((3, n_times))
    for eeg in (clean, noise):
        add_brain_noise(eeg, sfreq, np.eye(3), settings, np.random.default_rng(1))
        add_white_noise(eeg, settings, np.random.default_rng(2), average_reference=True)
    assert np.all(noise != 0)
    assert_allclose(clean, 1 + noise, rtol=1e-12)


def test_scale_multiplies_both_parts():
    for part, options in (
        (add_white_noise, (SETTINGS,)),
        (add_brain_noise, (105.0, np.eye(3), SETTINGS)),
    ):
        once, thrice = np.zeros((2, 3, 500))
        extra = {"average_reference": False} if part is add_white_noise else {}
        part(once, *options, np.random.default_rng(3), **extra)
        part(thrice, *options, np.random.default_rng(3), scale=3.0, **extra)
        assert_allclose(thrice, 3 * once, rtol=1e-12)


def test_channels_of_single_precision_stay_so_and_differ_by_rounding_only():
    single, double = np.zeros((4, 3000), np.float32), np.zeros((4, 3000))
    for eeg in (single, double):
        add_brain_noise(eeg, 5000.0, np.eye(4), SETTINGS, np.random.default_rng(4))
    assert single.dtype == np.float32
    assert_allclose(single, double, atol=1e-6 * np.abs(double).max())


def test_a_part_of_zero_strength_adds_nothing(rng):
    nothing = EegNoiseSettings(white_uv=0.0, brain_uv=0.0)
    eeg = np.zeros((3, 2000))
    add_white_noise(eeg, nothing, rng, average_reference=True)
    add_brain_noise(eeg, 105.0, np.eye(3), nothing, rng)
    assert_array_equal(eeg, 0)


def test_noise_that_cannot_begin_so_low_is_refused(rng):
    with pytest.raises(SettingsError, match="from 60 Hz does not fit"):
        brain(rng, settings=SETTINGS.model_copy(update={"lowest": 60.0}))
