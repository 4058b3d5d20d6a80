"""What a group model gives at finer sampling, beside the same in blocks at the group rate.

Sources from EEG at 12 mm and 100 Hz, and from BOLD at voxels and the group rate, against the truth
at these places and frames; beside each the estimate at 12 mm and the group rate, interpolated
linearly to them. World, group model and held-out runs are those of `benchmarks/subject.py`.

    python benchmarks/group_products.py OUT [--scenario cohort] [--subjects 4] [--runs 5]

OUT gets ``group_products.tsv``: means over subjects with 95 % intervals, and paired differences.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from subject_world import add_world, record, scenario_of, tests_of, train_group, truth_of_runs

from neurotranscoder.evaluate.group_products import score_products
from neurotranscoder.evaluate.subject_table import SubjectRow, means, product_facts
from neurotranscoder.evaluate.table import write_rows
from neurotranscoder.physics.head import build_head
from neurotranscoder.reconstruct.fast import RATE
from neurotranscoder.simulate.cohort import make_cohort


def main() -> None:
    """Write the table and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    add_world(parser)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    scenario = scenario_of(arguments)
    cohort = make_cohort(scenario, build_head(scenario.head))
    group, tests = train_group(cohort, arguments.runs, "sparse"), tests_of(cohort.scenario)
    rows = []
    for own in tests.values():
        recordings = [record(scenario.numbers_of(run), cohort) for run in own]
        for method, scores in score_products(
            group, truth_of_runs(cohort, own), recordings, rate=RATE
        ):
            key = scenario.name, own[0].subject, method
            rows += [SubjectRow(*key, *fact) for fact in product_facts(scores)]
    table = means(rows)
    write_rows(arguments.out / "group_products.tsv", table)
    for row in table:
        interval = f"[{row.ci_low:.3f}, {row.ci_high:.3f}]"
        print(f"{row.method:46s} {row.measure:20s} {row.value:8.3f} {interval} {row.unit}")


if __name__ == "__main__":
    main()
