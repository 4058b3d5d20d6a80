"""What an import is going to do: one plan per run, made and checked before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from neurotranscoder.core.errors import Problem
from neurotranscoder.core.recording import Events, RunId
from neurotranscoder.core.settings import Settings

Placing = Literal["link", "copy"]


class ImportSettings(Settings):
    """What to take from a data set, and what its layout does not say."""

    participants: tuple[str, ...] = ()
    """Labels to restrict to, as in the study, without ``sub-``; empty for all."""
    eeg: str = ""
    """Which of the EEG files: 'raw', 'cleaned', or others that a layout has; '' is its first."""
    images: Placing = "link"
    """'link' gives files that go over as they are a second name (a hard link; a copy where the
    disk has none); 'copy' copies them."""
    slice_order: str = ""
    """Order in which slices were acquired: 'ascending', 'descending', 'odd-first', 'even-first',
    or a file with one slice per line, counted from 1; '' takes what the data set states."""
    clock: Literal["locked", "declared"] = "locked"
    """Data sets without volume markers whose clocks are locked by design (ds000116): 'locked'
    marks the volumes at multiples of the TR; 'declared' marks none, and the clock has to be
    declared when the study is opened."""
    protocol_start: float = 2.0
    """Cleaned EEG of ds002336: scanner time of its first sample, in seconds, for runs whose raw
    markers do not show it."""
    electrodes: Path | None = None
    """Names of the 34 electrodes of ds000116, from its file ``locations_34_EEG.ced``."""
    faulty: Literal["refuse", "skip"] = "refuse"
    """'skip' leaves out runs with problems and names them, where 'refuse' stops."""


@runtime_checkable
class EegPart(Protocol):
    """EEG of one run as it lies in the data set."""

    @property
    def sources(self) -> tuple[Path, ...]:
        """Files that it is made from."""

    def write(
        self, folder: Path, run: RunId, facts: Mapping[str, object], placing: Placing
    ) -> Events | None:
        """Write the EEG, its channels and, last, its JSON with facts; return its own events."""


@dataclass(frozen=True, slots=True, eq=False)
class ImagePart:
    """Images of one run as they lie in the data set.

    Parameters
    ----------
    path : Path
        The 4-D series.
    tr : float
        Time from one volume to the next, in seconds.
    n_volumes : int
        Volumes in the file.
    slice_times : tuple of float
        Seconds after the start of a volume, one per slice.
    first : int
        Volumes at the start that are left out, because EEG does not cover them.
    """

    path: Path
    tr: float
    n_volumes: int
    slice_times: tuple[float, ...]
    first: int = 0

    @property
    def duration(self) -> float:
        """Time that the volumes cover which are kept, in seconds."""
        return self.tr * (self.n_volumes - self.first)


@dataclass(frozen=True, slots=True, eq=False)
class RunPlan:
    """One run: where its parts are, and what is known of it.

    Parameters
    ----------
    run : RunId
        Its labels in the study.
    eeg, images : EegPart, ImagePart
        Its parts.
    task : str
        What the participant did.
    assumptions : tuple of str
        What the data set does not say; written into the sidecars.
    eeg_facts, bold_facts : mapping
        Further fields of the sidecars that the data set states.
    events : Path or None
        Table of events on the scanner clock; None where the EEG holds them, or nothing does.
    anatomy : Path or None
        T1-weighted image.
    """

    run: RunId
    eeg: EegPart
    images: ImagePart
    task: str
    assumptions: tuple[str, ...]
    eeg_facts: Mapping[str, object] = field(default_factory=dict)
    bold_facts: Mapping[str, object] = field(default_factory=dict)
    events: Path | None = None
    anatomy: Path | None = None

    @property
    def sources(self) -> tuple[Path, ...]:
        """All files that the run is made from."""
        others = (self.events, self.anatomy)
        return (*self.eeg.sources, self.images.path, *(p for p in others if p is not None))


class Scan(NamedTuple):
    """What was found in a data set.

    Parameters
    ----------
    plans : tuple of RunPlan
        Simultaneous runs that can be imported, sorted.
    problems : tuple of Problem
        What is wrong with the data set or the settings.
    faulty : tuple of Problem
        What is wrong with single runs.
    alone : tuple of str
        Runs that have one modality, in words; they are left out.
    """

    plans: tuple[RunPlan, ...]
    problems: tuple[Problem, ...]
    faulty: tuple[Problem, ...] = ()
    alone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """A layout that can be imported.

    Parameters
    ----------
    name : str
        Its name on the command line.
    title : str
        Name of the data set.
    authors : tuple of str
        Who made it.
    eeg : tuple of str
        Kinds of EEG files that can be taken, the default first.
    scan : callable
        Takes the folder and the settings, ``eeg`` filled in; reads headers and returns a `Scan`.
    """

    name: str
    title: str
    authors: tuple[str, ...]
    eeg: tuple[str, ...]
    scan: Callable[[Path, ImportSettings], Scan]
