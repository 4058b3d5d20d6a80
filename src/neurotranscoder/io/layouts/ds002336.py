"""ds002336 (XP1 of Lioi et al. 2020): motor imagery with neurofeedback, as OpenNeuro holds it.

Names, TR, markers and the cut of the cleaned EEG are those of its README and sidecars.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.errors import Problem
from neurotranscoder.core.recording import RunId
from neurotranscoder.io.brainvision import read_markers
from neurotranscoder.io.inheritance import nearest
from neurotranscoder.io.layouts.bids_source import by_run, series_of
from neurotranscoder.io.layouts.eeg_files import (
    BrainVisionPart,
    check_triggers,
    marker_note,
    read_brainvision,
)
from neurotranscoder.io.layouts.files import IMAGES, anatomy_in, files_in
from neurotranscoder.io.layouts.plan import ImportSettings, Layout, RunPlan, Scan
from neurotranscoder.io.layouts.scan import check_length, pair, scan_runs

TR = 2.0
RAW_SFREQ = 5000.0
BLOCK_SECONDS = 20.0
_BLOCK, _TASK = "S 99", "S  2"
_FILTERS = (
    "gradient artefact: sliding template of 21; down to 200 Hz; low-pass 50 Hz; pulse artefact: "
    "template"
)
_READ_OFF = "The volume of the first marker was counted in the raw marker file: volume {}."
_ASSUMED = (
    "The cleaned EEG begins with the first block, {:g} s after the first volume as the README "
    "says; the raw markers do not show it. So its first marker is volume {}."
)
_CUT = "The first {} volumes are left out of the images: the cleaned EEG begins after them."


def scan(source: Path, settings: ImportSettings) -> Scan:
    """Plan all runs of ds002336."""
    problems: list[Problem] = []
    raw = by_run(_files(source, "sub-*/eeg", ".vhdr", ".vmrk"), ("_eeg.vhdr",), problems)
    marks = by_run(_files(source, "sub-*/eeg", ".vmrk"), ("_eeg.vmrk",), problems)
    below = _files(source, "derivatives/sub-*/eeg_pp", ".vhdr")
    cleaned = by_run(below, ("_eeg_pp.vhdr",), problems)
    endings = tuple(f"_bold{ending}" for ending in IMAGES)
    images = by_run(_files(source, "sub-*/func", *IMAGES), endings, problems)
    plan = functools.partial(_plan, source, settings, marks)
    eegs = raw if settings.eeg == "raw" else cleaned
    return scan_runs(source, eegs, images, plan, settings=settings, problems=problems)


def _plan(
    source: Path,
    settings: ImportSettings,
    raw_markers: Mapping[RunId, Path],
    run: RunId,
    eeg: Path,
    image: Path,
) -> RunPlan:
    """Plan one run."""
    cleaned = settings.eeg == "cleaned"
    part, series = pair(
        lambda: read_brainvision(eeg, filtering=_FILTERS if cleaned else ""),
        lambda: series_of(image, source, TR, settings),
    )
    images, assumed = series.images, series.assumptions
    name, _ = check_triggers(eeg, part.header, tr=TR, n_volumes=images.n_volumes)
    if cleaned:
        first, why = _first_volume(part, name, raw_markers.get(run), settings)
        images = dataclasses.replace(images, first=first)
        assumed = (*assumed, why, _CUT.format(first))
    check_length(eeg, part.header.n_times / part.header.sfreq, images)
    return RunPlan(
        run,
        part,
        images,
        "motor imagery of the right hand, or its localiser",
        (*assumed, *marker_note(part, images, TR)),
        {"EEGReference": "FCz", "EEGGround": "AFz", "PowerLineFrequency": 50},
        series.facts,
        events=nearest(image, source, "events", ".tsv"),
        anatomy=anatomy_in(source / f"sub-{run.subject}" / "anat", f"sub-{run.subject}_T1w"),
    )


def _first_volume(
    part: BrainVisionPart, name: str, raw_markers: Path | None, settings: ImportSettings
) -> tuple[int, str]:
    """Return which volume the first marker of cleaned EEG belongs to, and how that is known."""
    header = part.header
    onsets = [t for t, its in zip(header.markers.onsets, header.markers.names, strict=True)
              if its == name]  # fmt: skip
    begin = float(min(onsets))
    block, volumes = _raw_times(raw_markers)
    if np.isfinite(block) and len(volumes):
        first = int(np.sum(volumes < block + begin - TR / 2))
        return first, _READ_OFF.format(first)
    first = round((settings.protocol_start + begin) / TR)
    return first, _ASSUMED.format(settings.protocol_start, first)


def _raw_times(path: Path | None) -> tuple[float, Float[ndarray, " volumes"]]:
    """Return when the first block and the volumes start in raw EEG, in s; NaN, none if unknown.

    The first marker of a block may be missing; the first task begins one block later.
    """
    marks = read_markers(path) if path is not None and path.is_file() else ()
    first = {name: min((m.sample / RAW_SFREQ for m in marks if m.description == name),
                       default=np.nan) for name in (_BLOCK, _TASK)}  # fmt: skip
    starts = [t for t in (first[_BLOCK], first[_TASK] - BLOCK_SECONDS) if t >= 0]
    volumes = [m.sample / RAW_SFREQ for m in marks if m.description == "R128"]
    return min(starts, default=float("nan")), np.asarray(volumes, dtype=np.float64)


def _files(source: Path, folder: str, *endings: str) -> list[Path]:
    """Return files in all folders of a pattern, sorted."""
    found = sorted(path for path in source.glob(folder) if path.is_dir())
    return [path for one in found for path in files_in(one, *endings)]


LAYOUT = Layout(
    "ds002336",
    "Simultaneous MRI-EEG during a motor imagery neurofeedback task (XP1)",
    ("Lioi G", "Cury C", "Perronnet L", "Mano M", "Bannier E", "Lecuyer A", "Barillot C"),
    ("cleaned", "raw"),
    scan,
)
