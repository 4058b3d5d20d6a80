"""What benchmarks share that simulate one world per seed: their options and their line."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable

import numpy as np

Rows = dict[str, dict[str, float]]
"""Numbers by row and name."""


def seeds_parser(text: str | None) -> argparse.ArgumentParser:
    """Return a parser that knows ``--seeds`` and ``--duration`` (s)."""
    parser = argparse.ArgumentParser(description=text)
    parser.add_argument("--seeds", type=int, nargs="+", default=[100, 101, 102])
    parser.add_argument("--duration", type=float, default=160.0)
    return parser


def print_means(arguments: argparse.Namespace, of_seed: Callable[[int], Rows]) -> None:
    """Print options and means over seeds as one JSON line."""
    found = [of_seed(seed) for seed in arguments.seeds]
    means = {
        row: {key: round(float(np.mean([one[row][key] for one in found])), 3) for key in values}
        for row, values in found[0].items()
    }
    print(json.dumps({**vars(arguments), **means}))
