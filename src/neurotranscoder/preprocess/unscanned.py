"""EEG without images: what is not done to it, and when it was recorded in a scanner after all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import mne
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.axes import VolumeAxis
from neurotranscoder.core.errors import CleaningError, Problem, StudyError
from neurotranscoder.core.recording import Eeg
from neurotranscoder.io.eeg import Markers
from neurotranscoder.preprocess.gradient_seen import has_gradient
from neurotranscoder.preprocess.sync import declared_clock

_FEWEST, _SHORTEST, _LONGEST = 5, 0.3, 10.0  # markers; s from one volume to the next
_JITTER = 2e-3  # s: triggers of volumes are rounded to the samples
_MOST = 0.9  # of the intervals: scans have pauses between them


def without_scan(_: mne.io.BaseRaw) -> NoReturn:
    """Leave out a step that removes what a scanner does.

    Raises
    ------
    CleaningError
        Always: there is nothing to do.
    """
    raise CleaningError("there are no images of this run")


def refuse_gradient(path: Path, eeg: Eeg, marks: Markers) -> None:
    """Refuse EEG without images that has a gradient artefact, which needs their TR to go.

    Parameters
    ----------
    path : Path
        The recording.
    eeg : Eeg
        Its signals, in V.
    marks : Markers
        Its markers; those that come as volumes do say when an artefact would repeat.

    Raises
    ------
    StudyError
        When it has one.
    """
    for name, interval, times in regular_markers(marks):
        volumes = VolumeAxis(interval, len(times), np.zeros(1))
        if has_gradient(eeg, declared_clock(-float(times[0])), volumes):
            got = (
                f"a gradient artefact every {interval:.3g} s, with markers {name!r}, and no images"
            )
            needed = "the images of this run, whose TR and slice times say how it is removed"
            cure = "add them under the same labels, or move the EEG out of the study"
            raise StudyError([Problem(str(path), "EEG", got, needed, cure)])


def regular_markers(marks: Markers) -> Iterator[tuple[str, float, Float[ndarray, " markers"]]]:
    """Yield markers that come at one interval of .3 to 10 s: name, interval and times, in s."""
    names = np.asarray(marks.names)
    for name in dict.fromkeys(marks.names):
        times = np.sort(np.asarray(marks.onsets)[names == name])
        if len(times) < _FEWEST:
            continue
        intervals = np.diff(times)
        usual = float(np.median(intervals))
        regular = float(np.mean(np.abs(intervals - usual) <= _JITTER))
        if _SHORTEST <= usual <= _LONGEST and regular >= _MOST:
            yield name, usual, times
