"""When slices were acquired, from the order that a user or a data set states."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from neurotranscoder.core.errors import Problem, StudyError

ORDERS = ("ascending", "descending", "odd-first", "even-first")
_CURE = f"give slice_order: one of {', '.join(ORDERS)}, or a file with one slice per line"


def slice_times_of(order: str, *, n_slices: int, tr: float) -> tuple[float, ...]:
    """Return the time of each slice when they follow each other at equal distances.

    Parameters
    ----------
    order : str
        One of `ORDERS`, slices counted from 1 upwards as they are stored, or the path of a file
        that lists slice numbers in the order of their acquisition (the custom order of FSL).
    n_slices : int
        Number of slices.
    tr : float
        Time that all slices take together, in seconds.

    Returns
    -------
    times : tuple of float
        Seconds after the start of a volume, in the order of storage.

    Raises
    ------
    StudyError
        When the order is unknown, or a file does not list every slice once.
    """
    acquired = _named(order, n_slices) if order in ORDERS else _listed(Path(order), n_slices)
    times = np.empty(n_slices)
    times[acquired] = np.arange(n_slices) * (tr / n_slices)
    return tuple(round(float(time), 9) for time in times)


def slice_order_missing(where: Path) -> Problem:
    """Return the problem that nothing states the order of slices."""
    return Problem(str(where), "slice timing", "nothing", "the order of the slices", _CURE)


def _named(order: str, n_slices: int) -> Int[ndarray, " slices"]:
    """Return slices, counted from 0, in a named order of acquisition."""
    slices = np.arange(n_slices)
    if order == "ascending":
        return slices
    if order == "descending":
        return slices[::-1]
    odd, even = slices[0::2], slices[1::2]
    return np.concatenate([odd, even] if order == "odd-first" else [even, odd])


def _listed(path: Path, n_slices: int) -> Int[ndarray, " slices"]:
    """Return slices, counted from 0, in the order that a file lists them, counted from 1."""
    needed = f"each of the slices 1-{n_slices} once, one per line"
    try:
        numbers = np.asarray([int(word) for word in path.read_text(encoding="utf-8").split()])
    except (OSError, ValueError) as error:
        got = " ".join(str(error).split())
        raise StudyError([Problem(str(path), "slice order", got, needed, _CURE)]) from error
    if sorted(numbers.tolist()) != list(range(1, n_slices + 1)):
        got = f"{len(numbers)} numbers, {len(set(numbers.tolist()))} different"
        if len(numbers):
            got += f", {int(numbers.min())} to {int(numbers.max())}"
        raise StudyError([Problem(str(path), "slice order", got, needed, _CURE)])
    return numbers - 1
