"""EEG in and out: volts and RAS mm here, whatever the file or MNE says."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import mne
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.axes import Montage
from neurotranscoder.core.errors import Problem, StudyError, WeightsError
from neurotranscoder.core.recording import Eeg, OtherChannel
from neurotranscoder.io.brainvision import check_companions, check_length, read_filters
from neurotranscoder.io.electrodes import EegSidecars, positions_of, read_places
from neurotranscoder.io.filters import passband_of, told
from neurotranscoder.io.store import read_table

EEG_SUFFIXES = (".vhdr", ".edf", ".bdf", ".set", ".fif")
_OTHERS_BY_NAME = re.compile(r"(ECG|EKG|EOG|EMG)", re.IGNORECASE)
_Kind = Literal["ECG", "EOG", "EMG"]
_KINDS = {
    **{name: name for name in get_args(_Kind)},
    **{"EKG": "ECG", "VEOG": "EOG", "HEOG": "EOG"},
}


@dataclass(frozen=True, slots=True, eq=False)
class Markers:
    """Names of the markers of a recording and their times on the EEG clock, in seconds."""

    onsets: Float[ndarray, " markers"]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class EegHeader:
    """What an EEG file says of itself: channels, Hz, samples, and everything that it marks."""

    names: tuple[str, ...]
    sfreq: float
    n_times: int
    markers: Markers


class EegSpan(NamedTuple):
    """A part of an EEG file: its first sample, the one after its last, and which it is."""

    start: int
    stop: int
    words: str = ""


def read_eeg_header(path: Path) -> EegHeader:
    """Read an EEG file but for its samples; StudyError when it cannot be read."""
    raw = _opened(path)
    names = tuple(map(str, raw.ch_names))
    return EegHeader(names, float(raw.info["sfreq"]), int(raw.n_times), _markers(raw))


@dataclass(frozen=True, slots=True)
class FileChannels:
    """Names of the channels of an EEG file.

    Parameters
    ----------
    eeg : tuple of str
        Those that are EEG and wanted.
    others : tuple of str
        Those of heart, eyes and muscles that are wanted.
    all : tuple of str
        All of them.
    """

    eeg: tuple[str, ...]
    others: tuple[str, ...]
    all: tuple[str, ...]


def read_channels(
    path: Path, sidecars: EegSidecars, *, exclude: tuple[str, ...] = ()
) -> FileChannels:
    """Read the names of channels as `read_eeg` would, without their samples."""
    raw = _opened(path)
    types = _channel_types(raw, sidecars.channels)
    every = tuple(map(str, raw.ch_names))
    others = tuple(one for one in every if types[one] in get_args(_Kind) and one not in exclude)
    return FileChannels(_eeg_channels(path, raw, types, exclude), others, every)


def read_eeg(
    path: Path,
    sidecars: EegSidecars,
    *,
    exclude: tuple[str, ...] = (),
    others: bool = False,
    span: EegSpan | None = None,
) -> tuple[Eeg, Markers]:
    """Read one EEG file.

    Parameters
    ----------
    path : Path
        BrainVision header, EDF, BDF, EEGLAB or FIF.
    sidecars : EegSidecars
        What lies beside it. Channels that ``channels.tsv`` gives another type than EEG are
        left out; where it says nothing, so are those that are named ECG, EKG, EOG or EMG.
    exclude : tuple of str
        Further channels to leave out.
    others : bool
        Read what the amplifier recorded of heart, eyes and muscles as well.
    span : EegSpan, optional
        Read this part alone, as if there were no other; default: all.

    Returns
    -------
    eeg : Eeg
        Signals in V.
    markers : Markers
        Everything that the file marks.

    Raises
    ------
    StudyError
        When the file or a sidecar cannot be read, or no EEG channel is left.
    """
    raw = _opened(path)
    start, stop, _ = span or EegSpan(0, int(raw.n_times))
    markers = _within(_markers(raw), start / raw.info["sfreq"], stop / raw.info["sfreq"])
    types = _channel_types(raw, sidecars.channels)
    names = _eeg_channels(path, raw, types, exclude)
    data = _faultless(path, lambda: raw.get_data(list(names), start, stop, verbose="error"))
    montage = Montage(names, positions_of(read_places(sidecars), names))
    filtering = _filtering(path, sidecars.metadata)
    sfreq, passband = float(raw.info["sfreq"]), passband_of(raw, sidecars.metadata)
    beside = _others(path, raw, types, exclude, (start, stop)) if others else ()
    return Eeg(np.asarray(data), sfreq, montage, filtering, beside, passband), markers


def eeg_from_raw(raw: mne.io.BaseRaw) -> Eeg:
    """Return the EEG channels of an MNE recording.

    Parameters
    ----------
    raw : mne.io.BaseRaw
        Positions are taken over when every EEG channel has one; they are metres there and are
        understood as RAS of the world space.

    Returns
    -------
    eeg : Eeg
        Signals in V, positions in mm.
    """
    picked: Any = raw.copy().pick("eeg")
    places = np.asarray([channel["loc"][:3] for channel in picked.info["chs"]])
    known = bool(np.all(np.isfinite(places)) and np.all(np.any(places != 0, axis=1)))
    positions = 1e3 * places.astype(np.float64) if known else None
    filtering = f"{picked.info['highpass']:g}-{picked.info['lowpass']:g} Hz"
    montage = Montage(tuple(picked.ch_names), positions)
    data, sfreq = np.asarray(picked.get_data()), float(picked.info["sfreq"])
    return Eeg(data, sfreq, montage, filtering, passband=passband_of(raw, {}))


def pick_eeg(raw: mne.io.BaseRaw, names: tuple[str, ...]) -> Eeg:
    """Return the EEG channels of these names, in their order.

    Raises
    ------
    WeightsError
        When some are missing or of another type.
    """
    types = dict(zip(raw.ch_names, raw.get_channel_types(), strict=True))
    missing = [name for name in names if types.get(name) != "eeg"]
    if missing:
        raise WeightsError(
            f"the recording lacks the EEG channels {missing[:5]}; the model needs all "
            f"{len(names)} that it was trained on; rename channels or set their type to 'eeg'"
        )
    return eeg_from_raw(raw.copy().pick(list(names)))


def raw_from_eeg(eeg: Eeg) -> mne.io.BaseRaw:
    """Return all channels as an MNE recording, positions in metres; inverse of `eeg_from_raw`."""
    types = [kind.lower() for kind in eeg.all_kinds]
    info = mne.create_info(list(eeg.all_names), eeg.sfreq, types, verbose="error")
    rows = [eeg.data, *(other.data[np.newaxis] for other in eeg.others)]
    raw = mne.io.RawArray(np.concatenate(rows) if eeg.others else eeg.data, info, verbose="error")
    if eeg.passband is not None:
        raw.info["description"] = eeg.passband.note()
    if eeg.montage.positions is not None:
        electrodes = raw.info["chs"][: len(eeg.data)]
        for channel, place in zip(electrodes, eeg.montage.positions, strict=True):
            channel["loc"][:3] = 1e-3 * place
    return raw


def _opened(path: Path) -> mne.io.BaseRaw:
    """Open an EEG file without its samples; what lies beside a BrainVision header has to exist."""
    if path.suffix == ".vhdr":
        check_companions(path)
        check_length(path)
    raw: mne.io.BaseRaw = _faultless(
        path, lambda: mne.io.read_raw(path, preload=False, verbose="error")
    )
    return raw


def _markers(raw: mne.io.BaseRaw) -> Markers:
    """Return everything that a recording marks."""
    onsets = np.asarray(raw.annotations.onset, dtype=np.float64) - raw.first_time
    return Markers(onsets, tuple(map(str, raw.annotations.description)))


def _within(markers: Markers, start: float, stop: float) -> Markers:
    """Return markers of a part of a recording, on the clock that begins with it."""
    if start == 0 and np.all(markers.onsets < stop):
        return markers
    inside = np.flatnonzero((markers.onsets >= start) & (markers.onsets < stop))
    return Markers(markers.onsets[inside] - start, tuple(markers.names[i] for i in inside))


def _faultless(path: Path, read: Callable[[], Any]) -> Any:  # noqa: ANN401
    """Call MNE; every fault becomes one problem of the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return read()
    except Exception as error:  # MNE raises whatever its parsers raise for damaged files
        got = f"{type(error).__name__}: {' '.join(str(error).split())}"
        needed = f"a readable EEG file ({', '.join(EEG_SUFFIXES)})"
        raise StudyError([Problem(str(path), "file", got, needed, "restore the file")]) from error


