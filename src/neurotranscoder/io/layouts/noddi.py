"""The rest recordings that OSF 94c5t holds (Deligianni et al. 2014), as its archives unpack.

Names, TR and slice times are those of its BIDS example ``eeg_rest_fmri`` and of public scripts
that read it.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from datetime import datetime
from pathlib import Path

import numpy as np

from neurotranscoder.core.errors import Problem, StudyError
from neurotranscoder.core.recording import RunId
from neurotranscoder.io.brainvision import Marker, read_markers
from neurotranscoder.io.layouts.eeg_files import (
    BrainVisionPart,
    check_triggers,
    companions,
    marker_note,
    read_brainvision,
)
from neurotranscoder.io.layouts.files import (
    anatomy_in,
    folders_in,
    image_size,
    one_file,
    series_in,
)
from neurotranscoder.io.layouts.plan import ImagePart, ImportSettings, Layout, RunPlan, Scan
from neurotranscoder.io.layouts.scan import check_length, pair, run_of, scan_runs
from neurotranscoder.io.layouts.slices import slice_times_of

TR = 2.16
SLICE_TIMES: tuple[float, ...] = (
    0.0, 0.0725, 0.145, 0.2175, 0.29, 0.3625, 0.435, 0.5075, 0.58, 0.6525, 0.7225, 0.795, 0.8675,
    0.94, 1.0125, 1.085, 1.1575, 1.23, 1.3025, 1.375, 1.4475, 1.52, 1.59, 1.6625, 1.735, 1.8075,
    1.88, 1.9525, 2.025, 2.0975,
)  # fmt: skip
_EEG_FOLDERS = ("EEG", "EEG1", "EEG2")
_KINDS = {"cleaned": "export", "raw": "raw"}
_SYNC_WITHIN = 6e-3  # s; markers of the cleaned file are rounded to 4 ms
_NEW_SEGMENT = re.compile(rb"(?m)^Mk\d+=New Segment,[^,\r\n]*,(\d+),\d+,\d+,(\d{20})")
_SLICES = (
    "Slice times are those of the BIDS example of this data set; that slices lie in the same "
    "order here is assumed."
)
_GIVEN = "Slice order '{}' was given by the user; slices are equally spaced over the TR."
_MOVED = (
    "The raw file marks no volumes. Its volume markers are those of the cleaned file, moved by "
    "the difference of the dates of both; markers of the amplifier's clock agree to {:.1f} ms. "
    "They are rounded to {:g} ms."
)


def scan(source: Path, settings: ImportSettings) -> Scan:
    """Plan all runs; archives EEG1 and EEG2 may lie beside each other or be merged."""
    problems: list[Problem] = []
    eegs: dict[RunId, Path] = {}
    tops = [source / name for name in _EEG_FOLDERS]
    nested = [source / "EEG" / name for name in _EEG_FOLDERS]
    archives = {path.name for path in nested}
    for top in (path for path in (*tops, *nested) if path.is_dir()):
        for run, folder in _subjects_in(top, problems, without=archives):
            if run in eegs:
                got = f"{eegs[run]}, {folder}"
                cure = "move one of them away"
                problems.append(Problem(str(run), "folders", got, "one of EEG", cure))
            eegs[run] = folder
    images = dict(_subjects_in(source / "fMRI", problems))
    plan = functools.partial(_plan, settings)
    return scan_runs(source, eegs, images, plan, settings=settings, problems=problems)


def _subjects_in(
    top: Path, problems: list[Problem], *, without: set[str] | None = None
) -> list[tuple[RunId, Path]]:
    """Return the folders of subjects in a folder of one modality."""
    found = []
    for folder in folders_in(top) if top.is_dir() else []:
        run = None if folder.name in (without or ()) else run_of(folder, problems, folder.name,
                                                                "rest")  # fmt: skip
        if run is not None:
            found.append((run, folder))
    return found


def _plan(settings: ImportSettings, run: RunId, eeg: Path, image: Path) -> RunPlan:
    """Plan one run from its two folders."""
    (part, assumed), series = pair(
        lambda: _eeg_part(settings, eeg), lambda: _image_part(settings, image)
    )
    check_length(part.path, part.header.n_times / part.header.sfreq, series)
    order = Path(settings.slice_order).name
    return RunPlan(
        run,
        part,
        series,
        "rest",
        (_GIVEN.format(order) if order else _SLICES, *assumed, *marker_note(part, series, TR)),
        {"EEGReference": "FCz", "PowerLineFrequency": 50},
        {"Manufacturer": "Siemens", "ManufacturersModelName": "Avanto", "EchoTime": 0.03,
         "MagneticFieldStrength": 1.5, "FlipAngle": 75},
        anatomy=anatomy_in(image, "2_"),
    )  # fmt: skip


def _image_part(settings: ImportSettings, folder: Path) -> ImagePart:
    """Look into the images of a run: the one 4-D series of the folder."""
    found = series_in(folder)
    if len(found) != 1:
        got = ", ".join(path.name for path in found) or "none"
        cure = "restore or download it" if not found else "move the others away"
        raise StudyError([Problem(str(folder), "4-D images", got, "one series", cure)])
    n_slices, n_volumes = image_size(found[0], tr=TR)
    times = SLICE_TIMES
    if settings.slice_order:
        times = slice_times_of(settings.slice_order, n_slices=n_slices, tr=TR)
    if len(times) != n_slices:
        got, needed = f"{n_slices} slices", f"{len(times)}, as the published slice times"
        cure = "give slice_order, or restore the file"
        raise StudyError([Problem(str(found[0]), "dim", got, needed, cure)])
    return ImagePart(found[0], TR, n_volumes, times)


def _eeg_part(settings: ImportSettings, folder: Path) -> tuple[BrainVisionPart, tuple[str, ...]]:
    """Look into the EEG of a run; markers of raw EEG come from the cleaned file."""
    cleaned = read_brainvision(one_file(folder / _KINDS["cleaned"], ".vhdr"))
    name, _ = check_triggers(cleaned.path, cleaned.header, tr=TR, n_volumes=2)
    if settings.eeg == "cleaned":
        return cleaned, ()
    raw = read_brainvision(one_file(folder / _KINDS["raw"], ".vhdr"))
    marks = zip(cleaned.header.markers.onsets, cleaned.header.markers.names, strict=True)
    offset, error = _offset(raw, cleaned)
    seconds = np.asarray([float(onset) for onset, its in marks if its == name]) + offset
    samples = np.rint(seconds * raw.header.sfreq).astype(int)
    inside = tuple(int(s) for s in samples if 0 <= s < raw.header.n_times)
    text = _MOVED.format(1e3 * error, 1e3 / cleaned.header.sfreq)
    return dataclasses.replace(raw, volumes=inside), (text,)


def _offset(raw: BrainVisionPart, cleaned: BrainVisionPart) -> tuple[float, float]:
    """Return how much later the cleaned file begins than the raw one, and the error, in s.

    Both are dated; markers of the amplifier's clock, which are in both, show the error.
    """
    offset = (_begin(cleaned.path) - _begin(raw.path)).total_seconds()
    ours, theirs = (_sync_times(part) for part in (raw, cleaned))
    if not len(ours) or not len(theirs):
        error = float("inf")
    else:
        nearest = np.abs(theirs[:, np.newaxis] + offset - ours).min(axis=1)
        error = float(np.max(nearest))
    if error > _SYNC_WITHIN:
        got = f"SyncStatus markers {1e3 * error:.1f} ms apart from those of {cleaned.path.name}"
        needed = f"at most {1e3 * _SYNC_WITHIN:g} ms, so that its volume markers can be used"
        cure = "take the cleaned EEG (eeg = 'cleaned')"
        raise StudyError([Problem(str(raw.path), "markers", got, needed, cure)])
    return offset, error


def _sync_times(part: BrainVisionPart) -> np.ndarray:
    """Return the times of the markers of the amplifier's clock, in s."""
    marks: tuple[Marker, ...] = read_markers(companions(part.path)["MarkerFile"])
    samples = [mark.sample for mark in marks if mark.kind == "SyncStatus"]
    return np.asarray(samples, dtype=np.float64) / part.header.sfreq


def _begin(path: Path) -> datetime:
    """Return when a recording began, as its marker file says; one segment alone."""
    markers = companions(path)["MarkerFile"]
    found = _NEW_SEGMENT.findall(markers.read_bytes())
    if len(found) != 1 or found[0][0] != b"1":
        got, needed = f"{len(found)} dated segments", "one, at the first sample"
        cure = "take the cleaned EEG (eeg = 'cleaned')"
        raise StudyError([Problem(str(markers), "New Segment", got, needed, cure)])
    return datetime.strptime(found[0][1].decode(), "%Y%m%d%H%M%S%f")


LAYOUT = Layout(
    "noddi",
    "EEG, fMRI and NODDI at rest",
    ("Deligianni F", "Centeno M", "Carmichael DW", "Clayden JD"),
    tuple(_KINDS),
    scan,
)
