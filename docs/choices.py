"""Print what each choice of the recipe is worth: the page docs/choices.md.

python docs/choices.py OUT [OUT ...] > docs/choices.md
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmark_tables import (
    KINDS,
    SCORED,
    Key,
    Summary,
    Value,
    as_table,
    checked,
    introduction,
    read_summary,
)

from neurotranscoder.evaluate.methods.transcoders import ablations

TITLE = "What each choice of the recipe is worth"
STEPS = {
    "sparse sources": ("sparse", "closed_form"),
    "networks": ("transcoder", "sparse"),
}
"""What a part of the recipe adds: r of the first less that of the second."""
NOTHING = 0.0005
"""Differences that would be printed as zeros with a sign."""
GATED = ("source_from_eeg", "source_from_bold", "bold_from_eeg", "eeg_from_bold")


def columns() -> list[tuple[str, str]]:
    """Return what is scored, sources by their kind."""
    return [
        (quantity, kind)
        for quantity in SCORED
        for kind in (KINDS if quantity.startswith("source") else ("all",))
    ]


def difference_row(
    summary: Summary, scenario: str, method: str, reference: str, *, sign: int = 1
) -> list[str]:
    """Return a cell for each column; what an interval shows to differ from 0 is bold."""
    keys = [Key(scenario, method, *column, "difference", reference) for column in columns()]
    return [_cell(summary.get(key), sign) for key in keys]


def _cell(value: Value | None, sign: int) -> str:
    if value is None:
        return ""
    low, high = sorted((sign * value.low, sign * value.high))
    if max(abs(low), abs(high), abs(value.value)) < NOTHING:
        return "0"
    shown = f"{sign * value.value:+.3f} [{low:+.3f}, {high:+.3f}]"
    return f"**{shown}**" if low > 0 or high < 0 else shown


def worth_rows(summary: Summary, scenario: str) -> Iterator[list[str]]:
    """Yield what each part of the recipe and each choice adds to r in a scenario."""
    there = {key.method for key in summary if key.scenario == scenario}
    for part, (method, reference) in STEPS.items():
        if {method, reference} <= there:
            cells = difference_row(summary, scenario, method, reference)
            yield [f"{part}: `{method}` minus `{reference}`", *cells]
    for one in ablations():
        if one.name in there:
            cells = difference_row(summary, scenario, one.name, one.architecture, sign=-1)
            yield [f"`{one.architecture}` minus `{one.name}`", *cells]


def gate_rows(folders: list[Path]) -> Iterator[list[str]]:
    """Yield the gates of `transcoder` in each world, one for each coder."""
    seen: dict[tuple[str, str], dict[str, float]] = {}
    for folder in folders:
        with (folder / "benchmark_measures.tsv").open(encoding="utf-8") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                if (row["method"], row["measure"]) == ("transcoder", "gate"):
                    world = seen.setdefault((row["scenario"], row["geometry_seed"]), {})
                    world.setdefault(row["quantity"], float(row["value"]))
    for (scenario, seed), gates in seen.items():
        yield [f"`{scenario}`", seed, *(f"{gates[quantity]:.3f}" for quantity in GATED)]


def main() -> None:
    """Print all tables of the named benchmarks."""
    folders = [Path(argument) for argument in sys.argv[1:]]
    for folder in folders:
        if not checked(folder):
            print(f"{folder}: its tables have no checksums", file=sys.stderr)
    summary = read_summary(folders)
    print(introduction(folders, TITLE, "docs/choices.py"))
    print("""
A row is what r gains by a choice: r with it less r without it, in the same worlds; 0 stands for
less than .0005. Below 0 the choice costs. What an interval shows to be other than 0 is bold.
Choices of the linear fit are switched off in the closed form alone, those of sparse sources in
`sparse`, those of networks in `transcoder`.""")
    header = ["", *(q if kind == "all" else f"{q}, {kind}" for q, kind in columns())]
    for scenario in dict.fromkeys(key.scenario for key in summary):
        print(f"\n## `{scenario}`\n")
        print(as_table(header, worth_rows(summary, scenario)))
    print(
        "\n## Gates\n\nOf the networks of `transcoder`, one for each coder; at 0 it is `sparse`.\n"
    )
    print(as_table(["", "geometry seed", *GATED], gate_rows(folders)))


if __name__ == "__main__":
    main()
