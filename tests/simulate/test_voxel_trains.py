import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.axes import TimeAxis
from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.physics.evoked import evoked_kernel
from neurotranscoder.physics.hrf import HrfSpread, hrf_kernel
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.cohort import make_cohort
from neurotranscoder.simulate.noise import baseline_image
from neurotranscoder.simulate.regions import RegionSettings
from neurotranscoder.simulate.run import simulate_run_of
from neurotranscoder.simulate.slices import SliceOrder
from neurotranscoder.simulate.sources import kernel_matrix
from neurotranscoder.simulate.truth import truth_of

VOXELS = RegionSettings(trains="voxels", n_evoked=7, n_oscillatory=3, n_motor=1, n_mixed=1)


def world(tiny_head, **changes):
    noise_free = {"eeg_snr_db": None, "bold_snr_db": None, "duration": 60.0, "n_subjects": 1}
    scenario = named_scenario("independent", preset="tiny", **(noise_free | changes))
    return make_cohort(scenario, tiny_head)


@pytest.fixture(scope="module")
def cohort(tiny_head):
    return world(tiny_head, regions=VOXELS)


@pytest.fixture(scope="module")
def run(cohort):
    return simulate_run_of(cohort, 0, 0)


def test_every_voxel_has_its_own_train_in_the_stated_shares(cohort, tiny_head):
    regions = cohort.regions
    assert_array_equal(np.sort(regions.labels[tiny_head.brain]), np.arange(tiny_head.n_voxels))
    for kind, share in ((regions.oscillatory, 0.3), (regions.mixed, 0.1), (regions.motor, 0.1)):
        assert_allclose(kind.mean(), share, atol=1 / tiny_head.n_voxels)


def dense_course(sources, voxel, kernel, times):
    """One voxel by the sum over its impulses and an integral over its rhythm."""
    mine = sources.region == voxel
    course = sources.amplitude[mine] @ kernel(times - sources.time[mine][:, np.newaxis])
    for waves in sources.waves[sources.rhythm_region == voxel]:
        past = times[:, np.newaxis] - kernel.lags
        rhythm = np.zeros_like(past)
        for wave, frequency in zip(waves, sources.frequencies, strict=True):
            rhythm += np.real(wave * np.exp(2j * np.pi * frequency * past))
        course = course + np.trapezoid(rhythm * kernel(kernel.lags), kernel.lags, axis=1)
    return course


@pytest.mark.parametrize("spread", [None, HrfSpread()], ids=["one h", "h per voxel"])
@pytest.mark.parametrize(
    "slices",
    [
        SliceOrder(order="interleaved"),
        SliceOrder(order="custom", times=tuple(np.linspace(1.9, 0.0137, 10) ** 1.01)),
    ],
    ids=["grid", "real numbers"],
)
def test_bold_of_random_voxels_is_dense_convolution(tiny_head, spread, slices, rng):
    cohort = world(tiny_head, regions=VOXELS, hrf_spread=spread, slices=slices, tr=2.0)
    run = simulate_run_of(cohort, 0, 0)
    volumes = run.recording.bold.volumes
    baseline = baseline_image(tiny_head, cohort.scenario.bold_baseline)
    for x, y, z in rng.permutation(np.argwhere(tiny_head.brain))[:10]:
        voxel = cohort.regions.labels[x, y, z]
        hrf = hrf_kernel(cohort.template.hrfs[voxel])
        course = dense_course(run.sources, voxel, hrf, volumes.times(int(z)))
        expected = cohort.levels.bold_gain * course
        # images are float32 about a baseline of 10,000
        atol = 1e-3 + 1e-5 * np.abs(expected).max()
        assert_allclose(run.recording.bold.data[x, y, z] - baseline[x, y, z], expected, atol=atol)


def test_eeg_is_the_leadfield_times_every_voxel(cohort, run, tiny_head):
    eeg, clock = run.recording.eeg, run.recording.clock
    times = clock.scanner_times(eeg.data.shape[1], eeg.sfreq)
    by_region = run.sources.respond(evoked_kernel(), times)
    by_voxel = by_region[cohort.regions.labels[tiny_head.brain]]
    expected = cohort.levels.moment * (tiny_head.leadfield @ by_voxel)
    assert_allclose(eeg.data, expected, atol=1e-7 * np.abs(expected).max())


