"""One neural channel and one hemodynamic signal from arrays: a recording like any other."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from numpy.typing import ArrayLike

from neurotranscoder.core.axes import Montage, VolumeAxis, VoxelGrid
from neurotranscoder.core.errors import ClockError, GridError
from neurotranscoder.core.recording import Bold, Clock, Eeg, Recording, RunId

VOXEL_SIZE = 12.0


def recording_from_arrays(
    neural: ArrayLike,
    hemodynamic: ArrayLike,
    *,
    sfreq: float,
    tr: float,
    name: str,
    neural_start: float = 0.0,
    sample_time: float | None = None,
) -> Recording:
    """Return a recording with one neural channel and one hemodynamic voxel.

    Neither signal needs to be EEG or BOLD: calcium, an LFP or its power, and BOLD, an optical
    signal or flow do as well. The clock between them is declared, and every output says so.

    Parameters
    ----------
    neural : array, shape (samples,)
        Neural signal, any unit.
    hemodynamic : array, shape (volumes,)
        Hemodynamic signal, any unit.
    sfreq : float
        Sampling frequency of the neural signal, in Hz.
    tr : float
        Time from one hemodynamic sample to the next, in seconds.
    name : str
        Name of the neural channel and BIDS label of the subject: letters and digits.
    neural_start : float
        Scanner time of the first neural sample, in seconds; 0 s is where the interval ``tr`` of
        the first hemodynamic sample begins.
    sample_time : float, optional
        Moment of its interval that a hemodynamic sample stands for, 0 to ``tr`` seconds;
        the middle by default. All recovered delays move with it.

    Returns
    -------
    recording : Recording
        One channel without position; one voxel of 12 mm.

    Raises
    ------
    GridError
        When a signal is not one row of finite, varying numbers, or a rate makes no sense.
    ClockError
        When the neural signal does not cover the hemodynamic one.
    """
    source = _signal(neural, "neural")
    response = _signal(hemodynamic, "hemodynamic")
    if not (np.isfinite(sfreq) and sfreq > 0):
        raise GridError(f"sfreq is {sfreq} Hz; it needs a positive number; check the unit")
    within = np.array([tr / 2 if sample_time is None else sample_time])
    volumes = VolumeAxis(tr, len(response), within)
    stop = neural_start + len(source) / sfreq
    if neural_start > 0.5 / sfreq or stop < volumes.duration - 0.5 / sfreq:
        raise ClockError(
            f"the neural signal spans {neural_start:.3f}-{stop:.3f} s ({len(source)} samples at "
            f"{sfreq:g} Hz), the hemodynamic one 0.000-{volumes.duration:.3f} s "
            f"({len(response)} samples every {tr:g} s); it needs to be covered; crop it, or check "
            "sfreq, tr and neural_start"
        )
    grid = VoxelGrid((1, 1, 1), np.diag([VOXEL_SIZE, VOXEL_SIZE, VOXEL_SIZE, 1.0]))
    return Recording(
        run=RunId(subject=name, task="onechannel"),
        eeg=Eeg(source[np.newaxis], float(sfreq), Montage((name,)), filtering="as handed in"),
        bold=Bold(response.reshape(1, 1, 1, -1), grid, volumes, np.ones((1, 1, 1), dtype=bool)),
        clock=Clock("declared", float(neural_start)),
    )


def _signal(values: ArrayLike, what: str) -> Float[ndarray, " times"]:
    """Return one row of numbers in double precision, or say what is wrong with it."""
    signal = np.asarray(values, dtype=np.float64)
    if signal.ndim != 1:
        raise GridError(
            f"the {what} signal has shape {signal.shape}; it needs one axis, time; "
            "use `signal.ravel()` where the other axes have length 1"
        )
    bad = np.flatnonzero(~np.isfinite(signal))
    if len(bad):
        raise GridError(
            f"the {what} signal has {len(bad)} NaN or infinite values, the first at sample "
            f"{bad[0]}; it needs finite numbers; interpolate them or crop the recording"
        )
    if len(signal) < 2 or np.ptp(signal) == 0:
        raise GridError(
            f"the {what} signal has {len(signal)} samples and no variation; it needs at least 2 "
            "different values; check that the right variable was read"
        )
    return signal
