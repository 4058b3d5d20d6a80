"""What a page shows of a run that was cleaned: lines of text, spectra, triggers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.signal import welch

from neurotranscoder.core.errors import StoreError
from neurotranscoder.core.recording import Clock
from neurotranscoder.preprocess.ocular import OcularReport

_SEGMENT = 8.0  # s: the slowest frequency that is shown is 1/4 Hz
_N_FREQUENCIES = 200
_DIGITS = 4
_LAG = 0.025  # s between the values of an average that are kept

Curve = tuple[list[float], list[float]]


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One run.

    Parameters
    ----------
    label : str
        Its name.
    lines : list of str
        What was done and left out, in words.
    before, after : pair of lists
        Frequencies (Hz) and amplitude density of the median channel (uV per root Hz).
    trigger_times, residuals_ms : list of float
        When volume triggers came (s on the EEG clock), less the clock (ms); empty where the clock
        was not measured on them.
    lags : list of float
        Seconds after the peak of a blink; empty where no blinks were removed.
    blink_before, blink_after : list of lists of float
        Average blink in each channel, in uV.
    """

    label: str
    lines: list[str]
    before: Curve
    after: Curve
    trigger_times: list[float]
    residuals_ms: list[float]
    lags: list[float] = field(default_factory=list)
    blink_before: list[list[float]] = field(default_factory=list)
    blink_after: list[list[float]] = field(default_factory=list)

    def to_json(self) -> dict[str, object]:
        """Return the facts as JSON has them."""
        return asdict(self)

    @classmethod
    def of_json(cls, content: Mapping[str, object]) -> RunFacts:
        """Return facts that were written; inverse of `to_json`.

        Raises
        ------
        StoreError
            When they are something else.
        """
        try:
            known: dict[str, Any] = json.loads(json.dumps(content))
            before, after = (tuple(known.pop(name)) for name in ("before", "after"))
            return cls(before=before, after=after, **known)
        except (KeyError, TypeError) as error:
            raise StoreError(
                f"the record of a run holds {sorted(content)} ({error}); need what `preprocess` "
                "writes; run it again"
            ) from error


def median_spectrum(data: Float[ndarray, "channels times"], sfreq: float) -> Curve:
    """Return the amplitude density of the median channel, at frequencies evenly spaced as logs.

    Parameters
    ----------
    data : array, shape (channels, times)
        In V.
    sfreq : float
        Samples per second.
    """
    length = min(data.shape[1], round(_SEGMENT * sfreq))
    power = []
    for row in data:  # one channel in memory at a time
        frequencies, one = welch(1e6 * row, sfreq, nperseg=length)
        power.append(one)
    density = np.sqrt(np.median(power, axis=0))[1:]
    grid = np.geomspace(1, len(density), _N_FREQUENCIES)
    chosen = np.unique(np.rint(grid).astype(int)) - 1
    return _rounded(frequencies[1:][chosen]), _rounded(density[chosen])


def trigger_residuals(
    times: Float[ndarray, " triggers"], clock: Clock, tr: float
) -> tuple[list[float], list[float]]:
    """Return triggers (s on the EEG clock) and how far they are from the nearest volume (ms)."""
    scanner = clock.eeg_start + (1 + clock.drift_ppm * 1e-6) * times
    away = scanner - tr * np.rint(scanner / tr)
    return _rounded(times, digits=9), _rounded(1e3 * away)


def average_blinks(
    reports: Iterable[object],
) -> tuple[list[float], list[list[float]], list[list[float]]]:
    """Return lags (s) and the average blink of each channel before and after (uV), thinned out.

    Parameters
    ----------
    reports : iterable of object
        Those of the steps of cleaning; without blinks in them there are none.
    """
    ocular = next((one for one in reports if isinstance(one, OcularReport)), None)
    blinks = None if ocular is None else ocular.part("blinks")
    if ocular is None or blinks is None:
        return [], [], []
    every = max(1, round(_LAG / (ocular.lags[1] - ocular.lags[0])))
    before, after = (
        [_rounded(1e6 * row[::every]) for row in average]
        for average in (blinks.average_before, blinks.average_after)
    )
    return _rounded(ocular.lags[::every]), before, after


def _rounded(values: Float[ndarray, " values"], digits: int = _DIGITS) -> list[float]:
    """Return numbers with a few digits: records stay small, and equal on all machines."""
    return [float(f"{value:.{digits}g}") for value in values]
