import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.errors import GridError
from neurotranscoder.train.scaling import Scaling
from neurotranscoder.train.windows import (
    ScaledRun,
    TrainingWindows,
    WindowSettings,
    order,
    pick_blocks,
    plan_windows,
)
from synthetic_runs import RATE, synthetic_runs

TEN = WindowSettings(seconds=10, overlap=0.5, context=4)  # 25 frames, 10 on each side


def test_windows_of_the_paper_start_every_15_seconds():
    starts = plan_windows(1500, 2.5, WindowSettings())
    assert starts[:3] == [0, 38, 76]  # 37.5 frames, rounded
    assert starts[-1] + 75 <= 1500


def test_context_of_every_window_lies_within_the_run():
    starts = plan_windows(100, RATE, TEN)
    assert starts[0] == 10
    assert all(start - 10 >= 0 and start + 25 + 10 <= 100 for start in starts)
    assert starts[-1] + 25 + 10 + 12 > 100  # another step would leave the run


def test_run_as_long_as_one_window_gives_one():
    assert plan_windows(45, RATE, TEN) == [10]


def test_run_shorter_than_a_window_is_refused():
    with pytest.raises(GridError, match=r"44 frames .* needs 45"):
        plan_windows(44, RATE, TEN)


def test_window_is_an_excerpt_of_its_run_with_its_context():
    scaling = Scaling(1.0, 1.0)
    runs = [ScaledRun.of(run, scaling) for run in synthetic_runs(2)]
    windows = TrainingWindows(runs, TEN, dtype=torch.float64)
    last = windows[len(windows) - 1]
    assert last.run == runs[1].run
    frames = slice(last.start - 10, last.start + 35)
    assert_array_equal(last.eeg[0].numpy(), runs[1].eeg[:, frames])
    assert_array_equal(
        last.bold[0, :, windows.core].numpy(), runs[1].bold[:, last.start : last.start + 25]
    )


def test_order_is_a_permutation_that_depends_on_seed_and_pass_only():
    assert_array_equal(np.sort(order(3, 2, 50)), np.arange(50))
    assert_array_equal(order(3, 2, 50), order(3, 2, 50))
    assert (order(3, 2, 50) != order(3, 3, 50)).any()
    assert (order(3, 2, 50) != order(4, 2, 50)).any()


def test_each_block_is_picked_equally_often():
    counts = np.zeros(10)
    for step in range(2000):
        counts[pick_blocks(0, step, 10, 3)] += 1
    sd = np.sqrt(2000 * 0.3 * 0.7)  # of a binomial count
    assert_allclose(counts, 600, atol=4 * sd)


def test_more_blocks_than_there_are_means_all():
    assert_array_equal(pick_blocks(0, 0, 4, 9), np.arange(4))


def test_scaling_gives_unit_power_without_means_and_keeps_proportions():
    runs = synthetic_runs(3)
    scaling = Scaling.fit(runs)
    scaled = [ScaledRun.of(run, scaling) for run in runs]
    assert_allclose(np.mean([np.mean(run.eeg**2) for run in scaled]), 1.0)
    assert_allclose(np.mean([np.mean(run.bold**2) for run in scaled]), 1.0)
    assert_allclose(scaled[1].bold.mean(axis=1), 0.0, atol=1e-12)
    for seen, measured, unit in (
        (scaled[1].eeg, runs[1].eeg, scaling.eeg),
        (scaled[1].bold, runs[1].bold, scaling.bold),
    ):
        mean = measured.mean(axis=1, keepdims=True)
        assert_allclose(seen * unit + mean, measured)
