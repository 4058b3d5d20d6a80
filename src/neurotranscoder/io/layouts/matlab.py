"""EEG of ds000116: matrices in MATLAB files, with stimuli and responses as rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.io import loadmat, whosmat
from scipy.io.matlab import MatReadError

from neurotranscoder.core.axes import Montage
from neurotranscoder.core.errors import Problem, StudyError
from neurotranscoder.core.recording import Eeg, Events, OtherChannel, RunId
from neurotranscoder.io.brainvision import Marker, write_brainvision
from neurotranscoder.io.layouts.files import present
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
_NUMBERS = ("double", "single", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32")
_UNREADABLE = (OSError, ValueError, TypeError, NotImplementedError, MatReadError, EOFError)


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
    variable : str
        Name of the matrix.
    n_times : int
        Number of samples.
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
    variable: str
    n_times: int
    names: tuple[str, ...]
    volumes: tuple[int, ...]
    bad: frozenset[str] = frozenset()
    filtering: str = ""

    @property
    def sources(self) -> tuple[Path, ...]:
        """The file."""
        return (self.path,)

    def write(
        self, folder: Path, run: RunId, facts: Mapping[str, object], placing: Placing
    ) -> Events | None:
        """Write signals, markers and sidecars; return what was shown and answered."""
        del placing  # the samples become another file
        matrix = self._matrix()
        events = events_of(self.path, matrix[-2], matrix[-1])
        eeg = self._eeg(matrix)
        markers = tuple(Marker(sample, "Response", "128") for sample in self.volumes)
        write_brainvision(folder / f"{run.label}_eeg.vhdr", eeg, markers=markers)
        kinds = eeg.all_kinds
        write_channels(folder, run, eeg.all_names, kinds, sfreq=eeg.sfreq, bad=self.bad)
        duration = self.n_times / eeg.sfreq
        fields = eeg_sidecar(kinds, eeg.sfreq, duration=duration, filtering=self.filtering)
        write_json(folder / f"{run.label}_eeg.json", {**fields, **facts})
        return events

    def _eeg(self, matrix: Float[ndarray, "rows times"]) -> Eeg:
        """Return the signals among the rows, in V."""
        n_eeg = self.rows.n_eeg
        others: list[OtherChannel] = []
        for row, (name, kind) in enumerate(self.rows.others, start=n_eeg):
            checked: Any = kind
            others.append(OtherChannel(name, checked, self.rows.volts * matrix[row]))
        montage = Montage(self.names)
        return Eeg(self.rows.volts * matrix[:n_eeg], SFREQ, montage, others=tuple(others))

    def _matrix(self) -> Float[ndarray, "rows times"]:
        """Read the matrix; refuse values that are not finite."""
        try:
            content = loadmat(self.path, variable_names=[self.variable])
            matrix = np.asarray(content[self.variable], dtype=np.float64)
        except (*_UNREADABLE, KeyError) as error:
            raise _unreadable(self.path, error) from error
        broken = int(np.sum(~np.isfinite(matrix)))
        if broken:
            got = f"{broken} of {matrix.size} values are NaN or infinite"
            problem = Problem(str(self.path), self.variable, got, "finite numbers", "restore it")
            raise StudyError([problem])
        return matrix


def find_matrix(path: Path, rows: Rows) -> tuple[str, int]:
    """Return the name of the matrix in a MATLAB file and its number of samples.

    Raises
    ------
    StudyError
        When the file cannot be read, or the matrix is missing, ambiguous or of another size.
    """
    present(path)
    try:
        found = whosmat(path)
    except _UNREADABLE as error:
        raise _unreadable(path, error) from error
    matrices = {name: shape for name, shape, kind in found if len(shape) == 2 and kind in _NUMBERS}
    listed = ", ".join(f"{n} {' x '.join(map(str, s))}" for n, s in matrices.items()) or "none"
    right = [name for name, shape in matrices.items() if shape[0] == rows.n_rows]
    if rows.variable:
        right = [name for name in right if name == rows.variable]
    if len(right) != 1 or matrices[right[0]][1] < rows.n_rows:
        wanted = f"'{rows.variable}'" if rows.variable else "one matrix"
        needed = f"{wanted} of {rows.n_rows} rows (channels) and a column for each sample"
        problem = Problem(str(path), "variables", listed, needed, "restore the file")
        raise StudyError([problem])
    return right[0], int(matrices[right[0]][1])


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


def _unreadable(path: Path, error: Exception) -> StudyError:
    """Return what is wrong with a file that is no MATLAB file of version 7 or older."""
    got = f"{type(error).__name__}: {' '.join(str(error).split())}"
    needed = "a MATLAB file of version 7 or older"
    cure = "restore it; a file of version 7.3 has to be saved again with -v7"
    return StudyError([Problem(str(path), "file", got, needed, cure)])
