"""The pulse artefact of a recording: where it is, which components it has, and its removal."""

from __future__ import annotations

from dataclasses import dataclass

import mne
import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from pydantic import Field
from scipy.signal import butter, sosfiltfilt

from neurotranscoder.core.errors import CleaningError
from neurotranscoder.core.settings import Settings
from neurotranscoder.preprocess.heart import Beats, find_beats
from neurotranscoder.preprocess.history import note_step, refuse_done
from neurotranscoder.signal.beats import average_beat, pulse_delay
from neurotranscoder.signal.power import removed_share

_STEP = "pulse"
_BAND = (0.5, 20.0)  # Hz: where the artefact is found
_LEAST_BEATS = 10
_ABOVE_NOISE = 2.0  # size of a component beside the largest that noise has


class PulseSettings(Settings):
    """When there is a pulse, and how much of it is fitted."""

    least_excess: float = Field(default=3.0, gt=1)
    """Power of the average beat over that of noise in the average that there has to be."""
    max_components: int = Field(default=6, ge=1)
    """Most components in space."""


@dataclass(frozen=True, slots=True, eq=False)
class PulseReport:
    """What was removed.

    Parameters
    ----------
    method : str
        How.
    beats : Beats
        Where.
    delay : float
        Seconds from a beat to the middle of its pulse.
    n_components : int
        Components that were taken out.
    channels : tuple of str
        Channels that were corrected; bad ones are not.
    removed : array, shape (channels,)
        Share of each channel's variance that is gone.
    excess_before, excess_after : float
        Power of the average beat (0.5-20 Hz) over that of noise in the average; 1 is no pulse.
    """

    method: str
    beats: Beats
    delay: float
    n_components: int
    channels: tuple[str, ...]
    removed: Float[ndarray, " channels"]
    excess_before: float
    excess_after: float

    def __str__(self) -> str:
        return (
            f"pulse removed by {self.method} ({self.n_components} components, "
            f"{len(self.beats.times)} beats from {self.beats.source}, "
            f"{self.beats.per_minute:.0f} a minute): {100 * np.median(self.removed):.0f} % of the "
            f"variance of a typical channel, average beat over noise {self.excess_before:.1f} "
            f"before and {self.excess_after:.1f} after"
        )


@dataclass(frozen=True, slots=True, eq=False)
class FoundPulse:
    """A pulse that was found.

    Parameters
    ----------
    raw : mne.io.BaseRaw
        The recording.
    beats : Beats
        Its beats.
    picks : array of int, shape (channels,)
        Good EEG channels.
    data, banded : array, shape (channels, times)
        What they hold in V, as it is and from 0.5 to 20 Hz.
    centres : array of int, shape (beats,)
        Samples of the middle of each pulse.
    half : int
        Samples before and after it that belong to a pulse.
    delay : float
        From beats to the middle of pulses, in s.
    space : array, shape (channels, components)
        Orthonormal components of the average pulse in space.
    excess : float
        Power of the average pulse over that of noise in the average.
    """

    raw: mne.io.BaseRaw
    beats: Beats
    picks: Int[ndarray, " channels"]
    data: Float[ndarray, "channels times"]
    banded: Float[ndarray, "channels times"]
    centres: Int[ndarray, " beats"]
    half: int
    delay: float
    space: Float[ndarray, "channels components"]
    excess: float


def find_pulse(
    raw: mne.io.BaseRaw,
    beats: Beats | None,
    settings: PulseSettings | None,
    *,
    n_components: int | None = None,
) -> FoundPulse:
    """Find the pulse of a recording.

    Parameters
    ----------
    raw : mne.io.BaseRaw
        EEG without gradient artefact.
    beats : Beats or None
        Its beats; None finds them.
    settings : PulseSettings or None
        When there is a pulse; None is the default.
    n_components : int, optional
        Components in space; by default those that are twice as large as the largest of noise.

    Raises
    ------
    CleaningError
        When there is none, or a pulse was removed before.
    """
    refuse_done(raw, _STEP)
    settings, beats = settings or PulseSettings(), beats or find_beats(raw)
    picks = mne.pick_types(raw.info, meg=False, eeg=True)
    if len(picks) == 0 or len(beats.times) < _LEAST_BEATS:
        raise CleaningError(
            f"a pulse needs good EEG channels and at least {_LEAST_BEATS} beats; got {len(picks)} "
            f"channels and {len(beats.times)} beats"
        )
    data, sfreq = raw.get_data(picks=picks), float(raw.info["sfreq"])
    banded = _band_passed(data, sfreq)
    peaks = np.round(beats.times * sfreq).astype(np.int64)
    period = int(np.median(np.diff(peaks)))
    delay = pulse_delay(banded, peaks, period)
    centres, half = peaks + delay, period // 2
    excess = _excess(banded, centres, half)
    if excess < settings.least_excess:
        raise CleaningError(
            f"no pulse was found: the average beat is {excess:.1f} times as strong as noise in "
            f"the average; need {settings.least_excess:g}; it is not there, was removed before, "
            "or the beats are wrong"
        )
    space, sizes, _ = np.linalg.svd(average_beat(banded, centres, half), full_matrices=False)
    if n_components is None:
        noise = np.linalg.svd(
            average_beat(banded, centres, half, alternate=True), compute_uv=False
        )[0]
        above = int(np.sum(sizes > _ABOVE_NOISE * noise))
        n_components = min(max(1, above), settings.max_components)
    return FoundPulse(
        raw=raw,
        beats=beats,
        picks=picks,
        data=data,
        banded=banded,
        centres=centres,
        half=half,
        delay=delay / sfreq,
        space=space[:, :n_components],
        excess=excess,
    )


def _band_passed(
    data: Float[ndarray, "channels times"], sfreq: float
) -> Float[ndarray, "channels times"]:
    """Return data where the pulse is found."""
    high = min(_BAND[1], 0.45 * sfreq)
    sections = butter(3, (_BAND[0], high), "bandpass", fs=sfreq, output="sos")
    return np.asarray(sosfiltfilt(sections, data - data.mean(axis=1, keepdims=True), axis=1))


def _excess(
    banded: Float[ndarray, "channels times"], centres: Int[ndarray, " beats"], half: int
) -> float:
    """Return the power of the average beat over that of noise in it."""
    shared, noise = (
        average_beat(banded, centres, half, alternate=alternate) for alternate in (False, True)
    )
    power = np.sum(noise**2)
    return float(np.sum(shared**2) / power) if power > 0 else 0.0


def without_artefact(
    found: FoundPulse, artefact: Float[ndarray, "channels times"], method: str, n_components: int
) -> tuple[mne.io.BaseRaw, PulseReport]:
    """Return a copy of a recording without an artefact (V), and what that removed."""
    cleaned = found.raw.copy().load_data(verbose="error")
    cleaned._data[found.picks] -= artefact
    note_step(cleaned, _STEP, method)
    left = cleaned._data[found.picks]
    banded = _band_passed(left, float(found.raw.info["sfreq"]))
    return cleaned, PulseReport(
        method=method,
        beats=found.beats,
        delay=found.delay,
        n_components=n_components,
        channels=tuple(found.raw.ch_names[pick] for pick in found.picks),
        removed=removed_share(found.data.var(axis=1), left.var(axis=1)),
        excess_before=found.excess,
        excess_after=_excess(banded, found.centres, found.half),
    )
