"""Courses of expected regions as tables, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from neurotranscoder.analyse.expected import TIMING, ExpectedRegion, RegionMeans
from neurotranscoder.analyse.jackknife import Banded
from neurotranscoder.core.errors import StoreError
from neurotranscoder.io.derivatives import write_rows_with_sources
from neurotranscoder.io.store import read_table

_COURSES = {
    "condition": "Whose trials",
    "region": "Mean over its voxels that are seen",
    "time": "In s after the event",
    "value": "Mean, less the baseline; unit arbitrary",
    "ci_low": "Lower end of the 95 % interval",
    "ci_high": "Upper end of the 95 % interval",
    "zscore": "z of the mean, uncorrected",
}
_PEAKS = {
    "condition": "Whose trials",
    "region": "Mean over its voxels that are seen",
    "n": "Samples: units of trials, or subjects",
    "expected": "What is known from elsewhere of neurons there in this condition; chooses nothing",
    "latency": "Time of the largest magnitude of the mean after the event, in s",
    "ci_low": "Lower end of the 95 % interval of the latency, by bootstrap over samples",
    "ci_high": "Upper end of it",
    "value": "Mean at the latency; unit arbitrary",
    "zscore": "z at the latency, uncorrected also for the choice of the frame",
}


def write_region_means(
    folder: Path,
    stem: str,
    means: Mapping[str, RegionMeans],
    expected: Sequence[ExpectedRegion],
    *,
    sources: Sequence[str],
    metadata: Mapping[str, object],
) -> None:
    """Write ``STEM_courses.tsv`` and ``STEM_peaks.tsv``, with sidecars.

    Parameters
    ----------
    folder : Path
        Where they go.
    stem : str
        Such as ``sub-01_desc-expected``.
    means : mapping from str to RegionMeans
        By condition.
    expected : sequence of ExpectedRegion
        What stands beside peaks.
    sources, metadata
        Of the sidecars.
    """
    courses: list[tuple[object, ...]] = []
    peaks: list[tuple[object, ...]] = []
    for condition, found in means.items():
        for row, region in enumerate(found.names):
            courses += _course(condition, region, row, found)
            words = [str(e) for e in expected if e.region == region and e.holds(condition)]
            peaks.append(_peak(condition, region, row, found, "; ".join(words) or "n/a"))
    known = {**metadata, "Timing": TIMING}
    for name, columns, rows in (("courses", _COURSES, courses), ("peaks", _PEAKS, peaks)):
        path = folder / f"{stem}_{name}.tsv"
        write_rows_with_sources(path, columns, rows, sources=sources, metadata=known)


def read_region_means(folder: Path, stem: str) -> dict[str, RegionMeans]:
    """Read the courses that `write_region_means` wrote, by condition; latencies are not read.

    Raises
    ------
    StoreError
        When the table lacks a column, or regions have different times.
    StudyError
        When it cannot be read.
    """
    path = folder / f"{stem}_courses.tsv"
    table = read_table(path)
    if missing := sorted(_COURSES.keys() - table.keys()):
        raise StoreError(
            f"{path}: got no column {missing[0]!r}; need those of this version; run "
            "`neurotranscoder analyse --stage subject` again"
        )
    rows: dict[str, dict[str, list[int]]] = {}
    for k, (condition, region) in enumerate(zip(table["condition"], table["region"], strict=True)):
        rows.setdefault(condition, {}).setdefault(region, []).append(k)
    for condition, own in rows.items():
        if len({len(one) for one in own.values()}) > 1:
            raise StoreError(f"{path}: regions of {condition!r} have different times; remake it")
    return {
        condition: _means(tuple(own), list(own.values()), table) for condition, own in rows.items()
    }


def _means(
    names: tuple[str, ...], rows: list[list[int]], table: Mapping[str, Sequence[str]]
) -> RegionMeans:
    """Return what rows of a table hold."""
    columns = {
        key: np.array([_number(cell) for cell in table[key]])[np.array(rows)]
        for key in ("time", "value", "ci_low", "ci_high", "zscore")
    }
    unknown = np.full(len(names), np.nan)
    return RegionMeans(
        names,
        columns["time"][0],
        Banded(columns["value"], columns["ci_low"], columns["ci_high"]),
        Banded(unknown, unknown, unknown),
        columns["zscore"],
        (0,) * len(names),
    )


def _number(cell: str) -> float:
    """Return the number of a cell."""
    return np.nan if cell == "n/a" else float(cell)


def _course(condition: str, region: str, row: int, found: RegionMeans) -> list[tuple[object, ...]]:
    """Return the rows of one course."""
    parts = (found.courses.value, found.courses.low, found.courses.high, found.z)
    return [
        (condition, region, round(float(time), 6), *(float(part[row, k]) for part in parts))
        for k, time in enumerate(found.times)
    ]


def _peak(
    condition: str, region: str, row: int, found: RegionMeans, words: str
) -> tuple[object, ...]:
    """Return the row of one peak."""
    late = found.latency
    frame = int(np.argmin(np.abs(found.times - late.value[row])))
    times = (round(float(one[row]), 6) for one in (late.value, late.low, late.high))
    values = float(found.courses.value[row, frame]), float(found.z[row, frame])
    return (condition, region, found.n[row], words, *times, *values)
