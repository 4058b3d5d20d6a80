"""What the data cannot tell, and where in the brain they tell anything at all.

All is measured on validation runs, to which no weight was fitted. Three tests are made for each
block; each compares a correlation over time with that of circularly shifted pairs:

- ``bold_from_eeg``: measured BOLD with BOLD that was transcoded from EEG;
- ``sources``: the source that EEG gives with the source that BOLD gives;
- ``shared_bold``: measured BOLD with what the BOLD of all other blocks says about it.

A block that passes the first is seen by both modalities. One that passes the last alone has BOLD
that is more than noise of its own, and nothing in the EEG that goes with it. What EEG alone sees
has no place in the brain here: places come from BOLD.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from pydantic import Field

from neurotranscoder.analyse.coincidence import Coincidence, Pair, coincidence
from neurotranscoder.core.settings import Settings

NEITHER, BOLD_ALONE, BOTH = 0, 1, 2


class IdentifiabilitySettings(Settings):
    """How it is decided what the data can tell."""

    least_shift: float = Field(default=60.0, gt=0)
    """Smallest circular shift of the null, in s: longer than any response."""
    n_shifts: int = Field(default=4999, ge=99)
    """Shifts that are drawn; no p is smaller than one over it."""
    level: float = Field(default=0.05, gt=0, lt=1)
    """False discovery rate over blocks at which a block counts as seen."""
    seed: int = Field(default=0, ge=0)
    """Of the shifts."""


@dataclass(frozen=True, slots=True, eq=False)
class RunSignals:
    """What the three tests compare in one run, edges left out.

    Parameters
    ----------
    rate : float
        Frames per second.
    tr : float
        Seconds from one volume to the next.
    source_from_eeg, source_from_bold : array, shape (blocks, frames)
        Both estimates of the source.
    bold, bold_from_eeg : array, shape (blocks, volumes)
        Measured BOLD, and the same from EEG, at the times of acquisition.
    """

    rate: float
    tr: float
    source_from_eeg: Float[ndarray, "blocks frames"]
    source_from_bold: Float[ndarray, "blocks frames"]
    bold: Float[ndarray, "blocks volumes"]
    bold_from_eeg: Float[ndarray, "blocks volumes"]


@dataclass(frozen=True, slots=True, eq=False)
class Identifiability:
    """Where the data tell something, block by block.

    Parameters
    ----------
    bold_from_eeg, sources, shared_bold : Coincidence
        The three tests.
    seen : array of int, shape (blocks,)
        0 neither, 1 BOLD alone, 2 both.
    level : float
        False discovery rate at which that was decided.
    """

    bold_from_eeg: Coincidence
    sources: Coincidence
    shared_bold: Coincidence
    seen: Int[ndarray, " blocks"]
    level: float


def identifiability(
    runs: Sequence[RunSignals],
    maps: Float[ndarray, "blocks regions"],
    settings: IdentifiabilitySettings,
) -> Identifiability:
    """Return where the data tell something.

    Parameters
    ----------
    runs : sequence of RunSignals
        Validation runs.
    maps : array, shape (blocks, regions)
        Orthonormal columns: what BOLD of different blocks has in common.
    settings : IdentifiabilitySettings
        Null and level.

    Raises
    ------
    GridError
        When a run is too short to be shifted.
    """
    rng = np.random.default_rng(settings.seed)

    def test(pairs: Sequence[Pair], rate: float) -> Coincidence:
        least = int(np.ceil(settings.least_shift * rate))
        return coincidence(pairs, least=least, n_draws=settings.n_shifts, rng=rng)

    tr, rate = runs[0].tr, runs[0].rate
    from_eeg = test([(run.bold_from_eeg, run.bold) for run in runs], 1 / tr)
    sources = test([(run.source_from_eeg, run.source_from_bold) for run in runs], rate)
    others = test([(from_other_blocks(run.bold, maps), run.bold) for run in runs], 1 / tr)
    both, alone = from_eeg.seen(settings.level), others.seen(settings.level)
    seen = np.where(both, BOTH, np.where(alone, BOLD_ALONE, NEITHER))
    return Identifiability(from_eeg, sources, others, seen, settings.level)


def from_other_blocks(
    bold: Float[ndarray, "blocks times"], maps: Float[ndarray, "blocks regions"]
) -> Float[ndarray, "blocks times"]:
    """Return what the BOLD of all other blocks says about that of each block.

    For block b, the time courses of the maps are fitted by least squares to all blocks but b, and
    weighted with the maps at b. With orthonormal maps and ``c = sum maps[b]^2`` that is
    ``(projection - c bold) / (1 - c)``.

    Parameters
    ----------
    bold : array, shape (blocks, times)
        Measured.
    maps : array, shape (blocks, regions)
        Orthonormal columns.
    """
    own = np.sum(maps**2, axis=1)[:, np.newaxis]
    around = bold - bold.mean(axis=1, keepdims=True)
    rest = np.maximum(1 - own, np.finfo(float).eps)
    others = (maps @ (maps.T @ around) - own * around) / rest
    return np.where(own < 1 - 1e-9, others, 0.0)
