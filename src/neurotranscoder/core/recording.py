"""One run of simultaneous EEG-fMRI, with everything that places it in time and space."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from neurotranscoder.core.axes import Montage, VolumeAxis, VoxelGrid
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.passband import Passband


@dataclass(frozen=True, slots=True, order=True)
class RunId:
    """BIDS entities that name a run: subject, session, task, run (without their prefixes)."""

    subject: str
    task: str
    session: str = ""
    run: str = ""

    def __post_init__(self) -> None:
        for value in (self.subject, self.task, self.session, self.run):
            if not all(c.isascii() and (c.isalnum() or c == "+") for c in value):
                raise GridError(
                    f"label {value!r} is not a BIDS label; use letters, digits and '+' only"
                )

    @property
    def label(self) -> str:
        """The run as BIDS writes it in a file name: ``sub-01_task-oddball_run-01``."""
        pairs = (("ses", self.session), ("task", self.task), ("run", self.run))
        return "_".join([f"sub-{self.subject}", *(f"{k}-{v}" for k, v in pairs if v)])

    @property
    def folder(self) -> str:
        """The folder of the subject (and session): ``sub-01`` or ``sub-01/ses-02``."""
        return f"sub-{self.subject}" + (f"/ses-{self.session}" if self.session else "")

    def __str__(self) -> str:
        return self.label


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """What happened in a run, on the scanner clock.

    Parameters
    ----------
    onset, duration : array, shape (events,)
        Seconds; ``duration`` is NaN where it is unknown.
    trial_type : tuple of str
        One label per event.
    response_time : array, shape (events,)
        Seconds after the onset; NaN where there was no response.
    n_dropped : int
        Rows of the file without a usable onset; they are not in the arrays.
    """

    onset: Float[ndarray, " events"]
    duration: Float[ndarray, " events"]
    trial_type: tuple[str, ...]
    response_time: Float[ndarray, " events"]
    n_dropped: int = 0

    def __post_init__(self) -> None:
        lengths = {len(self.onset), len(self.duration), len(self.trial_type)}
        if lengths != {len(self.response_time)}:
            raise GridError(f"columns of events have different lengths: {sorted(lengths)}")

    def within(self, start: float, stop: float) -> Events:
        """Return the events with onsets in ``[start, stop)`` s, counted from the start."""
        rows = np.flatnonzero((self.onset >= start) & (self.onset < stop))
        labels = tuple(self.trial_type[row] for row in rows)
        times = self.onset[rows] - start, self.duration[rows]
        return Events(*times, labels, self.response_time[rows], self.n_dropped)

    @classmethod
    def none(cls) -> Events:
        """Return a table without events (rest)."""
        return cls(np.zeros(0), np.zeros(0), (), np.zeros(0))


@dataclass(frozen=True, slots=True)
class Clock:
    """How EEG time becomes scanner time: ``eeg_start + (1 + drift_ppm * 1e-6) * seconds``.

    Parameters
    ----------
    source : {'measured', 'declared'}
        Measured from volume triggers, or declared by the user and not measured.
    eeg_start : float
        Scanner time of the first EEG sample, in seconds (negative when EEG began earlier).
    drift_ppm : float
        How much longer an EEG second lasts on the scanner clock, in parts per million.
    residual_sd : float
        Standard deviation of the triggers around the fitted line, in seconds; NaN if declared.
    n_triggers : int
        Number of volume triggers that were used.
    """

    source: Literal["measured", "declared"]
    eeg_start: float
    drift_ppm: float = 0.0
    residual_sd: float = float("nan")
    n_triggers: int = 0

    def scanner_times(self, n_times: int, sfreq: float) -> Float[ndarray, " times"]:
        """Return the scanner time of each of ``n_times`` EEG samples, in seconds."""
        step = (1 + self.drift_ppm * 1e-6) / sfreq
        return self.eeg_start + step * np.arange(n_times)

    def __str__(self) -> str:
        if self.source == "declared":
            return f"EEG starts at {self.eeg_start:.4f} s (declared, not measured)"
        return (
            f"EEG starts at {self.eeg_start:.4f} s, drift {self.drift_ppm:.2f} ppm, residual "
            f"{self.residual_sd * 1e3:.3f} ms (measured from {self.n_triggers} volume triggers)"
        )


@dataclass(frozen=True, slots=True, eq=False)
class OtherChannel:
    """A channel of the EEG's amplifier that is no EEG.

    Parameters
    ----------
    name : str
        Name of the channel.
    kind : {'ECG', 'EOG', 'EMG'}
        What it measures: heart, eyes or muscles.
    data : array, shape (times,)
        Volts, at the samples of the EEG.
    """

    name: str
    kind: Literal["ECG", "EOG", "EMG"]
    data: Float[ndarray, " times"]


@dataclass(frozen=True, slots=True, eq=False)
class Eeg:
    """Electrical signals of one run.

    Parameters
    ----------
    data : array, shape (channels, times)
        Volts.
    sfreq : float
        Sampling frequency of the EEG clock, in Hz.
    montage : Montage
        Names and places of the channels.
    filtering : str
        What the header and sidecar say about filters that were applied already.
    others : tuple of OtherChannel
        What the same amplifier recorded beside the EEG, such as the heart.
    passband : Passband or None
        What filters let through; None where nothing is known of any.
    interpolated : tuple of str
        Channels that are sums of others, as nothing was measured there.
    """

    data: Float[ndarray, "channels times"]
    sfreq: float
    montage: Montage
    filtering: str = ""
    others: tuple[OtherChannel, ...] = ()
    passband: Passband | None = None
    interpolated: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.montage.names) != len(self.data):
            raise GridError(
                f"EEG has {len(self.data)} rows and {len(self.montage.names)} channel names; "
                "it needs one name per row"
            )
        for other in self.others:
            if other.name in self.montage.names or len(other.data) != self.data.shape[1]:
                raise GridError(
                    f"channel {other.name!r} ({other.kind}) has {len(other.data)} samples beside "
                    f"EEG of {self.data.shape[1]}; it needs as many, and a name of its own"
                )

    @property
    def all_names(self) -> tuple[str, ...]:
        """Names of all channels, those of the EEG first."""
        return (*self.montage.names, *(other.name for other in self.others))

    @property
    def all_kinds(self) -> tuple[str, ...]:
        """What each of all channels is: 'EEG', or the kind of another."""
        return (*["EEG"] * len(self.data), *(other.kind for other in self.others))


@dataclass(frozen=True, slots=True, eq=False)
class Bold:
    """BOLD images of one run.

    Parameters
    ----------
    data : array, shape (x, y, z, volumes)
        Signal, any unit.
    grid : VoxelGrid
        Where the voxels are.
    volumes : VolumeAxis
        When the slices (along z) were acquired.
    mask : array of bool, shape (x, y, z)
        Voxels of the brain.
    n_holes : int
        Voxels amid the brain that are NaN, and so not of the mask.
    """

    data: Float[ndarray, "x y z volumes"]
    grid: VoxelGrid
    volumes: VolumeAxis
    mask: Bool[ndarray, "x y z"]
    n_holes: int = 0

    def __post_init__(self) -> None:
        expected = (*self.grid.shape, self.volumes.n_volumes)
        if self.data.shape != expected:
            raise GridError(f"BOLD data is {self.data.shape}; its axes say {expected}")
        if len(self.volumes.slice_times) != self.grid.shape[2]:
            raise GridError(
                f"BOLD has {self.grid.shape[2]} slices and {len(self.volumes.slice_times)} "
                "slice times; it needs one time per slice"
            )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Recording:
    """One run: EEG, BOLD, the clock between them, and events.

    Parameters
    ----------
    run : RunId
        Which run this is.
    eeg : Eeg
        Electrical signals, on their own clock.
    bold : Bold
        Images, on the scanner clock.
    clock : Clock
        From EEG time to scanner time.
    events : Events
        What happened, on the scanner clock.
    """

    run: RunId
    eeg: Eeg
    bold: Bold
    clock: Clock
    events: Events = field(default_factory=Events.none)

    def __repr__(self) -> str:
        eeg, bold = self.eeg, self.bold
        return (
            f"Recording({self.run}, EEG {len(eeg.data)} channels x {eeg.data.shape[1]} samples at "
            f"{eeg.sfreq:g} Hz, BOLD {bold.data.shape} at TR {bold.volumes.tr:g} s, "
            f"{len(self.events.trial_type)} events)"
        )


@dataclass(frozen=True, slots=True, eq=False)
class EegRun:
    """A run that has EEG alone.

    Parameters
    ----------
    run : RunId
        Which run this is.
    eeg : Eeg
        Electrical signals; time 0 is their first sample.
    events : Events
        What happened, on the clock of the EEG.
    """

    run: RunId
    eeg: Eeg
    events: Events = field(default_factory=Events.none)

    @property
    def clock(self) -> Clock:
        """The clock of the EEG itself, as there is no scanner."""
        return Clock("declared", 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class BoldRun:
    """A run that has BOLD alone.

    Parameters
    ----------
    run : RunId
        Which run this is.
    bold : Bold
        Images, on the scanner clock.
    events : Events
        What happened, on the scanner clock.
    """

    run: RunId
    bold: Bold
    events: Events = field(default_factory=Events.none)
