"""Remove the gradient artefact of the scanner, in Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import mne
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.recording import Eeg, Recording
from neurotranscoder.preprocess.gradient import GradientSettings
from neurotranscoder.preprocess.gradient_report import GradientReport
from neurotranscoder.preprocess.gradient_signals import clean_eeg, clean_raw, clean_recording

__all__ = ["GradientReport", "GradientSettings", "remove_gradient"]

Signal = TypeVar("Signal", mne.io.BaseRaw, Eeg, Recording)


def remove_gradient(
    signal: Signal,
    *,
    tr: float | None = None,
    slice_times: Sequence[float] | Float[ndarray, " slices"] | None = None,
    triggers: str | Sequence[float] | Float[ndarray, " triggers"] | None = None,
    settings: GradientSettings | None = None,
) -> tuple[Signal, GradientReport]:
    """Remove the gradient artefact from raw EEG that was recorded in a scanner.

    Parameters
    ----------
    signal : mne.io.BaseRaw, Eeg or Recording
        As the amplifier made it: not resampled, not filtered. EEG, ECG, EOG and EMG channels are
        cleaned, one after the other. A Recording knows its own TR, slice times and clock.
    tr : float, optional
        Time from one volume to the next, in s; by default the usual spacing of the triggers.
    slice_times : sequence of float, optional
        When slices are acquired within a volume, in s, in any order; slices that are excited
        together may repeat a time. By default found in the artefact.
    triggers : str or sequence of float, optional
        Name of the annotations that mark volumes, or times of the triggers in seconds after the
        first sample. By default annotations that follow each other after one TR.
    settings : GradientSettings, optional
        How.

    Returns
    -------
    clean : as ``signal``
        A copy.
    report : GradientReport
        What was removed and what was repaired; ``print(report)`` says it in words.

    Raises
    ------
    CleaningError
        When the sampling is too slow, there is no artefact, or it was removed already.
    ClockError
        When triggers are missing altogether or do not follow the TR.
    GridError
        When samples are not finite.
    SettingsError
        When it is open which markers are volumes.
    """
    if isinstance(signal, Recording):
        if not (tr is None and slice_times is None and triggers is None):
            raise SettingsError(
                "a Recording got tr, slice_times or triggers; it has its own; change its clock or "
                "its volumes, or hand in recording.eeg"
            )
        return clean_recording(signal, settings)
    if isinstance(signal, Eeg):
        if triggers is None or isinstance(triggers, str):
            raise SettingsError(
                f"Eeg got triggers {triggers!r}; it holds no markers: need the times of volume "
                "triggers in seconds after its first sample"
            )
        return clean_eeg(signal, triggers, tr=tr, slice_times=slice_times, settings=settings)
    return clean_raw(signal, tr=tr, slice_times=slice_times, triggers=triggers, settings=settings)
