"""Numbers and counts as a text has them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

_WHOLE = 100  # from here on without digits after the point


def number(value: float) -> str:
    """Return a number with three digits, large ones whole."""
    return f"{value:.0f}" if abs(value) >= _WHOLE else f"{value:.3g}"


def spread(values: Iterable[float], unit: str = "") -> str:
    """Return values as one number, or as their range where they differ; unknown ones are left out.

    Parameters
    ----------
    values : iterable of float
        Of several runs; NaN where it is not known.
    unit : str
        Behind the number.
    """
    known = [number(value) for value in sorted(values) if math.isfinite(value)]
    if not known:
        return "an unknown number"
    first, last = known[0], known[-1]
    both = first if first == last else f"{first}\N{EN DASH}{last}"
    return f"{both} {unit}".strip()


def count(n: int, one: str, many: str = "") -> str:
    """Return a number with its noun."""
    return f"{n} {one if n == 1 else many or one + 's'}"


def in_runs(n: int, of: int) -> str:
    """Return in how many runs something was done."""
    if n < of:
        return f"in {n} of {of} runs"
    return "in the only run" if of == 1 else f"in all {of} runs"


def listed(words: Sequence[str]) -> str:
    """Return words as a list of a sentence."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def edges(sizes: Sequence[float]) -> str:
    """Return the edges of a voxel."""
    return " x ".join(f"{size:.3g}" for size in sizes) + " mm"


def some(values: Sequence[Sequence[float]]) -> str:
    """Return the edges of voxels of several runs, each once."""
    return " or ".join(dict.fromkeys(edges(sizes) for sizes in values))
