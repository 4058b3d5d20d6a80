"""A study: every run checked before anything is computed, loaded one at a time."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import ClockError, GridError, Problem, StoreError, StudyError
from neurotranscoder.core.recording import Bold, Clock, Eeg, Events, Recording, RunId
from neurotranscoder.core.settings import Settings
from neurotranscoder.io.bids import ASSUMPTIONS, RunFiles, search_runs
from neurotranscoder.io.eeg import Markers, read_eeg
from neurotranscoder.io.events import read_events
from neurotranscoder.io.nifti import DEFAULT_MAX_BYTES, read_bold
from neurotranscoder.io.scans import stated_test_runs
from neurotranscoder.io.triggers import trigger_names, volume_triggers
from neurotranscoder.preprocess.checks import (
    disagreements,
    eeg_problems,
    length_problems,
    relative_to,
    span_problems,
)
from neurotranscoder.preprocess.sync import (
    ClockReport,
    SyncSettings,
    declared_clock,
    measure_clock,
)

Part = TypeVar("Part")


class ClockSettings(Settings):
    """A clock that the user declares because the EEG holds no volume triggers."""

    source: Literal["declared"] = "declared"
    """Always 'declared'; without these settings the clock is measured."""
    eeg_start: float
    """Scanner time of the first EEG sample, in seconds (negative when EEG began earlier)."""


class StudySettings(Settings):
    """What to read of a study, and what to refuse."""

    participants: tuple[str, ...] = ()
    """Labels to restrict to, without ``sub-``; empty for all."""
    trigger_name: str | None = None
    """Name of the volume triggers; None finds them by their spacing."""
    clock: ClockSettings | None = None
    """A declared clock; None measures it from volume triggers."""
    sync: SyncSettings = SyncSettings()
    """When volume triggers are good enough."""
    exclude_channels: tuple[str, ...] = ()
    """EEG channels to leave out of every run."""
    images: Path | None = None
    """Derivative data set that holds the images (fMRIPrep); None takes the study's own."""
    space: str = ""
    """Space of the images, where a derivative holds several."""
    max_image_bytes: int = DEFAULT_MAX_BYTES
    """Refuse images that claim to be larger than this."""
    max_eeg: float = 1e-2
    """Refuse EEG whose median deviation is larger than this, in V (microvolts read as volts)."""


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """Runs of simultaneous EEG-fMRI, checked by `open_study`; iterating loads one at a time.

    Parameters
    ----------
    root : Path
        The BIDS data set.
    files : dict from RunId to RunFiles
        Where each run is.
    settings : StudySettings
        How to read them.
    notes : dict from RunId to tuple of str
        What was repaired, declared or dropped in each run, in words.
    alone : tuple of str
        Runs that have one modality alone and were left out, in words.
    """

    root: Path
    files: dict[RunId, RunFiles]
    settings: StudySettings
    notes: dict[RunId, tuple[str, ...]]
    alone: tuple[str, ...] = ()

    @property
    def runs(self) -> tuple[RunId, ...]:
        """The runs, sorted."""
        return tuple(sorted(self.files))

    @property
    def test_runs(self) -> frozenset[str]:
        """Labels of the runs that the study itself states to be for testing alone."""
        return stated_test_runs(self.root) & {run.label for run in self.files}

    def __len__(self) -> int:
        return len(self.files)

    def __iter__(self) -> Iterator[Recording]:
        return (self.load(run) for run in self.runs)

    def load(self, run: RunId) -> Recording:
        """Read one run from disk.

        Parameters
        ----------
        run : RunId
            One of ``runs``.

        Returns
        -------
        recording : Recording
            Signals in V and as stored, on their clocks.

        Raises
        ------
        StudyError
            When the run is unknown, or its files have changed for the worse.
        """
        self._known(run)
        return _load(self.files[run], self.settings)[0]

    def select(self, runs: Iterable[RunId]) -> Study:
        """Return a study of some of the runs."""
        chosen = tuple(runs)
        for run in chosen:
            self._known(run)
        return dataclasses.replace(
            self,
            files={run: self.files[run] for run in chosen},
            notes={run: self.notes[run] for run in chosen},
        )

    def _known(self, run: RunId) -> None:
        """Refuse a run that the study does not have."""
        if run not in self.files:
            needed = ", ".join(map(str, self.runs[:8]))
            problem = Problem(str(self.root), "run", str(run), needed, "choose one of them")
            raise StudyError([problem])


