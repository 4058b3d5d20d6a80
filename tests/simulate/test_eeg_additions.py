import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.simulate.bold_artefacts import run_physiology
from neurotranscoder.simulate.cohort import make_cohort
from neurotranscoder.simulate.eeg_artefacts import BlinkSettings, HeartSettings
from neurotranscoder.simulate.eeg_noise import EegNoiseSettings
from neurotranscoder.simulate.run import simulate_run_of


def eeg_of(scenario, head):
    return simulate_run_of(make_cohort(scenario, head), 0, 0).recording.eeg.data


@pytest.fixture(scope="module")
def clean(noise_free, tiny_head):
    return eeg_of(noise_free, tiny_head)


def test_white_and_brain_noise_reach_the_ratio_together(noise_free, tiny_head, clean):
    settings = EegNoiseSettings(white_uv=1.0, brain_uv=1.0)
    update = {"eeg_noise": settings, "eeg_snr_db": 0.0}
    noise = eeg_of(noise_free.model_copy(update=update), tiny_head) - clean
    ratio = np.var(clean, axis=1).mean() / np.var(noise, axis=1).mean()
    assert_allclose(ratio, 1.0, rtol=0.15)  # 1/f noise has few slow waves in two minutes


def test_noise_without_a_ratio_has_its_own_level(noise_free, tiny_head, clean):
    update = {"eeg_noise": EegNoiseSettings(white_uv=2.0)}
    noise = eeg_of(noise_free.model_copy(update=update), tiny_head) - clean
    standard_error = np.sqrt(2 / noise.size)  # of a sample variance, relative
    assert_allclose(np.mean(noise**2), 4e-12, rtol=5 * standard_error)
    assert_allclose(noise.mean(axis=0), 0.0, atol=1e-15)  # average reference


def test_switching_brain_noise_off_leaves_white_noise_as_it_was(noise_free, tiny_head, clean):
    white, both = (
        eeg_of(noise_free.model_copy(update={"eeg_noise": settings}), tiny_head)
        for settings in (EegNoiseSettings(), EegNoiseSettings(brain_uv=5.0))
    )
    brain = both - white
    power, patterns = np.linalg.eigh(tiny_head.leadfield @ tiny_head.leadfield.T)
    shares = np.var(patterns.T @ brain, axis=1)
    assert_allclose(shares[-3:].sum() / shares.sum(), power[-3:].sum() / power.sum(), atol=0.1)


def test_blinks_are_frontal_and_heart_beats_follow_the_physiology(noise_free, tiny_head, clean):
    blinking = noise_free.model_copy(update={"blinks": BlinkSettings(per_minute=30.0)})
    by_blinks = eeg_of(blinking, tiny_head) - clean
    names = tiny_head.montage.names
    largest = names[int(np.abs(by_blinks).max(axis=1).argmax())]
    assert largest in ("Fp1", "Fpz", "Fp2", "AF7", "AF8")
    beating = noise_free.model_copy(update={"heart": HeartSettings()})
    recording = simulate_run_of(make_cohort(beating, tiny_head), 0, 0).recording
    by_heart = recording.eeg.data - clean
    times = recording.clock.scanner_times(by_heart.shape[1], recording.eeg.sfreq)
    course = np.abs(by_heart).max(axis=0)
    beats = run_physiology(beating, 0, 0).beats
    beats = beats[(beats > times[0] + 1) & (beats < times[-1] - 1)]
    at_beats = course[np.rint((beats - times[0]) * recording.eeg.sfreq).astype(int)]
    assert np.median(at_beats) > 5 * np.median(course)


def test_eeg_without_additions_is_noise_free(noise_free, tiny_head, clean):
    assert_array_equal(eeg_of(noise_free, tiny_head), clean)
