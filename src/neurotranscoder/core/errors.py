"""The exceptions a user can meet.

::

    NeurotranscoderError
    |-- InputError            something that was handed in cannot be used (exit code 2)
    |   |-- GridError         times, voxels or shapes do not fit each other
    |   |-- ClockError        the EEG cannot be placed on the scanner clock
    |   |-- StudyError        a data set has problems; all of them are listed
    |   |-- WeightsError      weights are damaged or do not fit the study
    |   |-- StoreError        a result is incomplete, damaged or not ours
    |   |-- SettingsError     a setting is unknown or impossible
    |   |-- CleaningError     an artefact is not there, is gone already, or cannot be found
    |   `-- MethodError       a method of one's own cannot be used, or answers nonsense
    |-- DiskError             a file cannot be written: no space, no permission (exit code 1)
    |-- CheckError            a result contradicts what has to hold (exit code 1)
    |-- TrainingError         training cannot go on (exit code 1)
    |-- PartialError          some subjects failed, the others are complete (exit code 1)
    `-- WorkerError           a process that did a part of the work died (exit code 1)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class NeurotranscoderError(Exception):
    """Root of all errors that this package raises on purpose."""


class InputError(NeurotranscoderError):
    """Something that was handed in cannot be used."""


class GridError(InputError):
    """Times, voxels or shapes do not fit each other."""


class ClockError(InputError):
    """The EEG cannot be placed on the scanner clock."""


class WeightsError(InputError):
    """Weights are damaged or do not fit the study."""


class StoreError(InputError):
    """A result on disk is incomplete, damaged, or not one of ours."""


class SettingsError(InputError):
    """A setting is unknown or impossible."""


class CleaningError(InputError):
    """An artefact is not there, was removed already, or cannot be found."""


class MethodError(InputError):
    """A method of one's own cannot be loaded, or answers what cannot be scored."""


class DiskError(NeurotranscoderError):
    """A file cannot be written; what was there before is unchanged."""


class CheckError(NeurotranscoderError):
    """A result contradicts what has to hold."""


class TrainingError(NeurotranscoderError):
    """Training cannot go on."""


class PartialError(NeurotranscoderError):
    """Some subjects failed and were left out; the others are complete.

    Parameters
    ----------
    words : str
        Which, and why.
    subjects : iterable of str
        Their labels.
    """

    def __init__(self, words: str, subjects: Iterable[str] = ()) -> None:
        self.subjects = tuple(subjects)
        super().__init__(words)


class WorkerError(NeurotranscoderError):
    """A process that did a part of the work died."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a data set.

    Parameters
    ----------
    where : str
        File (relative to the data set) or run that is concerned.
    field : str
        Field, axis or channel within it.
    got : str
        What was found.
    needed : str
        What would be right.
    cure : str
        What to do next.
    """

    where: str
    field: str
    got: str
    needed: str
    cure: str

    def __str__(self) -> str:
        return f"{self.where}: {self.field}: got {self.got}; need {self.needed}; {self.cure}"


class StudyError(InputError):
    """A data set has problems; all of them are listed at once.

    Parameters
    ----------
    problems : iterable of Problem
        Everything that was found, in the order of the files.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        lines = [f"{count} problem{'s' if count != 1 else ''} found:"]
        super().__init__("\n".join([*lines, *(f"  {problem}" for problem in self.problems)]))

    def __reduce__(self) -> tuple[type[StudyError], tuple[tuple[Problem, ...]]]:
        """Keep the problems on the way from a worker process."""
        return type(self), (self.problems,)
