"""EEG without images: what is not done to it, and when it was recorded in a scanner after all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

import mne
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.axes import VolumeAxis
from neurotranscoder.core.errors import CleaningError
from neurotranscoder.io.bids import EegFiles
from neurotranscoder.io.eeg import EegSpan, Markers, read_eeg, read_eeg_header
from neurotranscoder.preprocess.gradient_seen import has_gradient
from neurotranscoder.preprocess.sync import declared_clock

_FEWEST, _MOST_READ = 6, 21  # markers
_SHORTEST, _LONGEST = 0.3, 10.0  # s from one volume to the next
_JITTER = 2e-3  # s: triggers of volumes are rounded to the samples
_REGULAR = 0.9  # of the intervals: scans have pauses between them


def without_scan(_: mne.io.BaseRaw) -> NoReturn:
    """Leave out a step that removes what a scanner does.

    Raises
    ------
    CleaningError
        Always: there is nothing to do.
    """
    raise CleaningError("there are no images of this run")


def gradient_period(files: EegFiles) -> float | None:
    """Return the seconds after which a gradient artefact repeats; None where there is none.

    Parameters
    ----------
    files : EegFiles
        A recording; its markers that come as volumes do say when an artefact would repeat, and
        the part around the first of them is read.

    Raises
    ------
    StudyError
        When it cannot be read.
    """
    header = read_eeg_header(files.eeg)
    for interval, times in regular_markers(header.markers):
        first, last = times[0], times[:_MOST_READ][-1] + interval
        ends = np.rint(np.array([first, last]) * header.sfreq).astype(int)
        span = EegSpan(int(ends[0]), min(int(ends[1]), header.n_times))
        eeg, _ = read_eeg(files.eeg, files.eeg_sidecars, span=span)
        volumes = VolumeAxis(interval, min(len(times), _MOST_READ), np.zeros(1))
        if has_gradient(eeg, declared_clock(0.0), volumes):
            return interval
    return None


def regular_markers(marks: Markers) -> Iterator[tuple[float, Float[ndarray, " markers"]]]:
    """Yield markers of one name that come at one interval of .3 to 10 s: it, and times, in s."""
    names = np.asarray(marks.names)
    for name in dict.fromkeys(marks.names):
        times = np.sort(np.asarray(marks.onsets)[names == name])
        if len(times) < _FEWEST:
            continue
        intervals = np.diff(times)
        usual = float(np.median(intervals))
        regular = float(np.mean(np.abs(intervals - usual) <= _JITTER))
        if _SHORTEST <= usual <= _LONGEST and regular >= _REGULAR:
            yield usual, times
