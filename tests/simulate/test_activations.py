from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pydantic import ValidationError

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.recording import Events
from neurotranscoder.physics.anatomy import region_mask
from neurotranscoder.physics.hrf import hrf_kernel
from neurotranscoder.simulate.activation_trains import draw_activations
from neurotranscoder.simulate.activations import Activation, gain_of
from neurotranscoder.simulate.bold import bold_signal
from neurotranscoder.simulate.cohort import make_cohort
from neurotranscoder.simulate.division import divide_brain
from neurotranscoder.simulate.draw import draw_events, draw_sources
from neurotranscoder.simulate.named_regions import named_labels
from neurotranscoder.simulate.regions import RegionSettings
from neurotranscoder.simulate.run import simulate_run
from neurotranscoder.simulate.scenario import Scenario
from neurotranscoder.simulate.session import simulate_study

BOTH = {"standard": 1.0, "oddball": 1.0}
SFREQ, SPACING, N_EVENTS = 100.0, 10.0, 4000


def brain_with(head, *activations, n_evoked=5, n_oscillatory=3):
    settings = RegionSettings(
        n_evoked=n_evoked,
        n_oscillatory=n_oscillatory,
        n_motor=0,
        target_share=0.0,
        activations=activations,
    )
    return settings, divide_brain(settings, head, np.random.default_rng(0))


def drawn(head, activation, events, seed=1):
    """One activation's impulses: event, delay after its onset, and amplitude."""
    _, regions = brain_with(head, activation)
    rng = np.random.default_rng(seed)
    [found] = draw_activations(regions, (activation,), events, sfreq=SFREQ, rng=rng)
    assert_array_equal(found.region, regions.names.index(activation.region))
    event = np.floor((found.time + SPACING / 2) / SPACING).astype(int)
    return event, found.time - SPACING * event, found.amplitude


@pytest.fixture(scope="module")
def events():
    target = np.arange(N_EVENTS) % 5 == 4
    labels = tuple("oddball" if t else "standard" for t in target)
    response = np.where(target, 0.4 + 0.01 * (np.arange(N_EVENTS) % 7), np.nan)
    return Events(SPACING * np.arange(N_EVENTS), np.full(N_EVENTS, 0.2), labels, response)


def test_conditions_have_their_gains_and_those_without_have_no_impulses(tiny_head, events):
    activation = Activation(region="auditory", gains={"oddball": -2.5})
    event, _, amplitude = drawn(tiny_head, activation, events)
    assert {events.trial_type[i] for i in event} == {"oddball"}
    n_targets = N_EVENTS // 5
    assert_allclose(len(event) / n_targets, 0.9, atol=4 * np.sqrt(0.09 / n_targets))
    assert amplitude.max() < 0
    error = 2.5 * np.sqrt(np.expm1(0.4**2) / len(event))  # of the mean of log-normal amplitudes
    assert_allclose(amplitude.mean(), -2.5, atol=4 * error)
    assert_allclose(np.log(-amplitude).std(), 0.4, atol=4 * 0.4 / np.sqrt(2 * len(event)))


def test_other_conditions_have_the_default_gain(tiny_head, events):
    activation = Activation(
        region="auditory", gains={"oddball": 2.0}, default_gain=-1.0, amplitude_log_sd=0.0
    )
    event, _, amplitude = drawn(tiny_head, activation, events)
    assert_allclose(amplitude, np.where(event % 5 == 4, 2.0, -1.0))


@pytest.mark.parametrize(("latency", "jitter"), [(0.35, 0.03), (0.1, 0.0), (-0.05, 0.01)])
def test_delays_have_their_mean_and_spread(tiny_head, events, latency, jitter):
    activation = Activation(region="occipital", gains=BOTH, latency=latency, jitter=jitter)
    _, delay, _ = drawn(tiny_head, activation, events)
    spread = np.hypot(jitter, 0.01 / np.sqrt(12) if jitter else 0.0)  # moved to samples
    assert_allclose(delay.mean(), latency, atol=4 * spread / np.sqrt(len(delay)) + 1e-9)
    assert_allclose(delay.std(), spread, rtol=4 / np.sqrt(2 * len(delay)), atol=1e-9)


def test_what_follows_responses_is_locked_to_them_and_needs_one(tiny_head, events):
    activation = Activation(
        region="primary_motor_left", gains=BOTH, after="response", latency=0.05, jitter=0.0
    )
    event, delay, _ = drawn(tiny_head, activation, events)
    assert np.all(event % 5 == 4)  # standards have no response time
    assert_allclose(delay, events.response_time[event] + 0.05, atol=1e-6)


def test_prolonged_responses_are_bursts_over_their_duration_of_the_same_area(tiny_head, events):
    activation = Activation(
        region="auditory", gains=BOTH, latency=0.1, jitter=0.0, duration=0.5, burst_rate=24.0
    )
    event, delay, amplitude = drawn(tiny_head, activation, events)
    assert activation.n_impulses == 12
    assert set(np.bincount(event)) <= {0, 12}
    share = np.linspace(0.0, 1.0, 11)
    # half a sample, and four standard errors of a quantile
    atol = 0.005 + 4 * 0.5 * 0.5 / np.sqrt(len(delay))
    assert_allclose(np.quantile(delay, share), 0.1 + 0.5 * share, atol=atol)
    each = np.bincount(event, amplitude)
    error = np.sqrt(np.expm1(0.4**2) / len(event) * 12)
    assert_allclose(each[each > 0].mean(), 1.0, atol=4 * error)
    assert_array_equal(np.ptp(amplitude.reshape(-1, 12), axis=1), 0.0)


