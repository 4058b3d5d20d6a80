"""The paper's network with and without its cycle losses: the difference, whichever wins.

    python benchmarks/cycle_against_vanilla.py OUT [--steps 9984] [--seeds 100 101 102]

`paper` and `vanilla` are trained on the same runs, for the same number of steps, from the same
first weights and in the same order of windows (both are drawn from the geometry seed), with the
same settings; the weights of least validation loss of BOLD from EEG count for both. Prints the
mean of `paper` minus `vanilla` in r over held-out runs, with its 95 % interval, and the r of
each. Can be stopped and given again. The default is a small budget; 9,984 steps are the paper's.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from neurotranscoder.evaluate.benchmark.entrants import Chosen
from neurotranscoder.evaluate.benchmark.plan import BenchmarkPlan, make_plan
from neurotranscoder.evaluate.benchmark.rows import RunRow
from neurotranscoder.evaluate.benchmark.run import run_benchmark
from neurotranscoder.evaluate.claims.paired import paired_differences
from neurotranscoder.evaluate.claims.rows import ClaimRow, claim_rows
from neurotranscoder.preprocess.align import AlignSettings
from neurotranscoder.signal.correlation import correlation_interval
from neurotranscoder.train.settings import TrainSettings

METHODS = ("paper", "vanilla")


def plan_of(options: argparse.Namespace) -> BenchmarkPlan:
    """Return the worlds, and the one training that both methods get."""
    base = TrainSettings()
    every = max(1, options.steps // 32)
    budget = {
        "steps": options.steps,
        "validate_every": every,
        "checkpoint_every": every,
        "learning_rate": options.learning_rate or base.paper.learning_rate,
    }
    paper = base.paper.model_copy(update=budget)
    return make_plan(
        {
            "scenarios": (options.scenario,),
            "preset": options.preset,
            "geometry_seeds": tuple(options.seeds),
            "train_runs": options.train_runs,
            "validation_runs": 2,
            "test_runs": options.test_runs,
            "duration": options.duration,
            "align": AlignSettings(block_size=options.block_size),
            "train": base.model_copy(update={"paper": paper}),
        }
    )


def differences(runs: tuple[RunRow, ...]) -> tuple[ClaimRow, ...]:
    """Return `paper` minus `vanilla` for everything that both are scored in."""
    return claim_rows(paired_differences(runs, *METHODS))


def lines(runs: tuple[RunRow, ...]) -> list[str]:
    """Return the table, a line each."""
    found = ["quantity\tpaper\tvanilla\tdifference\tci_low\tci_high\truns"]
    for row in differences(runs):
        quantity, kind = row.signal.split(", ")
        means = []
        for method in METHODS:
            own = [
                (one.r, str(one.geometry_seed))
                for one in runs
                if (one.method, one.quantity, one.source_kind) == (method, quantity, kind)
            ]
            means.append(correlation_interval(*map(list, zip(*own, strict=True))).mean)
        numbers = (*means, row.value, row.ci_low, row.ci_high)
        found.append("\t".join([row.signal, *(f"{x:+.3f}" for x in numbers), str(row.n)]))
    return found


def main() -> None:
    """Train both, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--scenario", default="interleave5-snr10")
    parser.add_argument("--preset", default="small")
    parser.add_argument("--seeds", type=int, nargs="+", default=[100, 101, 102])
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--train-runs", type=int, default=8)
    parser.add_argument("--test-runs", type=int, default=3)
    parser.add_argument("--duration", type=float, default=600.0)
    parser.add_argument("--block-size", type=float, default=12.0)
    options = parser.parse_args()
    plan = plan_of(options)
    outcome = run_benchmark(plan, options.out, Chosen(plan, METHODS))
    print("\n".join([*lines(outcome.tables.runs), *map(str, outcome.failures)]))


if __name__ == "__main__":
    main()
