import numpy as np
import pytest
from nibabel import Nifti1Image
from nilearn.masking import compute_epi_mask
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.recording import Events
from neurotranscoder.physics.channels import CHANNELS_43_BIPOLAR
from neurotranscoder.physics.evoked import evoked_kernel
from neurotranscoder.physics.head import HeadSettings, build_head
from neurotranscoder.physics.hrf import HrfSpread, hrf_kernel
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.cohort import make_cohort
from neurotranscoder.simulate.noise import baseline_image
from neurotranscoder.simulate.presets import PRESETS
from neurotranscoder.simulate.regions import RegionSettings
from neurotranscoder.simulate.run import simulate_run, simulate_run_of
from neurotranscoder.simulate.scenario import Scenario
from neurotranscoder.simulate.seeds import Stage, generator
from neurotranscoder.simulate.slices import SliceOrder


@pytest.fixture(scope="module")
def clean(noise_free, tiny_head):
    return simulate_run(noise_free, tiny_head, 0, 0)


@pytest.fixture(scope="module")
def noisy(tiny, tiny_head):
    return simulate_run(tiny, tiny_head, 0, 0)


def test_eeg_is_the_leadfield_times_the_response_of_every_voxel(clean, tiny_head, tiny_cohort):
    eeg, clock = clean.recording.eeg, clean.recording.clock
    times = clock.scanner_times(eeg.data.shape[1], eeg.sfreq)
    by_region = clean.sources.respond(evoked_kernel(), times)
    by_voxel = by_region[tiny_cohort.regions.labels[tiny_head.brain]]
    expected = tiny_cohort.levels.moment * (tiny_head.leadfield @ by_voxel)
    assert_allclose(eeg.data, expected, atol=1e-5 * np.abs(expected).max())


def test_eeg_covers_the_bold_of_its_run(clean):
    recording = clean.recording
    times = recording.clock.scanner_times(recording.eeg.data.shape[1], recording.eeg.sfreq)
    assert -8.0 <= times[0] <= -3.0
    assert times[-1] > recording.bold.volumes.duration + 2.9
    assert recording.clock.drift_ppm == 5.0


def test_eeg_noise_reaches_the_requested_ratio(clean, noisy):
    signal = clean.recording.eeg.data
    noise = noisy.recording.eeg.data - signal
    ratio = np.mean(np.var(signal, axis=1)) / np.mean(np.var(noise, axis=1))
    assert_allclose(ratio, 10.0, rtol=4 * np.sqrt(2 / noise.size))
    assert_allclose(noise.mean(axis=0), 0.0, atol=1e-18)


def test_bold_noise_reaches_the_requested_ratio(clean, noisy):
    brain = clean.recording.bold.mask
    signal = clean.recording.bold.data[brain].astype(float)
    noise = noisy.recording.bold.data[brain] - signal
    ratio = np.mean(np.var(signal, axis=1)) / np.mean(noise**2)
    assert_allclose(ratio, 10.0, rtol=4 * np.sqrt(2 / noise.size))


@pytest.mark.parametrize(("silent", "other"), [("eeg", "bold"), ("bold", "eeg")])
def test_switching_one_noise_off_leaves_the_rest_identical(tiny, tiny_head, noisy, silent, other):
    without = tiny.model_copy(update={f"{silent}_snr_db": None})
    run = simulate_run(without, tiny_head, 0, 0)
    assert_array_equal(getattr(run.recording, other).data, getattr(noisy.recording, other).data)
    assert_array_equal(run.sources.time, noisy.sources.time)
    assert_array_equal(run.sources.waves, noisy.sources.waves)
    assert run.recording.clock == noisy.recording.clock


def test_runs_differ_in_design_noise_and_clock(tiny, tiny_head, noisy):
    for subject, run in ((0, 1), (1, 0)):
        other = simulate_run(tiny, tiny_head, subject, run)
        assert other.recording.clock.eeg_start != noisy.recording.clock.eeg_start
        assert other.recording.events.onset[0] != noisy.recording.events.onset[0]
        assert not np.array_equal(other.sources.waves, noisy.sources.waves)


def test_levels_are_reached_in_expectation(noise_free, tiny_head):
    runs = [simulate_run(noise_free, tiny_head, s, r) for s in range(2) for r in range(2)]
    eeg = [np.mean(run.recording.eeg.data**2) for run in runs]
    bold = [np.mean(np.var(run.recording.bold.data[tiny_head.brain], axis=1)) for run in runs]
    # 8 regions whose slow rhythms have some 40 degrees of freedom in 120 s: within a third
    assert_allclose(np.sqrt(np.mean(eeg)), 10e-6, rtol=0.33)
    assert_allclose(np.sqrt(np.mean(bold)), 100.0, rtol=0.33)


