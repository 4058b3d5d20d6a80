"""What cleaning did, run by run in one table, from the records of a clean study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_STEPS = {
    "gradient": "Gradient",
    "resample": "Resampled",
    "pulse": "Pulse",
    "bad_channels": "Bad channels",
    "ocular": "Eyes",
    "filters": "Filters",
    "reference": "Reference",
}
_NOT_ASKED, _LEFT_OUT, _DONE = "\N{EN DASH}", "left out", "done"


@dataclass(frozen=True, slots=True)
class CleaningRow:
    """One run.

    Parameters
    ----------
    label : str
        Its name.
    cells : tuple of str
        What became of each step; mean framewise displacement and temporal signal to noise.
    """

    label: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CleaningSummary:
    """All runs of a clean study.

    Parameters
    ----------
    header : tuple of str
        Of the table.
    rows : tuple of CleaningRow
        By name.
    faults : tuple of str
        Subjects that could not be cleaned, and why.
    link : str
        Where the page of preprocessing is, relative to the page that shows this; may be empty.
    """

    header: tuple[str, ...]
    rows: tuple[CleaningRow, ...]
    faults: tuple[str, ...]
    link: str = ""


def cleaning_summary(
    records: Mapping[str, Mapping[str, Any]],
    images: Mapping[str, Mapping[str, Any]],
    faults: Sequence[str],
    *,
    link: str = "",
) -> CleaningSummary:
    """Return what was done to each run.

    Parameters
    ----------
    records : mapping
        Records of EEG by run.
    images : mapping
        Records of images by run; empty where they were left as they were.
    faults : sequence of str
        Subjects that could not be cleaned, and why.
    link : str
        Where the page of preprocessing is.
    """
    measures = ("Displacement (mm)", "tSNR") if images else ()
    rows = [
        CleaningRow(label, (*_cells(record), *(_quality(images.get(label)) if images else ())))
        for label, record in sorted(records.items())
    ]
    return CleaningSummary(("Run", *_STEPS.values(), *measures), tuple(rows), tuple(faults), link)


def _cells(record: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what became of each step of a run."""
    known = {step["step"]: step for step in record["steps"]}
    return tuple(_cell(name, known.get(name)) for name in _STEPS)


def _cell(name: str, step: Mapping[str, Any] | None) -> str:
    """Return what became of a step, with the number that matters most."""
    if step is None:
        return _NOT_ASKED
    if not step["done"]:
        return _LEFT_OUT
    numbers: Mapping[str, Any] = step.get("numbers", {})
    words = {
        "gradient": "{before_uv:.0f} to {after_uv:.0f} µV",
        "resample": "to {to_hz:g} Hz",
        "pulse": "{beats} beats",
        "bad_channels": "{names}",
        "ocular": "{blinks_per_minute:.0f} blinks a minute",
    }
    try:
        return words.get(name, _DONE).format(**numbers)
    except KeyError:  # a record of an earlier version
        return _DONE


def _quality(record: Mapping[str, Any] | None) -> tuple[str, str]:
    """Return displacement and signal to noise of a run's images."""
    numbers = record.get("numbers", {}) if record else {}
    if not numbers:
        return _NOT_ASKED, _NOT_ASKED
    return f"{numbers['displacement_mean']:.2f}", f"{numbers['snr']:.0f}"