def _channel_types(raw: mne.io.BaseRaw, table: Path | None) -> dict[str, str]:
    """Return the type of each channel, as ``channels.tsv`` has it, else MNE, else its name."""
    types = dict(zip(raw.ch_names, map(str.upper, raw.get_channel_types()), strict=True))
    for name in types:
        if (found := _OTHERS_BY_NAME.search(name)) is not None and types[name] == "EEG":
            types[name] = _KINDS[found.group(1).upper()]
    if table is not None:
        columns = read_table(table)
        if "name" in columns and "type" in columns:
            listed = zip(columns["name"], columns["type"], strict=True)
            types |= {name: _KINDS.get(kind.upper(), kind.upper()) for name, kind in listed}
    return types


def _eeg_channels(
    path: Path, raw: mne.io.BaseRaw, types: Mapping[str, str], exclude: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the names of the channels to load, in the order of the file."""
    names = [n for n in raw.ch_names if types[n] == "EEG" and n not in exclude]
    if not names:
        got = f"types {sorted(set(types.values()))}, excluded {list(exclude)}"
        cure = "correct channels.tsv or the excluded channels"
        raise StudyError([Problem(str(path), "channels", got, "at least 1 EEG channel", cure)])
    return tuple(names)


def _others(
    path: Path,
    raw: mne.io.BaseRaw,
    types: Mapping[str, str],
    exclude: tuple[str, ...],
    span: tuple[int, int],
) -> tuple[OtherChannel, ...]:
    """Return the channels of heart, eyes and muscles."""
    found: list[OtherChannel] = []
    kinds: tuple[_Kind, ...] = get_args(_Kind)
    for kind in kinds:
        for name in (n for n in raw.ch_names if types[n] == kind and n not in exclude):
            data = _faultless(path, partial(raw.get_data, [name], *span, verbose="error"))
            found.append(OtherChannel(name, kind, np.asarray(data[0])))
    return tuple(found)


def _filtering(path: Path, metadata: Mapping[str, object]) -> str:
    """Return what header and sidecar say about filters that were applied already."""
    parts = []
    if path.suffix == ".vhdr" and (header := read_filters(path)):
        parts.append(f"header: {header}")
    for field in ("HardwareFilters", "SoftwareFilters"):
        parts.append(told(field, metadata.get(field)))
    return "; ".join(part for part in parts if part)
