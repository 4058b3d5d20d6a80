"""A clock that was measured before EEG was resampled, kept in the sidecar of what came of it.

At a few milliseconds a sample, triggers are too coarse to measure it again.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neurotranscoder.core.errors import ClockError
from neurotranscoder.core.recording import Clock
from neurotranscoder.preprocess.sync import ClockReport

FIELD = "ScannerClock"
STATED = "the clock is that of the recording that the EEG was made from"
_NUMBERS = {
    "EEGStart": "eeg_start",
    "DriftPPM": "drift_ppm",
    "ResidualSD": "residual_sd",
    "TriggerCount": "n_triggers",
}


def clock_fields(clock: Clock) -> dict[str, object]:
    """Return a clock as a field of a sidecar; inverse of `stated_clock`."""
    values = {name: getattr(clock, field) for name, field in _NUMBERS.items()}
    finite = {name: value for name, value in values.items() if np.isfinite(value)}
    return {FIELD: {"Source": clock.source, **finite}}


def stated_clock(metadata: Mapping[str, object]) -> ClockReport | None:
    """Return the clock that a sidecar states, None where it states none.

    Raises
    ------
    ClockError
        When it states something else than a clock.
    """
    stated = metadata.get(FIELD)
    if stated is None:
        return None
    try:
        if not isinstance(stated, Mapping) or stated["Source"] not in ("measured", "declared"):
            raise TypeError("Source is neither 'measured' nor 'declared'")
        clock = Clock(
            stated["Source"],
            float(stated["EEGStart"]),
            float(stated.get("DriftPPM", 0.0)),
            float(stated.get("ResidualSD", "nan")),
            int(stated.get("TriggerCount", 0)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ClockError(
            f"{FIELD} of the sidecar is {stated!r} ({error}); need Source, EEGStart in s and "
            "DriftPPM; make the EEG again with `neurotranscoder preprocess`, or remove the field"
        ) from None
    return ClockReport(clock, (STATED,))
