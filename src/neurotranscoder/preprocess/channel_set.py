"""Bring a recording to a set of channels: renamed, left out, summed up, or interpolated."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import mne
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.axes import Montage
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.recording import Eeg
from neurotranscoder.io.electrodes import Places, positions_of
from neurotranscoder.preprocess.channel_names import Derivation, are_pairs, derive, is_pair
from neurotranscoder.preprocess.channel_places import completed_places, sphere_centre

MAX_INTERPOLATED = 0.25
_REFERENCED = 1e-2  # of the usual amplitude: an average that is smaller is that of rounding
_FEWEST = 3  # electrodes that others are interpolated from
_M_PER_MM = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class ChannelChange:
    """How a recording is brought to a set of channels.

    Parameters
    ----------
    names : tuple of str
        The set.
    weights : array, shape (names, channels)
        Each channel of the set as a sum of those of the recording.
    interpolated : tuple of str
        Channels of the set that are guessed from the others.
    summed : tuple of str
        Channels of the set that are sums or differences of others.
    renamed : tuple of str
        Channels that have another spelling in the set, as 'T3 (T7)'.
    left_out : tuple of str
        Channels of the recording that the set has not.
    """

    names: tuple[str, ...]
    weights: Float[ndarray, "names channels"]
    interpolated: tuple[str, ...] = ()
    summed: tuple[str, ...] = ()
    renamed: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [
            f"{what}: {', '.join(names)}"
            for what, names in (
                ("interpolated", self.interpolated),
                ("sums of others", self.summed),
                ("renamed", self.renamed),
                ("left out", self.left_out),
            )
            if names
        ]
        return f"brought to {len(self.names)} channels; " + ("; ".join(parts) or "another order")

    def rows(self, data: Float[ndarray, "channels times"]) -> Float[ndarray, "names times"]:
        """Return the signals of the set; those of an average reference get that of the set.

        Not those of one channel, of which nothing would be left, nor of pairs.
        """
        found = self.weights @ data
        usual = float(np.median(np.std(data, axis=1)))
        averaged = float(np.std(data.mean(axis=0))) <= _REFERENCED * usual
        if averaged and len(self.names) > 1 and not any(map(is_pair, self.names)):
            found -= found.mean(axis=0)
        return np.asarray(found)


def check_reachable(
    names: Sequence[str], wanted: Sequence[str], *, max_interpolated: float = MAX_INTERPOLATED
) -> Derivation:
    """Return what of a set follows from the channels of a recording; refuse when that is little.

    Parameters
    ----------
    names : sequence of str
        Channels of the recording.
    wanted : sequence of str
        The set.
    max_interpolated : float
        Largest share of the set that may be interpolated.

    Raises
    ------
    GridError
        When more of it would have to be, or channels are pairs, which never are.
    """
    found = derive(names, wanted)
    missing, n_wanted = found.missing, len(wanted)
    cure = (
        "choose study.channels = 'shared' or a list of channels, or leave the subject out with "
        "study.participants"
    )
    if missing and (are_pairs(names) or are_pairs(wanted)):
        raise GridError(
            f"{_some(missing)} of the {n_wanted} channels of the study are no sums of the "
            f"recording's {len(names)} ({_some(names)}), and bipolar pairs are never "
            f"interpolated; need channels that follow from those that are there; {cure}"
        )
    if len(missing) > max_interpolated * n_wanted:
        raise GridError(
            f"{len(missing)} of the {n_wanted} channels of the study are not in the recording "
            f"({_some(missing)}); need at most {max_interpolated:.0%} that are interpolated; "
            f"{cure}, or raise study.max_interpolated"
        )
    return found


def plan_channels(
    names: Sequence[str],
    wanted: Sequence[str],
    places: Places,
    *,
    bad: Sequence[str] = (),
    max_interpolated: float = MAX_INTERPOLATED,
) -> ChannelChange:
    """Return how a recording is brought to a set of channels.

    Spherical splines (Perrin et al. 1989, as in MNE) guess what is missing, from all single
    electrodes of the recording, also those that the set has not.

    Parameters
    ----------
    names : sequence of str
        Channels of the recording.
    wanted : sequence of str
        The set.
    places : Places
        Where electrodes are, in any unit; those that are missing here come from a template.
    bad : sequence of str
        Channels that are guesses themselves, which no other is guessed from.
    max_interpolated : float
        Largest share of the set that may be interpolated.

    Raises
    ------
    GridError
        When the set cannot be reached.
    """
    found = check_reachable(names, wanted, max_interpolated=max_interpolated)
    weights = np.zeros((len(wanted), len(names)))
    for row, name in enumerate(wanted):
        for column, sign in found.terms.get(name, ()):
            weights[row, column] += sign
    if found.missing:
        guessed = [list(wanted).index(name) for name in found.missing]
        known = completed_places(places, [*names, *found.missing])
        weights[guessed] = _spline_weights(names, found.missing, known, bad)
    single = {name: terms[0][0] for name, terms in found.terms.items() if len(terms) == 1}
    used = {row for terms in found.terms.values() for row, _ in terms}
    return ChannelChange(
        tuple(wanted),
        weights,
        interpolated=found.missing,
        summed=tuple(name for name, terms in found.terms.items() if len(terms) > 1),
        renamed=tuple(f"{names[row]} ({one})" for one, row in single.items() if names[row] != one),
        left_out=tuple(name for row, name in enumerate(names) if row not in used),
    )


def match_eeg(
    eeg: Eeg,
    wanted: Sequence[str],
    places: Places,
    *,
    max_interpolated: float = MAX_INTERPOLATED,
) -> tuple[Eeg, ChannelChange | None]:
    """Return EEG with the channels of a set, and what was done; None where it has them.

    Parameters
    ----------
    eeg : Eeg
        Signals in V.
    wanted : sequence of str
        The set.
    places : Places
        Where the recording's electrodes are, in RAS mm; without any, so are those of the result.
    max_interpolated : float
        Largest share of the set that may be interpolated.

    Raises
    ------
    GridError
        When the set cannot be reached.
    """
    if eeg.montage.names == tuple(wanted):
        return eeg, None
    change = plan_channels(eeg.montage.names, wanted, places, max_interpolated=max_interpolated)
    positions = positions_of(completed_places(places, wanted), wanted) if places else None
    montage = Montage(change.names, positions)
    return dataclasses.replace(eeg, data=change.rows(eeg.data), montage=montage), change


def _spline_weights(
    names: Sequence[str], missing: Sequence[str], places: Places, bad: Sequence[str]
) -> Float[ndarray, "missing channels"]:
    """Return missing channels as sums of others: what MNE makes of impulses in each of those."""
    unplaced = [name for name in missing if name not in places]
    sources = [row for row, name in enumerate(names) if name in places and name not in bad]
    if unplaced or len(sources) < max(_FEWEST, len(missing)):
        raise GridError(
            f"channels {_some(missing)} are to be interpolated, and places are unknown of "
            f"{_some(unplaced)} and known of {len(sources)} good channels; need all of the first "
            "and more of the second; give places in electrodes.tsv and coordsystem.json, or leave "
            "these channels out with study.exclude_channels"
        )
    together = [*(names[row] for row in sources), *missing]
    info = mne.create_info([str(i) for i in range(len(together))], 1.0, "eeg", verbose="error")
    at = _M_PER_MM * np.array([places[name] for name in together])
    for channel, place in zip(info["chs"], at, strict=True):
        channel["loc"][:3] = place
    impulses = np.zeros((len(together), len(sources)))
    np.fill_diagonal(impulses, 1.0)
    raw = mne.io.RawArray(impulses, info, verbose="error")
    raw.info["bads"] = raw.ch_names[len(sources) :]
    raw.interpolate_bads(origin=sphere_centre(at), verbose="error")
    weights = np.zeros((len(missing), len(names)))
    weights[:, sources] = raw.get_data()[len(sources) :]
    return weights


def _some(names: Sequence[str]) -> str:
    """Return names for a message, the first few of them."""
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
