from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.core.recording import Events
from neurotranscoder.io.events import read_events
from neurotranscoder.physics.anatomy import region_mask
from neurotranscoder.physics.evoked import evoked_kernel
from neurotranscoder.simulate.activations import Activation
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.cohort import make_cohort
from neurotranscoder.simulate.contrasts import condition_response, contrast, on_voxels
from neurotranscoder.simulate.draw import draw_sources
from neurotranscoder.simulate.regions import RegionSettings
from neurotranscoder.simulate.tasks import Condition, condition_of
from neurotranscoder.simulate.truth import truth_of

LAGS = np.arange(-0.3, 2.6, 0.02)
SPACING, N_TRIALS = 10.0, 3000


@pytest.fixture(scope="module")
def cohorts(tiny_head):
    return {
        name: make_cohort(named_scenario(name, preset="tiny"), tiny_head)
        for name in ("oddball", "faces", "sequential-noisefree")
    }


def single_trials(cohort, condition, rng):
    """P of each trial and region after stimuli that are far apart, without rhythms."""
    onset = SPACING * np.arange(1, N_TRIALS + 1)
    responses = np.full(N_TRIALS, np.nan)
    if condition.responding:
        responses = rng.choice(condition.responses, N_TRIALS)
    labels = (condition.label,) * N_TRIALS
    events = Events(onset, np.full(N_TRIALS, 0.1), labels, responses)
    sources = draw_sources(cohort, events, 0, 0).electric
    sources = replace(sources, waves=0 * sources.waves)
    times = (onset[:, np.newaxis] + LAGS).ravel()
    response = sources.respond(evoked_kernel(cohort.scenario.evoked), times)
    return response.reshape(len(response), N_TRIALS, len(LAGS))


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("oddball", "standard"),
        ("oddball", "oddball"),
        ("faces", "face_low"),
        ("sequential-noisefree", "oddball"),
    ],
)
def test_response_of_a_condition_is_the_mean_of_many_trials(cohorts, name, label, rng):
    cohort = cohorts[name]
    condition = cohort.scenario.task.condition(label)
    trials = single_trials(cohort, condition, rng)
    found, error = trials.mean(axis=1), trials.std(axis=1) / np.sqrt(N_TRIALS)
    expected = condition_response(cohort, condition, LAGS)
    # five standard errors at 10,000 correlated values; 1e-3 of the largest where few trials reach
    assert np.all(np.abs(found - expected) < 5 * error + 1e-3 * np.abs(expected).max())
    strongest = np.abs(expected).max(axis=1)
    assert np.all(error.max(axis=1)[strongest > 0] < 0.1 * strongest[strongest > 0])


def one_response(tiny_head, **settings):
    """The expected response of the auditory cortex to an oddball, and the scenario."""
    activation = Activation(region="auditory", gains={"oddball": -2.0}, **settings)
    regions = RegionSettings(
        n_evoked=0, n_oscillatory=0, n_motor=0, target_share=0.0, activations=(activation,)
    )
    scenario = named_scenario(preset="tiny").model_copy(update={"regions": regions})
    condition = scenario.task.condition("oddball")
    return condition_response(make_cohort(scenario, tiny_head), condition, LAGS)[0], scenario


@pytest.mark.parametrize("latency", [0.0, 0.35])
def test_response_without_jitter_is_the_evoked_response_at_its_latency(tiny_head, latency):
    found, scenario = one_response(tiny_head, latency=latency, jitter=0.0, participation=0.8)
    expected = evoked_kernel(scenario.evoked).averaged(1 / scenario.source_rate)(LAGS - latency)
    assert_allclose(found, -1.6 * expected, atol=1e-5 * np.abs(expected).max())


def test_prolonged_response_is_the_evoked_response_averaged_over_its_duration(tiny_head):
    found, scenario = one_response(tiny_head, latency=0.1, jitter=0.0, duration=0.5)
    whole = evoked_kernel(scenario.evoked).averaged(1 / scenario.source_rate).averaged(0.5)
    assert_allclose(found, -1.8 * whole(LAGS - 0.35), atol=1e-5 * np.abs(found).max())


def test_response_after_a_button_press_is_averaged_over_response_times(tiny_head):
    found, scenario = one_response(tiny_head, latency=0.05, jitter=0.0, after="response")
    responses = scenario.task.condition("oddball").responses
    kernel = evoked_kernel(scenario.evoked).averaged(1 / scenario.source_rate)
    expected = np.mean([kernel(LAGS - 0.05 - time) for time in responses], axis=0)
    assert_allclose(found, -1.8 * expected, atol=1e-5 * np.abs(expected).max())


