"""Print what a benchmark was asked to show, beside what it found: the page docs/results.md.

python docs/results.py OUT [OUT ...] > docs/results.md
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from benchmark_tables import (
    KINDS,
    SCORED,
    Key,
    Summary,
    Value,
    as_table,
    checked,
    introduction,
    number,
    read_summary,
)

METHODS = ("transcoder", "sparse", "closed_form")
IMAGING = tuple(
    f"{name}_true_leadfield" for name in ("minimum_norm", "sloreta", "eloreta", "lcmv")
)
SUPERVISED = ("oracle_supervised_linear",)
WIENER = ("oracle_spatial_wiener",)
READOUTS = {
    "peak": "peak minus the true one, s",
    "fwhm": "width minus the true one, s",
    "region_peak_r": "r of the peaks of regions with the true ones (asked: .7)",
    "region_peak_error": "median error of these peaks, s",
    "region_peak_covered": "share of them within their 95 % interval",
}
NOTES = """
What is below what was asked is bold. `better_single` is the better one of the two estimates that
were fused. Two numbers in a cell are those of evoked and of oscillatory sources."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A number that is asked for: no less than ``limit``, compared with the best of references."""

    quantity: str
    kind: str
    limit: float
    references: tuple[str, ...] = ()
    statistic: str = "ratio"

    @property
    def words(self) -> str:
        """What is compared."""
        what = self.quantity if self.kind == "all" else f"{self.quantity}, {self.kind}"
        if not self.references:
            return f"{what}: r"
        of = (
            "the best of true-leadfield imaging"
            if self.references == IMAGING
            else ", ".join(f"`{name}`" for name in self.references)
        )
        return f"{what}: {'ratio to' if self.statistic == 'ratio' else 'minus'} {of}"

    def found(self, summary: Summary, scenario: str, method: str) -> Value | None:
        """Return the smallest number of a method over all references."""
        statistic = self.statistic if self.references else "r"
        keys = (
            Key(scenario, method, self.quantity, self.kind, statistic, reference)
            for reference in self.references or ("none",)
        )
        values = [summary[key] for key in keys if key in summary]
        if len(values) < max(1, len(self.references)):
            return None
        return min(values, key=lambda found: found.value)


def _both(quantity: str, limit: float, references: tuple[str, ...]) -> list[Wanted]:
    return [Wanted(quantity, kind, limit, references) for kind in KINDS]


WANTED = {
    "interleave5-snr10": [
        Wanted("source_from_eeg", "all", 0.95, WIENER),
        Wanted("source_from_eeg", "all", 1.4, IMAGING),
        Wanted("source_fused", "all", 0.95, SUPERVISED),
        Wanted("bold_from_eeg", "all", 1.0, ("ridge_true_hrf",)),
        Wanted("bold_from_eeg", "all", 1.2, ("ridge_lags",)),
        Wanted("hrf", "all", 0.99),
        Wanted("leadfield", "all", 0.98),
    ],
    "interleave5-noisefree": [
        Wanted("source_from_eeg", "all", 0.95, WIENER),
        Wanted("source_fused", "all", 0.93, SUPERVISED),
        Wanted("bold_from_eeg", "all", 0.98, ("ridge_true_hrf",)),
        Wanted("hrf", "all", 0.995),
    ],
    "power": [
        Wanted("source_from_eeg", "evoked", 0.95, SUPERVISED),
        Wanted("source_from_eeg", "oscillatory", 0.95, ("oracle_supervised_linear_power",)),
        Wanted("source_fused", "evoked", 0.97, SUPERVISED),
        Wanted("bold_from_eeg", "all", 1.0, ("ridge_lags_power",)),
        Wanted("bold_from_eeg", "all", 1.7, ("ridge_lags",)),
    ],
    "realistic": [
        Wanted("source_from_eeg", "all", 0.90, WIENER),
        *_both("source_from_eeg", 0.90, WIENER),
        Wanted("source_fused", "all", 0.90, SUPERVISED),
        *_both("source_fused", 0.90, SUPERVISED),
        Wanted("bold_from_eeg", "all", 1.0, ("best_rival",)),
        Wanted("source_from_eeg", "all", 1.0, IMAGING),
    ],
}
EVERYWHERE = [
    Wanted("source_fused", kind, 0.0, ("better_single",), "difference") for kind in KINDS
]


def wanted_rows(summary: Summary, scenario: str, methods: list[str]) -> Iterator[list[str]]:
    """Yield what is asked for in a scenario, and what each method reaches; misses in bold."""
    for wanted in (*WANTED.get(scenario, ()), *EVERYWHERE):
        found = [wanted.found(summary, scenario, method) for method in methods]
        if any(value is not None for value in found):
            cells = [_judged(value, wanted.limit) for value in found]
            yield [wanted.words, f">= {wanted.limit:g}", *cells]


