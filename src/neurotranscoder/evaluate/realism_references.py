"""What a recording of simultaneous EEG-fMRI is compared with: measured and published values.

A bound that is NaN is open; where both are, there is no sound reference. Measured values are of
six runs of OpenNeuro ds006040 (simultaneous EEG-fMRI at 3 T, voxels of 3.5 mm, TR 2 s, 190
volumes, tables of confounds by fMRIPrep): the least and the largest of the six, rounded outwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Basis = Literal["measured", "published", "usual", "null", "none"]
"""Measured in recordings; published as a figure; a usual range whose borders are soft; what the
same run gives by chance; nothing."""

_OPEN = float("nan")
_RUNS = "6 runs of OpenNeuro ds006040 (EEG-fMRI, 3 T, 3.5 mm, TR 2 s)"


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a measure is expected to lie.

    Parameters
    ----------
    low, high : float
        Borders, in the unit of the measure; NaN where there is none.
    basis : str
        What kind of knowledge it is, see `Basis`.
    source : str
        Where it comes from.
    """

    low: float
    high: float
    basis: Basis
    source: str


NONE = Reference(_OPEN, _OPEN, "none", "no reference")

ASSUMED_AUTOCORRELATION = 0.3
TEMPORAL_SNR = Reference(
    52.0,
    88.0,
    "measured",
    f"implied by DVARS and standardised DVARS of {_RUNS} at a lag-1 autocorrelation of "
    f"{ASSUMED_AUTOCORRELATION:g}; about 50 at 3 T in voxels of 10 mm³ (Murphy 2007, "
    "10.1016/j.neuroimage.2006.09.032)",
)
DVARS = Reference(1.57, 2.40, "measured", f"medians of {_RUNS}")
VOXEL_AUTOCORRELATION = Reference(
    0.2,
    0.5,
    "usual",
    "SPM assumes .2 in the whole brain; grey matter has more than white (Woolrich 2001, "
    "10.1006/nimg.2001.0931)",
)
BOLD_EXPONENT = Reference(
    0.69,
    0.83,
    "published",
    "means over 21 regions, task and rest (He 2011, 10.1523/JNEUROSCI.2111-11.2011)",
)
GLOBAL_SD = Reference(0.15, 0.40, "measured", _RUNS)
GLOBAL_AUTOCORRELATION = Reference(0.61, 0.89, "measured", _RUNS)
GLOBAL_SLOW_SHARE = Reference(78.0, 97.0, "measured", _RUNS)

DISPLACEMENT_LIMIT = 0.5  # mm, Power 2012
DISPLACEMENT = Reference(0.053, 0.145, "measured", f"medians of {_RUNS}")
DISPLACEMENT_SHARE = Reference(
    0.0, 2.2, "measured", f"{_RUNS}; limit of Power 2012 (10.1016/j.neuroimage.2011.10.018)"
)

EEG_RMS = Reference(3.5, 35.0, "usual", "10-100 µV from peak to peak on the scalp")
EEG_EXPONENT = Reference(
    1.0,
    2.0,
    "usual",
    "adults, scalp EEG; measure as in Donoghue 2020 (10.1038/s41593-020-00744-x)",
)
ALPHA_PEAK = Reference(
    8.0, 13.0, "published", "definition of the alpha rhythm (Kane 2017, 10.1016/j.cnp.2017.07.002)"
)

P300_LATENCY = Reference(
    0.25, 0.5, "published", "P300 of rare targets (Polich 2007, 10.1016/j.clinph.2007.04.019)"
)
RESPONSE_LATENCY = Reference(
    4.0,
    6.0,
    "published",
    "4.0 s in 645 adults (AgeingHRF), 5 s (Huettel 2000, 10.1006/nimg.2000.0553; SPM)",
)
ALPHA_LAG = Reference(
    4.0,
    8.0,
    "published",
    "the hemodynamic delay; about 8 s in NIRS (Moosmann 2003, NeuroImage 20:145)",
)


def response_beyond(largest: float) -> Reference:
    """Return the reference of a response's size: more than events shifted in time give."""
    return Reference(
        largest, _OPEN, "null", "the largest over shifts in time of this run's events"
    )


def beyond_chance(largest: float) -> Reference:
    """Return the reference of a size of correlation: more than shifted signals give."""
    return Reference(largest, _OPEN, "null", "the largest over shifts in time of this run's EEG")


def negative_alpha(largest: float) -> Reference:
    """Return the reference of alpha and BOLD: negative, by more than shifted signals give."""
    return Reference(
        _OPEN,
        -largest,
        "published",
        "negative in occipital and attentional cortex (Goldman 2002, "
        "10.1097/01.wnr.0000047685.08940.d0; Laufs 2003, 10.1073/pnas.1831638100); beyond the "
        "largest over shifts in time of this run's EEG",
    )
