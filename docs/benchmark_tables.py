"""Tables of `benchmark`, read back and printed in Markdown, for the pages in docs/."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from neurotranscoder.core.errors import StoreError
from neurotranscoder.evaluate.benchmark.tables import are_sealed

SCORED = ("bold_from_eeg", "eeg_from_bold", "source_from_eeg", "source_from_bold", "source_fused")
KINDS = ("evoked", "oscillatory")


class Value(NamedTuple):
    """A number with its interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        digits = 3 if abs(self.value) < 10 else 1
        shown = f"{self.value:.{digits}f}"
        if self.low != self.low:
            return shown
        return f"{shown} [{self.low:.{digits}f}, {self.high:.{digits}f}]"


class Key(NamedTuple):
    """What a row of the summary is about."""

    scenario: str
    method: str
    quantity: str
    kind: str
    statistic: str
    reference: str


Summary = dict[Key, Value]


def read_summary(folders: Iterable[Path]) -> Summary:
    """Return all rows of the summaries of benchmarks; the first that has a row gives it."""
    found: Summary = {}
    for folder in folders:
        with (folder / "summary.tsv").open(encoding="utf-8") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                numbers = (row[name] for name in ("value", "ci_low", "ci_high"))
                names = ("scenario", "method", "quantity", "source_kind", "statistic", "reference")
                key = Key(*(row[name] for name in names))
                found.setdefault(key, Value(*map(number, numbers)))
    return found


def number(cell: str) -> float:
    """Return the number in a cell; n/a is not a number."""
    return float("nan") if cell == "n/a" else float(cell)


def as_table(header: list[str], rows: Iterable[list[str]]) -> str:
    """Return a table in Markdown."""
    lines = ["| " + " | ".join(cells) + " |" for cells in (header, *rows)]
    return "\n".join([lines[0], "|---" * len(header) + "|", *lines[1:]])


def introduction(folders: Iterable[Path], title: str, script: str) -> str:
    """Return what a page says first, with the code that made the tables."""
    records = [json.loads((folder / "benchmark.json").read_text()) for folder in folders]
    commits = dict.fromkeys(made["commit"][:7] for record in records for made in record["made_by"])
    counts = {tuple(record["runs"].values()) for record in records}
    seeds = {tuple(record["plan"]["geometry_seeds"]) for record in records}
    return f"""# {title}

Printed by `python {script} OUT ...` from the tables of `neurotranscoder benchmark`
([benchmark.md](benchmark.md)). **All data are simulated.** Geometry seeds {_listed(seeds)};
runs to fit on, to choose on and to score: {_listed(counts)}. Values are means over seeds (r:
Fisher z) with 95 % t intervals over them; ratios and differences are taken in each world first.
Code: {", ".join(commits)}."""


def _listed(values: set[tuple[int, ...]]) -> str:
    return "; ".join(", ".join(map(str, value)) for value in sorted(values))


def checked(folder: Path) -> bool:
    """Say whether tables have checksums; end where they were changed."""
    try:
        return are_sealed(folder)
    except StoreError as error:
        sys.exit(str(error))
