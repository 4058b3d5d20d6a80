"""Blinks and eye movements of a recording: when they are, and how the channels see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from pydantic import Field
from scipy.signal import butter, find_peaks, sosfiltfilt

from neurotranscoder.core.errors import CleaningError
from neurotranscoder.core.settings import Settings
from neurotranscoder.preprocess.eye_views import EyeKind, EyeView
from neurotranscoder.signal.contrast import Contrast, contrast_components

_MAD = 1.4826  # of a Gaussian's standard deviation
_EYES = (1.0, 10.0)  # Hz: where eyes are seen
_EEG = (1.0, 40.0)  # Hz: where they are told from the brain; slower EEG is read by the same filter
_HELD = 0.45  # of the sampling frequency: what a band reaches at most
_PADDED = 15  # samples that its filter of order 2 is padded with at either end
_TRIED = 4  # components: a head that moves may be stronger than the eyes
_LEAST_RATIO = 5.0
_LEAST_ALONE = (
    0.9  # correlation with EOG where no pattern says that it is the eyes: EOG sees brain
)
_LEAST_REST = 0.2  # of the time
_EASE = 0.6  # of what is asked for at last: a first guess holds events that are none


class OcularSettings(Settings):
    """Which channels show the eyes, and when something there comes from them."""

    eog: tuple[str, ...] = ()
    """Channels in which blinks are found; empty takes EOG channels, and frontal EEG channels
    (Fp1, Fp2) where there is none."""
    least_events: int = Field(default=5, ge=2)
    """Blinks, or eye movements, that there have to be."""
    least_correlation: float = Field(default=0.75, gt=0, lt=1)
    """Correlation, around blinks (movements), of what is removed with what these channels show;
    .9 at least where there is EOG and no frontal EEG."""
    least_frontal: float = Field(default=3.5, gt=1)
    """How much stronger the eyes are in frontal EEG than in a typical channel."""


class _Look(NamedTuple):
    """How a kind is looked for."""

    before: float  # s before its peak that belong to it
    after: float
    apart: float  # s from one to the next
    height: float  # robust standard deviations of what channels show
    clear: float  # the same of the component that was found
    one_sided: bool  # lids go one way, eyes to both sides


_LOOKS: dict[EyeKind, _Look] = {
    "blinks": _Look(0.3, 0.4, 0.4, 5.0, 8.0, one_sided=True),
    "eye movements": _Look(0.15, 0.25, 0.25, 4.0, 5.0, one_sided=False),
}


@dataclass(frozen=True, slots=True, eq=False)
class FoundEyes:
    """Blinks, or eye movements, that were found.

    Parameters
    ----------
    view : EyeView
        Where they are seen.
    events : array of int, shape (events,)
        Samples of their peaks.
    around : array of bool, shape (times,)
        Whether a sample belongs to one.
    signs : array, shape (events,)
        1 or -1: eyes may turn to either side.
    pattern : array, shape (channels,)
        How they are seen in the EEG.
    weights : array, shape (channels,)
        How they are read from it; pattern times weights times EEG is what they add to it.
    """

    view: EyeView
    events: Int[ndarray, " events"]
    around: Bool[ndarray, " times"]
    signs: Float[ndarray, " events"]
    pattern: Float[ndarray, " channels"]
    weights: Float[ndarray, " channels"]

    def of(self, data: Float[ndarray, "channels times"]) -> Float[ndarray, "channels times"]:
        """Return what the eyes add to EEG, in its unit."""
        return np.outer(self.pattern, self.weights @ data)


def find_eyes(
    view: EyeView, data: Float[ndarray, "channels times"], sfreq: float, settings: OcularSettings
) -> FoundEyes:
    """Find blinks, or eye movements, and the one component in space that they have.

    Peaks of what the channels show mark a first guess. The component is the one whose power around
    them exceeds that of all other times most (the multi-channel Wiener filter of Somers et al.
    2018, with one component), among those that look as if they came from the eyes. Peaks of its
    own course, which has far less brain in it, then replace the guess, and it is fitted again.

    Parameters
    ----------
    view : EyeView
        Where they are seen.
    data : array, shape (channels, times)
        EEG, in V.
    sfreq : float
        Samples per second.
    settings : OcularSettings
        When something comes from the eyes.

    Raises
    ------
    CleaningError
        When there are too few, or nothing else, or nothing that looks like them.
    """
    look = _LOOKS[view.kind]
    banded, seen = band_passed(data, sfreq, _EEG), band_passed(data, sfreq)
    course = band_passed(view.course[np.newaxis], sfreq)[0]
    events = _peaks(course, sfreq, look, look.height)
    for height, ease in ((look.clear, _EASE), (look.clear, _EASE), (None, 1.0)):
        around = _around(events, len(course), sfreq, look)
        _refuse_few(view, events, around, settings)
        contrast = contrast_components(banded, around)
        chosen = _chosen(contrast, seen[:, around], course[around], view, settings, ease)
        if height is not None:
            own = contrast.filters[chosen] @ seen
            events = _peaks(own, sfreq, look, height)
    share = 1 - 1 / contrast.ratios[chosen]  # Wiener: of its power, what exceeds the brain's
    return FoundEyes(
        view=view,
        events=events,
        around=around,
        signs=np.sign(own[events]),
        pattern=share * contrast.patterns[:, chosen],
        weights=contrast.filters[chosen],
    )


def refuse_short(n_times: int, sfreq: float) -> None:
    """Refuse recordings that cannot be filtered to the band in which eyes are seen.

    Raises
    ------
    CleaningError
        When they have too few samples, or too few in a second.
    """
    if n_times <= _PADDED or _HELD * sfreq <= _EYES[0]:
        raise CleaningError(
            f"the recording has {n_times} samples at {sfreq:g} Hz; eyes are seen between "
            f"{_EYES[0]:g} and {_EYES[1]:g} Hz, which needs {_PADDED + 1} samples at more than "
            f"{_EYES[0] / _HELD:.2g} Hz; give a longer recording at its own rate, or leave this "
            "step out"
        )


def band_passed(
    data: Float[ndarray, "rows times"], sfreq: float, band: tuple[float, float] = _EYES
) -> Float[ndarray, "rows times"]:
    """Return signals in a band (Hz), by default where eyes are seen, without phase."""
    high = min(band[1], _HELD * sfreq)
    sections = butter(2, (band[0], high), "bandpass", fs=sfreq, output="sos")
    return np.asarray(sosfiltfilt(sections, data - data.mean(axis=1, keepdims=True), axis=1))


def _peaks(
    course: Float[ndarray, " times"], sfreq: float, look: _Look, height: float
) -> Int[ndarray, " events"]:
    """Return peaks to the side that is the larger one, or to both, none near a higher one."""
    spread = _MAD * float(np.median(np.abs(course)))
    shown = np.sign(np.mean(course**3)) * course if look.one_sided else np.abs(course)
    apart = max(1, round(look.apart * sfreq))
    return np.asarray(find_peaks(shown, height=height * spread, distance=apart)[0])


def _around(
    events: Int[ndarray, " events"], n_times: int, sfreq: float, look: _Look
) -> Bool[ndarray, " times"]:
    """Return which samples belong to an event."""
    around = np.zeros(n_times, dtype=bool)
    for event in events:
        around[max(0, event - round(look.before * sfreq)) : event + round(look.after * sfreq)] = 1
    return around


def _chosen(
    contrast: Contrast,
    seen: Float[ndarray, "channels inside"],
    course: Float[ndarray, " inside"],
    view: EyeView,
    settings: OcularSettings,
    ease: float,
) -> int:
    """Return the number of the strongest component that looks as if it came from the eyes."""
    alone = 0.0 if view.weights is not None else _LEAST_ALONE
    least = ease * max(alone, settings.least_correlation)
    for number in range(min(_TRIED, int(np.sum(contrast.ratios >= _LEAST_RATIO)))):
        pattern = contrast.patterns[:, number]
        own = contrast.filters[number] @ seen
        if np.abs(np.corrcoef(own, course)[0, 1]) < least:
            continue
        typical = float(np.median(np.abs(pattern)))
        if (
            view.weights is None
            or np.abs(view.weights @ pattern) >= ease * settings.least_frontal * typical
        ):
            return number
    raise CleaningError(
        f"no {view.kind} were found in {', '.join(view.seen_in)}: what is large there is not what "
        "eyes look like in the EEG"
    )


def _refuse_few(
    view: EyeView,
    events: Int[ndarray, " events"],
    around: Bool[ndarray, " times"],
    settings: OcularSettings,
) -> None:
    """Refuse too few events, and ones that leave no rest."""
    if len(events) < settings.least_events:
        raise CleaningError(
            f"no {view.kind} were found in {', '.join(view.seen_in)}: {len(events)} peaks stand "
            f"out; need {settings.least_events}"
        )
    if 1 - np.mean(around) < _LEAST_REST:
        raise CleaningError(
            f"{view.kind} in {', '.join(view.seen_in)} take {100 * np.mean(around):.0f} % of the "
            f"time; need {100 * _LEAST_REST:.0f} % without them to tell them from the brain"
        )