def test_contrast_of_oddballs_is_zero_outside_the_regions_that_tell_them(cohorts):
    cohort = cohorts["oddball"]
    task = cohort.scenario.task
    found = contrast(cohort, task.condition("oddball"), task.condition("standard"), LAGS)
    active = {n for n, row in zip(cohort.regions.names, found, strict=True) if np.any(row)}
    assert active == {"occipital", "primary_motor_left", "primary_somatosensory_left"}
    inside = on_voxels(cohort.regions, found) != 0
    head = cohort.template.head
    assert_array_equal(
        inside.any(axis=-1),
        region_mask("occipital", head)
        | region_mask("primary_motor_left", head)
        | region_mask("primary_somatosensory_left", head),
    )


@pytest.mark.parametrize(
    "settings", [{"timing": "spontaneous"}, {"trains": "voxels"}, {"extent": (8.0, 12.0)}]
)
def test_contrast_is_zero_in_surroundings_of_any_kind(cohorts, settings):
    scenario = cohorts["oddball"].scenario
    regions = scenario.regions.model_copy(update=settings)
    head = cohorts["oddball"].template.head
    cohort = make_cohort(scenario.model_copy(update={"regions": regions}), head)
    oddball, standard = map(scenario.task.condition, ("oddball", "standard"))
    found = contrast(cohort, oddball, standard, LAGS[::10])
    assert found[cohort.regions.named].any()
    assert not found[~cohort.regions.named].any()


def test_contrasts_of_images_have_the_signs_of_the_paper(cohorts):
    cohort = cohorts["faces"]
    low, high, house = map(cohort.scenario.task.condition, ("face_low", "face_high", "house_low"))
    category, coherence = (contrast(cohort, low, other, LAGS) for other in (house, high))
    names = cohort.regions.names
    area = {
        what: dict(zip(names, np.trapezoid(rows, LAGS, axis=1), strict=True))
        for what, rows in (("category", category), ("coherence", coherence))
    }
    assert {n for n, row in zip(names, category, strict=True) if np.any(row)} == {"fusiform"}
    assert area["category"]["fusiform"] == pytest.approx(0.9 * 2.0, rel=1e-3)
    for region in ("parahippocampal", "anterior_cingulate", "LOC", "MT"):
        assert area["coherence"][region] > 0.8
    # the button is pressed later: as much area, at other times
    assert area["coherence"]["primary_motor_left"] == pytest.approx(0.0, abs=1e-3)
    assert np.abs(coherence[names.index("primary_motor_left")]).max() > 1.0
    assert not coherence[: cohort.regions.background.n_regions].any()


def test_default_mode_is_lower_and_auditory_cortex_higher_after_every_tone(cohorts):
    cohort = cohorts["oddball"]
    for label in ("standard", "oddball"):
        response = condition_response(cohort, cohort.scenario.task.condition(label), LAGS)
        area = dict(zip(cohort.regions.names, np.trapezoid(response, LAGS, axis=1), strict=True))
        for region in ("medial_prefrontal", "posterior_cingulate", "temporal_pole", "angular"):
            assert area[region] == pytest.approx(-2.7, rel=1e-3)
        assert area["auditory"] == pytest.approx(2.7, rel=1e-3)


def test_values_on_voxels_average_to_those_on_blocks(cohorts):
    cohort = cohorts["oddball"]
    task = cohort.scenario.task
    found = contrast(cohort, task.condition("oddball"), task.condition("standard"), LAGS[::20])
    blocks = BlockMap.from_mask(
        cohort.template.head.grid, cohort.template.head.brain, factors=(2, 2, 2)
    )
    shares = truth_of(cohort, ()).block_shares(blocks)
    voxels = on_voxels(cohort.regions, found)
    for block in (0, blocks.n_blocks // 2):
        mine = (blocks.labels == block) & (cohort.regions.labels >= 0)
        assert_allclose((shares @ found)[block], voxels[mine].mean(axis=0), atol=1e-12)


def test_real_response_times_shape_what_follows_them(real_data, cohorts):
    path = next((real_data / "oddball_events" / "sub-04").rglob("*auditory*run-02_events.tsv"))
    events = read_events(path)
    condition = condition_of(events, "auditory oddball stimulus presentation")
    assert condition.responding > 0.9
    cohort = cohorts["oddball"]
    found = condition_response(cohort, condition, LAGS)[
        cohort.regions.names.index("primary_motor_left")
    ]
    centre = np.sum(LAGS * found) / np.sum(found)
    expected = condition.responses.mean() + evoked_kernel().centre_of_mass
    assert_allclose(centre, expected, atol=1e-3)


def test_condition_without_activity_has_no_response(cohorts):
    cohort = cohorts["oddball"]
    rest = Condition("rest", 1.0, 0.0, np.zeros(0))
    assert not condition_response(cohort, rest, LAGS)[cohort.regions.named].any()
