"""Raw scanner EEG to clean EEG: every step that finds something to do, in the right order.

Gradients go first, at the rate of the amplifier; then the recording is brought to a lower rate,
the pulse goes, bad channels are replaced, blinks and eye movements go, and the channels become
those of the study. Artefacts of the scanner differ from one lead to the next, so that nothing is
guessed from channels that have them, and no guess is made from another. The eyes come after the
pulse, which is large above them as well, and after bad channels: they are read from all channels
together, and are the same sum in a channel that was interpolated. Slow drift is taken out, and
channels are referenced to their average, which is then one of the same channels in all subjects.
A step that finds nothing to do, or that was done before, says so and is left out.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, get_args

import mne
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field

from neurotranscoder.core.errors import CleaningError
from neurotranscoder.core.settings import Settings
from neurotranscoder.io.electrodes import Places
from neurotranscoder.preprocess.channel_set import MAX_INTERPOLATED
from neurotranscoder.preprocess.channels import (
    BadChannelSettings,
    average_reference,
    find_bad_channels,
    interpolate_channels,
)
from neurotranscoder.preprocess.eeg import filter_eeg, resample_eeg
from neurotranscoder.preprocess.gradient import GradientSettings
from neurotranscoder.preprocess.gradient_signals import clean_raw
from neurotranscoder.preprocess.match_channels import match_channels
from neurotranscoder.preprocess.ocular import remove_ocular
from neurotranscoder.preprocess.ocular_found import OcularSettings
from neurotranscoder.preprocess.pulse import remove_pulse
from neurotranscoder.preprocess.pulse_found import PulseSettings
from neurotranscoder.preprocess.step_numbers import Numbers, numbers_of
from neurotranscoder.preprocess.unscanned import without_scan
from neurotranscoder.signal.filters import FilterSettings

Cleaner = Callable[[mne.io.BaseRaw], tuple[mne.io.BaseRaw, object]]


StepName = Literal[
    "gradient", "resample", "pulse", "bad_channels", "ocular", "channels", "filters", "reference"
]
EVERY_STEP: tuple[StepName, ...] = get_args(StepName)


class EegCleanSettings(Settings):
    """What is done to raw EEG."""

    steps: tuple[StepName, ...] = EVERY_STEP
    """Which steps are done; their order is always this one."""
    gradient: GradientSettings = GradientSettings()
    """Removal of the gradient artefact."""
    sfreq: float = Field(default=250.0, gt=0)
    """Samples per second after that; recordings that have no more stay as they are."""
    pulse: PulseSettings = PulseSettings()
    """Removal of the pulse artefact."""
    bad_channels: BadChannelSettings = BadChannelSettings()
    """Which channels are replaced by what their neighbours say."""
    ocular: OcularSettings = OcularSettings()
    """Removal of blinks and eye movements; recordings without any stay as they are."""
    filters: FilterSettings = FilterSettings()
    """By default slow drift alone goes: BOLD follows the slow EEG."""


@dataclass(frozen=True, slots=True, eq=False)
class WantedChannels:
    """The channels that a recording is brought to.

    Parameters
    ----------
    names : tuple of str
        The set.
    places : Places, optional
        Where the electrodes of the recording are, in RAS mm; else as it has them itself.
    max_interpolated : float
        Largest share of the set that may be interpolated.
    """

    names: tuple[str, ...]
    places: Places | None = None
    max_interpolated: float = MAX_INTERPOLATED


@dataclass(frozen=True, slots=True)
class Step:
    """One step of cleaning.

    Parameters
    ----------
    name : str
        Which.
    done : bool
        Whether anything was done.
    words : str
        What was removed, or why nothing was.
    warnings : tuple of str
        What a reader has to know about it.
    numbers : mapping
        Those of its report; none where nothing was done (see `numbers_of`).
    report : object
        What the step itself says, None where it was left out.
    """

    name: StepName
    done: bool
    words: str
    warnings: tuple[str, ...] = ()
    numbers: Mapping[str, float | str] = field(default_factory=dict)
    report: object = None

    def __str__(self) -> str:
        return self.words if self.done else f"{self.name} left out: {self.words}"


@dataclass(frozen=True, slots=True, eq=False)
class CleanEeg:
    """A recording that was cleaned, and how."""

    raw: mne.io.BaseRaw
    steps: tuple[Step, ...]


def clean_scanner_eeg(
    raw: mne.io.BaseRaw,
    *,
    tr: float,
    slice_times: Sequence[float] | Float[ndarray, " slices"] | None = None,
    triggers: str | Sequence[float] | Float[ndarray, " triggers"] | None = None,
    channels: WantedChannels | None = None,
    settings: EegCleanSettings | None = None,
) -> CleanEeg:
    """Clean EEG that was recorded in a scanner, step by step.

    Parameters
    ----------
    raw : mne.io.BaseRaw
        As the amplifier made it, or as far as it was cleaned elsewhere.
    tr : float
        Time from one volume to the next, in s.
    slice_times : sequence of float, optional
        When slices are acquired within a volume, in s; by default found in the artefact.
    triggers : str or sequence of float, optional
        Name of the annotations that mark volumes, or their times in seconds after the first
        sample. By default annotations that follow each other after one TR.
    channels : WantedChannels, optional
        The set that it is brought to; by default it keeps its own.
    settings : EegCleanSettings, optional
        What is done.

    Returns
    -------
    clean : CleanEeg
        A copy, and what each step did. Annotations keep their times.

    Raises
    ------
    ClockError
        When the gradient artefact is to go and no markers follow the TR.
    GridError
        When samples are not finite, or the channels cannot be had.
    """
    options = settings or EegCleanSettings()
    gradient = partial(
        clean_raw, tr=tr, slice_times=slice_times, triggers=triggers, settings=options.gradient
    )
    return _cleaned(raw, _ways(options, channels) | {"gradient": gradient}, options)


def clean_eeg_alone(
    raw: mne.io.BaseRaw,
    *,
    channels: WantedChannels | None = None,
    settings: EegCleanSettings | None = None,
) -> CleanEeg:
    """Clean EEG that was recorded without a scan; gradients and the pulse are left out.

    Parameters
    ----------
    raw : mne.io.BaseRaw
        As the amplifier made it. Outside the field of a scanner the pulse moves no electrodes.
    channels : WantedChannels, optional
        The set that it is brought to; by default it keeps its own.
    settings : EegCleanSettings, optional
        What is done.

    Returns
    -------
    clean : CleanEeg
        As that of `clean_scanner_eeg`.

    Raises
    ------
    GridError
        When samples are not finite, or the channels cannot be had.
    """
    options = settings or EegCleanSettings()
    without: dict[StepName, Cleaner] = {"gradient": without_scan, "pulse": without_scan}
    return _cleaned(raw, _ways(options, channels) | without, options)


def _cleaned(
    raw: mne.io.BaseRaw, ways: Mapping[StepName, Cleaner], options: EegCleanSettings
) -> CleanEeg:
    """Take the steps that are asked for, in their order."""
    steps: list[Step] = []
    for name in EVERY_STEP:
        if name in options.steps:
            raw = _attempt(name, ways[name], raw, steps)
    return CleanEeg(raw, tuple(steps))


def _ways(options: EegCleanSettings, channels: WantedChannels | None) -> dict[StepName, Cleaner]:
    """Return all steps but the gradient, by name."""
    return {
        "resample": partial(resample_eeg, sfreq=options.sfreq),
        "pulse": partial(remove_pulse, settings=options.pulse),
        "bad_channels": partial(_repair, settings=options.bad_channels),
        "ocular": partial(remove_ocular, settings=options.ocular),
        "channels": partial(_match, channels=channels),
        "filters": partial(filter_eeg, settings=options.filters),
        "reference": average_reference,
    }


def _attempt(
    name: StepName, step: Cleaner, raw: mne.io.BaseRaw, steps: list[Step]
) -> mne.io.BaseRaw:
    """Return what a step makes of a recording; the same where it has nothing to do."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            clean, report = step(raw)
            done, words, numbers = True, str(report), numbers_of(report)
        except CleaningError as error:
            clean, report, done, words, numbers = raw, None, False, str(error), Numbers()
    said = tuple(dict.fromkeys(str(warning.message) for warning in caught))
    steps.append(Step(name, done, words, said, numbers, report))
    return clean


def _repair(raw: mne.io.BaseRaw, settings: BadChannelSettings) -> tuple[mne.io.BaseRaw, object]:
    """Replace bad channels; refuse where there is none, as any step that has nothing to do."""
    bad = find_bad_channels(raw, settings=settings)
    if not bad.names and not raw.info["bads"]:
        raise CleaningError("there are no bad channels")
    return interpolate_channels(raw, bad)


def _match(raw: mne.io.BaseRaw, channels: WantedChannels | None) -> tuple[mne.io.BaseRaw, object]:
    """Bring a recording to a set of channels; refuse where none is asked for."""
    if channels is None:
        raise CleaningError("no set of channels is asked for")
    limit = channels.max_interpolated
    return match_channels(raw, channels.names, places=channels.places, max_interpolated=limit)
