import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.axes import VolumeAxis
from neurotranscoder.core.recording import Events
from neurotranscoder.physics.evoked import evoked_kernel
from neurotranscoder.physics.hrf import hrf_kernel
from neurotranscoder.simulate.bold import bold_signal
from neurotranscoder.simulate.rhythms import draw_rhythms, rhythm_frequencies
from neurotranscoder.simulate.run import simulate_run_of
from neurotranscoder.simulate.sources import RunSources
from neurotranscoder.simulate.trains import draw_impulses

SFREQ = 100.0


def dense_source(sources, times):
    """X of every region at every sample, the matrix that the simulator never makes."""
    x = np.zeros((sources.n_regions, len(times)))
    for region, time, amplitude in zip(
        sources.region, sources.time, sources.amplitude, strict=True
    ):
        x[region, round((time - times[0]) * SFREQ)] += amplitude * SFREQ
    for region, waves in zip(sources.rhythm_region, sources.waves, strict=True):
        phases = np.exp(2j * np.pi * np.outer(sources.frequencies, times))
        x[region] += (waves @ phases).real
    return x


@pytest.fixture(scope="module")
def sources(tiny_cohort):
    return simulate_run_of(tiny_cohort, 0, 0).sources


@pytest.fixture(scope="module")
def dense(sources):
    times = -45.0 + np.arange(round(170 * SFREQ)) / SFREQ
    return times, dense_source(sources, times)


@pytest.mark.parametrize("kernel", [hrf_kernel(), evoked_kernel()], ids=["hrf", "evoked"])
def test_response_equals_dense_convolution_on_and_off_the_sample_grid(sources, dense, kernel):
    grid, x = dense
    for times in (np.arange(0, 120, 2.0), np.arange(0.123456, 119, 1.9)):
        expected = x @ kernel(times - grid[:, np.newaxis]) / SFREQ
        actual = sources.respond(kernel, times)
        assert_allclose(actual, expected, atol=1e-5 * np.abs(expected).max())


def test_bold_of_random_voxels_equals_dense_convolution_at_their_slice_times(
    tiny_cohort, sources, dense, rng
):
    grid, x = dense
    regions = tiny_cohort.regions
    volumes = VolumeAxis(2.0, 60, rng.uniform(0, 2, regions.labels.shape[2]))
    bold = bold_signal(sources, regions, hrf_kernel(), volumes, gain=3.0)
    for i, j, k in rng.permutation(np.argwhere(regions.labels >= 0))[:25]:
        lags = volumes.times(int(k)) - grid[:, np.newaxis]
        expected = 3.0 * x[regions.labels[i, j, k]] @ hrf_kernel()(lags) / SFREQ
        assert_allclose(bold[i, j, k], expected, atol=1e-5 * np.abs(expected).max())


def test_frames_average_the_dense_response(sources):
    width, fine = 0.4, 400
    centres = 0.2 + width * np.arange(20)
    offsets = (np.arange(fine) + 0.5) / fine * width - width / 2
    times = (centres[:, np.newaxis] + offsets).ravel()
    expected = sources.respond(evoked_kernel(), times).reshape(-1, len(centres), fine).mean(-1)
    averaged = sources.respond(evoked_kernel().averaged(width), centres)
    assert_allclose(averaged, expected, atol=1e-5 * np.abs(expected).max())


def test_response_is_linear_in_the_sources(sources):
    times = np.arange(0, 120, 0.7)
    twice = RunSources(
        sources.n_regions, sources.region, sources.time, 2 * sources.amplitude,
        sources.rhythm_region, sources.frequencies, 2 * sources.waves,
    )  # fmt: skip
    expected = 2 * sources.respond(hrf_kernel(), times)
    assert_allclose(twice.respond(hrf_kernel(), times), expected, rtol=1e-10)


def test_response_without_impulses_or_rhythms_is_zero():
    none = np.zeros(0)
    nothing = RunSources(
        2, none.astype(int), none, none, none.astype(int), np.array([0.1]), np.zeros((0, 1)) * 1j
    )  # fmt: skip
    assert_allclose(nothing.respond(hrf_kernel(), np.arange(5.0)), np.zeros((2, 5)))


def test_rhythms_have_their_sd_and_stay_in_their_band(rng):
    frequencies = rhythm_frequencies((0.01, 0.2), 400.0)
    waves = draw_rhythms(400, frequencies, sd=2.0, rng=rng)
    assert frequencies.min() >= 0.01
    assert frequencies.max() <= 0.2
    variance = 0.5 * np.mean(np.sum(np.abs(waves) ** 2, axis=1))
    assert_allclose(variance, 4.0, rtol=4 / np.sqrt(400 * len(frequencies)))


def many_events(n_events=4000):
    target = np.arange(n_events) % 5 == 4
    labels = tuple("oddball" if t else "standard" for t in target)
    response = np.where(target, 0.4, np.nan)
    return Events(10.0 * np.arange(n_events), np.full(n_events, 0.2), labels, response), target


def test_events_activate_regions_as_their_rules_say(tiny_cohort, rng):
    settings, regions = tiny_cohort.scenario.regions, tiny_cohort.regions
    events, target = many_events()
    impulses = draw_impulses(regions, settings, events, sfreq=SFREQ, rng=rng)
    assert not np.any(regions.oscillatory[impulses.region])
    for region in np.flatnonzero(~regions.oscillatory & ~regions.motor):
        mine = impulses.region == region
        event = np.rint((impulses.time[mine] - regions.latency[region]) / 10.0).astype(int)
        delay = impulses.time[mine] - events.onset[event]
        amplitude, hit = impulses.amplitude[mine], target[event]
        assert_allclose(mine.sum() / len(target), 0.3, atol=4 * np.sqrt(0.21 / len(target)))
        assert_allclose(delay.mean(), regions.latency[region], atol=4 * 0.03 / np.sqrt(1000))
        assert_allclose(amplitude[~hit].mean(), 1.0, atol=4 * 0.42 / np.sqrt(900))
        gain = regions.target_gain[region]
        assert_allclose(amplitude[hit].mean(), gain, atol=4 * 0.42 * gain / np.sqrt(200))


def test_motor_regions_follow_responses_only(tiny_cohort, rng):
    events, target = many_events()
    regions = tiny_cohort.regions
    impulses = draw_impulses(regions, tiny_cohort.scenario.regions, events, sfreq=SFREQ, rng=rng)
    time = impulses.time[regions.motor[impulses.region]]
    assert_allclose(time - 10.0 * np.rint(time / 10.0), 0.4, atol=5 * 0.03 + 0.005)
    assert np.all(target[np.rint(time / 10.0).astype(int)])
    assert_allclose(len(time) / target.sum(), 0.9, atol=4 * np.sqrt(0.09 / target.sum()))


def test_impulses_fall_on_samples_of_the_source(sources):
    assert_allclose(sources.time * SFREQ, np.rint(sources.time * SFREQ), atol=1e-6)