def _judged(value: Value | None, limit: float) -> str:
    if value is None:
        return ""
    return str(value) if value.value >= limit else f"**{value}**"


def score_rows(summary: Summary, scenario: str) -> Iterator[list[str]]:
    """Yield r of every method of a scenario, that of sources for evoked and oscillatory ones."""
    methods = dict.fromkeys(
        key.method
        for key in summary
        if key.scenario == scenario and not key.method.startswith("ablation_")
    )
    for method in methods:
        cells = [_score(summary, scenario, method, quantity) for quantity in SCORED]
        yield [f"`{method}`", *cells]


def _score(summary: Summary, scenario: str, method: str, quantity: str) -> str:
    kinds = KINDS if quantity.startswith("source") else ("all",)
    keys = [Key(scenario, method, quantity, kind, "r", "none") for kind in kinds]
    return " / ".join(str(summary[key]) for key in keys if key in summary)


def touched_by_nulls(summary: Summary, scenario: str) -> str:
    """Say which quantities of the closed form, which nulls are of, a null comes near."""
    nulls = {key.method for key in summary if key.scenario == scenario and "null_" in key.method}
    pairs = [
        (key, own, summary[key._replace(method=null)])
        for key, own in summary.items()
        if key[:2] == (scenario, "closed_form") and key.statistic == "r" and key.quantity in SCORED
        for null in nulls
        if key._replace(method=null) in summary
    ]
    if not pairs:
        return "there is no null"
    if any(value.low != value.low for _, *both in pairs for value in both):
        return "there is no interval"
    touched = {f"{key.quantity} {key.kind}" for key, own, null in pairs if own.low <= null.high}
    return ", ".join(sorted(touched)) or "none"


Readouts = dict[tuple[str, str], dict[str, list[float]]]
"""Numbers of all worlds, by scenario and method, and by measure."""


def read_readouts(folders: Iterable[Path]) -> Readouts:
    """Return what was measured of learnt responses; the first folder that has a row gives it."""
    values: dict[tuple[str, str, str, str], float] = {}
    for folder in folders:
        path = folder / "benchmark_measures.tsv"
        if not path.is_file():
            continue
        with path.open(encoding="utf-8") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                if row["quantity"] == "hrf":
                    names = ("scenario", "method", "measure", "geometry_seed")
                    values.setdefault(tuple(row[name] for name in names), number(row["value"]))
    found: Readouts = {}
    for (scenario, method, measure, seed), value in values.items():
        true = values.get((scenario, f"truth_beside_{method}", measure, seed), 0.0)
        if method in METHODS:
            of_method = found.setdefault((scenario, method), {})
            of_method.setdefault(measure, []).append(value - true)
    return found


def readout_rows(readouts: Readouts) -> Iterator[list[str]]:
    """Yield mean and range over worlds of what was measured of learnt responses."""
    for (scenario, method), measures in readouts.items():
        cells = [_range(measures.get(measure, [])) for measure in READOUTS]
        yield [f"`{scenario}`, `{method}`", *cells]


def _range(values: list[float]) -> str:
    return f"{mean(values):.2f} ({min(values):.2f} to {max(values):.2f})" if values else ""


def main() -> None:
    """Print all tables of the named benchmarks."""
    folders = [Path(argument) for argument in sys.argv[1:]]
    for folder in folders:
        if not (folder / "summary.tsv").is_file():
            sys.exit(f"{folder}: no summary.tsv; give a folder in which `benchmark` has ended")
        if not checked(folder):
            print(f"{folder}: its tables have no checksums", file=sys.stderr)
    summary = read_summary(folders)
    print(introduction(folders, "Results of the benchmark", "docs/results.py"))
    print(NOTES)
    for scenario in dict.fromkeys(key.scenario for key in summary):
        there = {key.method for key in summary if key.scenario == scenario}
        methods = [method for method in METHODS if method in there]
        header = ["", "asked", *(f"`{method}`" for method in methods)]
        print(f"\n## `{scenario}`\n")
        print(as_table(header, wanted_rows(summary, scenario, methods)))
        touched = touched_by_nulls(summary, scenario)
        print(f"\nIntervals of `closed_form` that touch one of its nulls: {touched}.")
        print("\n" + as_table(["r", *SCORED], score_rows(summary, scenario)))
    print("\n## Responses\n\nMean over seeds, and the smallest and the largest of them.\n")
    print(as_table(["", *READOUTS.values()], readout_rows(read_readouts(folders))))


if __name__ == "__main__":
    main()
