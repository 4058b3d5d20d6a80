from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.axes import TimeAxis, VoxelGrid
from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.core.errors import GridError, StoreError
from neurotranscoder.core.recording import RunId
from neurotranscoder.physics.hrf import HrfSpread
from neurotranscoder.simulate.run import simulate_run
from neurotranscoder.simulate.session import simulate_study
from neurotranscoder.simulate.truth import load_truth, truth_of
from neurotranscoder.simulate.truth_store import redraw_sources, truth_folder


@pytest.fixture(scope="module")
def run(noise_free, tiny_head):
    return simulate_run(noise_free, tiny_head, 0, 0)


@pytest.fixture(scope="module")
def truth(tiny_cohort, run):
    return truth_of(tiny_cohort, [run])


@pytest.fixture(scope="module")
def blocks(tiny_head):
    return BlockMap.from_mask(tiny_head.grid, tiny_head.brain, factors=(2, 2, 2))


def test_block_sources_are_means_over_voxels_and_frames(truth, blocks, rng):
    run, axis, fine = truth.runs[0], TimeAxis.of_frames(40.0, 2.5), 1000
    offsets = ((np.arange(fine) + 0.5) / fine - 0.5) / axis.sfreq
    times = (axis.times[:, np.newaxis] + offsets).ravel()
    by_region = truth.sources(run).respond(truth.evoked_kernel, times)
    frames = by_region.reshape(len(by_region), axis.n_times, fine).mean(axis=-1)
    labels = truth.regions.labels
    actual = truth.block_sources(run, blocks, axis)
    for block in rng.permutation(blocks.n_blocks)[:20]:
        voxels = labels[(blocks.labels == block) & (labels >= 0)]
        expected = frames[voxels].mean(axis=0)
        assert_allclose(actual[block], expected, atol=2e-5 * np.abs(frames).max())


def test_shares_of_a_block_add_up_to_one(truth, blocks):
    assert_allclose(truth.block_shares(blocks).sum(axis=1), 1.0)


def test_blocks_of_one_region_have_its_kind(truth, blocks):
    kinds = truth.block_kinds(blocks)
    shares = truth.block_shares(blocks)
    pure = shares.max(axis=1) == 1
    expected = np.asarray(truth.regions.kinds)[shares.argmax(axis=1)]
    assert pure.sum() > 10
    assert kinds[pure].tolist() == expected[pure].tolist()
    rhythm = shares[:, truth.regions.oscillatory].sum(axis=1)
    assert np.all((kinds == "mixed") == ((rhythm > 0.25) & (rhythm < 0.75)))


def test_clean_cells_are_the_means_of_noise_free_bold(truth, run, blocks, tiny_head):
    cells = truth.clean_cells(truth.runs[0], blocks)
    bold = run.recording.bold.data.astype(float)
    bold -= bold.mean(axis=-1, keepdims=True)
    for cell in range(0, len(cells.data), 7):
        voxels = (blocks.labels == cells.block[cell]) & (
            np.arange(tiny_head.grid.shape[2]) == cells.slice[cell]
        )
        expected = bold[voxels].mean(axis=0)
        actual = cells.data[cell] - cells.data[cell].mean()
        assert cells.n_voxels[cell] == voxels.sum()
        assert_allclose(actual, expected, atol=0.01)  # float32 at a baseline of 10,000


def test_region_leadfield_is_the_sum_over_its_voxels(truth):
    head, labels = truth.head, truth.regions.labels[truth.head.brain]
    expected = np.stack([head.leadfield[:, labels == r].sum(axis=1) for r in range(8)], axis=1)
    assert_allclose(truth.region_leadfield(), expected, rtol=1e-9, atol=1e-9)


def test_responses_of_the_truth_are_those_of_the_scenario(truth):
    assert_allclose(truth.hrf(np.linspace(0, 32, 3201)).argmax(), 500, atol=5)
    assert truth.evoked.sfreq == 100.0
    assert len(truth.evoked.samples) == 48
    assert 0.2 < truth.evoked.delay < 0.33


def test_unknown_run_is_refused(truth):
    with pytest.raises(StoreError, match="sub-99_task-rest: has no known sources"):
        truth.sources(RunId("99", "rest"))


def test_blocks_of_another_grid_are_refused(truth, tiny_head):
    moved = VoxelGrid(tiny_head.grid.shape, tiny_head.grid.voxel_to_world + np.eye(4, k=3))
    blocks = BlockMap.from_mask(moved, tiny_head.brain, factors=(2, 2, 2))
    with pytest.raises(GridError, match="evaluate the study that was simulated"):
        truth.block_shares(blocks)


def test_truth_on_disk_knows_the_response_of_every_region(noise_free, tmp_path):
    spread = {"hrf_spread": HrfSpread(), "n_subjects": 1, "runs_per_subject": 1, "duration": 40.0}
    scenario = noise_free.model_copy(update=spread)
    simulate_study(scenario, tmp_path / "study")
    truth = load_truth(tmp_path / "study")
    times = np.arange(0.0, 32.0, 0.1)
    responses = truth.region_hrfs(times)
    assert responses.shape == (truth.regions.n_regions, len(times))
    assert len(np.unique(responses.argmax(axis=1))) > 3
    assert_allclose(truth.hrf(times), responses.mean(axis=0))
    table = (truth_folder(tmp_path / "study") / "regions.tsv").read_text().splitlines()
    column = table[0].split("\t").index("hrf_peak_delay")
    listed = [float(row.split("\t")[column]) for row in table[1:]]
    assert_allclose(listed, [shape.peak_delay for shape in truth.cohort.template.hrfs])


def test_sources_that_are_drawn_otherwise_than_they_were_are_refused(noise_free, tmp_path):
    change = {"n_subjects": 1, "runs_per_subject": 1, "duration": 40.0}
    simulate_study(noise_free.model_copy(update=change), tmp_path / "study")
    truth, folder = load_truth(tmp_path / "study"), truth_folder(tmp_path / "study")
    another_version = replace(
        truth.cohort, scenario=truth.cohort.scenario.model_copy(update={"seed": 1})
    )
    redraw_sources(folder, truth.cohort, truth.runs[0])
    with pytest.raises(StoreError, match="when they are drawn again and was"):
        redraw_sources(folder, another_version, truth.runs[0])
