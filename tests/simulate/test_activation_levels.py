from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.physics.anatomy import region_mask
from neurotranscoder.physics.evoked import evoked_kernel
from neurotranscoder.physics.hrf import hrf_kernel
from neurotranscoder.simulate.activation_levels import mean_rates, response_covariance
from neurotranscoder.simulate.activation_trains import draw_activations, joined
from neurotranscoder.simulate.activations import Activation
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.cohort import make_cohort
from neurotranscoder.simulate.design import OddballDesign
from neurotranscoder.simulate.division import divide_brain
from neurotranscoder.simulate.faces import FacesDesign
from neurotranscoder.simulate.regions import RegionSettings
from neurotranscoder.simulate.run import simulate_run_of
from neurotranscoder.simulate.sources import RunSources
from neurotranscoder.simulate.tasks import task_of

SECONDS, BLOCK = 12_000.0, 300.0
ACTIVATIONS = (
    Activation(region="auditory", gains={"standard": 2.0, "oddball": 2.0}, duration=0.4),
    Activation(region="occipital", gains={"standard": 0.5, "oddball": 3.0}, latency=0.35),
    Activation(region="angular", default_gain=-2.0, latency=0.1, duration=0.5, participation=1.0),
    Activation(region="primary_motor_left", gains={"oddball": 3.0}, after="response", latency=0.0),
    Activation(region="parietal_left", gains={"oddball": 3.0}, after="response", latency=0.05),
)
TASKS = {
    "oddball": task_of(OddballDesign(), None),
    "metronome": task_of(OddballDesign(soa_deciles=(2.5, 2.5)), None),
    "faces": task_of(OddballDesign(), FacesDesign(n_trials=round(SECONDS / 3))),
}


def as_faces(activation):
    """The same activation, with its gain of oddballs at low coherence."""
    gains = {"high": activation.gains.get("standard", 0.0), "low": activation.gains.get("oddball")}
    return activation.model_copy(update={"gains": gains if activation.gains else {}})


@pytest.fixture(scope="module", params=TASKS)
def simulated(request, tiny_head):
    """A task, activations in a region each, and their sources in a long run."""
    task = TASKS[request.param]
    activations = tuple(map(as_faces, ACTIVATIONS)) if task.name == "faces" else ACTIVATIONS
    settings = RegionSettings(
        n_evoked=0, n_oscillatory=0, n_motor=0, target_share=0.0, activations=activations
    )
    regions = divide_brain(settings, tiny_head, np.random.default_rng(0))
    rng = np.random.default_rng(7)
    events = task.draw(SECONDS, rng)
    found = joined(draw_activations(regions, activations, events, sfreq=100.0, rng=rng))
    none = np.zeros(0, dtype=int)
    return task, activations, RunSources(
        len(activations), found.region, found.time, found.amplitude,
        none, np.array([0.1]), np.zeros((0, 1), dtype=complex),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kernel", "step"), [(evoked_kernel(), 0.03), (hrf_kernel(), 0.7)], ids=["eeg", "bold"]
)
def test_covariance_of_responses_is_that_of_a_long_run(simulated, kernel, step):
    task, activations, sources = simulated
    expected = response_covariance(activations, task, kernel)
    times = np.arange(60.0, SECONDS - 60.0, step)
    response = sources.respond(kernel, times)
    response -= response.mean(axis=1, keepdims=True)
    n_blocks = int(SECONDS / BLOCK)
    blocks = np.array_split(response, n_blocks, axis=1)
    each = np.array([block @ block.T / block.shape[1] for block in blocks])
    error = each.std(axis=0) / np.sqrt(n_blocks)
    scale = np.sqrt(np.outer(np.diagonal(expected), np.diagonal(expected)))
    # 15 different numbers: four standard errors, and 1 % for samples of X and rounded onsets
    assert np.all(np.abs(each.mean(axis=0) - expected) < 4 * error + 0.01 * scale)
    assert np.all(np.diagonal(error) < 0.2 * np.diagonal(expected))  # the test can fail


def test_mean_rates_are_those_of_a_long_run(simulated):
    task, activations, sources = simulated
    found = np.bincount(sources.region, sources.amplitude) / SECONDS
    assert_allclose(found, mean_rates(activations, task), rtol=0.06)  # 1,000 oddballs, 4 x 1.5 %


