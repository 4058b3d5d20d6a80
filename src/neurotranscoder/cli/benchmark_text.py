"""The tables of a benchmark as text: one compact table for each scenario."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurotranscoder.evaluate.benchmark.rows import SummaryRow
from neurotranscoder.evaluate.benchmark.tables import Tables
from neurotranscoder.evaluate.table import Quantity

_COLUMNS: tuple[tuple[str, Quantity, tuple[str, ...]], ...] = (
    ("BOLD<EEG", "bold_from_eeg", ("all",)),
    ("EEG<BOLD", "eeg_from_bold", ("all",)),
    ("source<EEG", "source_from_eeg", ("evoked", "oscillatory")),
    ("source<BOLD", "source_from_bold", ("evoked", "oscillatory")),
    ("fused", "source_fused", ("evoked", "oscillatory")),
    ("HRF", "hrf", ("all",)),
    ("leadfield", "leadfield", ("all",)),
)


def compact_tables(tables: Tables) -> list[str]:
    """Return one text per scenario: mean r over geometry seeds of every method."""
    rows = [row for row in tables.summary if row.statistic == "r"]
    return [
        _table(scenario, [row for row in rows if row.scenario == scenario], tables)
        for scenario in dict.fromkeys(row.scenario for row in rows)
    ]


def _table(scenario: str, rows: Sequence[SummaryRow], tables: Tables) -> str:
    """Return the table of one scenario."""
    seeds = {row.geometry_seed for row in tables.metrics if row.scenario == scenario}
    lines = [["r (evoked/oscillatory)", *(title for title, _, _ in _COLUMNS), "fit, s"]]
    for method in dict.fromkeys(row.method for row in rows):
        own = [row for row in rows if row.method == method]
        cells = [_cell(own, quantity, kinds) for _, quantity, kinds in _COLUMNS]
        times = [
            row.seconds
            for row in tables.metrics
            if row.scenario == scenario and row.method == method
        ]
        lines.append([method, *cells, f"{np.mean(times):.1f}"])
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    ]
    head = f"{scenario}: {len(seeds)} geometry seed{'s' if len(seeds) > 1 else ''}"
    return "\n".join([head, *(f"  {line.rstrip()}" for line in text)])


def _cell(rows: Sequence[SummaryRow], quantity: Quantity, kinds: Sequence[str]) -> str:
    """Return r of a method, one number for each kind of source; a dash where it says nothing."""
    found = [row for row in rows if row.quantity == quantity]
    values = [row.value for kind in kinds for row in found if row.source_kind == kind]
    if not values:
        values = [row.value for row in found if row.source_kind == "all"]
    return "/".join(f"{value:.3f}" for value in values) or "-"
