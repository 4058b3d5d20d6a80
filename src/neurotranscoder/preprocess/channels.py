"""Channels that measure nothing, and the reference of those that do."""

from __future__ import annotations

import json
from dataclasses import dataclass

import mne
import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from pydantic import Field
from scipy.signal import butter, sosfiltfilt

from neurotranscoder.core.errors import CleaningError
from neurotranscoder.core.settings import Settings
from neurotranscoder.preprocess.channel_names import are_pairs
from neurotranscoder.preprocess.channel_places import sphere_centre
from neurotranscoder.preprocess.history import note_step, refuse_done

_MAD = 1.4826  # of a Gaussian's standard deviation
INTERPOLATED = "interpolated"
NEGLIGIBLE = 1e-6  # of the usual amplitude


class BadChannelSettings(Settings):
    """When a channel is bad."""

    flat_uv: float = Field(default=0.1, ge=0)
    """A second in which a channel moves less than this (uV) is flat."""
    flat_share: float = Field(default=0.1, gt=0, le=1)
    """A channel is flat when this share of its seconds is."""
    saturated_share: float = Field(default=0.01, gt=0, le=1)
    """A channel is saturated when this share of its samples is its very largest or smallest."""
    noisy_z: float = Field(default=5.0, gt=0)
    """A channel is noisy when its amplitude from 1 Hz on differs from that of the median channel
    by as many robust standard deviations, both as logarithms."""
    least_spread: float = Field(default=0.15, gt=0)
    """Robust standard deviation of the logarithm of amplitudes that channels have at least."""


@dataclass(frozen=True, slots=True)
class BadChannels:
    """Channels that are bad, by reason."""

    flat: tuple[str, ...] = ()
    saturated: tuple[str, ...] = ()
    noisy: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.flat, *self.saturated, *self.noisy)

    def __str__(self) -> str:
        parts = [
            f"{reason}: {', '.join(names)}"
            for reason, names in (
                ("flat", self.flat),
                ("saturated", self.saturated),
                ("noisy", self.noisy),
            )
            if names
        ]
        return "; ".join(parts) or "no bad channels"


def find_bad_channels(
    raw: mne.io.BaseRaw, *, settings: BadChannelSettings | None = None
) -> BadChannels:
    """List EEG channels that are flat, saturated or noisy; the recording is not changed.

    Gradient and pulse artefacts differ between channels; find noisy ones after they are gone.

    Parameters
    ----------
    raw : mne.io.BaseRaw
        A recording.
    settings : BadChannelSettings, optional
        When a channel is bad.

    Returns
    -------
    bad : BadChannels
        Each channel once, in the order of the reasons.
    """
    settings = settings or BadChannelSettings()
    sfreq = float(raw.info["sfreq"])
    names: dict[str, list[str]] = {"flat": [], "saturated": []}
    sizes: dict[str, float] = {}
    for pick in eeg_picks(raw):
        name, one = raw.ch_names[pick], raw.get_data(picks=[pick])[0]
        if _flat_share(one, sfreq, 1e-6 * settings.flat_uv) >= settings.flat_share:
            names["flat"].append(name)
        elif np.mean((one == one.max()) | (one == one.min())) >= settings.saturated_share:
            names["saturated"].append(name)
        else:
            sizes[name] = _amplitude(one, sfreq)
    logs = np.log(np.array(list(sizes.values())))
    z = np.zeros(len(logs))
    if len(logs):
        from_median = logs - np.median(logs)
        z = from_median / max(_MAD * float(np.median(np.abs(from_median))), settings.least_spread)
    noisy = tuple(
        name for name, far in zip(sizes, np.abs(z), strict=True) if far > settings.noisy_z
    )
    return BadChannels(tuple(names["flat"]), tuple(names["saturated"]), noisy)


def interpolate_channels(
    raw: mne.io.BaseRaw, bad: BadChannels | None = None
) -> tuple[mne.io.BaseRaw, BadChannels]:
    """Replace bad channels by spherical splines of the others (`mne`).

    Parameters
    ----------
    raw : mne.io.BaseRaw
        A recording with electrode positions; its own ``info["bads"]`` are replaced as well.
    bad : BadChannels, optional
        What to replace; by default those of `find_bad_channels`.

    Returns
    -------
    repaired : mne.io.BaseRaw
        A copy without bad channels.
    bad : BadChannels
        What was replaced; ones that the recording itself named are among the noisy.

    Raises
    ------
    CleaningError
        When no channel is bad, positions are unknown, channels are bipolar pairs, or fewer than
        half of the channels are good.
    """
    bad = find_bad_channels(raw) if bad is None else bad
    picks = eeg_picks(raw)
    own = [n for n in raw.info["bads"] if n in names_of(raw, picks) and n not in bad.names]
    bad = BadChannels(bad.flat, bad.saturated, (*bad.noisy, *own))
    if not bad.names:
        raise CleaningError("no channel is bad; nothing is interpolated")
    _refuse_bipolar(raw, "interpolated")
    places = np.array([raw.info["chs"][pick]["loc"][:3] for pick in picks])
    if not np.all(np.isfinite(places)) or not np.all(np.any(places != 0, axis=1)):
        raise CleaningError(
            f"channels {', '.join(bad.names)} are bad and electrode positions are unknown; give "
            "them with raw.set_montage, or leave these channels out with raw.drop_channels"
        )
    if 2 * len(bad.names) >= len(picks):
        raise CleaningError(
            f"{len(bad.names)} of {len(picks)} channels are bad ({bad}); need more good ones than "
            "bad ones; leave the recording out"
        )
    repaired = raw.copy().load_data(verbose="error")
    repaired.info["bads"] = list(bad.names)
    origin = "auto" if raw.info["dig"] else sphere_centre(places)
    repaired.interpolate_bads(reset_bads=True, origin=origin, verbose="error")
    note_step(repaired, INTERPOLATED, json.dumps(bad.names))
    return repaired, bad


