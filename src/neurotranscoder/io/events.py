"""Tables of events, in and out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from neurotranscoder.core.errors import Problem, StudyError
from neurotranscoder.core.recording import Events
from neurotranscoder.io.store import read_table, write_table

EVENT_COLUMNS: dict[str, object] = {
    "onset": {"Description": "Start of the event", "Units": "s"},
    "duration": {"Description": "Length of the event, n/a where unknown", "Units": "s"},
    "trial_type": {"Description": "What happened"},
    "response_time": {"Description": "Response after the onset, n/a if none", "Units": "s"},
}
_MISSING = {"n/a", "N/A", "NaN", "nan", ""}


def read_events(path: Path) -> Events:
    """Read an events table.

    Rows without an onset are left out and counted. A row whose label names a response time
    (ds000116: 'behavioral response time following ...') holds that time as its duration; it
    becomes the response time of that row and of the other rows with the same onset.

    Parameters
    ----------
    path : Path
        File ``*_events.tsv``.

    Returns
    -------
    events : Events
        On the clock of the file.

    Raises
    ------
    StudyError
        When columns are missing or cells are no numbers; every such cell is listed.
    """
    table = read_table(path)
    problems = [
        Problem(
            str(path),
            f"column '{name}'",
            f"columns {sorted(table)}",
            "onset and duration",
            f"add the column '{name}'",
        )
        for name in ("onset", "duration")
        if name not in table
    ]
    if problems:
        raise StudyError(problems)
    onset = _numbers(table["onset"], path, "onset", problems)
    keep = ~np.isnan(onset)
    missing = ["n/a"] * len(onset)
    duration, response = (
        _numbers(table.get(name, missing), path, name, problems, keep)
        for name in ("duration", "response_time")
    )
    if problems:
        raise StudyError(problems)
    types = ["n/a" if one in _MISSING else one for one in table.get("trial_type", missing)]
    labels = np.asarray(types, dtype=object)[keep]
    onset, duration, response = onset[keep], duration[keep], response[keep]
    response = _response_times(onset, duration, labels, response)
    return Events(onset, duration, tuple(map(str, labels)), response, int(np.sum(~keep)))


def write_events(path: Path, events: Events) -> None:
    """Write an events table; what is NaN becomes ``n/a``."""
    columns = {
        "onset": events.onset.tolist(),
        "duration": events.duration.tolist(),
        "trial_type": events.trial_type,
        "response_time": events.response_time.tolist(),
    }
    write_table(path, columns)


def _numbers(
    cells: list[str],
    path: Path,
    field: str,
    problems: list[Problem],
    keep: Bool[ndarray, " rows"] | None = None,
) -> Float[ndarray, " rows"]:
    """Turn cells of the rows to keep into numbers; add what is no number to the problems."""
    values = np.full(len(cells), np.nan)
    for row, cell in enumerate(cells):
        if cell in _MISSING or (keep is not None and not keep[row]):
            continue
        try:
            values[row] = float(cell)
        except ValueError:
            values[row] = np.inf
        if not np.isfinite(values[row]):
            where = f"line {row + 2}, {field}"
            needed = "a finite number of seconds, or n/a"
            problems.append(Problem(str(path), where, repr(cell), needed, "correct the cell"))
    return values


def _response_times(
    onset: Float[ndarray, " events"],
    duration: Float[ndarray, " events"],
    labels: ndarray,
    response: Float[ndarray, " events"],
) -> Float[ndarray, " events"]:
    """Fill response times from rows whose label names one."""
    says_response = np.asarray(["response time" in label.lower() for label in labels], dtype=bool)
    filled = response.copy()
    for row in np.flatnonzero(says_response & np.isnan(response)):
        same = (np.abs(onset - onset[row]) < 1e-6) & np.isnan(filled)
        filled[same] = duration[row]
    return filled