def test_truth_of_blocks_is_the_mean_over_their_voxels(cohort, run, tiny_head):
    truth = truth_of(cohort, [run])
    blocks = BlockMap.from_mask(tiny_head.grid, tiny_head.brain, factors=(2, 2, 2))
    axis = TimeAxis.of_frames(20.0, 2.5)
    label, found = truth.runs[0], truth.block_sources(truth.runs[0], blocks, axis)
    by_region = truth.region_sources(label, axis)
    assert_allclose(found, truth.block_shares(blocks) @ by_region, atol=1e-7 * by_region.max())
    cells = truth.clean_cells(label, blocks)
    bold = run.recording.bold.data - run.recording.bold.data.mean(axis=-1, keepdims=True)
    for cell in range(0, len(cells.data), 17):
        of_slice = np.arange(tiny_head.grid.shape[2]) == cells.slice[cell]
        voxels = (blocks.labels == cells.block[cell]) & of_slice
        actual = cells.data[cell] - cells.data[cell].mean()
        assert_allclose(actual, bold[voxels].mean(axis=0), atol=0.01)  # float32 about 10,000


def test_spontaneous_trains_have_their_rate_and_know_nothing_of_each_other(tiny_head):
    cohort = world(tiny_head, duration=600.0)
    run = simulate_run_of(cohort, 0, 0)
    sources, rate = run.sources, cohort.scenario.regions.spontaneous_rate
    inside = (sources.time >= 0) & (sources.time < 600)
    counts = np.bincount(sources.region[inside], minlength=sources.n_regions)
    # a Poisson train has the variance of its mean
    assert_allclose(counts.mean(), 600 * rate, rtol=4 / np.sqrt(600 * rate * len(counts)))
    assert_allclose(counts.var() / counts.mean(), 1.0, atol=4 * np.sqrt(2 / len(counts)))
    axis = TimeAxis.of_frames(600.0, 2.5)
    r = np.corrcoef(truth_of(cohort, [run]).region_sources(run.recording.run, axis))
    others = r[np.triu_indices(len(r), 1)]
    assert_allclose(np.sqrt(np.mean(others**2)), 1 / np.sqrt(axis.n_times), rtol=0.3)


def test_spontaneous_signals_reach_their_levels(tiny_head):
    run = simulate_run_of(world(tiny_head, duration=600.0), 0, 0)
    assert_allclose(np.sqrt(np.mean(run.recording.eeg.data**2)), 10e-6, rtol=0.05)
    percent = np.var(run.recording.bold.data[tiny_head.brain], axis=1)
    assert_allclose(np.sqrt(percent.mean()), 100.0, rtol=0.05)


def test_sparse_has_two_to_five_percent_of_voxels_active_at_a_time(tiny_head):
    few = {"n_subjects": 1, "duration": 600.0}
    cohort = make_cohort(named_scenario("sparse", preset="tiny", **few), tiny_head)
    sources = simulate_run_of(cohort, 0, 0).sources
    times = np.arange(0.0, 600.0, 0.25)
    length = cohort.scenario.evoked.duration
    active = np.zeros((sources.n_regions, len(times)), dtype=bool)
    for region, time in zip(sources.region, sources.time, strict=True):
        active[region] |= (times >= time) & (times < time + length)
    share = active[cohort.regions.labels[tiny_head.brain]].mean(axis=0)
    assert 0.03 < share.mean() < 0.04
    assert np.mean((share > 0.02) & (share < 0.05)) > 0.7  # regions differ in size


def test_matrix_of_a_kernel_holds_its_values_at_all_pairs(rng):
    kernel = evoked_kernel()
    instants, times = np.sort(rng.uniform(0, 5, 30)), np.sort(rng.uniform(-1, 6, 200))
    expected = kernel(times - instants[:, np.newaxis])
    found = kernel_matrix(kernel, instants, times).toarray()
    assert_allclose(found, expected, atol=1e-7 * expected.max())
