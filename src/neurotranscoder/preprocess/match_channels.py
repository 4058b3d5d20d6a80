"""Bring an MNE recording to a set of channels."""

from __future__ import annotations

import json
from collections.abc import Sequence

import mne
import numpy as np

from neurotranscoder.core.errors import CleaningError
from neurotranscoder.io.electrodes import Places
from neurotranscoder.preprocess.channel_places import completed_places
from neurotranscoder.preprocess.channel_set import (
    MAX_INTERPOLATED,
    ChannelChange,
    plan_channels,
)
from neurotranscoder.preprocess.channels import INTERPOLATED, eeg_picks, names_of
from neurotranscoder.preprocess.history import note_step, steps_done

_MM_PER_M = 1e3


def match_channels(
    raw: mne.io.BaseRaw,
    names: Sequence[str],
    *,
    places: Places | None = None,
    max_interpolated: float = MAX_INTERPOLATED,
) -> tuple[mne.io.BaseRaw, ChannelChange]:
    """Bring the EEG of a recording to a set of channels.

    Channels of another spelling are renamed, pairs are summed up from others, what is missing is
    interpolated (see `plan_channels`), and what the set has not is left out. Do it when artefacts
    are gone and bad channels are replaced, and before EEG is referenced to its average.

    Parameters
    ----------
    raw : mne.io.BaseRaw
        A recording.
    names : sequence of str
        The set.
    places : Places, optional
        Where electrodes are, in RAS mm; by default as the recording has them, else a template's.
    max_interpolated : float
        Largest share of the set that may be interpolated.

    Returns
    -------
    matched : mne.io.BaseRaw
        A copy: EEG channels in the order of the set, then all other channels.
    change : ChannelChange
        What was done.

    Raises
    ------
    CleaningError
        When the recording has these channels, in this order.
    GridError
        When it cannot be brought to them.
    """
    picks = eeg_picks(raw)
    there = names_of(raw, picks)
    if there == tuple(names):
        raise CleaningError(f"the recording has these {len(there)} channels")
    own = _places_of(raw, there) if places is None else places
    guesses = [*raw.info["bads"], *json.loads(steps_done(raw).get(INTERPOLATED, "[]"))]
    change = plan_channels(there, names, own, bad=guesses, max_interpolated=max_interpolated)
    matched = _with_channels(raw, change, completed_places(own, names) if own else {})
    if change.interpolated:
        every = dict.fromkeys([*guesses, *change.interpolated])
        note_step(matched, INTERPOLATED, json.dumps(list(every)))
    return matched, change


def _places_of(raw: mne.io.BaseRaw, names: Sequence[str]) -> Places:
    """Return where a recording has its electrodes, in mm."""
    at = {one["ch_name"]: _MM_PER_M * one["loc"][:3] for one in raw.info["chs"]}
    return {name: at[name] for name in names if np.all(np.isfinite(at[name])) and at[name].any()}


def _with_channels(raw: mne.io.BaseRaw, change: ChannelChange, places: Places) -> mne.io.BaseRaw:
    """Return a recording with the channels of a set, and its others as they are."""
    others = [name for name in raw.ch_names if name not in names_of(raw, eeg_picks(raw))]
    kinds = dict(zip(raw.ch_names, raw.get_channel_types(), strict=True))
    types = [*["eeg"] * len(change.names), *(kinds[name] for name in others)]
    sfreq = float(raw.info["sfreq"])
    info = mne.create_info([*change.names, *others], sfreq, types, verbose="error")
    rows = change.rows(raw.get_data(picks=eeg_picks(raw)))
    data = np.concatenate([rows, raw.get_data(picks=others)]) if others else rows
    matched = mne.io.RawArray(data, info, first_samp=raw.first_samp, verbose="error")
    for channel in matched.info["chs"]:
        if channel["ch_name"] in places:
            channel["loc"][:3] = places[channel["ch_name"]] / _MM_PER_M
    matched.info["description"] = raw.info["description"]
    matched.set_meas_date(raw.info["meas_date"])
    matched.set_annotations(raw.annotations, verbose="error")
    with matched.info._unlock():
        for field in ("highpass", "lowpass", "line_freq"):
            matched.info[field] = raw.info[field]
    matched.info["bads"] = [name for name in raw.info["bads"] if name in matched.ch_names]
    return matched
