"""Write one planned run into a study; its EEG sidecar comes last and says that it is whole."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path

import numpy as np

from neurotranscoder.core.errors import StoreError
from neurotranscoder.core.recording import Events
from neurotranscoder.io.bids import ASSUMPTIONS
from neurotranscoder.io.events import EVENT_COLUMNS, read_events, write_events
from neurotranscoder.io.layouts.files import IMAGES, place, write_cropped
from neurotranscoder.io.layouts.plan import Placing, RunPlan
from neurotranscoder.io.store import read_json, write_json

_SOURCES = "ImportedFrom"


def write_run(out: Path, plan: RunPlan, placing: Placing) -> None:
    """Write images, events, anatomy and EEG of one run.

    Parameters
    ----------
    out : Path
        Folder of the study.
    plan : RunPlan
        What to write.
    placing : {'link', 'copy'}
        How files go over that stay as they are.
    """
    folder, label = out / plan.run.folder, plan.run.label
    (folder / "eeg" / f"{label}_eeg.json").unlink(missing_ok=True)  # not whole from here on
    task = {"TaskName": plan.run.task, "TaskDescription": plan.task}
    noted = {ASSUMPTIONS: list(plan.assumptions)} if plan.assumptions else {}
    _write_images(folder / "func", plan, placing, {**task, **noted})
    if plan.anatomy is not None:
        base = plan.run.folder.replace("/", "_")
        place(plan.anatomy, folder / "anat" / f"{base}_T1w{_ending(plan.anatomy)}", placing)
    facts = {**plan.eeg_facts, **task, **noted, _SOURCES: _states(plan)}
    own = plan.eeg.write(folder / "eeg", plan.run, facts, placing)
    events = own if plan.events is None else _moved(read_events(plan.events), plan)
    if events is not None and events.trial_type:
        write_json(folder / "func" / f"{label}_events.json", EVENT_COLUMNS)
        write_events(folder / "func" / f"{label}_events.tsv", events)


def is_done(out: Path, plan: RunPlan) -> bool:
    """Say whether a run is in a study as it would be written now."""
    folder, label = out / plan.run.folder, plan.run.label
    image = folder / "func" / f"{label}_bold{_ending(plan.images.path)}"
    with contextlib.suppress(StoreError):
        sidecar = read_json(folder / "eeg" / f"{label}_eeg.json")
        there = image.is_file() and _has_eeg(folder / "eeg", label)
        return there and sidecar.get(_SOURCES) == _states(plan)
    return False


def _write_images(folder: Path, plan: RunPlan, placing: Placing, facts: dict[str, object]) -> None:
    """Write the images and their sidecar."""
    images = plan.images
    base = folder / f"{plan.run.label}_bold"
    target = base.with_name(base.name + _ending(images.path))
    if images.first:
        write_cropped(images.path, target, images.first)
        facts = {**facts, "NumberOfVolumesDiscardedByUser": images.first}
    else:
        place(images.path, target, placing)
    sidecar = {
        **plan.bold_facts,
        **facts,
        "RepetitionTime": images.tr,
        "SliceTiming": list(images.slice_times),
        "SliceEncodingDirection": "k",
        "Modality": "MR",
    }
    write_json(base.with_name(f"{base.name}.json"), sidecar)


def _has_eeg(folder: Path, label: str) -> bool:
    """Say whether all files of a recording are there, in either format."""
    formats = ((".vhdr", ".vmrk", ".eeg"), (".set",))
    return any(all((folder / f"{label}_eeg{e}").is_file() for e in one) for one in formats)


def _moved(events: Events, plan: RunPlan) -> Events:
    """Return events whose time begins with the first volume that is kept."""
    onset = events.onset - plan.images.first * plan.images.tr
    inside = onset + np.nan_to_num(events.duration) >= 0
    return dataclasses.replace(
        events,
        onset=onset[inside],
        duration=events.duration[inside],
        trial_type=tuple(t for t, kept in zip(events.trial_type, inside, strict=True) if kept),
        response_time=events.response_time[inside],
    )


def _states(plan: RunPlan) -> list[dict[str, object]]:
    """Return names and sizes of the files that a run is made from."""
    return [{"File": path.name, "Bytes": path.stat().st_size} for path in plan.sources]


def _ending(path: Path) -> str:
    """Return the ending of an image."""
    return next(ending for ending in IMAGES if path.name.endswith(ending))
