"""What EEG and BOLD have in common: rhythms count by their power where BOLD follows that."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.axes import TimeAxis
from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.cohort import make_cohort
from neurotranscoder.simulate.regions import RegionSettings
from neurotranscoder.simulate.run import simulate_run_of
from neurotranscoder.simulate.shared_sources import shared_block_sources, shared_region_sources
from neurotranscoder.simulate.truth import truth_of

AXIS = TimeAxis.of_frames(100.0, 2.5)
FEW = RegionSettings(n_evoked=8, n_oscillatory=4, n_mixed=2, n_motor=1)


def simulated(name, tiny_head):
    few = {"n_subjects": 1, "runs_per_subject": 2, "duration": 100.0, "regions": FEW}
    cohort = make_cohort(named_scenario(name, preset="tiny", seed=100, **few), tiny_head)
    return truth_of(cohort, [simulate_run_of(cohort, 0, 0)])


@pytest.fixture(scope="module")
def power(tiny_head):
    return simulated("power", tiny_head)


@pytest.fixture(scope="module")
def blocks(tiny_head):
    return BlockMap.from_mask(tiny_head.grid, tiny_head.brain, factors=(2, 2, 2))


def test_a_rhythm_is_what_bold_follows_of_it_at_the_delay_of_the_evoked_response(power):
    run, oscillatory = power.runs[0], power.regions.oscillatory
    found = shared_region_sources(power, run, AXIS)[oscillatory]
    fine = 400  # instants within a frame
    offsets = ((np.arange(fine) + 0.5) / fine - 0.5) / AXIS.sfreq
    times = (AXIS.times[:, np.newaxis] + offsets).ravel() - power.evoked.delay
    followed = power.drawn(run).hemodynamic
    phases = np.exp(2j * np.pi * np.outer(followed.frequencies, times))
    rows = np.isin(followed.rhythm_region, np.flatnonzero(oscillatory))
    expected = (followed.waves[rows] @ phases).real.reshape(len(found), -1, fine).mean(axis=2)
    assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


def test_it_is_a_positive_envelope_times_the_sign_with_which_bold_follows(power):
    found = shared_region_sources(power, power.runs[0], AXIS)[power.regions.oscillatory]
    deviations = found - np.median(found, axis=1, keepdims=True)
    skew = np.mean(deviations**3, axis=1)  # A^2 is log-normal: its long tail points upwards
    rises = {band.name: np.sign(band.bold_gain) for band in power.cohort.scenario.rhythm_bands}
    assert set(rises.values()) == {-1.0, 1.0}
    assert set(np.sign(skew)) <= set(rises.values())
    waveform = power.region_sources(power.runs[0], AXIS)[power.regions.oscillatory]
    together = [np.corrcoef(*pair)[0, 1] for pair in zip(found, waveform, strict=True)]
    assert np.abs(together).max() < 0.3  # 250 frames, of which few are independent


def test_evoked_sources_are_unchanged(power):
    run, evoked = power.runs[0], ~power.regions.rhythmic
    shared, seen = shared_region_sources(power, run, AXIS), power.region_sources(run, AXIS)
    assert_allclose(shared[evoked], seen[evoked], atol=1e-12 * np.abs(seen).max())


def test_blocks_average_regions(power, blocks):
    run = power.runs[0]
    by_region = power.block_shares(blocks) @ shared_region_sources(power, run, AXIS)
    found = shared_block_sources(power, run, blocks, AXIS)
    assert_allclose(found, by_region, atol=1e-9 * np.abs(by_region).max())


def test_with_linear_coupling_it_is_p(tiny_head, blocks):
    truth = simulated("interleave5-snr10", tiny_head)
    run = truth.runs[0]
    assert_allclose(
        shared_block_sources(truth, run, blocks, AXIS), truth.block_sources(run, blocks, AXIS)
    )
    assert_allclose(shared_region_sources(truth, run, AXIS), truth.region_sources(run, AXIS))
