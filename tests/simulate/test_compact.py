import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import pdist

from neurotranscoder.core.axes import TimeAxis
from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.core.errors import SettingsError
from neurotranscoder.physics.evoked import evoked_kernel
from neurotranscoder.simulate.cohort import make_cohort
from neurotranscoder.simulate.compact import compact_regions
from neurotranscoder.simulate.noise import baseline_image
from neurotranscoder.simulate.regions import RegionSettings
from neurotranscoder.simulate.run import simulate_run_of
from neurotranscoder.simulate.truth import truth_of

EXTENT, APART = (14.0, 18.0), 35.0  # mm, for voxels of 12 x 12 x 15 mm


@pytest.fixture(scope="module")
def drawn(tiny_head):
    rng = np.random.default_rng(3)
    return compact_regions(tiny_head, 8, extent=EXTENT, min_distance=APART, rng=rng)


@pytest.fixture(scope="module")
def cohort(noise_free, tiny_head):
    compact = {"extent": EXTENT, "min_distance": APART}
    regions = RegionSettings(n_evoked=5, n_oscillatory=3, n_motor=1, **compact)
    return make_cohort(noise_free.model_copy(update={"regions": regions}), tiny_head)


@pytest.fixture(scope="module")
def run(cohort):
    return simulate_run_of(cohort, 0, 0)


@pytest.fixture(scope="module")
def truth(cohort, run):
    return truth_of(cohort, [run])


@pytest.fixture(scope="module")
def blocks(tiny_head):
    return BlockMap.from_mask(tiny_head.grid, tiny_head.brain, factors=(2, 2, 2))


def test_weights_fall_as_a_gaussian_of_one_size_per_region(drawn, tiny_head):
    labels, weights = drawn
    for region in range(8):
        mine = labels == region
        centre = tiny_head.places[mine][weights[mine].argmax()]
        around = np.linalg.norm(tiny_head.places[mine] - centre, axis=1)
        size = around[around > 0] / np.sqrt(-2 * np.log(weights[mine][around > 0]))
        assert weights[mine].max() == 1.0
        assert EXTENT[0] <= size[0] <= EXTENT[1]
        assert_allclose(size, size[0])
        assert weights[mine].min() >= np.exp(-2)


def test_centres_keep_their_distance_and_are_grey(drawn, tiny_head):
    centre = drawn[1] == 1.0
    assert centre.sum() == 8
    assert pdist(tiny_head.places[centre]).min() >= APART
    assert np.all(tiny_head.grey[centre] >= tiny_head.white[centre])


def test_voxels_far_from_all_centres_are_silent(drawn, tiny_head):
    labels, weights = drawn
    centres = tiny_head.places[weights == 1.0]
    distance = np.linalg.norm(tiny_head.places[:, np.newaxis] - centres, axis=2).min(axis=1)
    assert np.all(labels[distance > 2 * EXTENT[1]] == -1)
    assert np.all(labels[distance <= 2 * EXTENT[0]] >= 0)
    assert_array_equal(weights == 0, labels == -1)


def test_more_regions_than_fit_are_refused(tiny_head, rng):
    with pytest.raises(SettingsError, match=r"mm apart fit .* 50 are asked for; lower"):
        compact_regions(tiny_head, 50, extent=EXTENT, min_distance=60.0, rng=rng)


def test_range_of_sizes_needs_the_least_first():
    with pytest.raises(ValueError, match=r"extent is 8\.0-6\.0 mm; need the least size first"):
        RegionSettings(extent=(8.0, 6.0))


def test_silent_voxels_have_a_baseline_and_no_signal(cohort, run, tiny_head):
    silent = tiny_head.brain & (cohort.regions.labels < 0)
    baseline = baseline_image(tiny_head, cohort.scenario.bold_baseline)
    assert 0.3 < silent.sum() / tiny_head.n_voxels < 0.95
    expected = np.repeat(baseline[silent][:, np.newaxis], 60, axis=1).astype(np.float32)
    assert_array_equal(run.recording.bold.data[silent], expected)


def test_eeg_is_the_leadfield_times_the_weighted_response_of_every_voxel(cohort, run, tiny_head):
    clock, data = run.recording.clock, run.recording.eeg.data
    times = clock.scanner_times(data.shape[1], cohort.scenario.eeg_rate)
    by_region = run.sources.respond(evoked_kernel(), times)
    expected = np.zeros_like(data)
    brain = np.argwhere(tiny_head.brain)
    for voxel, (x, y, z) in enumerate(brain):
        if (region := cohort.regions.labels[x, y, z]) >= 0:
            moment = cohort.levels.moment * cohort.regions.weights[x, y, z]
            expected += np.outer(moment * tiny_head.leadfield[:, voxel], by_region[region])
    assert_allclose(data, expected, atol=1e-9 * np.abs(expected).max())


def test_level_and_ratio_of_bold_are_those_of_voxels_with_a_source(cohort, run, tiny_head):
    noisy = make_cohort(cohort.scenario.model_copy(update={"bold_snr_db": 10.0}), tiny_head)
    clean, data = (one.recording.bold.data for one in (run, simulate_run_of(noisy, 0, 0)))
    active, brain = cohort.regions.labels >= 0, tiny_head.brain
    signal = np.mean(np.var(clean[active], axis=1))
    # 8 regions whose slow rhythms have some 40 degrees of freedom in 120 s: within a third
    assert_allclose(np.sqrt(signal), 100.0, rtol=0.33)
    noise = data[brain].astype(float) - clean[brain]
    assert_allclose(signal / np.mean(noise**2), 10.0, rtol=4 * np.sqrt(2 / noise.size))


def test_shares_of_a_block_are_weights_over_all_its_brain_voxels(cohort, truth, blocks, tiny_head):
    shares = truth.block_shares(blocks)
    for block in range(blocks.n_blocks):
        inside = (blocks.labels == block) & tiny_head.brain
        labels, weights = cohort.regions.labels[inside], cohort.regions.weights[inside]
        expected = [weights[labels == region].sum() / inside.sum() for region in range(8)]
        assert_allclose(shares[block], expected)


def test_blocks_without_a_source_are_silent_and_still(truth, blocks):
    silent = truth.block_kinds(blocks) == "silent"
    still = np.all(truth.block_shares(blocks) == 0, axis=1)
    assert 0 < silent.sum() < blocks.n_blocks
    assert_array_equal(silent, still)
    axis = TimeAxis.of_frames(40.0, 2.5)
    assert not truth.block_sources(truth.runs[0], blocks, axis)[silent].any()


def test_silent_voxels_have_no_activity_and_no_response(cohort, truth, tiny_head):
    of_run = truth.of(truth.runs[0])
    silent = tiny_head.brain & (cohort.regions.labels < 0)
    assert not of_run.p(silent, 10.0, 12.0)[0].any()
    assert np.all(np.isnan(of_run.h(silent, np.arange(3.0))))
    assert np.all(np.isfinite(of_run.h(cohort.regions.labels >= 0, np.arange(3.0))))


def test_single_voxels_are_no_compact_regions():
    with pytest.raises(ValueError, match="extent needs trains of regions"):
        RegionSettings(extent=(6.0, 8.0), trains="voxels")
