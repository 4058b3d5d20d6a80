"""A study: every run checked before anything is computed, loaded one at a time."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from neurotranscoder.core.errors import Problem, StudyError
from neurotranscoder.core.recording import BoldRun, EegRun, Recording, RunId
from neurotranscoder.io.bids import LoneFiles, RunFiles
from neurotranscoder.io.scans import stated_test_runs
from neurotranscoder.preprocess.checks import Kind, disagreements, relative_to
from neurotranscoder.preprocess.loading import load_alone, load_run
from neurotranscoder.preprocess.study_channels import search_study, study_channels
from neurotranscoder.preprocess.study_settings import StudySettings


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
    alone : dict from RunId to LoneFiles
        Runs that have one modality alone; checked if `open_study` was asked for them.
    """

    root: Path
    files: dict[RunId, RunFiles]
    settings: StudySettings
    notes: dict[RunId, tuple[str, ...]]
    alone: dict[RunId, LoneFiles] = dataclasses.field(default_factory=dict)

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
        return load_run(self.files[run], self.settings)[0]

    def load_alone(self, run: RunId) -> EegRun | BoldRun:
        """Read one of the runs that have one modality alone.

        Raises
        ------
        StudyError
            When it is none of these, or its files have changed for the worse.
        """
        if run not in self.alone:
            needed = ", ".join(map(str, sorted(self.alone)[:8])) or "there is none"
            problem = Problem(str(self.root), "run of one modality", str(run), needed, "see runs")
            raise StudyError([problem])
        return load_alone(self.alone[run], self.settings)

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


def open_study(root: Path, settings: StudySettings | None = None, *, alone: bool = False) -> Study:
    """Find the simultaneous runs of a BIDS data set and check all of them.

    Parameters
    ----------
    root : Path
        The data set.
    settings : StudySettings, optional
        What to read, and what to refuse.
    alone : bool
        Check runs that have one modality alone as well, for models that are trained already; then
        no run needs to have both.

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
    seen: dict[RunId, Kind] = {}
    search = search_study(root, options, alone=alone)
    files, found, lone = search
    options, _, unknown, _ = study_channels(root, search, options)
    problems = [*relative_to(root, [*found, *unknown])]
    for run_files in files:
        try:
            recording, notes[run_files.run] = load_run(run_files, options)
        except StudyError as error:
            problems += relative_to(root, error.problems)
            continue
        seen[run_files.run] = Kind(recording.bold.grid, recording.eeg.montage.names)
    for lone_files in lone if alone else ():
        try:
            seen[lone_files.run] = _kind_alone(load_alone(lone_files, options))
        except StudyError as error:
            problems += relative_to(root, error.problems)
    problems += disagreements(seen)
    if problems:
        raise StudyError(problems)
    return Study(root, {f.run: f for f in files}, options, notes, {f.run: f for f in lone})


def _kind_alone(run: EegRun | BoldRun) -> Kind:
    """Return the channels, or the grid, of a run of one modality."""
    if isinstance(run, EegRun):
        return Kind(None, run.eeg.montage.names)
    return Kind(run.bold.grid, None)