@pytest.mark.parametrize("name", ["oddball", "faces"])
def test_scenarios_reach_their_levels(name, tiny_head):
    scenario = named_scenario(name, preset="tiny", eeg_snr_db=None, bold_snr_db=None)
    cohort = make_cohort(scenario, tiny_head)
    runs = [simulate_run_of(cohort, 0, run).recording for run in range(3)]
    eeg = np.sqrt(np.mean([np.mean(run.eeg.data**2) for run in runs]))
    bold = np.sqrt(np.mean([np.var(run.bold.data[run.bold.mask], axis=1) for run in runs]))
    # slow rhythms of 30 regions in three runs, and 4 % of the EEG's time outside of the run
    assert_allclose(eeg, 10e-6, rtol=0.08)
    assert_allclose(bold, 100.0, rtol=0.08)


def test_levels_of_tables_with_conditions_of_their_own_are_met(tiny_head, rng):
    settings = RegionSettings(
        n_evoked=0,
        n_oscillatory=0,
        n_motor=0,
        target_share=0.0,
        activations=(Activation(region="occipital", gains={"circle": 2.0, "square": -1.0}),),
    )
    plain = named_scenario(preset="tiny", eeg_snr_db=None, bold_snr_db=None, duration=600.0)
    scenario = plain.model_copy(update={"regions": settings})
    own = scenario.task.draw(600.0, rng)
    labels = tuple(rng.choice(["circle", "square"], len(own.onset)))
    events = replace(own, trial_type=labels)
    recording = simulate_run_of(make_cohort(scenario, tiny_head), 0, 0, events=events).recording
    # 230 events whose squares have a relative sd of 1.3: about 9 % of power, 4 % of amplitude
    assert_allclose(np.sqrt(np.mean(recording.eeg.data**2)), 10e-6, rtol=0.15)
    active = recording.bold.data[region_mask("occipital", tiny_head)]
    sd = np.sqrt(np.mean(np.var(active, axis=1)))
    assert_allclose(sd, 100.0, rtol=0.25)  # 600 s of BOLD hold some 60 degrees of freedom


def test_a_run_half_of_which_is_rest_keeps_its_levels(tiny_head):
    change = {"eeg_snr_db": None, "bold_snr_db": None, "duration": 588.0}
    cohort = make_cohort(named_scenario("oddball", preset="tiny", **change), tiny_head)
    recording = simulate_run_of(cohort, 0, 0).recording
    assert len(recording.events.onset) == 105  # in 262 of 588 s
    bold = np.sqrt(np.mean(np.var(recording.bold.data[recording.bold.mask], axis=1)))
    assert_allclose(np.sqrt(np.mean(recording.eeg.data**2)), 10e-6, rtol=0.1)
    assert_allclose(bold, 100.0, rtol=0.1)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_level_of_regions_that_are_active_together_counts_what_their_fields_add(tiny_head, sign):
    activations = tuple(
        Activation(region=region, gains={"standard": gain, "oddball": gain}, participation=1.0)
        for region, gain in (("occipital", 1.0), ("parietal", sign))
    )
    settings = RegionSettings(
        n_evoked=0, n_oscillatory=0, n_motor=0, target_share=0.0, activations=activations
    )
    change = {"eeg_snr_db": None, "bold_snr_db": None, "duration": 600.0}
    plain = named_scenario(preset="tiny", **change)
    cohort = make_cohort(plain.model_copy(update={"regions": settings}), tiny_head)
    field = cohort.template.leadfield
    together = np.mean(field[:, 0] * field[:, 1]) / np.mean(field**2)
    assert abs(together) > 0.05  # of the power, twice that
    recording = simulate_run_of(cohort, 0, 0).recording
    times = recording.clock.scanner_times(recording.eeg.data.shape[1], recording.eeg.sfreq)
    during = (times > 5.0) & (times < 600.0)
    # 235 trials of relative variance .17 in two regions: 2 % of amplitude
    rms = np.sqrt(np.mean(recording.eeg.data[:, during] ** 2))
    assert_allclose(rms, 10e-6, rtol=0.04)
