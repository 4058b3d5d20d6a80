"""BrainVision headers and markers without their binary file, and writing through pybv."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pybv

from neurotranscoder.core.errors import Problem, StoreError, StudyError
from neurotranscoder.core.recording import Eeg
from neurotranscoder.io.store import atomic_group

_ENTRY = re.compile(r"(?:Mk|Ch)\d+=(.*)")
_FILTERS = re.compile(r"^\s*(?:\d+|\#)\s+.*?(?:µV|mV|uV|V|Unit)\s+(.*\S)\s*$")


@dataclass(frozen=True, slots=True)
class Marker:
    """One entry of a marker file: a sample counted from 0, its type and its description."""

    sample: int
    kind: str
    description: str

    @property
    def name(self) -> str:
        """Type and description as MNE joins them: ``Response/R128``."""
        return f"{self.kind}/{self.description}"


def read_markers(path: Path) -> tuple[Marker, ...]:
    """Read a marker file.

    Parameters
    ----------
    path : Path
        File ``*.vmrk``; the binary file need not exist.

    Returns
    -------
    markers : tuple of Marker
        In the order of the file; names keep their inner spaces.

    Raises
    ------
    StudyError
        When the file is no marker file, or entries are malformed; all of them are listed.
    """
    markers, problems = [], []
    for number, line in _section(path, "Marker Infos"):
        entry = _ENTRY.fullmatch(line)
        fields = entry.group(1).split(",") if entry else []
        if len(fields) < 3 or not re.fullmatch(r"\d+", fields[2]) or int(fields[2]) < 1:
            needed = "Mk<number>=<type>,<description>,<position from 1>,..."
            where = f"line {number}"
            problems.append(Problem(str(path), where, repr(line), needed, "correct the line"))
            continue
        kind, description = (text.replace("\\1", ",").strip() for text in fields[:2])
        markers.append(Marker(int(fields[2]) - 1, kind, description))
    if problems:
        raise StudyError(problems)
    return tuple(markers)


def read_sfreq(path: Path) -> float:
    """Return the sampling frequency that a header file ``*.vhdr`` states, in Hz."""
    for number, line in _section(path, "Common Infos"):
        if line.startswith("SamplingInterval="):
            try:
                return 1e6 / float(line.partition("=")[2])
            except (ValueError, ZeroDivisionError) as error:
                where = f"line {number}"
                problem = Problem(str(path), where, repr(line), "microseconds", "correct it")
                raise StudyError([problem]) from error
    needed = "SamplingInterval=<microseconds>"
    raise StudyError([Problem(str(path), "[Common Infos]", "none", needed, "add the line")])


def check_companions(path: Path) -> None:
    """Refuse a header file ``*.vhdr`` whose data or marker file is absent."""
    problems = []
    for number, line in _section(path, "Common Infos"):
        key, _, name = line.partition("=")
        name = name.strip().replace("$b", path.stem)
        if key in ("DataFile", "MarkerFile") and not (path.parent / name).is_file():
            where, needed = f"line {number}, {key}", "the file beside the header"
            problems.append(Problem(str(path), where, f"no file {name!r}", needed, "restore it"))
    if problems:
        raise StudyError(problems)


def read_filters(path: Path) -> str:
    """Return what a header file says about filters: low and high cut-off and notch."""
    text = path.read_text(encoding="utf-8", errors="replace")
    found = [match.group(1) for line in text.splitlines() if (match := _FILTERS.match(line))]
    rows = {" ".join(row.split()) for row in found if not row.startswith("Low Cutoff")}
    named = [row for row in found if row.startswith("Low Cutoff")]
    if not rows or not named:
        return ""
    return f"{' '.join(named[0].split())}: {'; '.join(sorted(rows))}"


def write_brainvision(path: Path, eeg: Eeg, *, markers: tuple[Marker, ...] = ()) -> None:
    """Write EEG as float32 in microvolts; the header is renamed into place last.

    Parameters
    ----------
    path : Path
        File ``*.vhdr``; ``.eeg`` and ``.vmrk`` go beside it.
    eeg : Eeg
        Signals; no date is written, so equal content gives equal bytes.
    markers : tuple of Marker
        Types 'Stimulus' and 'Response' need a number as description, 'Comment' any text.
    """
    if not np.all(np.isfinite(eeg.data)):
        raise StoreError(f"{path}: EEG holds NaN or infinite values; it needs finite numbers")
    numbered = ("Stimulus", "Response")
    events = [
        {
            "onset": marker.sample,
            "type": marker.kind,
            "description": int(marker.description) if marker.kind in numbered
            else marker.description,
        }
        for marker in markers
    ]  # fmt: skip
    with atomic_group(path.parent, last=".vhdr") as folder:
        pybv.write_brainvision(
            data=eeg.data,
            sfreq=eeg.sfreq,
            ch_names=list(eeg.montage.names),
            fname_base=path.stem,
            folder_out=folder,
            events=events or None,
            unit="µV",
            fmt="binary_float32",
        )


def _section(path: Path, name: str) -> list[tuple[int, str]]:
    """Return the numbered lines of one section of a header or marker file."""
    try:
        lines = path.read_bytes().decode("utf-8", errors="replace").splitlines()
    except OSError as error:
        problem = Problem(str(path), "file", str(error), "a readable file", "restore it")
        raise StudyError([problem]) from error
    if not lines or not re.match(r"\ufeff?Brain ?Vision", lines[0]):
        got, needed = repr(lines[0][:40]) if lines else "an empty file", "'Brain Vision Data ...'"
        raise StudyError([Problem(str(path), "line 1", got, needed, "restore the file")])
    inside, found = False, []
    for number, line in enumerate(lines, start=1):
        if line.startswith("["):
            inside = line.strip() == f"[{name}]"
        elif inside and line.strip() and not line.startswith(";"):
            found.append((number, line))
    return found
