"""Filters that a recording has behind it, as headers and sidecars state or hold them."""

from __future__ import annotations

import re
from collections.abc import Mapping

import mne
import numpy as np

from neurotranscoder.core.passband import Passband
from neurotranscoder.core.recording import Eeg

_FIELDS = ("HardwareFilters", "SoftwareFilters")
MEASURED = "measured passband"
_NUMBER = re.compile(r"\d*\.?\d+(?:e[-+]?\d+)?", re.IGNORECASE)
_RANGE = re.compile(r"^(\d*\.?\d+)-(\d*\.?\d+) Hz$")


def passband_of(raw: mne.io.BaseRaw, metadata: Mapping[str, object]) -> Passband | None:
    """Return what earlier filters let through; None where nothing is known of any.

    A measured gain in the recording's own description comes first, then one in the sidecar; else
    the highest high-pass and the lowest low-pass of header and sidecar are taken for filters of
    first order (`Passband.of_cutoffs`).

    Parameters
    ----------
    raw : mne.io.BaseRaw
        A recording.
    metadata : mapping
        Its sidecar: `HardwareFilters` and `SoftwareFilters` as in BIDS.
    """
    if (noted := Passband.noted(raw.info["description"])) is not None:
        return noted
    lows, highs = [float(raw.info["highpass"] or 0)], [float(raw.info["lowpass"] or np.inf)]
    for field in _FIELDS:
        filters = metadata.get(field)
        if not isinstance(filters, Mapping):
            continue
        if (held := filters.get(MEASURED)) is not None:
            return Passband.noted(str(held.get("note") if isinstance(held, Mapping) else held))
        for name, values in filters.items():
            of_high_pass, of_low_pass = _cutoffs(str(name), values)
            lows += of_high_pass
            highs += [one for one in of_low_pass if one > 0]
    low, high = max(lows), min(highs)
    high = high if high < 0.49 * raw.info["sfreq"] else np.inf
    return None if low <= 0 and high == np.inf else Passband.of_cutoffs(low, high)


def described_filters(eeg: Eeg) -> Mapping[str, object] | str:
    """Return `SoftwareFilters` of a sidecar: what is told of filters, and their measured gain."""
    if eeg.passband is None or eeg.passband.source != "measured":
        return described(eeg.filtering)
    told = {"described": {"filters": eeg.filtering}} if eeg.filtering else {}
    return {**told, MEASURED: {"note": eeg.passband.note()}}


def described(filtering: str) -> Mapping[str, object] | str:
    """Return `SoftwareFilters` of a sidecar that tells of filters in words."""
    return {"described": {"filters": filtering}} if filtering else "n/a"


def told(field: str, value: object) -> str:
    """Return what an entry of a sidecar says in words; what `described` wrote, as it was said."""
    if isinstance(value, Mapping):  # a measured passband is read on its own
        value = {name: what for name, what in value.items() if name != MEASURED}
    if value in ({}, "n/a", "", None):
        return ""
    if isinstance(value, Mapping) and list(value) == ["described"]:
        inner = value["described"]
        if isinstance(inner, Mapping) and list(inner) == ["filters"]:
            return str(inner["filters"])
    return f"{field}: {value}"


def _cutoffs(name: str, values: object) -> tuple[list[float], list[float]]:
    """Return the cut-offs (Hz) of high-passes and low-passes in one entry of a sidecar."""
    words = re.sub("[^a-z]", "", name.lower())
    parts = dict(values) if isinstance(values, Mapping) else {"cutoff": values}
    if words == "described" and (match := _RANGE.match(str(parts.get("filters")))):
        return [float(match[1])], [float(match[2])]
    about = [v for k, v in parts.items() if "cut" in str(k).lower()] or [*parts.values()]
    numbers = [float(n[0]) for value in about if (n := _NUMBER.search(str(value)))][:1]
    is_high_pass = "highpass" in words or "lowcut" in words
    is_low_pass = "lowpass" in words or "highcut" in words or "aliasing" in words
    return numbers if is_high_pass else [], numbers if is_low_pass else []
