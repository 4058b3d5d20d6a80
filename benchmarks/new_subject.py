"""What a new subject without simultaneous recordings gets, beside one that has some.

Every subject of a scenario is left out in turn: methods are trained on all others and scored on
its test runs, beside the same methods trained on other runs of all subjects. Intervals are over
subjects.

    python benchmarks/new_subject.py OUT [--scenario cohort] [--methods NAME ...]

OUT gets ``subjects.tsv`` (one row for each subject) and ``new_subject.tsv`` (means over subjects
and paired differences).
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch

from neurotranscoder.evaluate.benchmark.new_subject import (
    compare_designs,
    design_rows,
    subjects_plan,
)
from neurotranscoder.evaluate.methods.catalogue import known_methods
from neurotranscoder.evaluate.methods.registry import methods_named
from neurotranscoder.evaluate.table import write_rows
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.train.settings import TrainSettings


def main() -> None:
    """Write both tables and print the second."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--scenario", default="cohort")
    parser.add_argument("--preset", default="small")
    parser.add_argument("--geometry-seed", type=int, default=100)
    parser.add_argument("--subjects", type=int, default=6)
    parser.add_argument("--runs", type=int, default=5, help="runs of each subject")
    parser.add_argument("--test-runs", type=int, default=1, help="of each subject")
    parser.add_argument("--methods", nargs="+", default=["closed_form"])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    scenario = named_scenario(
        arguments.scenario,
        preset=arguments.preset,
        seed=arguments.geometry_seed,
        n_subjects=arguments.subjects,
        runs_per_subject=arguments.runs,
    )
    specs = methods_named(known_methods(TrainSettings()), tuple(arguments.methods))
    start = time.perf_counter()
    plan = subjects_plan(scenario, n_test=arguments.test_runs)
    scores = compare_designs(plan, specs, arguments.out, report=print)
    rows = design_rows(scores)
    write_rows(arguments.out / "subjects.tsv", scores)
    write_rows(arguments.out / "new_subject.tsv", rows)
    for row in rows:
        interval = f"[{row.ci_low:.3f}, {row.ci_high:.3f}]"
        words = f"{row.method:30s} {row.quantity:16s} {row.measure:20s} {row.design:18s}"
        print(f"{words} {row.value:.3f} {interval} {row.unit}")
    print(f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