def test_brain_can_be_told_from_its_surroundings(noisy):
    bold = noisy.recording.bold
    image = Nifti1Image(bold.data.mean(axis=-1), bold.grid.voxel_to_world)
    mask = np.asarray(compute_epi_mask(image, opening=False).dataobj) > 0
    both = np.sum(mask & bold.mask)
    assert 2 * both / (mask.sum() + bold.mask.sum()) > 0.95
    assert bold.data[bold.mask].mean() == pytest.approx(10_000, rel=0.1)


def test_given_events_drive_the_run(noise_free, tiny_head):
    onset = np.array([10.0, 60.0])
    events = Events(onset, np.full(2, 0.2), ("face", "car"), np.full(2, np.nan))
    run = simulate_run(noise_free, tiny_head, 0, 0, events=events)
    after = run.sources.time[:, np.newaxis] - onset
    assert np.all(np.any((after > -0.1) & (after < 0.8), axis=1))
    assert run.recording.events.trial_type == ("face", "car")


def test_run_that_does_not_exist_is_refused(tiny, tiny_head):
    with pytest.raises(SettingsError, match="got subject 2, run 0"):
        simulate_run(tiny, tiny_head, 2, 0)


def test_interleaved_order_takes_every_fifth_slice_per_pass():
    times = PRESETS["small"].volumes.slice_times
    assert np.argsort(times)[:6].tolist() == [0, 5, 10, 15, 20, 1]
    assert PRESETS["small"].volumes.n_passes == 5
    assert_allclose(np.sort(times), np.arange(25) * 0.08)  # eight samples at 100 Hz


@pytest.mark.parametrize(
    "slices",
    [
        SliceOrder(order="sequential"),
        SliceOrder(order="descending", gap=0.3),
        SliceOrder(order="interleaved", step=3),
        SliceOrder(order="odd_even"),
        SliceOrder(order="philips"),
        SliceOrder(order="custom", times=tuple(np.linspace(1.9, 0.0137, 12) ** 1.01)),
    ],
    ids=lambda slices: slices.order,
)
@pytest.mark.parametrize("tr", [2.0, 2.1, 2.16])
@pytest.mark.parametrize("spread", [None, HrfSpread()], ids=["one h", "regional h"])
def test_voxels_are_dense_convolution_at_the_times_of_any_slice_order(
    noise_free, tiny_head, slices, tr, spread
):
    n_slices = noise_free.head.shape[2]
    if slices.times:
        slices = slices.model_copy(update={"times": slices.times[:n_slices]})
    change = {"hrf_spread": spread, "slices": slices, "tr": tr, "duration": 15 * tr}
    scenario = noise_free.model_copy(update=change)
    run, cohort = simulate_run(scenario, tiny_head, 0, 0), make_cohort(scenario, tiny_head)
    sources, volumes = run.sources, run.recording.bold.volumes
    baseline = baseline_image(tiny_head, scenario.bold_baseline)
    found, expected = [], []
    for x, y, z in np.random.default_rng(0).permutation(np.argwhere(tiny_head.brain))[:12]:
        region, times = cohort.regions.labels[x, y, z], volumes.times(int(z))
        hrf = hrf_kernel(cohort.template.hrfs[region])
        mine = sources.region == region
        lags = times - sources.time[mine][:, np.newaxis]
        dense = sources.amplitude[mine] @ hrf(lags)
        for waves in sources.waves[sources.rhythm_region == region]:
            past = times[:, np.newaxis] - hrf.lags
            rhythm = np.zeros_like(past)
            for wave, frequency in zip(waves, sources.frequencies, strict=True):
                rhythm += np.real(wave * np.exp(2j * np.pi * frequency * past))
            dense = dense + np.trapezoid(rhythm * hrf(hrf.lags), hrf.lags, axis=1)
        found.append(run.recording.bold.data[x, y, z] - baseline[x, y, z])
        expected.append(cohort.levels.bold_gain * cohort.regions.weights[x, y, z] * dense)
    # images are float32 about their baseline
    assert_allclose(found, expected, atol=1e-5 * baseline.max() / 100 + 1e-5 * np.max(expected))


