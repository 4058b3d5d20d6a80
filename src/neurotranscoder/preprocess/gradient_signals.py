"""The gradient artefact of MNE recordings, of EEG and of whole recordings, on copies of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import mne
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.errors import CleaningError, SettingsError
from neurotranscoder.core.recording import Eeg, Recording
from neurotranscoder.io.triggers import volume_triggers
from neurotranscoder.preprocess.gradient import (
    Channels,
    GradientSettings,
    clean_channels,
)
from neurotranscoder.preprocess.gradient_report import GradientReport
from neurotranscoder.preprocess.scan_blocks import FEWEST_VOLUMES

_KINDS = ("eeg", "ecg", "eog", "emg", "bio")

SliceTimes = Sequence[float] | Float[ndarray, " slices"] | None


def clean_raw(
    raw: mne.io.BaseRaw,
    *,
    tr: float | None,
    slice_times: SliceTimes,
    triggers: str | Sequence[float] | Float[ndarray, " triggers"] | None,
    settings: GradientSettings | None,
) -> tuple[mne.io.BaseRaw, GradientReport]:
    """Return a copy of an MNE recording without gradient artefact; see `remove_gradient`."""
    times = _times_in_raw(raw, tr, triggers)
    clean = raw.copy().load_data(verbose="error")
    kinds = clean.get_channel_types()
    rows = [number for number, kind in enumerate(kinds) if kind in _KINDS]
    if not rows:
        raise CleaningError(
            f"the recording has channels of types {sorted(set(kinds))}; need at least one of "
            f"{', '.join(_KINDS)}; set channel types"
        )

    def read(number: int) -> Float[ndarray, " times"]:
        """Return a row in V."""
        return np.asarray(clean.get_data(picks=[rows[number]], verbose="error")[0])

    def write(number: int, row: Float[ndarray, " times"]) -> None:
        """Replace a row."""
        clean[rows[number], :] = row[np.newaxis]

    channels = Channels(
        tuple(clean.ch_names[row] for row in rows), float(clean.info["sfreq"]), read, write
    )
    report = clean_channels(
        channels, times, tr=_tr(tr, times), slice_times=slice_times, settings=settings
    )
    return clean, report


def clean_eeg(
    eeg: Eeg,
    trigger_times: Sequence[float] | Float[ndarray, " triggers"],
    *,
    tr: float | None,
    slice_times: SliceTimes,
    settings: GradientSettings | None,
) -> tuple[Eeg, GradientReport]:
    """Return EEG, and what was recorded beside it, without gradient artefact."""
    data = eeg.data.copy()
    others = tuple(dataclasses.replace(other, data=other.data.copy()) for other in eeg.others)
    rows = [*data, *(other.data for other in others)]
    channels = Channels(
        eeg.all_names, eeg.sfreq, rows.__getitem__, lambda i, row: _put(rows[i], row)
    )
    times = np.asarray(trigger_times, dtype=np.float64)
    report = clean_channels(
        channels, times, tr=_tr(tr, times), slice_times=slice_times, settings=settings
    )
    return dataclasses.replace(eeg, data=data, others=others), report


def clean_recording(
    recording: Recording, settings: GradientSettings | None
) -> tuple[Recording, GradientReport]:
    """Return a recording whose EEG has no gradient artefact, by its own clock and slice times."""
    volumes, clock = recording.bold.volumes, recording.clock
    starts = volumes.tr * np.arange(volumes.n_volumes)
    times = (starts - clock.eeg_start) / (1 + clock.drift_ppm * 1e-6)
    known = len(np.unique(volumes.slice_times)) > 1  # images that were resampled have one time
    eeg, report = clean_eeg(
        recording.eeg,
        times,
        tr=volumes.tr,
        slice_times=volumes.slice_times if known else None,
        settings=settings,
    )
    return dataclasses.replace(recording, eeg=eeg), report


def _put(row: Float[ndarray, " times"], values: Float[ndarray, " times"]) -> None:
    """Replace the samples of a row."""
    row[:] = values


def _tr(tr: float | None, times: Float[ndarray, " triggers"]) -> float:
    """Return the TR: the one that was given, or the usual spacing of triggers."""
    if tr is not None:
        return tr
    if len(times) < FEWEST_VOLUMES:
        raise CleaningError(
            f"there are {len(times)} triggers; need at least {FEWEST_VOLUMES}, one per volume"
        )
    return float(np.median(np.diff(np.unique(times))))


def _times_in_raw(
    raw: mne.io.BaseRaw,
    tr: float | None,
    triggers: str | Sequence[float] | Float[ndarray, " triggers"] | None,
) -> Float[ndarray, " triggers"]:
    """Return the times of volume triggers after the first sample, in s."""
    if triggers is not None and not isinstance(triggers, str):
        return np.asarray(triggers, dtype=np.float64)
    events, numbers = mne.events_from_annotations(raw, verbose="error")
    names = {number: str(name) for name, number in numbers.items()}
    marks = [names[number] for number in events[:, 2]]
    times = (events[:, 0] - raw.first_samp) / raw.info["sfreq"]
    if tr is None and triggers is None:
        raise SettingsError(
            "neither tr nor triggers were given; need the TR in s to find volume triggers among "
            f"the {len(marks)} annotations, or their name, or their times"
        )
    if tr is None:
        tr = _tr(None, times[[triggers in (mark, mark.rpartition("/")[2]) for mark in marks]])
    name = triggers if isinstance(triggers, str) else None
    return volume_triggers(times, marks, tr=tr, n_volumes=FEWEST_VOLUMES, name=name)
