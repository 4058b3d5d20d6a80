import mne
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.errors import CleaningError
from neurotranscoder.preprocess.heart import Beats, find_beats
from neurotranscoder.preprocess.history import steps_done
from neurotranscoder.preprocess.pulse import project_pulse, remove_pulse, remove_pulse_obs
from scanner_eeg import pulse_example, rms_uv

METHODS = (remove_pulse, project_pulse, remove_pulse_obs)


@pytest.fixture(scope="module")
def example():
    return pulse_example(100)


@pytest.fixture(scope="module")
def beats(example):
    return find_beats(example.raw)


@pytest.fixture(scope="module")
def cleaned_by(example, beats):
    return {method: method(example.raw, beats) for method in METHODS}


def residual(cleaned, example):
    """What is left of the artefact or lost of the EEG, in V."""
    left = cleaned.get_data("eeg") - example.clean.get_data("eeg")
    return left - left.mean(axis=1, keepdims=True)


def test_average_pulses_leave_less_than_a_quarter_of_the_artefact(example, cleaned_by):
    cleaned, _ = cleaned_by[remove_pulse]
    assert 18 < rms_uv(example.pulse) < 24
    # what the project asks for; a run of 80 s has 90 beats, and noise of the average is larger
    assert rms_uv(residual(cleaned, example)) < 4.5


def test_average_pulses_leave_less_than_basis_sets_and_projections(example, cleaned_by):
    left = [rms_uv(residual(cleaned_by[method][0], example)) for method in METHODS]
    assert left[0] < min(left[1:])


def test_pulses_that_come_early_or_late_and_last_longer_or_shorter_go_as_well():
    varying = pulse_example(102, varying=True)
    cleaned, _ = remove_pulse(varying.raw)
    assert rms_uv(residual(cleaned, varying)) < 4.5


def test_with_a_dead_ecg_the_artefact_goes_as_well():
    dead = pulse_example(101, dead=True)
    with pytest.warns(RuntimeWarning, match="is dead"):
        cleaned, report = remove_pulse(dead.raw)
    assert report.beats.source == "ecg and eeg"
    assert rms_uv(residual(cleaned, dead)) < 4.5


@pytest.mark.parametrize("method", METHODS)
def test_reports_hold_the_variance_that_is_gone(example, cleaned_by, method):
    cleaned, report = cleaned_by[method]
    before, after = (np.var(raw.get_data("eeg"), axis=1) for raw in (example.raw, cleaned))
    assert_allclose(report.removed, 1 - after / before, rtol=1e-9)
    assert 0.3 < np.median(report.removed) < 0.95
    assert report.excess_after < 0.1 * report.excess_before
    assert "of the variance of a typical channel" in str(report)


@pytest.mark.parametrize("method", METHODS)
def test_the_recording_and_its_other_channels_stay_as_they_are(example, beats, method):
    raw = example.raw.copy()
    raw.pick(["Fp1", "Cz", "Oz", "T7", "ECG"])
    raw.info["bads"] = ["Cz"]
    before = raw.get_data()
    cleaned, report = method(raw, beats)
    assert_array_equal(raw.get_data(), before)
    assert_array_equal(cleaned.get_data(["Cz", "ECG"]), raw.get_data(["Cz", "ECG"]))
    assert "Cz" not in report.channels


def test_what_does_not_follow_the_beat_is_kept(example, beats, rng):
    """A rhythm that the artefact does not know passes: removal is linear but for its gains."""
    rhythm = 1e-5 * np.sin(2 * np.pi * 10.3 * example.raw.times)
    more = example.raw.copy()
    more._data[:64] += rhythm * rng.standard_normal((64, 1))
    kept = remove_pulse(more, beats)[0].get_data("eeg")
    kept -= remove_pulse(example.raw, beats)[0].get_data("eeg")
    added = more.get_data("eeg") - example.raw.get_data("eeg")
    assert_allclose(np.corrcoef(kept.ravel(), added.ravel())[0, 1], 1.0, atol=0.01)


def test_a_projection_takes_components_out_of_every_moment(example, beats):
    cleaned, report = project_pulse(example.raw, beats, n_components=2)
    assert report.n_components == 2
    ranks = [
        np.linalg.matrix_rank(raw.get_data("eeg"), tol=1e-8) for raw in (example.raw, cleaned)
    ]
    assert ranks[0] - ranks[1] == 2


def test_basis_sets_are_those_of_mne(example, beats):
    few = example.raw.copy().pick(["Fp1", "Cz", "Oz", "T7"])
    cleaned, report = remove_pulse_obs(few, beats, n_components=1)
    peaks = np.round(200 * beats.times)
    half = int(np.median(np.diff(peaks))) // 2 + 1
    middles = peaks + round(200 * report.delay)
    whole = middles[(middles >= half) & (middles < len(example.raw.times) - half)]
    expected = mne.preprocessing.apply_pca_obs(
        example.raw, ["Cz", "Oz"], qrs_times=(whole + 0.5) / 200, n_components=1, verbose="error"
    ).get_data(["Cz", "Oz"])
    found = cleaned.get_data(["Cz", "Oz"])
    # means of channels: MNE takes them out, and they say nothing
    left = (one - one.mean(axis=1, keepdims=True) for one in (found, expected))
    assert_allclose(*left, atol=1e-15)


@pytest.mark.parametrize("method", METHODS)
def test_eeg_without_a_pulse_is_refused(example, beats, method):
    with pytest.raises(CleaningError, match="no pulse was found"):
        method(example.clean, beats)


@pytest.mark.parametrize("method", METHODS)
def test_a_pulse_is_removed_once(beats, cleaned_by, method):
    cleaned, _ = cleaned_by[method]
    assert "pulse" in steps_done(cleaned)
    with pytest.raises(CleaningError, match="pulse was done on this recording before"):
        remove_pulse(cleaned, beats)


def test_without_its_note_a_cleaned_recording_is_refused_for_what_it_holds(example, beats):
    cleaned, _ = remove_pulse(example.raw, beats)
    cleaned.info["description"] = None
    with pytest.raises(CleaningError, match="no pulse was found"):
        remove_pulse(cleaned, beats)


def test_too_few_beats_are_refused(example):
    with pytest.raises(CleaningError, match="at least 10 beats; got 64 channels and 3 beats"):
        remove_pulse(example.raw, Beats(np.array([1.0, 2.0, 3.0]), "ecg"))


def test_pulses_at_the_ends_are_removed_too(example, beats):
    cleaned, _ = remove_pulse(example.raw, beats)
    left = residual(cleaned, example)
    first = int(200 * (example.beats[0] + 0.2))
    ends = np.concatenate([left[:, first : first + 200], left[:, -200:]], axis=1)
    whole = np.concatenate(
        [example.pulse[:, first : first + 200], example.pulse[:, -200:]], axis=1
    )
    assert np.std(ends) < 0.5 * np.std(whole)