def test_activations_of_one_region_add_up(tiny_head, events):
    early, late = (
        Activation(region="LOC", gains=BOTH, latency=latency) for latency in (0.2, 0.55)
    )
    _, regions = brain_with(tiny_head, early, late)
    assert regions.names[-1] == "LOC"
    assert regions.n_regions == 9
    parts = draw_activations(
        regions, (early, late), events, sfreq=SFREQ, rng=np.random.default_rng(3)
    )
    for part, latency in zip(parts, (0.2, 0.55), strict=True):
        assert_allclose(np.mean(part.time % SPACING), latency, atol=0.005)


def test_a_changed_activation_leaves_the_draws_of_all_others(tiny_head, events):
    first = Activation(region="auditory", gains=BOTH)
    others = (
        Activation(region="MT", gains=BOTH),
        Activation(region="MT", gains={"oddball": 1.0}, participation=0.2, duration=1.0),
    )
    seen = []
    for other in others:
        _, regions = brain_with(tiny_head, other, first)
        rng = np.random.default_rng(5)
        seen.append(draw_activations(regions, (other, first), events, sfreq=SFREQ, rng=rng)[1])
    assert_array_equal(seen[0].time, seen[1].time)
    assert_array_equal(seen[0].amplitude, seen[1].amplitude)


def test_activations_leave_the_rest_of_a_run_as_it_is(noise_free, tiny_head):
    settings, _ = brain_with(tiny_head, Activation(region="auditory", gains=BOTH))
    plain = settings.model_copy(update={"activations": ()})
    sources, drawn_events = [], []
    for regions in (plain, settings):
        scenario = noise_free.model_copy(update={"regions": regions})
        cohort = make_cohort(scenario, tiny_head)
        drawn_events.append(draw_events(scenario, 0, 0))
        sources.append(draw_sources(cohort, drawn_events[-1], 0, 0).electric)
    assert_array_equal(drawn_events[0].onset, drawn_events[1].onset)
    without, beside = sources
    background = beside.region < without.n_regions
    assert not background.all()
    assert_array_equal(beside.time[background], without.time)
    assert_array_equal(beside.amplitude[background], without.amplitude)


def test_named_regions_are_cut_out_and_the_rest_is_divided(tiny_head):
    names = ("primary_somatosensory_left", "primary_motor_left", "occipital")
    _, regions = brain_with(tiny_head, *(Activation(region=n, gains=BOTH) for n in names))
    assert regions.names == (
        *(f"{kind}{i}" for i, kind in enumerate(regions.kinds[:8], start=1)),
        *names,
    )
    assert_array_equal(regions.named, np.arange(11) >= 8)
    assert_array_equal(regions.labels >= 0, tiny_head.brain)
    somatosensory, motor, occipital = (region_mask(name, tiny_head) for name in names)
    assert np.any(somatosensory & motor)
    assert_array_equal(regions.labels == 8, somatosensory)  # the first has what overlaps
    assert_array_equal(regions.labels == 9, motor & ~somatosensory)
    assert_array_equal(regions.labels == 10, occipital)
    assert_allclose(regions.centres[10], tiny_head.grid.world(np.argwhere(occipital)).mean(axis=0))
    assert regions.n_voxels.min() > 0
    assert regions.kinds[8:] == ("evoked",) * 3


def test_brain_may_be_silent_but_for_named_regions(noise_free, tiny_head):
    activation = Activation(region="auditory", gains=BOTH)
    settings, regions = brain_with(tiny_head, activation, n_evoked=0, n_oscillatory=0)
    mask = region_mask("auditory", tiny_head)
    assert_array_equal(regions.labels >= 0, mask)
    column = tiny_head.leadfield[:, mask[tiny_head.brain]].sum(axis=1)
    assert_allclose(regions.leadfield(tiny_head)[:, 0], column)
    run = simulate_run(noise_free.model_copy(update={"regions": settings}), tiny_head, 0, 0)
    changing = np.ptp(run.recording.bold.data, axis=-1) > 0
    assert_array_equal(changing, mask)
    assert np.linalg.matrix_rank(run.recording.eeg.data) == 1


def test_deactivation_is_the_mirror_of_activation_in_bold(noise_free, tiny_head):
    up = Activation(region="auditory", gains=BOTH)
    down = up.model_copy(update={"gains": {name: -gain for name, gain in BOTH.items()}})
    signals = []
    for activation in (up, down):
        settings, regions = brain_with(tiny_head, activation, n_oscillatory=0)
        scenario = noise_free.model_copy(update={"regions": settings})
        cohort = make_cohort(scenario, tiny_head)
        sources = draw_sources(cohort, draw_events(scenario, 0, 0), 0, 0).hemodynamic
        bold = bold_signal(sources, regions, hrf_kernel(), scenario.volumes, gain=1.0)
        signals.append(bold[region_mask("auditory", tiny_head)])
    assert signals[0].max() > 0.1
    assert_allclose(signals[0], -signals[1], atol=1e-6)


