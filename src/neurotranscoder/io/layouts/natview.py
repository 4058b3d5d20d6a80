"""Naturalistic viewing (Telesford et al. 2023) as INDI holds it: raw_data and preproc_data.

Folders, names and markers are those of its README and processing script.
"""

from __future__ import annotations

import functools
from pathlib import Path

from neurotranscoder.core.errors import Problem
from neurotranscoder.core.recording import RunId
from neurotranscoder.io.inheritance import nearest
from neurotranscoder.io.layouts.bids_source import by_run, series_of
from neurotranscoder.io.layouts.eeg_files import marker_note, read_eeglab
from neurotranscoder.io.layouts.files import IMAGES, anatomy_in, files_in
from neurotranscoder.io.layouts.plan import ImportSettings, Layout, RunPlan, Scan
from neurotranscoder.io.layouts.scan import check_length, pair, scan_runs

TR = 2.1
_TOPS = {"raw": "raw_data", "cleaned": "preproc_data"}
_FILTERS = "gradient and pulse artefacts removed; down to 250 Hz; 0.3-50 Hz"
_REFERENCE = "n/a"


def scan(source: Path, settings: ImportSettings) -> Scan:
    """Plan all runs; images are the raw ones, whichever EEG is taken."""
    problems: list[Problem] = []
    raw = source / _TOPS["raw"]
    root = raw if raw.is_dir() else source
    top = root if settings.eeg == "raw" else source / _TOPS["cleaned"]
    eegs = by_run(_files(top, "eeg", ".set"), ("_eeg.set", "_preprocess.set"), problems)
    endings = tuple(f"_bold{ending}" for ending in IMAGES)
    images = by_run(_files(root, "func", *IMAGES), endings, problems)
    plan = functools.partial(_plan, root, settings)
    return scan_runs(source, eegs, images, plan, settings=settings, problems=problems)


def _plan(root: Path, settings: ImportSettings, run: RunId, eeg: Path, image: Path) -> RunPlan:
    """Plan one run."""
    cleaned = settings.eeg == "cleaned"
    part, series = pair(
        lambda: read_eeglab(eeg, filtering=_FILTERS if cleaned else ""),
        lambda: series_of(image, root, TR, settings),
    )
    check_length(eeg, part.header.n_times / part.header.sfreq, series.images)
    return RunPlan(
        run,
        part,
        series.images,
        f"naturalistic viewing: {run.task}",
        (*series.assumptions, *marker_note(part, series.images, TR)),
        {"EEGReference": "average" if cleaned else _REFERENCE, "PowerLineFrequency": 60},
        series.facts,
        events=nearest(image, root, "events", ".tsv"),
        anatomy=anatomy_in(image.parents[1] / "anat", f"{run.folder.replace('/', '_')}_T1w"),
    )


def _files(top: Path, kind: str, *endings: str) -> list[Path]:
    """Return files of one kind of all sessions, sorted."""
    folders = [*top.glob(f"sub-*/ses-*/{kind}"), *top.glob(f"sub-*/{kind}")]
    return [path for one in sorted(folders) if one.is_dir() for path in files_in(one, *endings)]


LAYOUT = Layout(
    "natview",
    "Naturalistic viewing with simultaneous EEG-fMRI",
    ("Telesford QK", "Gonzalez-Moreira E", "Xu T", "Tian Y", "Colcombe SJ", "Franco AR"),
    tuple(_TOPS),
    scan,
)
