"""From numbers of held-out runs to printed rows."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import t as student

from neurotranscoder.evaluate.benchmark.rows import BenchmarkMeasure, RunRow
from neurotranscoder.evaluate.claims.paired import paired_differences, peak_errors
from neurotranscoder.evaluate.claims.rows import ClaimValue, claim_rows

NAN = float("nan")


def value(number, seed=100, signal="bold"):
    return ClaimValue("share", "measured", signal, number, seed)


def test_a_row_is_the_mean_over_runs_with_its_t_interval():
    numbers = [0.2, 0.3, 0.7]
    [row] = claim_rows(map(value, numbers))
    half = student.ppf(0.975, 2) * np.std(numbers, ddof=1) / np.sqrt(3)
    assert (row.claim, row.method, row.signal, row.n) == ("share", "measured", "bold", 3)
    assert_allclose((row.value, row.ci_low, row.ci_high), (0.4, 0.4 - half, 0.4 + half))


def test_runs_of_one_world_are_no_independent_evidence():
    numbers = [(0.1, 100), (0.1, 100), (0.5, 101), (0.5, 101)]
    [apart] = claim_rows(value(x, seed) for x, seed in numbers)
    [alike] = claim_rows(value(x) for x, _ in numbers)
    assert apart.value == alike.value == pytest.approx(0.3)
    assert apart.ci_high - apart.ci_low > 1.2 * (alike.ci_high - alike.ci_low)


def test_signals_stay_apart_in_their_order():
    found = claim_rows([value(1, signal="eeg"), value(2), value(3, signal="eeg")])
    assert [(row.signal, row.value) for row in found] == [("eeg", 2), ("bold", 2)]


def runs(method, values, quantity="bold_from_eeg", seed=100):
    """Return r of runs 0, 1, ..."""
    return [
        RunRow("s", method, quantity, "all", seed, f"run-{number}", r)
        for number, r in enumerate(values)
    ]


def test_differences_are_of_the_same_run_quantity_and_world():
    rows = [
        *runs("paper", [0.6, 0.4, 0.5]),
        *runs("vanilla", [0.5, 0.1]),
        *runs("paper", [0.9], seed=101),
        *runs("vanilla", [0.2], quantity="eeg_from_bold"),
        *runs("ridge", [0.0]),
    ]
    found = list(paired_differences(rows, "paper", "vanilla"))
    assert [(one.signal, one.geometry_seed) for one in found] == [("bold_from_eeg, all", 100)] * 2
    assert_allclose([one.value for one in found], [0.1, 0.3])
    assert {(one.claim, one.method) for one in found} == {("minus vanilla", "paper")}


def test_errors_of_the_peak_are_those_beside_the_truth():
    def measure(method, seconds, name="peak", seed=100):
        fact = ("hrf", "all", name, seconds, "s", NAN, NAN, 1)
        return BenchmarkMeasure("s", method, *fact, seed)

    rows = [
        measure("sparse", 4.6),
        measure("truth_beside_sparse", 5.0),
        measure("sparse", 6.1, name="fwhm"),
        measure("sparse", 5.5, seed=101),
    ]
    [found] = peak_errors(rows)
    assert (found.method, found.geometry_seed) == ("sparse", 100)
    assert_allclose(found.value, 0.4)


@pytest.fixture
def cycle_against_vanilla():
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "cycle_against_vanilla.py"
    spec = importlib.util.spec_from_file_location("cycle_against_vanilla", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("gain", [0.1, -0.1])
def test_the_difference_of_cycle_and_vanilla_is_printed_whichever_wins(
    cycle_against_vanilla, gain
):
    vanilla = np.array([0.3, 0.4, 0.5])
    rows = (*runs("paper", vanilla + gain + [0.01, 0, -0.01]), *runs("vanilla", vanilla))
    head, line = cycle_against_vanilla.lines(rows)
    assert head.split("\t")[3:] == ["difference", "ci_low", "ci_high", "runs"]
    signal, *numbers = line.split("\t")
    half = student.ppf(0.975, 2) * 0.01 / np.sqrt(3)
    assert signal == "bold_from_eeg, all"
    expected = (gain, gain - half, gain + half, 3)
    assert_allclose([float(number) for number in numbers[2:]], expected, atol=1e-3)


def test_both_networks_get_the_same_training(cycle_against_vanilla):
    options = cycle_against_vanilla.argparse.Namespace(
        steps=64,
        learning_rate=None,
        scenario="interleave5-snr10",
        preset="tiny",
        seeds=[100],
        train_runs=4,
        test_runs=2,
        duration=100.0,
        block_size=24.0,
    )
    plan = cycle_against_vanilla.plan_of(options)
    made = {
        entrant.name: entrant.spec.make(None, 100).settings
        for entrant in cycle_against_vanilla.Chosen(plan, ("paper", "vanilla"))(plan.worlds()[0])
    }
    paper, vanilla = (made[name].paper for name in ("paper", "vanilla"))
    assert paper.steps == 64
    assert paper.seed == 100
    assert paper.model_copy(update={"losses": vanilla.losses}) == vanilla
