"""EEG of ds000116: matrices in MATLAB files, with stimuli and responses as rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from neurotranscoder.core.axes import Montage
from neurotranscoder.core.errors import Problem, StudyError
from neurotranscoder.core.recording import Eeg, Events, OtherChannel, RunId
from neurotranscoder.io.brainvision import Marker, write_brainvision
from neurotranscoder.io.filters import described
from neurotranscoder.io.layouts.files import present
from neurotranscoder.io.layouts.mat5 import Matrix, matrices_in, read_matrix
from neurotranscoder.io.layouts.plan import Placing
from neurotranscoder.io.store import write_json
from neurotranscoder.io.study_writer import eeg_sidecar, write_channels

SFREQ = 1000.0
STIMULI = {
    125: "auditory standard stimulus presentation",
    150: "auditory oddball stimulus presentation",
    225: "visual standard stimulus presentation",
    250: "visual oddball stimulus presentation",
}
STIMULUS_SECONDS = 0.2
_RESPONSE = 100
_SHORTEST = 10  # samples that a level lasts; shorter ones are on the way to another


@dataclass(frozen=True, slots=True)
class Rows:
    """What the rows of a matrix are.

    Parameters
    ----------
    n_eeg : int
        EEG comes first.
    others : tuple of (name, kind)
        Channels behind it; then come stimuli and responses, one row each.
    volts : float
        Volts at the electrode for a value of 1.
    variable : str
        Name of the matrix; '' when it is not known, and there may be only one.
    """

    n_eeg: int
    others: tuple[tuple[str, str], ...]
    volts: float
    variable: str

    @property
    def n_rows(self) -> int:
        """Number of all rows."""
        return self.n_eeg + len(self.others) + 2


@dataclass(frozen=True, slots=True, eq=False)
class MatlabPart:
    """A matrix that becomes a BrainVision recording with volume markers.

    Parameters
    ----------
    path : Path
        The file.
    rows : Rows
        What its rows are.
    matrix : Matrix
        Where it stands in the file.
    names : tuple of str
        Names of the EEG channels.
    volumes : tuple of int
        Samples, counted from 0, at which volumes start.
    bad : frozenset of str
        Channels that the data set calls noisy.
    filtering : str
        Filters that the data set states.
    """

    path: Path
    rows: Rows
    matrix: Matrix
    names: tuple[str, ...]
    volumes: tuple[int, ...]
    bad: frozenset[str] = frozenset()
    filtering: str = ""

    @property
    def n_times(self) -> int:
        """Number of samples."""
        return self.matrix.n_columns

    @property
    def sources(self) -> tuple[Path, ...]:
        """The file."""
        return (self.path,)

    def write(
        self, folder: Path, run: RunId, facts: Mapping[str, object], placing: Placing
    ) -> Events | None:
        """Write signals, markers and sidecars; return what was shown and answered."""
        del placing  # the samples become another file
        values = self._values()
        events = events_of(self.path, values[-2], values[-1])
        eeg = self._eeg(values)
        markers = tuple(Marker(sample, "Response", "128") for sample in self.volumes)
        write_brainvision(folder / f"{run.label}_eeg.vhdr", eeg, markers=markers)
        kinds = eeg.all_kinds
        write_channels(folder, run, eeg.all_names, kinds, sfreq=eeg.sfreq, bad=self.bad)
        duration = self.n_times / eeg.sfreq
        fields = eeg_sidecar(
            kinds, eeg.sfreq, duration=duration, filters=described(self.filtering)
        )
        write_json(folder / f"{run.label}_eeg.json", {**fields, **facts})
        return events

    def _eeg(self, values: Float[ndarray, "rows times"]) -> Eeg:
        """Return the signals among the rows, in V."""
        n_eeg = self.rows.n_eeg
        others: list[OtherChannel] = []
        for row, (name, kind) in enumerate(self.rows.others, start=n_eeg):
            checked: Any = kind
            others.append(OtherChannel(name, checked, self.rows.volts * values[row]))
        montage = Montage(self.names)
        return Eeg(self.rows.volts * values[:n_eeg], SFREQ, montage, others=tuple(others))

    def _values(self) -> Float[ndarray, "rows times"]:
        """Read the matrix; refuse values that are not finite."""
        values = read_matrix(self.path, self.matrix)
        broken = int(np.sum(~np.isfinite(values)))
        if broken:
            got = f"{broken} of {values.size} values are NaN or infinite"
            name, cure = self.matrix.name, "restore it"
            raise StudyError([Problem(str(self.path), name, got, "finite numbers", cure)])
        return values


def find_matrix(path: Path, rows: Rows) -> Matrix:
    """Return the matrix of EEG in a MATLAB file, its values unread.

    Raises
    ------
    StudyError
        When the file cannot be read, or the matrix is missing, ambiguous or of another size.
    """
    found = matrices_in(present(path))
    right = [one for one in found if one.n_rows == rows.n_rows < one.n_columns]
    if rows.variable:
        right = [one for one in right if one.name == rows.variable]
    if len(right) != 1:
        listed = ", ".join(f"{one.name} {one.n_rows} x {one.n_columns}" for one in found)
        wanted = f"'{rows.variable}'" if rows.variable else "one matrix"
        needed = f"{wanted} of {rows.n_rows} rows (channels) and a column for each sample"
        got, cure = listed or "none", "restore the file"
        raise StudyError([Problem(str(path), "variables", got, needed, cure)])
    return right[0]


def events_of(
    path: Path, stimuli: Float[ndarray, " times"], responses: Float[ndarray, " times"]
) -> Events:
    """Return what was shown and when it was answered, from the two rows of levels.

    A response belongs to the last stimulus before it, the first one if there are several.

    Parameters
    ----------
    path : Path
        The file, for the message.
    stimuli, responses : array, shape (times,)
        Levels: 0, 25 from the start of the task, and codes of stimuli; 0, and 100 for a response.

    Returns
    -------
    events : Events
        Seconds on the EEG clock.

    Raises
    ------
    StudyError
        When no level is the code of a stimulus.
    """
    starts, levels = _levels(stimuli)
    shown = np.isin(levels, list(STIMULI))
    if not shown.any():
        got = f"levels {sorted(set(levels.tolist()))[:8]}"
        needed = f"codes {', '.join(map(str, STIMULI))}"
        raise StudyError([Problem(str(path), "stimulus row", got, needed, "check the file")])
    onset = starts[shown] / SFREQ
    answers, answer_levels = _levels(responses)
    pressed = answers[answer_levels == _RESPONSE] / SFREQ
    last = np.searchsorted(onset, pressed, side="right") - 1
    response = np.full(len(onset), np.nan)
    for event, time in zip(last[::-1], pressed[::-1], strict=True):
        if event >= 0:
            response[event] = round(float(time - onset[event]), 6)
    duration = np.full(len(onset), STIMULUS_SECONDS)
    labels = tuple(STIMULI[int(level)] for level in levels[shown])
    return Events(onset, duration, labels, response)


def _levels(
    row: Float[ndarray, " times"],
) -> tuple[Int[ndarray, " levels"], Int[ndarray, " levels"]]:
    """Return where levels start that last, and their values."""
    values = np.rint(row).astype(np.int64)
    starts = np.flatnonzero(np.diff(values, prepend=values[0] - 1))
    starts = starts[np.diff(starts, append=len(values)) >= _SHORTEST]
    starts = starts[np.diff(values[starts], prepend=values[0] - 1) != 0]  # what a glitch cut
    return starts, values[starts]