def open_study(root: Path, settings: StudySettings | None = None) -> Study:
    """Find the simultaneous runs of a BIDS data set and check all of them.

    Parameters
    ----------
    root : Path
        The data set.
    settings : StudySettings, optional
        What to read, and what to refuse.

    Returns
    -------
    study : Study
        Each run was read once and is loaded again when it is asked for.

    Raises
    ------
    StudyError
        With every problem of every run.
    """
    options = settings or StudySettings()
    notes: dict[RunId, tuple[str, ...]] = {}
    seen: dict[RunId, tuple[VoxelGrid, tuple[str, ...]]] = {}
    files, found, alone = search_runs(
        root, participants=options.participants, images=options.images, space=options.space
    )
    problems = [*relative_to(root, found)]
    for run_files in files:
        try:
            recording, notes[run_files.run] = _load(run_files, options)
        except StudyError as error:
            problems += relative_to(root, error.problems)
            continue
        seen[run_files.run] = recording.bold.grid, recording.eeg.montage.names
    problems += disagreements(seen)
    if problems:
        raise StudyError(problems)
    return Study(root, {f.run: f for f in files}, options, notes, alone)


def _load(files: RunFiles, options: StudySettings) -> tuple[Recording, tuple[str, ...]]:
    """Read a run and say what had to be done; StudyError lists everything that is wrong."""
    problems: list[Problem] = []
    eeg_part = _attempt(
        problems,
        files.eeg,
        lambda: read_eeg(files.eeg, files.eeg_sidecars, exclude=options.exclude_channels),
    )
    bold = _attempt(
        problems,
        files.bold,
        lambda: read_bold(
            files.bold,
            files.bold_metadata,
            mask_path=files.mask,
            max_bytes=options.max_image_bytes,
        ),
    )
    report = None
    if eeg_part is not None:
        problems += eeg_problems(files.eeg, eeg_part[0], options.max_eeg)
    if eeg_part is not None and bold is not None:
        eeg, markers = eeg_part
        short = [] if options.clock else length_problems(files.eeg, eeg, bold)
        problems += short
        if short:
            raise StudyError(problems)
        report = _attempt(problems, files.eeg, lambda: _clock(eeg, markers, bold, options))
    clock = report.clock if report else declared_clock(0.0)
    events = _attempt(problems, files.eeg, lambda: _events(files, clock))
    if report is not None and eeg_part is not None and bold is not None:
        problems += span_problems(files.eeg, eeg_part[0], bold, clock)
    if problems or eeg_part is None or bold is None or report is None or events is None:
        raise StudyError(problems)
    recording = Recording(files.run, eeg_part[0], bold, clock, events)
    return recording, (*_notes(recording, report), *_assumed(files))


def _attempt(problems: list[Problem], path: Path, read: Callable[[], Part]) -> Part | None:
    """Return what can be read; add what is wrong to the problems."""
    try:
        return read()
    except StudyError as error:
        problems += error.problems
    except (ClockError, GridError, StoreError) as error:
        field = "clock" if isinstance(error, ClockError) else "data"
        got, needed, cure = [*str(error).split("; ", 2), "see above", "repair the file"][:3]
        problems.append(Problem(str(path), field, got, needed.removeprefix("need "), cure))
    return None


def _clock(eeg: Eeg, markers: Markers, bold: Bold, options: StudySettings) -> ClockReport:
    """Measure the clock of a run, or take the declared one."""
    if options.clock is not None:
        return ClockReport(declared_clock(options.clock.eeg_start), ())
    tr, n_volumes, name = bold.volumes.tr, bold.volumes.n_volumes, options.trigger_name
    where = markers.onsets, markers.names
    times = volume_triggers(*where, tr=tr, n_volumes=n_volumes, name=name)
    chosen = trigger_names(*where, tr=tr, n_volumes=n_volumes, name=name)
    report = measure_clock(
        times, tr=tr, n_volumes=n_volumes, resolution=1 / eeg.sfreq, settings=options.sync
    )
    return ClockReport(report.clock, (f"volume triggers are {', '.join(chosen)}", *report.notes))


def _events(files: RunFiles, clock: Clock) -> Events:
    """Read the events of a run onto the scanner clock; none where there is no table."""
    if files.bold_events is not None:
        return read_events(files.bold_events)
    if files.eeg_events is None:
        return Events.none()
    events = read_events(files.eeg_events)
    onset = clock.eeg_start + (1 + clock.drift_ppm * 1e-6) * events.onset
    return dataclasses.replace(events, onset=onset)


def _assumed(files: RunFiles) -> tuple[str, ...]:
    """Return what an import had to assume of a run, as its sidecars say."""
    stated = files.eeg_sidecars.metadata.get(ASSUMPTIONS, [])
    return tuple(f"assumed: {text}" for text in stated) if isinstance(stated, list) else ()


def _notes(recording: Recording, report: ClockReport) -> tuple[str, ...]:
    """Say what a reader of the results has to know about a run."""
    notes = [str(recording.clock), *report.notes]
    if recording.clock.source == "measured" and recording.eeg.sfreq < 500:
        notes.append(f"triggers are rounded to the EEG samples, {1e3 / recording.eeg.sfreq:g} ms")
    if recording.events.n_dropped:
        notes.append(f"{recording.events.n_dropped} events without an onset left out")
    if recording.eeg.filtering:
        notes.append(f"filters applied before: {recording.eeg.filtering}")
    if recording.eeg.montage.positions is None:
        notes.append("electrode positions unknown")
    return tuple(notes)
