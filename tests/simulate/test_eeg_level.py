import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.recording import Events
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.cohort import make_cohort
from neurotranscoder.simulate.eeg_level import in_trials, trial_length
from neurotranscoder.simulate.eeg_noise import EegNoiseSettings
from neurotranscoder.simulate.run import simulate_run, simulate_run_of

MIXED = EegNoiseSettings(white_uv=1.0, brain_uv=1.0)


def events_at(*onsets, label="standard"):
    n = len(onsets)
    return Events(np.array(onsets), np.full(n, 0.2), (label,) * n, np.full(n, np.nan))


def test_trials_are_the_times_shortly_after_a_stimulus():
    times = np.arange(0.0, 10.0, 0.25)
    inside = in_trials(times, events_at(6.0, 2.0, 2.5), 1.0)
    expected = ((times >= 2) & (times <= 3.5)) | ((times >= 6) & (times <= 7))
    assert_array_equal(inside, expected)


def test_a_trial_ends_with_the_response_of_the_slowest_evoked_region(tiny_cohort):
    regions = tiny_cohort.regions
    late = regions.latency[~regions.oscillatory].max()
    assert_allclose(trial_length(tiny_cohort), late + 0.47)


@pytest.mark.parametrize(("noise", "spread"), [(None, 0.01), (MIXED, 0.2)], ids=["white", "mixed"])
def test_ratio_of_a_trial_is_that_of_the_eeg_after_stimuli(noise_free, tiny_head, noise, spread):
    scenario = noise_free.model_copy(update={"eeg_snr_db": 3.0, "eeg_snr_over": "trial"})
    noisy = scenario.model_copy(update={"eeg_noise": noise})
    events = events_at(*np.arange(4.0, 110.0, 7.0))
    clean = simulate_run(noise_free, tiny_head, 0, 0, events=events)
    data = simulate_run(noisy, tiny_head, 0, 0, events=events).recording.eeg.data
    signal, clock = clean.recording.eeg.data, clean.recording.clock
    times = clock.scanner_times(signal.shape[1], 100.0)
    after = times[:, np.newaxis] - events.onset
    length = trial_length(make_cohort(scenario, tiny_head))
    inside = np.any((after >= 0) & (after <= length), axis=1)
    ratio = np.mean(np.var(signal[:, inside], axis=1)) / np.mean((data - signal) ** 2)
    # white noise of 64 x 12,000 samples: .2 %; 1/f noise has tens of degrees of freedom
    assert_allclose(ratio, 10**0.3, rtol=spread)


def test_without_a_stimulus_there_is_no_trial(noise_free, tiny_head):
    scenario = noise_free.model_copy(update={"eeg_snr_db": 10.0, "eeg_snr_over": "trial"})
    cohort = make_cohort(scenario, tiny_head)
    with pytest.raises(SettingsError, match="none of 1 events is a stimulus"):
        simulate_run_of(cohort, 0, 0, events=events_at(10.0, label="button response"))


@pytest.mark.parametrize(
    ("name", "latest"),
    # the angular gyrus ends at .1 + .5 s; the button is felt .05 s after means of log-normals
    [("oddball", 0.6), ("faces", 0.05 + np.mean(np.exp([-0.43, -0.29])) * np.exp(0.25**2 / 2))],
)
def test_trials_last_until_the_slowest_activation_has_ended(tiny_head, name, latest):
    scenario = named_scenario(name, preset="tiny")
    regions = scenario.regions.model_copy(update={"latency": (0.1, 0.2)})
    cohort = make_cohort(scenario.model_copy(update={"regions": regions}), tiny_head)
    # response times are clipped, and represented by 100 quantiles
    assert_allclose(trial_length(cohort), latest + 0.47, atol=2e-3)
