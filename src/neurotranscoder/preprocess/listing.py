"""A study whose runs are found but not read: for work that needs little of its recordings."""

from __future__ import annotations

from pathlib import Path

from neurotranscoder.core.errors import StudyError
from neurotranscoder.core.recording import Events, RunId
from neurotranscoder.io.bids import LoneFiles
from neurotranscoder.io.events import read_events
from neurotranscoder.io.inheritance import nearest
from neurotranscoder.preprocess.checks import relative_to
from neurotranscoder.preprocess.study import Study
from neurotranscoder.preprocess.study_channels import search_study, study_channels
from neurotranscoder.preprocess.study_settings import StudySettings


def list_study(root: Path, settings: StudySettings, *, alone: bool = False) -> Study:
    """Find the runs of a BIDS data set; each is checked when it is loaded.

    Parameters
    ----------
    root : Path
        The data set.
    settings : StudySettings
        What to read.
    alone : bool
        Runs of one modality will do; no run needs to have both.

    Returns
    -------
    study : Study
        As that of `open_study`, without notes.

    Raises
    ------
    StudyError
        With every problem of names, links and sidecars.
    """
    search = search_study(root, settings, alone=alone)
    found, problems, lone = search
    settings, _, unknown, _ = study_channels(root, search, settings)
    if problems := [*problems, *unknown]:
        raise StudyError(relative_to(root, problems))
    files = {one.run: one for one in found}
    return Study(root, files, settings, dict.fromkeys(files, ()), {one.run: one for one in lone})


def events_of(study: Study, run: RunId) -> Events:
    """Return the events of a run on the scanner clock; none where it has no table.

    Those of a run of EEG alone are on the clock of the EEG, whose time 0 is its first sample. Only
    events that lie beside the EEG alone, where there is BOLD too, need its recording, for the
    clock.

    Raises
    ------
    StudyError
        When the table, or a recording that is needed, cannot be read.
    """
    if run in study.alone:
        path = _events_alone(study.alone[run], study)
        return Events.none() if path is None else read_events(path)
    files = study.files[run]
    if files.bold_events is None and files.eeg_events is not None:
        return study.load(run).events
    return Events.none() if files.bold_events is None else read_events(files.bold_events)


def events_path(study: Study, run: RunId) -> Path:
    """Return where the events of a run are, or where they would be."""
    if run in study.alone:
        lone = study.alone[run]
        absent = lone.path.with_name(f"{run.label}_events.tsv")
        return _events_alone(lone, study) or absent
    files = study.files[run]
    beside = files.bold.with_name(f"{run.label}_events.tsv")
    return files.bold_events or files.eeg_events or beside


def _events_alone(lone: LoneFiles, study: Study) -> Path | None:
    """Return the table of events of a run of one modality; also beside images as recorded."""
    native = study.root / lone.run.folder / "func" / f"{lone.run.label}_bold.nii.gz"
    found = nearest(lone.path, lone.root, "events", ".tsv")
    if found is None and lone.modality == "bold":
        found = nearest(native, study.root, "events", ".tsv")
    return found
