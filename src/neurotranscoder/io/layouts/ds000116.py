"""ds000116 as openfMRI released it: an auditory and a visual oddball, EEG in MATLAB files.

Names, channels, units and timing are those of the README of the data set (Walz et al. 2013).
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from neurotranscoder.core.errors import Problem, StudyError
from neurotranscoder.core.recording import RunId
from neurotranscoder.io.layouts.files import (
    IMAGES,
    anatomy_in,
    folders_in,
    image_size,
    one_file,
    present,
)
from neurotranscoder.io.layouts.matlab import SFREQ, MatlabPart, Rows, find_matrix
from neurotranscoder.io.layouts.plan import ImagePart, ImportSettings, Layout, RunPlan, Scan
from neurotranscoder.io.layouts.scan import check_length, pair, scan_runs
from neurotranscoder.io.layouts.slices import slice_order_missing, slice_times_of
from neurotranscoder.io.store import read_table

TR = 2.0
TASKS = {
    "001": "auditoryoddballwithbuttonresponsetotargetstimuli",
    "002": "visualoddballwithbuttonresponsetotargetstimuli",
}
_AUXILIARY = (("EOGh", "EOG"), ("EOGv", "EOG"), ("ECG1", "ECG"), ("ECG2", "ECG"))
_GAIN = 10_000
FILES = {
    "rereferenced": ("EEG_rereferenced.mat", Rows(34, (("ECG", "ECG"),), 1e-6, "data_reref")),
    "noGA": ("EEG_noGA.mat", Rows(43, _AUXILIARY, 1e-6, "data_noGA")),
    "raw": ("EEG_raw.mat", Rows(43, _AUXILIARY, 1 / _GAIN, "")),
}
NOISY = {  # bipolar pairs, counted from 1, that were left out of re-referencing
    "01": (8, 24), "02": (5, 30), "03": (29, 30, 34, 36), "04": (23, 24, 30), "05": (8, 30),
    "06": (9, 24, 30), "07": (30,), "08": (28, 29, 30, 33, 36), "09": (29, 30, 33),
    "10": (24, 29, 33), "11": (16, 24, 30), "12": (30,), "13": (30,), "14": (30,),
    "15": (8, 16, 28, 34, 37), "16": (16, 24, 30, 28, 37), "17": (7, 33),
}  # fmt: skip
_AMPLIFIED = f"Signals were amplified {_GAIN:,} times, the same in every row."
_BIPOLAR = "bipolar pairs"
_REFERENCES = {"rereferenced": "re-referenced from bipolar pairs by the makers of the data set"}
_ORDER_FILE = "slice_order.txt"
_CLEANED = "gradient artefact: mean over TRs subtracted per channel; 'standard filtering'"
_LOCKED = (
    "Volume markers are not measured. The data set has none and says that the scan starts the "
    "EEG and that the EEG clock is locked to the scanner at each TR, so they stand at exact "
    "multiples of the TR and show no drift or jitter."
)
_DECLARED = "The clock was not marked: declare it when the study is opened (study.clock)."
_SLICES = "Slices follow each other at equal distances over the TR, in the order of '{}'."


@dataclass(frozen=True, slots=True, eq=False)
class _Stated:
    """What holds for all runs: settings, slice order, names of electrodes and their origin."""

    settings: ImportSettings
    source: Path
    order: str
    names: tuple[str, ...]
    named: str


def scan(source: Path, settings: ImportSettings) -> Scan:
    """Plan all runs of ds000116."""
    problems: list[Problem] = []
    eegs: dict[RunId, Path] = {}
    images: dict[RunId, Path] = {}
    for subject in folders_in(source):
        number = re.fullmatch(r"sub(\d{3})", subject.name)
        if number is not None:
            label = f"{int(number[1]):02d}"
            eegs |= dict(_runs_in(subject / "EEG", label, problems))
            images |= dict(_runs_in(subject / "BOLD", label, problems))
        elif subject.name.startswith("sub"):
            got, needed = repr(subject.name), "sub001, sub002, ..."
            problems.append(Problem(str(subject), "name", got, needed, "rename it in a copy"))
    names, named = _electrode_names(settings, problems)
    stated = _Stated(settings, source, _slice_order(source, settings), names, named)
    plan = functools.partial(_plan, stated)
    return scan_runs(source, eegs, images, plan, settings=settings, problems=problems)


def _plan(stated: _Stated, run: RunId, eeg: Path, image: Path) -> RunPlan:
    """Plan one run from its two folders."""
    settings = stated.settings
    part, series = pair(lambda: _eeg_part(stated, run, eeg), lambda: _image_part(stated, image))
    check_length(part.path, part.n_times / SFREQ, series)
    locked = settings.clock == "locked"
    assumed = [
        _LOCKED if locked else _DECLARED,
        _SLICES.format(Path(stated.order).name),
        stated.named,
        _AMPLIFIED if settings.eeg == "raw" else "",
    ]
    return RunPlan(
        run,
        dataclasses.replace(part, volumes=_volumes(part, series) if locked else ()),
        series,
        "oddball: press a button at targets, ignore standards",
        tuple(text for text in assumed if text),
        {"EEGReference": _REFERENCES.get(settings.eeg, _BIPOLAR)},
        {"Manufacturer": "Philips", "MagneticFieldStrength": 3, "EchoTime": 0.025},
        anatomy=anatomy_in(
            image.parents[1] / "anatomy", "highres001", "highresSPGR", "highresMPRAGE"
        ),
    )


def _runs_in(folder: Path, subject: str, problems: list[Problem]) -> Iterator[tuple[RunId, Path]]:
    """Yield the runs below a folder of one modality; other folders are ignored."""
    for path in folders_in(folder) if folder.is_dir() else []:
        found = re.fullmatch(r"task(\d{3})_run(\d{3})", path.name)
        if found is None:
            continue
        if found[1] not in TASKS:
            needed = "task001 (auditory) or task002 (visual)"
            cure = "check the layout, or move the folder away"
            problems.append(Problem(str(path), "name", repr(path.name), needed, cure))
            continue
        yield RunId(subject, TASKS[found[1]], run=f"{int(found[2]):02d}"), path


def _eeg_part(stated: _Stated, run: RunId, folder: Path) -> MatlabPart:
    """Look into the MATLAB file of a run."""
    kind = stated.settings.eeg
    name, rows = FILES[kind]
    matrix = find_matrix(folder / name, rows)
    bipolar = kind != "rereferenced"
    names = tuple(f"pair{i:02d}" for i in range(1, 44)) if bipolar else stated.names
    noisy = NOISY.get(run.subject, ()) if bipolar else ()
    bad = frozenset(f"pair{i:02d}" for i in noisy)
    filtering = "" if kind == "raw" else _CLEANED
    return MatlabPart(folder / name, rows, matrix, names, (), bad, filtering)


def _image_part(stated: _Stated, folder: Path) -> ImagePart:
    """Look into the images of a run."""
    path = one_file(folder, *(f"bold{ending}" for ending in IMAGES))
    n_slices, n_volumes = image_size(path, tr=TR)
    if not stated.order:
        raise StudyError([slice_order_missing(stated.source)])
    times = slice_times_of(stated.order, n_slices=n_slices, tr=TR)
    return ImagePart(path, TR, n_volumes, times)


def _slice_order(source: Path, settings: ImportSettings) -> str:
    """Return the slice order of the settings, or of ``slice_order.txt``; '' without either."""
    if settings.slice_order:
        return settings.slice_order
    found = sorted(p for depth in ("", "*/", "*/*/") for p in source.glob(depth + _ORDER_FILE))
    return str(found[0]) if found else ""


def _electrode_names(
    settings: ImportSettings, problems: list[Problem]
) -> tuple[tuple[str, ...], str]:
    """Return names of the re-referenced electrodes, and where they come from, in words."""
    numbered = tuple(f"electrode{i:02d}" for i in range(1, 35))
    if settings.eeg != "rereferenced":
        return numbered, "Bipolar pairs are numbered as the rows of the file."
    if settings.electrodes is None:
        return numbered, "Electrodes are numbered as the rows of the file; names were not given."
    path = settings.electrodes
    try:
        names = tuple(read_table(present(path)).get("labels", []))
    except StudyError as error:
        problems += error.problems
        return numbered, ""
    if len(set(names)) != 34:
        needed = "34 different names in a column 'labels', in the order of the rows"
        cure = "give locations_34_EEG.ced"
        problems.append(Problem(str(path), "labels", f"{len(names)} names", needed, cure))
        return numbered, ""
    return names, f"Electrodes are named in the order of {path.name}."


def _volumes(part: MatlabPart, images: ImagePart) -> tuple[int, ...]:
    """Return the samples at which volumes start when both clocks start together."""
    starts = (round(i * TR * SFREQ) for i in range(images.n_volumes))
    return tuple(sample for sample in starts if sample < part.n_times)


LAYOUT = Layout(
    "ds000116",
    "Auditory and Visual Oddball EEG-fMRI",
    ("Walz JM", "Goldman RI", "Muraskin J", "Conroy B", "Brown TR", "Sajda P"),
    tuple(FILES),
    scan,
)
