"""Write the clean EEG of a run, and copy what stands beside it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from neurotranscoder.config import Config
from neurotranscoder.io.bids import EegFiles
from neurotranscoder.io.derivatives import write_raw
from neurotranscoder.io.eeg import read_eeg_header
from neurotranscoder.io.electrodes import EegSidecars, millimetres_per_unit, read_places
from neurotranscoder.io.events import read_events, write_events
from neurotranscoder.io.store import read_table, write_bytes, write_table
from neurotranscoder.preprocess.channel_places import completed_places
from neurotranscoder.preprocess.clean_run import CleanRun
from neurotranscoder.preprocess.loading import GUESSED
from neurotranscoder.preprocess.own_span import own_span
from neurotranscoder.preprocess.stated_clock import clock_fields


def write_clean(path: Path, clean: CleanRun, files: EegFiles, bids: Path) -> None:
    """Write the clean EEG of a run.

    Parameters
    ----------
    path : Path
        Where it goes.
    clean : CleanRun
        What to write.
    files : EegFiles
        What it was made from.
    bids : Path
        The study that they are of.
    """
    done = [step for step in clean.steps if step.done]
    referenced = any(step.name == "reference" for step in done)
    known, change = files.eeg_sidecars.metadata, clean.channels
    write_raw(
        path,
        clean.eeg,
        sources=[f"bids:raw:{files.eeg.relative_to(bids).as_posix()}"],
        markers=clean.markers,
        metadata={
            "TaskName": files.run.task,
            "Description": "EEG without the artefacts of scanner and heart",
            "EEGReference": "average" if referenced else known.get("EEGReference", "n/a"),
            "PowerLineFrequency": known.get("PowerLineFrequency", "n/a"),
            "CleaningSteps": [str(step) for step in clean.steps],
            GUESSED: list(clean.interpolated),
            "SummedChannels": list(change.summed) if change else [],
            "ChannelsLeftOut": list(change.left_out) if change else [],
            **(clock_fields(clean.clock.clock) if clean.clock else {}),
        },
    )


def copy_files(bids: Path, out: Path, paths: Iterable[Path | None]) -> None:
    """Copy small files to the same place below another folder, where they exist."""
    for path in paths:
        if path is not None and path.is_file():
            write_bytes(out / path.relative_to(bids), path.read_bytes())


def copy_eeg_events(files: EegFiles, bids: Path, out: Path, config: Config) -> None:
    """Copy the events beside EEG; of a shared file those of the run, on the clock of its part."""
    table, span = files.eeg_events, own_span(files, config.study)
    if span is None or table is None:
        copy_files(bids, out, [table])
        return
    events = read_events(table)
    sfreq = read_eeg_header(files.eeg).sfreq
    own = out / files.run.folder / "eeg" / f"{files.run.label}_events.tsv"
    write_events(own, events.within(span.start / sfreq, span.stop / sfreq))


def copy_electrodes(sidecars: EegSidecars, bids: Path, out: Path, config: Config) -> None:
    """Copy where electrodes are, and add those of the study's channels that the table lacks."""
    wanted, table = config.study.channels, sidecars.electrodes
    places = read_places(sidecars) if isinstance(wanted, tuple) else {}
    copy_files(bids, out, [table, sidecars.coordsystem])
    if not places or table is None or sidecars.coordsystem is None:
        return
    completed = completed_places(places, tuple(wanted))
    added = [name for name in wanted if name not in places and name in completed]
    columns, scale = read_table(table), millimetres_per_unit(sidecars.coordsystem)
    if not added or scale is None or not set(added).isdisjoint(columns["name"]):
        return
    new = dict(zip("xyz", np.array([completed[name] / scale for name in added]).T, strict=True))
    rest = ["n/a"] * len(added)
    write_table(
        out / table.relative_to(bids),
        {
            column: [*cells, *(added if column == "name" else new.get(column, rest))]
            for column, cells in columns.items()
        },
    )
