"""Names of EEG channels, and what each of them measures between electrodes."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.errors import SettingsError

Reference = Literal["average", "bipolar"]

_CHANNELS = """\
Fp1 Fpz Fp2 AF7 AF3 AFz AF4 AF8 F7 F5 F3 F1 Fz F2 F4 F6 F8 FT7 FC5 FC3 FC1 FCz FC2 FC4 FC6 FT8
T7 C5 C3 C1 Cz C2 C4 C6 T8 TP9 TP7 CP5 CP3 CP1 CPz CP2 CP4 CP6 TP8 TP10
P7 P5 P3 P1 Pz P2 P4 P6 P8 PO7 PO3 POz PO4 PO8 O1 Oz O2 Iz
"""
CHANNELS_64 = tuple(_CHANNELS.split())
"""A 64-channel cap of the 10-10 system."""

_CHAINS = """\
Fp1 AF7 F7 FT7 T7 TP7 P7 PO7 O1
Fp2 AF8 F8 FT8 T8 TP8 P8 PO8 O2
AF3 F3 FC3 C3 CP3 P3 PO3
AF4 F4 FC4 C4 CP4 P4 PO4
Fpz AFz Fz FCz Cz CPz Pz POz Oz Iz
FC1 C1 CP1
FC2 C2 CP2
FC5 C5
FC6 C6
"""
CHANNELS_43_BIPOLAR = tuple(
    f"{front}-{back}"
    for chain in map(str.split, _CHAINS.splitlines())
    for front, back in pairwise(chain)
)
"""43 pairs of neighbours along chains from front to back, as in caps for MR scanners."""


def reference_of(channels: tuple[str, ...]) -> Reference:
    """Return what the channels are measured against; a name ``A-B`` is a bipolar channel.

    Raises
    ------
    SettingsError
        When bipolar channels are mixed with others.
    """
    pairs = [name for name in channels if all(name.partition("-"))]
    if not pairs:
        return "average"
    if len(pairs) == len(channels):
        return "bipolar"
    single = [name for name in channels if name not in pairs]
    raise SettingsError(
        f"channels mix bipolar pairs {_some(pairs)} with single electrodes {_some(single)}; need "
        "either pairs such as 'F7-T7' only or electrodes such as 'Cz' only; write the single ones "
        "as pairs, or leave one kind out"
    )


def electrodes_of(channels: tuple[str, ...]) -> tuple[str, ...]:
    """Return the electrodes that the channels need, each once, in order of appearance."""
    if reference_of(channels) == "average":
        return channels
    return tuple(dict.fromkeys(end for name in channels for end in name.split("-", 1)))


def referenced(
    potential: Float[ndarray, "electrodes ..."], channels: tuple[str, ...]
) -> Float[ndarray, "channels ..."]:
    """Return what the channels read: potential minus average, or differences of pairs.

    Parameters
    ----------
    potential : array, shape (electrodes, ...)
        In the order of ``electrodes_of(channels)``, against any one reference.
    channels : tuple of str
        Electrodes or pairs of electrodes.

    Returns
    -------
    readings : array, shape (channels, ...)
        In the unit of the potential.
    """
    if reference_of(channels) == "average":
        return np.asarray(potential - potential.mean(axis=0))
    place = {name: index for index, name in enumerate(electrodes_of(channels))}
    plus, minus = np.array([[place[end] for end in name.split("-", 1)] for name in channels]).T
    return np.asarray(potential[plus] - potential[minus])


def _some(names: list[str]) -> str:
    """Return up to three names, quoted."""
    return ", ".join(map(repr, names[:3])) + (", ..." if len(names) > 3 else "")
