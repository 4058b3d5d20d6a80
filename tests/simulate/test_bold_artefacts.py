import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.simulate.bold_artefacts import run_bold_noise, run_motion
from neurotranscoder.simulate.bold_noise import BoldNoiseSettings
from neurotranscoder.simulate.cohort import make_cohort
from neurotranscoder.simulate.motion import MotionSettings
from neurotranscoder.simulate.noise import baseline_image
from neurotranscoder.simulate.run import simulate_run_of


def bold_of(scenario, head):
    return simulate_run_of(make_cohort(scenario, head), 0, 0).recording.bold.data


@pytest.fixture(scope="module")
def clean(noise_free, tiny_head):
    return bold_of(noise_free, tiny_head)


def test_bold_is_signal_plus_the_parts_of_its_noise(noise_free, tiny_head, clean):
    scenario = noise_free.model_copy(update={"bold_noise": BoldNoiseSettings(drift=0.0)})
    noise = run_bold_noise(scenario, tiny_head, 0, 0)
    assert noise.parts == ("thermal", "autoregressive", "cardiac", "respiratory", "global_signal")
    expected = clean.copy()
    unit = baseline_image(tiny_head, scenario.bold_baseline) / 100
    for part in noise.parts:
        noise.add(part, expected, unit)
    assert_array_equal(bold_of(scenario, tiny_head), np.abs(expected))


def test_parts_of_the_noise_reach_the_ratio_together(noise_free, tiny_head, clean):
    update = {"bold_noise": BoldNoiseSettings(drift=0.0), "bold_snr_db": 10.0}
    noise = bold_of(noise_free.model_copy(update=update), tiny_head) - clean
    brain = tiny_head.brain
    ratio = np.var(clean[brain], axis=1).mean() / np.var(noise[brain], axis=1).mean()
    assert_allclose(ratio, 10.0, rtol=0.1)  # 60 volumes hold 1-12 periods of the global wave


def test_head_that_moves_keeps_sources_and_noise(noise_free, tiny_head, clean):
    moving = noise_free.model_copy(update={"motion": MotionSettings()})
    both = moving.model_copy(update={"bold_noise": BoldNoiseSettings()})
    still = noise_free.model_copy(update={"bold_noise": BoldNoiseSettings()})
    by_motion = bold_of(moving, tiny_head) - clean
    brain = tiny_head.brain
    assert np.std(by_motion[brain]) > 0.001 * 10_000  # .1 % of the baseline
    difference = bold_of(both, tiny_head) - bold_of(still, tiny_head)
    assert_allclose(difference[brain], by_motion[brain], atol=0.02)  # float32 at 10,000


def test_runs_differ_in_motion_and_noise_and_repeat_themselves(noise_free, tiny_head):
    update = {"bold_noise": BoldNoiseSettings(), "motion": MotionSettings()}
    scenario = noise_free.model_copy(update=update)
    times = np.arange(0.0, 100.0, 7.0)
    here, again, other = (run_motion(scenario, 0, run).parameters(times) for run in (0, 0, 1))
    assert_array_equal(here, again)
    assert np.abs(here - other).max() > 1e-3
    assert_array_equal(bold_of(scenario, tiny_head), bold_of(scenario, tiny_head))


def test_scenario_without_motion_or_parts_has_none(noise_free, tiny_head):
    assert run_motion(noise_free, 0, 0) is None
    assert run_bold_noise(noise_free, tiny_head, 0, 0) is None
