import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import neurotranscoder as nt
from neurotranscoder.simulate.catalogue import named_scenario

NAMES = ("cohort", "cohort-brain")


@pytest.fixture(scope="module")
def runs():
    return {name: nt.simulate_run(name, preset="tiny", subject=1) for name in NAMES}


def test_cohorts_are_six_subjects_of_five_runs_with_about_105_trials(runs):
    for name in NAMES:
        scenario = named_scenario(name, preset="small")
        assert (scenario.n_subjects, scenario.runs_per_subject) == (6, 5)
        assert named_scenario(name, n_subjects=2).n_subjects == 2
        onset = runs[name].recording.events.onset
        assert 98 <= len(onset) <= 113  # 270 s of U(2, 3) s: 107 less the late start, sd 1.3
        assert np.all((np.diff(onset) > 1.99) & (np.diff(onset) < 3.01))


def test_cohorts_differ_in_the_noise_of_the_eeg_alone(runs):
    white, brain = (runs[name] for name in NAMES)
    assert_array_equal(white.recording.bold.data, brain.recording.bold.data)
    assert_array_equal(white.truth.eeg(), brain.truth.eeg())
    first, second = (named_scenario(name).model_dump() for name in NAMES)
    changed = {key for key, value in first.items() if value != second[key]}
    assert changed == {"name", "eeg_snr_db", "eeg_noise"}


@pytest.mark.parametrize(
    ("name", "ratio", "tolerance"), [("cohort", 10.0, 0.01), ("cohort-brain", 1.0, 0.2)]
)
def test_ratio_of_a_single_trial_is_that_of_its_name(runs, name, ratio, tolerance):
    run = runs[name]
    clean = run.truth.eeg()
    noise = run.recording.eeg.data - clean
    after = run.eeg_times[:, np.newaxis] - run.recording.events.onset
    latest = run.truth.cohort.regions.latency.max()
    trial = np.any((after >= 0) & (after <= latest + 0.47), axis=1)
    power = np.mean(np.var(clean[:, trial], axis=1))
    # white noise of 64 x 29,000 samples: .1 %; 1/f noise has tens of degrees of freedom
    assert_allclose(power / np.mean(np.var(noise, axis=1)), ratio, rtol=tolerance)


def test_forty_regions_lie_in_a_brain_that_is_mostly_silent(runs):
    regions = runs["cohort"].truth.cohort.regions
    assert (regions.n_regions, regions.oscillatory.sum(), regions.motor.sum()) == (40, 0, 0)
    assert regions.n_voxels.min() >= 1
    assert np.mean(regions.labels[runs["cohort"].recording.bold.mask] >= 0) < 0.4
    assert_allclose([regions.latency.min(), regions.latency.max()], [0.06, 0.6], atol=0.08)
