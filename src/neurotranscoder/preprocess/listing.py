"""A study whose runs are found but not read: for work that needs little of its recordings."""

from __future__ import annotations

from pathlib import Path

from neurotranscoder.core.errors import StudyError
from neurotranscoder.core.recording import Events, RunId
from neurotranscoder.io.events import read_events
from neurotranscoder.preprocess.checks import relative_to
from neurotranscoder.preprocess.study import Study
from neurotranscoder.preprocess.study_channels import search_study, study_channels
from neurotranscoder.preprocess.study_settings import StudySettings


def list_study(root: Path, settings: StudySettings) -> Study:
    """Find the simultaneous runs of a BIDS data set; each is checked when it is loaded.

    Parameters
    ----------
    root : Path
        The data set.
    settings : StudySettings
        What to read.

    Returns
    -------
    study : Study
        As that of `open_study`, without notes.

    Raises
    ------
    StudyError
        With every problem of names, links and sidecars.
    """
    search = search_study(root, settings)
    found, problems, alone = search
    settings, _, unknown = study_channels(root, search, settings)
    if problems := [*problems, *unknown]:
        raise StudyError(relative_to(root, problems))
    files = {one.run: one for one in found}
    return Study(root, files, settings, dict.fromkeys(files, ()), {one.run: one for one in alone})


def events_of(study: Study, run: RunId) -> Events:
    """Return the events of a run on the scanner clock; none where it has no table.

    Only events that lie beside the EEG alone need its recording, for the clock.

    Raises
    ------
    StudyError
        When the table, or a recording that is needed, cannot be read.
    """
    files = study.files[run]
    if files.bold_events is None and files.eeg_events is not None:
        return study.load(run).events
    return Events.none() if files.bold_events is None else read_events(files.bold_events)


def events_path(study: Study, run: RunId) -> Path:
    """Return where the events of a run are, or where they would be."""
    files = study.files[run]
    beside = files.bold.with_name(f"{run.label}_events.tsv")
    return files.bold_events or files.eeg_events or beside
