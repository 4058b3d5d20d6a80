"""Real simultaneous recordings go through the same code as any study (quick form).

`benchmarks/real_recordings.py` prints the full table of docs/real_recordings.md.
"""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from neurotranscoder.evaluate.block_statistics import (
    block_interval,
    block_moments,
    draw_blocks,
    partial_correlation,
)


@pytest.fixture(scope="module")
def benchmark():
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "real_recordings.py"
    spec = importlib.util.spec_from_file_location("real_recordings", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture(scope="module")
def inputs(benchmark, real_data):
    effort = benchmark.Effort(refits=12)
    calcium, train = benchmark.calcium_blocks(real_data)
    runs = {
        "stimulus": train,
        "calcium": calcium,
        "LFP": benchmark.optical_blocks(real_data)["LFP"],
    }
    rng = np.random.default_rng(0)
    return {name: benchmark.examine("", name, run, effort, rng) for name, run in runs.items()}


@pytest.fixture(scope="module")
def rows(benchmark, inputs):
    effort = benchmark.Effort(draws=300, permutations=200)
    rng = np.random.default_rng(1)
    return {name: benchmark.row_of(found, None, effort, rng) for name, found in inputs.items()}


def test_calcium_predicts_held_out_bold_better_than_calcium_of_another_block(rows):
    row = rows["calcium"]
    assert row.ci_low > 0.5
    assert row.r > row.null_p95 + 0.01  # measured: .663 against .646


def test_bold_follows_calcium_by_two_to_five_seconds(rows):
    row = rows["calcium"]
    assert 2 < row.delay_low <= row.delay_s <= row.delay_high < 5


def test_the_stimulus_train_alone_predicts_bold_as_well_as_calcium(rows):
    assert rows["stimulus"].ci_low < rows["calcium"].r < rows["stimulus"].ci_high


def test_calcium_adds_a_little_to_the_stimulus(inputs):
    calcium, train = (inputs[name].held_out for name in ("calcium", "stimulus"))
    moments = block_moments(calcium.measured, calcium.paired(), train.paired())
    draws = draw_blocks(12, 1000, np.random.default_rng(0))
    assert 0 < block_interval(moments, partial_correlation, draws).low < 0.2


def test_lfp_predicts_the_held_out_optical_signal_by_a_negative_response(inputs, rows):
    row = rows["LFP"]
    assert row.ci_low > 0.7 > row.null_p95
    assert inputs["LFP"].response[round(row.delay_s * 6.25)] < 0
    assert row.lag_low < -0.52 < row.lag_high  # known: -.52 at 3.4 s, unsmoothed