@dataclass(frozen=True, slots=True)
class ReferenceReport:
    """What the average reference took out of each channel.

    Parameters
    ----------
    n_channels : int
        Good channels that the average is of.
    common_uv : float
        Standard deviation of the average that was subtracted, in uV.
    """

    n_channels: int
    common_uv: float

    def __str__(self) -> str:
        return (
            f"{self.n_channels} channels referenced to their average, which had "
            f"{self.common_uv:.1f} uV rms"
        )


def average_reference(raw: mne.io.BaseRaw) -> tuple[mne.io.BaseRaw, ReferenceReport]:
    """Subtract the average of the good EEG channels from each.

    Parameters
    ----------
    raw : mne.io.BaseRaw
        A recording with one reference for all channels.

    Returns
    -------
    referenced : mne.io.BaseRaw
        A copy.
    report : ReferenceReport
        What was subtracted.

    Raises
    ------
    CleaningError
        When it has this reference, or channels are bipolar pairs.
    """
    _refuse_bipolar(raw, "re-referenced")
    refuse_done(raw, "reference")
    good = mne.pick_types(raw.info, meg=False, eeg=True)
    if len(good) < 2:
        raise CleaningError(f"an average reference needs 2 good EEG channels; got {len(good)}")
    data = raw.get_data(picks=good)
    common, usual = float(np.std(data.mean(axis=0))), float(np.median(np.std(data, axis=1)))
    if common <= NEGLIGIBLE * usual:
        raise CleaningError("the channels have an average of 0: they are referenced to it already")
    referenced = raw.copy().load_data(verbose="error")
    referenced.set_eeg_reference("average", projection=False, verbose="error")
    note_step(referenced, "reference", "average")
    return referenced, ReferenceReport(len(good), 1e6 * common)


def is_bipolar(raw: mne.io.BaseRaw) -> bool:
    """Return whether most EEG channels are differences of two electrodes, such as 'Fp1-F3'."""
    return are_pairs(names_of(raw, eeg_picks(raw)))


def eeg_picks(raw: mne.io.BaseRaw) -> Int[ndarray, " channels"]:
    """Return the EEG channels of a recording, bad ones too.

    Raises
    ------
    CleaningError
        When there are none.
    """
    picks = mne.pick_types(raw.info, meg=False, eeg=True, exclude=[])
    if not len(picks):
        raise CleaningError(
            f"the recording has no EEG channel; types are {sorted(set(raw.get_channel_types()))}; "
            "set them with raw.set_channel_types"
        )
    return np.asarray(picks)


def names_of(raw: mne.io.BaseRaw, picks: Int[ndarray, " channels"]) -> tuple[str, ...]:
    """Return the names of channels."""
    return tuple(raw.ch_names[pick] for pick in picks)


def _refuse_bipolar(raw: mne.io.BaseRaw, what: str) -> None:
    """Refuse bipolar caps."""
    if is_bipolar(raw):
        raise CleaningError(
            f"the channels are bipolar pairs, such as {raw.ch_names[eeg_picks(raw)[0]]}: they are "
            f"never {what}, as each has its own reference; leave bad pairs out with "
            "raw.drop_channels"
        )


def _flat_share(one: Float[ndarray, " times"], sfreq: float, least: float) -> float:
    """Return the share of whole seconds in which a channel moves less than ``least`` V."""
    length = min(len(one), round(sfreq))
    n_seconds = len(one) // length
    moves = np.ptp(one[: n_seconds * length].reshape(n_seconds, length), axis=1)
    return float(np.mean(moves <= least))


def _amplitude(one: Float[ndarray, " times"], sfreq: float) -> float:
    """Return the robust amplitude of a channel from 1 Hz on, in V."""
    sections = butter(2, 1.0, "highpass", fs=sfreq, output="sos")
    return float(np.quantile(np.abs(sosfiltfilt(sections, one - one.mean())), 0.68))
