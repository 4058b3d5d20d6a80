"""BrainVision headers and markers without their binary file, and writing all three files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.errors import Problem, StoreError, StudyError
from neurotranscoder.core.recording import Eeg
from neurotranscoder.io.store import atomic_group, write_text

_MAX_FLOAT_BYTES = 200_000_000
_STEPS_UV = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
_CHUNK = 16_384
_BYTES = {"INT_16": 2, "UINT_16": 2, "INT_32": 4, "IEEE_FLOAT_32": 4}
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


def check_length(path: Path) -> None:
    """Refuse a header file ``*.vhdr`` whose binary file is shorter than header or markers say.

    Raises
    ------
    StudyError
        With the samples that are there and those that are stated.
    """
    lines = [line for name in ("Common Infos", "Binary Infos") for _, line in _section(path, name)]
    stated = dict(line.strip().partition("=")[::2] for line in lines)
    width = _BYTES.get(stated.get("BinaryFormat", ""), 0)
    n_channels, data = stated.get("NumberOfChannels", ""), stated.get("DataFile", "")
    if not width or not n_channels.isdecimal() or int(n_channels) < 1:
        return
    file = path.parent / data.replace("$b", path.stem)
    n_samples, rest = divmod(file.stat().st_size, width * int(n_channels))
    points, last = stated.get("DataPoints", ""), _last_marker(path, stated.get("MarkerFile", ""))
    least = max(int(points) if points.isdecimal() else 0, last)
    if rest or n_samples < least:
        got = f"{n_samples} samples of {n_channels} channels" + f" and {rest} bytes" * bool(rest)
        needed = f"whole samples, {least} at least, as header and markers state"
        cure = "the file was cut: copy it again, or remove markers after its end"
        raise StudyError([Problem(str(file), "length", got, needed, cure)])


def _last_marker(path: Path, name: str) -> int:
    """Return the last sample, from 1, that a marker file names; 0 where it cannot be read."""
    file = path.parent / name.replace("$b", path.stem)
    try:
        return max((marker.sample + 1 for marker in read_markers(file)), default=0)
    except StudyError:  # said by whoever reads it
        return 0


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
    """Write EEG, a chunk of time after the other; the header is renamed into place last.

    Up to 200 MB are written as float32 in microvolts. Longer EEG is written as int16 in steps of
    at most 0.5 uV (the finest of 1, 2, 5 times a power of ten that holds its peak), or as float32
    when it exceeds 16 mV.

    Parameters
    ----------
    path : Path
        File ``*.vhdr``; ``.eeg`` and ``.vmrk`` go beside it.
    eeg : Eeg
        Signals, other channels last; no date is written, so equal content gives equal bytes.
    markers : tuple of Marker
        Types 'Stimulus' and 'Response' need a number as description, 'Comment' any text.
    """
    rows = [eeg.data, *(other.data[np.newaxis] for other in eeg.others)]
    peak_uv = 1e6 * float(np.max([_peak(part) for part in rows]))
    if not np.isfinite(peak_uv):
        raise StoreError(f"{path}: EEG holds NaN or infinite values; it needs finite numbers")
    n_times = eeg.data.shape[1]
    outside = [marker.sample for marker in markers if not 0 <= marker.sample < n_times]
    if outside:
        raise StoreError(
            f"{path}: markers at samples {outside[:5]} are outside the EEG; they need to lie in "
            f"0-{n_times - 1}"
        )
    step_uv = _step_uv(peak_uv) if eeg.data.nbytes > _MAX_FLOAT_BYTES else None
    with atomic_group(path.parent, last=".vhdr") as folder:
        _write_samples(folder / f"{path.stem}.eeg", rows, step_uv)
        write_text(folder / f"{path.stem}.vmrk", _marker_text(path.stem, markers))
        write_text(folder / path.name, _header_text(path.stem, eeg, step_uv))


def _peak(data: Float[ndarray, "channels times"]) -> float:
    """Return the largest magnitude of signals, NaN when one of them is."""
    parts = [data[:, start : start + _CHUNK] for start in range(0, data.shape[1], _CHUNK)]
    return float(np.max([extreme for part in parts for extreme in (part.max(), -part.min())]))


def _step_uv(peak_uv: float) -> float | None:
    """Return the finest step at which int16 holds a peak, None when 0.5 uV is too fine."""
    return next((step for step in _STEPS_UV if peak_uv <= step * np.iinfo(np.int16).max), None)


def _write_samples(path: Path, rows: Sequence[ndarray], step_uv: float | None) -> None:
    """Write all channels of a sample together, as int16 or (without a step) as float32 in uV."""
    with path.open("wb") as file:
        for start in range(0, rows[0].shape[1], _CHUNK):
            together = np.concatenate([data[:, start : start + _CHUNK] for data in rows])
            part = together.T * (1e6 / (step_uv or 1.0))
            whole = part.astype("<f4") if step_uv is None else np.rint(part).astype("<i2")
            file.write(whole.tobytes())


def _header_text(stem: str, eeg: Eeg, step_uv: float | None) -> str:
    """Return a header file."""
    resolution = np.format_float_positional(step_uv or 1.0, trim="-")
    names = [name.replace(",", "\\1") for name in eeg.all_names]
    lines = [
        "Brain Vision Data Exchange Header File Version 1.0",
        "; Written by neurotranscoder",
        "",
        "[Common Infos]",
        "Codepage=UTF-8",
        f"DataFile={stem}.eeg",
        f"MarkerFile={stem}.vmrk",
        "DataFormat=BINARY",
        "DataOrientation=MULTIPLEXED",
        f"NumberOfChannels={len(names)}",
        "; Sampling interval in microseconds",
        f"SamplingInterval={1e6 / eeg.sfreq}",
        "",
        "[Binary Infos]",
        f"BinaryFormat={'IEEE_FLOAT_32' if step_uv is None else 'INT_16'}",
        "",
        "[Channel Infos]",
        "; Ch<number from 1>=<name>,<reference>,<resolution>,<unit>; commas in names are \\1",
        *(f"Ch{i}={name},,{resolution},µV" for i, name in enumerate(names, start=1)),
    ]
    return "\n".join(lines) + "\n"


def _marker_text(stem: str, markers: tuple[Marker, ...]) -> str:
    """Return a marker file."""
    lines = [
        "Brain Vision Data Exchange Marker File, Version 1.0",
        "",
        "[Common Infos]",
        "Codepage=UTF-8",
        f"DataFile={stem}.eeg",
        "",
        "[Marker Infos]",
        "; Mk<number from 1>=<type>,<description>,<sample from 1>,<samples>,<channel, 0 for all>",
    ]
    for i, marker in enumerate(markers, start=1):
        text = marker.description.replace(",", "\\1")
        if marker.kind in ("Stimulus", "Response"):
            text = f"{marker.kind[0]}{int(text):>3}"
        lines.append(f"Mk{i}={marker.kind},{text},{marker.sample + 1},1,0")
    return "\n".join(lines) + "\n"


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
