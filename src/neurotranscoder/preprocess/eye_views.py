"""Channels that see the eyes: EOG, or frontal EEG in its place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import mne
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.errors import CleaningError
from neurotranscoder.preprocess.channel_names import place_name

EyeKind = Literal["blinks", "eye movements"]

_ABOVE = (("fp1", "fpz", "fp2"), ("af7", "af3", "afz", "af4", "af8"))  # the first that are there
_LEFT, _RIGHT = ("f9", "ft9", "af7", "f7"), ("f10", "ft10", "af8", "f8")
_SIDEWAYS = re.compile(r"h(or.*)?")


@dataclass(frozen=True, slots=True, eq=False)
class EyeView:
    """What is seen of the eyes.

    Parameters
    ----------
    kind : EyeKind
        'blinks', and what else turns eyes up and down; 'eye movements' to the sides.
    seen_in : tuple of str
        Channels.
    course : array, shape (times,)
        What they show, in V, of either sign.
    weights : array, shape (channels,) or None
        How frontal EEG shows the same, a sum of the EEG channels whose sizes add up to 1; None
        where no channel is frontal.
    """

    kind: EyeKind
    seen_in: tuple[str, ...]
    course: Float[ndarray, " times"]
    weights: Float[ndarray, " channels"] | None = None


def eye_views(
    raw: mne.io.BaseRaw,
    names: Sequence[str],
    data: Float[ndarray, "channels times"],
    eog: Sequence[str] = (),
) -> list[EyeView]:
    """Return what channels show of the eyes, blinks first.

    Of several EOG channels of one kind the strongest counts. Those whose name says that they are
    horizontal show movements to the sides, all others blinks. Frontal EEG stands in for what no
    EOG shows: electrodes above the eyes for blinks, left less right ones for movements.

    Parameters
    ----------
    raw : mne.io.BaseRaw
        A recording.
    names : sequence of str
        Its good EEG channels; pairs such as 'Fp1-F3' count for both electrodes.
    data : array, shape (channels, times)
        What they hold, in V.
    eog : sequence of str
        Channels that show blinks, of any type; by default good EOG channels.

    Raises
    ------
    CleaningError
        When the recording lacks a channel that is named, or none shows the eyes.
    """
    if lacking := [name for name in eog if name not in raw.ch_names]:
        raise CleaningError(
            f"the recording has no channel {', '.join(lacking)} to find blinks in; it has "
            f"{', '.join(raw.ch_names)}"
        )
    own = list(eog) or _eog_channels(raw)
    stand_ins = [name for name in own if name in names]
    beside = [name for name in own if name not in names]
    frontal, lateral = _frontal(names, data), _lateral(names, data)
    if stand_ins:
        frontal = _of_eeg("blinks", names, data, [float(name in stand_ins) for name in names])
    views = (
        _of_eog(raw, "blinks", beside, frontal) or frontal,
        _of_eog(raw, "eye movements", beside, lateral) or lateral,
    )
    found = [view for view in views if view is not None]
    if not found:
        raise CleaningError(
            "no channel shows the eyes: there is no EOG and no frontal EEG channel such as Fp1; "
            "name channels with OcularSettings(eog=...), or leave this step out"
        )
    return found


def _eog_channels(raw: mne.io.BaseRaw) -> list[str]:
    """Return the good EOG channels."""
    return [raw.ch_names[pick] for pick in mne.pick_types(raw.info, meg=False, eog=True)]


def _of_eog(
    raw: mne.io.BaseRaw, kind: EyeKind, eog: Sequence[str], in_eeg: EyeView | None
) -> EyeView | None:
    """Return what the strongest EOG channel of a kind shows, and how EEG shows the same."""
    sideways = kind == "eye movements"
    fitting = [name for name in eog if _is_horizontal(name) == sideways]
    if not fitting:
        return None
    courses = raw.get_data(picks=fitting)
    strongest = int(np.argmax(np.std(np.diff(courses, axis=1), axis=1)))
    weights = None if in_eeg is None else in_eeg.weights
    return EyeView(kind, (fitting[strongest],), courses[strongest], weights)


def _is_horizontal(name: str) -> bool:
    """Return whether an EOG channel is named as a horizontal one, such as 'HEOG' or 'EOG-h'."""
    letters = re.sub(r"[^a-z]|eog", "", name.casefold())
    return _SIDEWAYS.fullmatch(letters) is not None


def _frontal(names: Sequence[str], data: Float[ndarray, "channels times"]) -> EyeView | None:
    """Return the mean of channels above the eyes."""
    for above in _ABOVE:
        if any(signs := _signs(names, above)):
            return _of_eeg("blinks", names, data, signs)
    return None


def _lateral(names: Sequence[str], data: Float[ndarray, "channels times"]) -> EyeView | None:
    """Return the mean of channels left of the eyes less that of channels right of them."""
    left, right = np.array(_signs(names, _LEFT)), np.array(_signs(names, _RIGHT))
    if not left.any() or not right.any():
        return None
    weights = left / np.abs(left).sum() - right / np.abs(right).sum()
    return _of_eeg("eye movements", names, data, weights)


def _signs(names: Sequence[str], electrodes: Sequence[str]) -> list[float]:
    """Return how each channel sees some electrodes: 1, less them -1, or not at all 0."""
    ends = [place_name(name).split("-") for name in names]
    return [
        float(end[0] in electrodes) - float(len(end) > 1 and end[1] in electrodes) for end in ends
    ]


def _of_eeg(
    kind: EyeKind,
    names: Sequence[str],
    data: Float[ndarray, "channels times"],
    signs: Sequence[float] | ndarray,
) -> EyeView:
    """Return a weighted sum of EEG channels."""
    weights = np.asarray(signs) / np.sum(np.abs(signs))
    seen = tuple(name for name, one in zip(names, weights, strict=True) if one)
    return EyeView(kind, seen, weights @ data, weights)
