import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.axes import Montage, TimeAxis, VolumeAxis, VoxelGrid
from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.core.recording import Clock, RunId
from neurotranscoder.core.source import AlignedRun, SliceCells
from neurotranscoder.evaluate.nulls import rotated, wrong_run_pairs
from neurotranscoder.evaluate.scoring import HeldOut, Prediction, Scorer
from neurotranscoder.evaluate.time_courses import best_lag, epoch_correlation

RATE, TR, N_VOLUMES = 2.5, 2.0, 60


def held_out(rng, run="01"):
    grid = VoxelGrid((2, 1, 2), np.diag([12.0, 12.0, 6.0, 1.0]))
    blocks = BlockMap.from_mask(grid, np.ones(grid.shape, bool), factors=(1, 1, 2))
    axis = TimeAxis.of_frames(TR * N_VOLUMES, RATE)
    sources = rng.standard_normal((2, axis.n_times))
    volumes = VolumeAxis(TR, N_VOLUMES, np.array([0.2, 1.0]))
    cells = SliceCells(
        rng.standard_normal((4, N_VOLUMES)),
        np.array([0, 0, 1, 1]),
        np.array([0, 1, 0, 1]),
        np.ones(4, int),
        volumes,
    )
    aligned = AlignedRun(
        RunId("01", "rest", run=run),
        rng.standard_normal((3, axis.n_times)),
        rng.standard_normal((2, axis.n_times)),
        axis,
        cells,
        blocks,
        Montage(("a", "b", "c")),
        Clock("declared", 0.0),
    )
    return HeldOut(aligned, sources, np.array(["evoked", "oscillatory"]))


def test_perfect_source_scores_one_for_its_kind_only(rng):
    run = held_out(rng)
    estimate = run.sources.copy()
    estimate[1] = rng.standard_normal(estimate.shape[1])
    rows = Scorer("test").score("mine", [Prediction(source_from_eeg=estimate)], [run], 1.0)
    r = {row.source_kind: row.r for row in rows}
    assert r["evoked"] > 0.999
    assert abs(r["oscillatory"]) < 0.4  # 4 standard errors of r over 145 frames


def test_bold_is_scored_at_slice_times_of_acquired_volumes(rng):
    run = held_out(rng)
    cells = run.aligned.cells

    def wave(times):
        return np.sin(2 * np.pi * 0.03 * times)

    for cell in range(4):
        cells.data[cell] = wave(cells.times(cell))
    right = np.tile(wave(run.aligned.axis.times), (2, 1))
    late = np.tile(wave(run.aligned.axis.times - 1.0), (2, 1))
    scorer = Scorer("test")
    r = [
        scorer.score_run("bold_from_eeg", "all", Prediction(bold_from_eeg=b), run)
        for b in (right, late)
    ]
    assert r[0] > 0.9999
    assert r[1] < 0.99


@pytest.mark.parametrize("silent", [False, True])
def test_constant_predictions_count_as_zero_and_silent_blocks_not_at_all(rng, silent):
    run = held_out(rng)
    run.kinds[1] = "silent" if silent else "evoked"
    perfect = np.tile(np.sin(2 * np.pi * 0.03 * run.aligned.axis.times), (2, 1))
    for cell in range(2):
        times = run.aligned.cells.times(cell)
        run.aligned.cells.data[cell] = np.sin(2 * np.pi * 0.03 * times)
    perfect[1] = 0.0  # as the Wiener filter has it where it knows of no source
    r = Scorer("test").score_run("bold_from_eeg", "all", Prediction(bold_from_eeg=perfect), run)
    if silent:
        assert r > 0.9999
    else:  # two of four cells have r = 0: half of the z of a nearly perfect r
        assert 0.9 < r < 0.9999


def test_edges_are_not_scored(rng):
    run = held_out(rng)
    estimate = run.aligned.eeg.copy()
    estimate[:, :80] = 1e6
    r = Scorer("test").score_run("eeg_from_bold", "all", Prediction(eeg_from_bold=estimate), run)
    assert r > 0.999


def test_sources_without_truth_give_no_row(rng):
    run = held_out(rng)
    blind = HeldOut(run.aligned)
    prediction = Prediction(source_from_eeg=run.sources, eeg_from_bold=run.aligned.eeg)
    rows = Scorer("test").score("mine", [prediction], [blind], 0.0)
    assert [row.quantity for row in rows] == ["eeg_from_bold"]


@pytest.mark.parametrize("shift", [-3, 0, 4])
def test_best_lag_finds_the_shift(shift, rng):
    truth = rng.standard_normal((3, 200))
    lag, r = best_lag([np.roll(truth, shift, axis=1)], [truth], RATE)
    assert_allclose(lag, shift / RATE)
    assert r > 0.9


def test_epochs_ignore_what_is_slower_than_they_are(rng):
    fast = rng.standard_normal((1, 750))
    drift = 50 * np.repeat(rng.standard_normal((1, 10)), 75, axis=1)
    assert epoch_correlation(fast + drift, fast, RATE) > 0.99


def test_wrong_run_pairs_keep_eeg_and_exchange_bold(rng):
    runs = [held_out(rng, run).aligned for run in ("01", "02", "03")]
    pairs = wrong_run_pairs(runs)
    assert_allclose(pairs[0].eeg, runs[0].eeg)
    assert_allclose(pairs[0].bold, runs[1].bold)
    assert_allclose(pairs[2].cells.data, runs[0].cells.data)


def test_no_item_keeps_its_place():
    assert rotated([1, 2, 3]) == [2, 3, 1]