@pytest.mark.parametrize(
    "settings", [{"timing": "spontaneous"}, {"trains": "voxels"}, {"extent": (8.0, 12.0)}]
)
def test_surroundings_may_have_trains_of_any_kind(noise_free, tiny_head, settings):
    activation = Activation(region="auditory", gains=BOTH)
    regions, _ = brain_with(tiny_head, activation)
    regions = regions.model_copy(update=settings)
    cohort = make_cohort(noise_free.model_copy(update={"regions": regions}), tiny_head)
    mask = region_mask("auditory", tiny_head)
    assert_array_equal(cohort.regions.labels == cohort.regions.n_regions - 1, mask)
    assert cohort.regions.names[-1] == "auditory"
    assert cohort.regions.n_voxels.min() > 0
    drawn = draw_sources(cohort, draw_events(cohort.scenario, 0, 0), 0, 0).electric
    assert np.any(drawn.region == cohort.regions.n_regions - 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"network": {}}, "leave network or regions.activations out"),
        ({"coupling": {"mode": "power", "evoked_power": True}}, "deactivations would raise BOLD"),
    ],
)
def test_what_would_spoil_contrasts_is_refused(change, message):
    regions = {"n_oscillatory": 0, "n_motor": 0, "target_share": 0.0}
    regions |= {"activations": [{"region": "MT", "gains": BOTH}]}
    with pytest.raises(ValidationError, match=message):
        Scenario.model_validate({"regions": regions, **change})


def test_overlap_that_leaves_a_region_nothing_is_refused(tiny_head):
    with pytest.raises(SettingsError, match=r"'primary_somatosensory_left' has no voxel left"):
        named_labels(("primary_motor_left", "primary_somatosensory_left"), tiny_head)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"region": "amygdala", "gains": BOTH}, "region 'amygdala' is unknown"),
        ({"region": "MT"}, "has no gain other than 0"),
        ({"region": "MT", "gains": {"_": 1.0}}, "need at least one letter"),
        ({"region": "MT", "gains": {"face": float("nan")}}, "finite number"),
        ({"region": "MT", "gains": BOTH, "participation": 0.0}, "greater than 0"),
        ({"region": "MT", "gains": BOTH, "after": "cue"}, "'stimulus' or 'response'"),
    ],
)
def test_impossible_activations_are_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        Activation(**settings)


def test_surroundings_that_tell_conditions_apart_are_refused():
    activations = (Activation(region="MT", gains=BOTH),)
    for settings in ({"n_motor": 0}, {"target_share": 0.0}):
        with pytest.raises(ValidationError, match="set both to 0"):
            RegionSettings(activations=activations, **settings)
    with pytest.raises(ValidationError, match="n_evoked is 0 and there are no activations"):
        RegionSettings(n_evoked=0)


def test_events_that_no_activation_knows_are_refused_before_anything_is_written(
    noise_free, tiny_head, events, tmp_path
):
    settings, _ = brain_with(tiny_head, Activation(region="MT", gains={"face": 1.0, "car": 2.0}))
    scenario = noise_free.model_copy(update={"regions": settings})
    message = r"trial types \['oddball', 'standard'\], .* know \['face', 'car'\]"
    with pytest.raises(SettingsError, match=message):
        draw_events(scenario, 0, 0)  # its own task
    with pytest.raises(SettingsError, match=message):
        simulate_study(scenario, tmp_path / "study", events=(events,))
    assert not (tmp_path / "study").exists()
    known = replace(events, trial_type=("big_car",) * N_EVENTS)
    assert draw_events(scenario, 0, 0, given=known).trial_type[0] == "big_car"


def test_short_run_without_a_known_stimulus_is_no_reason_to_refuse_its_table(
    noise_free, tiny_head, events
):
    settings, _ = brain_with(tiny_head, Activation(region="MT", gains={"oddball": 1.0}))
    scenario = noise_free.model_copy(update={"regions": settings, "duration": 20.0})
    assert set(draw_events(scenario, 0, 0, given=events).trial_type) == {"standard"}


def test_scenario_whose_task_wakes_nothing_is_refused(noise_free, tiny_head):
    follows = Activation(region="MT", gains={"standard": 1.0}, after="response")
    settings, _ = brain_with(tiny_head, follows, n_evoked=0)
    scenario = noise_free.model_copy(update={"regions": settings})
    with pytest.raises(SettingsError, match="no source is ever active: the task 'oddball'"):
        make_cohort(scenario, tiny_head)


def test_gain_of_a_stimulus_is_that_of_its_condition():
    activation = Activation(region="MT", gains={"low": 2.0, "face_low": 3.0}, default_gain=0.5)
    assert [gain_of(activation, label) for label in ("car_low", "Face_Low", "rest")] == [2, 3, 0.5]