def test_regional_responses_differ_and_keep_the_level_of_bold(noise_free, tiny_head):
    scenario = noise_free.model_copy(update={"hrf_spread": HrfSpread(), "duration": 600.0})
    cohort = make_cohort(scenario, tiny_head)
    peaks = [shape.peak_delay for shape in cohort.template.hrfs]
    assert len(set(peaks)) == cohort.regions.n_regions
    assert 0.4 < np.std(peaks) < 1.2
    bold = simulate_run(scenario, tiny_head, 0, 0).recording.bold
    percent = 100 * np.std(bold.data[bold.mask], axis=1) / scenario.bold_baseline
    assert_allclose(np.sqrt(np.mean(percent**2)), scenario.bold_percent, rtol=0.15)
    other = make_cohort(scenario.model_copy(update={"seed": 1}), tiny_head)
    assert other.template.hrfs != cohort.template.hrfs


def test_mixed_regions_have_impulses_and_a_rhythm(noise_free, tiny_head):
    settings = RegionSettings(n_evoked=8, n_oscillatory=0, n_motor=1, n_mixed=3)
    run = simulate_run(noise_free.model_copy(update={"regions": settings}), tiny_head, 0, 0)
    assert len(run.sources.rhythm_region) == 3
    assert set(run.sources.rhythm_region) < set(run.sources.region)
    with pytest.raises(SettingsError, match="9 mixed"):
        simulate_run(
            noise_free.model_copy(update={"regions": settings.model_copy(update={"n_mixed": 9})}),
            tiny_head,
            0,
            0,
        )


def test_fast_rhythms_take_their_share_of_the_eeg_and_leave_bold(tiny_head):
    scenario = named_scenario("fast-rhythms", preset="tiny", duration=400.0)
    regions = RegionSettings(n_evoked=5, n_oscillatory=3, n_motor=1)
    cohort = make_cohort(scenario.model_copy(update={"regions": regions}), tiny_head)
    run = simulate_run_of(cohort, 0, 0)
    times = np.arange(0.0, 400.0, 1 / 105.0)
    rhythmic = cohort.regions.oscillatory
    p = run.sources.respond(evoked_kernel(scenario.evoked), times).var(axis=1)
    assert_allclose(p[rhythmic].sum() / p.sum(), 1 / 3, atol=0.08)
    f = run.sources.respond(hrf_kernel(scenario.hrf), times).var(axis=1)
    assert f[rhythmic].max() < 1e-4 * f[~rhythmic].min()


def test_scenario_refuses_a_slice_beyond_the_tr():
    n_slices = PRESETS["small"].head.shape[2]
    late = SliceOrder(order="custom", times=tuple(np.linspace(0.0, 2.5, n_slices)))
    with pytest.raises(ValueError, match=r"the last slice is taken at 2\.5 s; need all before 2"):
        Scenario(slices=late, head=PRESETS["small"].head)


def test_scenario_refuses_part_of_a_volume():
    with pytest.raises(ValueError, match=r"duration 401\.0 s is 200\.5 TRs"):
        Scenario(duration=401.0)


def test_stages_have_streams_of_their_own():
    draws = {generator(0, stage).random() for stage in Stage}
    draws |= {
        generator(0, Stage.DESIGN, subject=s, run=r).random() for s in (0, 1) for r in (1, 2)
    }
    assert len(draws) == len(Stage) + 4


def test_small_preset_divides_the_whole_brain_into_sixty_regions():
    scenario = PRESETS["small"]
    cohort = make_cohort(scenario, build_head(scenario.head))
    regions = cohort.regions
    assert (regions.n_regions, regions.oscillatory.sum(), regions.motor.sum()) == (60, 18, 3)
    assert_array_equal(regions.labels >= 0, cohort.template.head.brain)
    assert regions.n_voxels.min() > 0
    assert np.linalg.matrix_rank(cohort.template.head.leadfield) == 63


def test_noise_of_bipolar_pairs_is_independent_and_at_its_ratio():
    head = HeadSettings(
        shape=(16, 16, 10), voxel_sizes=(12.0, 12.0, 15.0), ico=1, channels=CHANNELS_43_BIPOLAR
    )
    noisy, clean = (
        simulate_run(
            named_scenario(preset="tiny", head=head, eeg_snr_db=snr), build_head(head), 0, 0
        )
        for snr in (10.0, None)
    )
    signal = clean.recording.eeg.data
    noise = noisy.recording.eeg.data - signal
    ratio = np.mean(np.var(signal, axis=1)) / np.mean(np.var(noise, axis=1))
    assert_allclose(ratio, 10.0, rtol=4 * np.sqrt(2 / noise.size))
    others = np.corrcoef(noise)[np.triu_indices(43, 1)]
    assert_allclose(np.mean(others), 0.0, atol=4 / np.sqrt(others.size * noise.shape[1]))
