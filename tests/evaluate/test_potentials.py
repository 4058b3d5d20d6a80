import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.axes import Montage
from neurotranscoder.core.recording import Clock, Eeg, Events
from neurotranscoder.evaluate.potentials import (
    Condition,
    conditions_of,
    evoked_potential,
    field_power,
)

RATE = 200.0


def events_of(*counts):
    """Events of conditions a, b, .. that occur so many times."""
    names = [name for name, count in zip("abcdefgh", counts, strict=False) for _ in range(count)]
    onset = np.arange(len(names), dtype=float)
    nothing = np.full(len(names), np.nan)
    return Events(onset, nothing, tuple(names), nothing)


def test_conditions_that_are_too_rare_are_left_out_and_the_rarest_comes_last():
    found = conditions_of(events_of(9, 30, 3))
    assert [one.name for one in found] == ["b", "a"]
    assert found[1].onset.tolist() == list(range(9))


@pytest.fixture
def recording(rng):
    """EEG with one response of two channels to each event, on a clock that starts early."""
    clock = Clock("declared", -3.0, drift_ppm=20.0)
    eeg = rng.standard_normal((3, int(300 * RATE)))
    times = clock.scanner_times(eeg.shape[1], RATE)
    onset = np.sort(rng.uniform(2, 290, 80))
    for moment in onset:
        shape = np.exp(-0.5 * ((times - moment - 0.3) / 0.05) ** 2)
        eeg += np.outer([2.0, -4.0, 0.0], shape)
    return Eeg(1e-6 * eeg, RATE, Montage(("A", "B", "C"))), clock, Condition("tone", onset)


def test_potential_is_recovered_in_size_and_time(recording):
    found = evoked_potential(*recording)
    error = 4 / np.sqrt(80)  # four standard errors of a mean over trials, beside overlap
    assert_allclose(found.times[found.peak], 0.3, atol=0.03)
    assert_allclose(1e6 * found.average[1, found.peak], -4.0, atol=1.5 * error)
    assert found.n_trials == 80


def test_alternating_signs_leave_noise_alone(recording):
    found = evoked_potential(*recording)
    noise = field_power(found.alternating).mean()
    assert_allclose(1e6 * noise, 1 / np.sqrt(80), rtol=0.5)  # of 3 channels


def test_single_trial_ratio_is_that_of_the_noise(recording):
    # 4 over 1 is 12 dB; noise of the baseline (40 samples) and overlap take a little
    assert_allclose(evoked_potential(*recording).trial_snr_db, 12.0, atol=2.0)


def test_events_beyond_the_recording_are_left_out(recording):
    eeg, clock, tone = recording
    late = Condition("tone", np.concatenate([tone.onset, [1e4, -2.95, 296.9]]))
    assert evoked_potential(eeg, clock, late).n_trials == 80


def test_too_few_trials_give_no_average(recording):
    eeg, clock, tone = recording
    assert evoked_potential(eeg, clock, Condition("tone", tone.onset[:7])) is None


def test_field_of_one_channel_is_its_magnitude():
    assert field_power(np.array([[1.0, -2.0]])).tolist() == [1.0, 2.0]
