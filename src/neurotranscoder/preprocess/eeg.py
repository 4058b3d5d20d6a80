"""Filters and resampling of EEG: what they took out is reported and carried along."""

from __future__ import annotations

from dataclasses import dataclass

import mne
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.errors import CleaningError
from neurotranscoder.core.passband import Passband
from neurotranscoder.preprocess.channels import eeg_picks, names_of
from neurotranscoder.preprocess.history import note_passband, note_step, refuse_done
from neurotranscoder.signal.filters import FilterSettings, apply_filters, measured_passband
from neurotranscoder.signal.power import removed_share

DISPLAY = FilterSettings(drift_period=0, low_cut=1.0, high_cut=40.0)
"""For looking at EEG: on a copy, never on what a transcoder reads."""


@dataclass(frozen=True, slots=True, eq=False)
class FilterReport:
    """What filters took out.

    Parameters
    ----------
    settings : FilterSettings
        The chain.
    passband : Passband
        Its measured gain.
    channels : tuple of str
        EEG channels that were filtered; other channels are as they were.
    removed : array, shape (channels,)
        Share of each channel's variance about its mean that is gone.
    """

    settings: FilterSettings
    passband: Passband
    channels: tuple[str, ...]
    removed: Float[ndarray, " channels"]

    def __str__(self) -> str:
        return (
            f"filters: half power from {self.passband.low_cut:.3g} Hz, "
            f"{100 * np.median(self.removed):.0f} % of the variance of a typical channel removed"
        )


def filter_eeg(
    raw: mne.io.BaseRaw, *, settings: FilterSettings | None = None
) -> tuple[mne.io.BaseRaw, FilterReport]:
    """Filter the EEG channels of a recording, without phase.

    The copy carries the measured gain of all filters that went over it (see `Passband`).

    Parameters
    ----------
    raw : mne.io.BaseRaw
        A recording.
    settings : FilterSettings, optional
        The chain; by default slow drift alone goes, as a transcoder needs slow EEG.

    Returns
    -------
    filtered : mne.io.BaseRaw
        A copy.
    report : FilterReport
        What was removed.

    Raises
    ------
    CleaningError
        When nothing is asked for, or a filter as strong was applied before.
    SettingsError
        When a filter does not fit the recording.
    """
    settings = settings or FilterSettings()
    picks = eeg_picks(raw)
    _refuse_filtered(raw, settings)
    filtered = raw.copy().load_data(verbose="error")
    before, sfreq = filtered._data[picks], float(raw.info["sfreq"])
    filtered._data[picks] = apply_filters(before, sfreq, settings)
    passband = measured_passband(len(raw.times), sfreq, settings)
    note_passband(filtered, passband)
    with filtered.info._unlock():
        filtered.info["highpass"] = max(raw.info["highpass"], settings.low_cut or 0.0)
        filtered.info["lowpass"] = min(raw.info["lowpass"], settings.high_cut or np.inf)
    for step in _steps_of(settings):
        note_step(filtered, step, settings.model_dump_json())
    after = filtered._data[picks].var(axis=1)
    removed = removed_share(before.var(axis=1), after)
    return filtered, FilterReport(settings, passband, names_of(raw, picks), removed)


def _steps_of(settings: FilterSettings) -> list[str]:
    """Return the names of the steps of a chain."""
    wanted = {
        "drift": settings.drift_period,
        "high-pass": settings.low_cut,
        "low-pass": settings.high_cut,
        "notch": settings.notches,
    }
    return [name for name, one in wanted.items() if one]


def _refuse_filtered(raw: mne.io.BaseRaw, settings: FilterSettings) -> None:
    """Refuse chains that do nothing, or nothing new."""
    if settings.does_nothing:
        raise CleaningError(
            "no filter is asked for; set drift_period, low_cut, high_cut or notches"
        )
    for step in ("drift", "notch"):
        if step in _steps_of(settings):
            refuse_done(raw, step)
    low, high = raw.info["highpass"], raw.info["lowpass"]
    for name, cut, before, done in (
        ("low_cut", settings.low_cut, low, low and settings.low_cut and low >= settings.low_cut),
        ("high_cut", settings.high_cut, high, settings.high_cut and high <= settings.high_cut),
    ):
        if done:
            raise CleaningError(
                f"{name} is {cut:g} Hz and the recording was filtered at {before:g} Hz before; "
                f"nothing is left to remove; set {name} = None, or begin with what was recorded"
            )


@dataclass(frozen=True, slots=True)
class ResampleReport:
    """What resampling took out: frequencies that the new sampling does not hold.

    Parameters
    ----------
    sfreq_before, sfreq : float
        Samples per second before and now.
    n_events : int
        Annotations and events that were kept.
    removed : tuple of float
        Share of the variance of each EEG channel that is gone.
    """

    sfreq_before: float
    sfreq: float
    n_events: int
    removed: tuple[float, ...]

    def __str__(self) -> str:
        return (
            f"resampled from {self.sfreq_before:g} to {self.sfreq:g} Hz: "
            f"{100 * np.median(self.removed):.0f} % of the variance of a typical channel was above"
        )


def resample_eeg(raw: mne.io.BaseRaw, sfreq: float) -> tuple[mne.io.BaseRaw, ResampleReport]:
    """Bring a recording to fewer samples per second, without aliases; events keep their times.

    Parameters
    ----------
    raw : mne.io.BaseRaw
        A recording; annotations stay where they are in s.
    sfreq : float
        Wanted samples per second, fewer than there are.

    Returns
    -------
    resampled : mne.io.BaseRaw
        A copy, all channels of it.
    report : ResampleReport
        What was removed.

    Raises
    ------
    CleaningError
        When there are not more samples than that.
    """
    before = float(raw.info["sfreq"])
    if not 0 < sfreq < before:
        raise CleaningError(
            f"the recording has {before:g} samples per second and {sfreq:g} are asked for; need "
            "fewer than there are: more would add nothing"
        )
    picks = eeg_picks(raw)
    variance = _variances(raw, picks)
    resampled = raw.copy().load_data(verbose="error")
    whole = abs(before / sfreq - round(before / sfreq)) < 1e-9
    resampled.resample(sfreq, method="polyphase" if whole else "fft", verbose="error")
    removed = removed_share(variance, _variances(resampled, picks))
    n_events = len(resampled.annotations)
    return resampled, ResampleReport(before, sfreq, n_events, tuple(removed.tolist()))


def _variances(raw: mne.io.BaseRaw, picks: ndarray) -> Float[ndarray, " channels"]:
    """Return the variance of channels, one in memory at a time."""
    return np.array([np.var(raw.get_data(picks=[pick])) for pick in picks])
