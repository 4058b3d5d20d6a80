"""Draw how the losses of trained models went: python docs/curve.py OUT.svg MODEL [MODEL ...].

A model is a folder that `neurotranscoder train` wrote, or the checkpoint of one that is not done.
"""

from __future__ import annotations

import base64
import sys
from math import nan
from pathlib import Path
from typing import Any, cast

import numpy as np

from neurotranscoder.evaluate.findings import Line, Panel
from neurotranscoder.io.store import read_json, read_table, write_bytes
from neurotranscoder.report.panels import draw_loss_curves


def curve_of(folder: Path) -> dict[str, np.ndarray]:
    """Return steps, losses of training windows and losses of validation runs."""
    if (folder / "curve.tsv").is_file():
        table = read_table(folder / "curve.tsv")
        return {
            name: np.array([nan if cell == "n/a" else float(cell) for cell in cells])
            for name, cells in table.items()
        }
    rows = cast(dict[str, Any], read_json(folder / "training.json")["metadata"])["curve"]
    return {
        "step": np.array([row["step"] for row in rows], float),
        "training": np.array([(row["training"] or {}).get("total", nan) for row in rows]),
        "validation": np.array([row["validation"]["bold_from_eeg"] for row in rows]),
    }


def panel_of(folders: list[Path]) -> Panel:
    """Return two lines for each model."""
    lines = []
    for folder in folders:
        curve, name = curve_of(folder), folder.name.partition(".")[0]
        lines += [
            Line(f"{name}: all losses, training windows", curve["step"], curve["training"]),
            Line(f"{name}: BOLD from EEG, validation runs", curve["step"], curve["validation"]),
        ]
    return Panel(
        "Losses over the steps of training",
        "step (one window of 30 s each)",
        "squared error\n(1 = variance of a signal)",
        tuple(lines),
    )


def main() -> None:
    """Write the picture."""
    target, *folders = map(Path, sys.argv[1:])
    picture = draw_loss_curves(panel_of(folders))
    write_bytes(target, base64.b64decode(picture.source.partition(",")[2]))


if __name__ == "__main__":
    main()
