"""Blinks and eye movements, taken out of the EEG."""

from __future__ import annotations

from dataclasses import dataclass

import mne
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.errors import CleaningError
from neurotranscoder.preprocess.channels import names_of
from neurotranscoder.preprocess.checks import refuse_not_finite
from neurotranscoder.preprocess.eye_views import EyeKind, eye_views
from neurotranscoder.preprocess.history import note_step, refuse_done
from neurotranscoder.preprocess.ocular_found import (
    FoundEyes,
    OcularSettings,
    band_passed,
    find_eyes,
    refuse_short,
)
from neurotranscoder.signal.power import removed_share

_STEP = "ocular"
_HALF = 0.5  # s before and after a peak that the average shows
_LEAST_CHANNELS = 4


@dataclass(frozen=True, slots=True, eq=False)
class OcularPart:
    """Blinks, or eye movements, that were removed.

    Parameters
    ----------
    kind : EyeKind
        Which.
    seen_in : tuple of str
        Channels in which they were found: EOG, or frontal EEG in its place.
    times : array, shape (events,)
        Their peaks, in s after the first sample.
    per_minute : float
        How often they are.
    correlation_before, correlation_after : float
        Size of the correlation of the EEG with what these channels showed (1-10 Hz, around the
        events), median over channels.
    average_before, average_after : array, shape (channels, lags)
        Mean EEG around the events, in V, less what it begins and ends with; movements to both
        sides are counted as if they were to one.
    """

    kind: EyeKind
    seen_in: tuple[str, ...]
    times: Float[ndarray, " events"]
    per_minute: float
    correlation_before: float
    correlation_after: float
    average_before: Float[ndarray, "channels lags"]
    average_after: Float[ndarray, "channels lags"]

    def __str__(self) -> str:
        return (
            f"{self.kind} ({self.per_minute:.0f} a minute, seen in {', '.join(self.seen_in)}; "
            f"correlation with the EEG {self.correlation_before:.2f} before and "
            f"{self.correlation_after:.2f} after)"
        )


@dataclass(frozen=True, slots=True, eq=False)
class OcularReport:
    """What was removed.

    Parameters
    ----------
    parts : tuple of OcularPart
        Blinks, eye movements, or both.
    channels : tuple of str
        Channels that were corrected; bad ones are not.
    removed : array, shape (channels,)
        Share of each channel's variance that is gone.
    lags : array, shape (lags,)
        Seconds after a peak that averages have.
    """

    parts: tuple[OcularPart, ...]
    channels: tuple[str, ...]
    removed: Float[ndarray, " channels"]
    lags: Float[ndarray, " lags"]

    def part(self, kind: EyeKind) -> OcularPart | None:
        """Return what was removed of one kind, if anything was."""
        return next((one for one in self.parts if one.kind == kind), None)

    def __str__(self) -> str:
        most = int(np.argmax(self.removed))
        return (
            f"{' and '.join(map(str, self.parts))} removed: {100 * np.median(self.removed):.0f} % "
            f"of the variance of a typical channel, {100 * self.removed[most]:.0f} % of "
            f"{self.channels[most]}"
        )


def remove_ocular(
    raw: mne.io.BaseRaw, *, settings: OcularSettings | None = None
) -> tuple[mne.io.BaseRaw, OcularReport]:
    """Subtract blinks and eye movements, each read from all channels by one spatial filter.

    The filter is that of the component which is strong around them and weak at all other times,
    shrunk as a Wiener filter (see `find_eyes`), so that little of the brain goes with them. It is
    applied at all times and to all frequencies: nothing is filtered, and slow EEG is kept.

    Parameters
    ----------
    raw : mne.io.BaseRaw
        EEG without gradient and pulse artefacts, whatever its reference.
    settings : OcularSettings, optional
        Which channels show the eyes, and when something comes from them.

    Returns
    -------
    cleaned : mne.io.BaseRaw
        A copy.
    report : OcularReport
        What was removed.

    Raises
    ------
    CleaningError
        When no blink and no eye movement is found, none can be (neither EOG nor frontal EEG, too
        few samples), or they were removed before.
    GridError
        When samples are not finite.
    """
    refuse_done(raw, _STEP)
    settings = settings or OcularSettings()
    picks = mne.pick_types(raw.info, meg=False, eeg=True)
    if len(picks) < _LEAST_CHANNELS:
        raise CleaningError(
            f"eyes are told from the brain by how channels see them; need {_LEAST_CHANNELS} good "
            f"EEG channels, got {len(picks)}"
        )
    refuse_short(len(raw.times), float(raw.info["sfreq"]))
    names, sfreq, left = names_of(raw, picks), float(raw.info["sfreq"]), raw.get_data(picks=picks)
    refuse_not_finite("the EEG", left)
    before, found, missing = left.copy(), [], []
    for view in eye_views(raw, names, before, settings.eog):
        try:
            eyes = find_eyes(view, left, sfreq, settings)
        except CleaningError as error:
            missing.append(str(error))
            continue
        found.append(eyes)
        left -= eyes.of(left - left.mean(axis=1, keepdims=True))
    if not found:
        raise CleaningError("; ".join(missing))
    cleaned = raw.copy().load_data(verbose="error")
    cleaned._data[picks] = left
    note_step(cleaned, _STEP, ", ".join(eyes.view.kind for eyes in found))
    half = round(_HALF * sfreq)
    parts = tuple(_part(eyes, before, left, sfreq, half) for eyes in found)
    removed = removed_share(before.var(axis=1), left.var(axis=1))
    return cleaned, OcularReport(parts, names, removed, np.arange(-half, half + 1) / sfreq)


def _part(
    eyes: FoundEyes,
    before: Float[ndarray, "channels times"],
    after: Float[ndarray, "channels times"],
    sfreq: float,
    half: int,
) -> OcularPart:
    """Return what was removed of one kind."""
    return OcularPart(
        kind=eyes.view.kind,
        seen_in=eyes.view.seen_in,
        times=eyes.events / sfreq,
        per_minute=60 * sfreq * len(eyes.events) / before.shape[1],
        correlation_before=_correlation(eyes, before, sfreq),
        correlation_after=_correlation(eyes, after, sfreq),
        average_before=_average(eyes, before, half),
        average_after=_average(eyes, after, half),
    )


def _correlation(eyes: FoundEyes, data: Float[ndarray, "channels times"], sfreq: float) -> float:
    """Return how much a typical channel follows what showed the eyes, around events."""
    rows = np.vstack([eyes.view.course, data[np.ptp(data, axis=1) > 0]])  # flat ones follow none
    inside = band_passed(rows, sfreq)[:, eyes.around]
    return float(np.median(np.abs(np.corrcoef(inside)[0, 1:])))


def _average(
    eyes: FoundEyes, data: Float[ndarray, "channels times"], half: int
) -> Float[ndarray, "channels lags"]:
    """Return the mean of all events, as if each had the same sign."""
    whole = (eyes.events >= half) & (eyes.events < data.shape[1] - half)
    mean = np.zeros((len(data), 2 * half + 1))
    for event, sign in zip(eyes.events[whole], eyes.signs[whole], strict=True):
        mean += sign * data[:, event - half : event + half + 1] / max(1, np.sum(whole))
    return np.asarray(mean - mean[:, [0, -1]].mean(axis=1, keepdims=True))
