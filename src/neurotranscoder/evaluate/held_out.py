"""What is compared: a held-out run with its truth, and what a method says about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.point_spread import RegionTruth
from neurotranscoder.evaluate.table import Quantity, SourceKind
from neurotranscoder.signal.frames import inside as inside


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What a method says about one held-out run; None where it says nothing.

    Parameters
    ----------
    bold_from_eeg, bold_from_bold : array, shape (blocks, frames), or None
        BOLD at the group rate; it is scored at acquired volumes and slice times.
    eeg_from_bold, eeg_from_eeg : array, shape (channels, frames), or None
        EEG at the group rate.
    source_from_eeg, source_from_bold, source_fused : array, shape (blocks, frames), or None
        Sources at the group rate.
    """

    bold_from_eeg: Float[ndarray, "blocks frames"] | None = None
    eeg_from_bold: Float[ndarray, "channels frames"] | None = None
    bold_from_bold: Float[ndarray, "blocks frames"] | None = None
    eeg_from_eeg: Float[ndarray, "channels frames"] | None = None
    source_from_eeg: Float[ndarray, "blocks frames"] | None = None
    source_from_bold: Float[ndarray, "blocks frames"] | None = None
    source_fused: Float[ndarray, "blocks frames"] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """A held-out run and, where the data were simulated, its true sources.

    Parameters
    ----------
    aligned : AlignedRun
        The run as it was measured.
    sources : array, shape (blocks, frames), or None
        The truth: P = X * d, averaged over frames and blocks; where BOLD follows the power of
        rhythms, that power is in the place of their waveform.
    kinds : array of str, shape (blocks,), or None
        'evoked', 'oscillatory', 'mixed' or 'silent'.
    regions : RegionTruth or None
        The truth region by region, for measures of maps.
    waveforms : array, shape (blocks, frames), or None
        P with the waveforms of rhythms, where ``sources`` holds their power.
    """

    aligned: AlignedRun
    sources: Float[ndarray, "blocks frames"] | None = None
    kinds: ndarray | None = None
    regions: RegionTruth | None = None
    waveforms: Float[ndarray, "blocks frames"] | None = None


def scored_parts(prediction: Prediction, run: HeldOut) -> Iterator[tuple[Quantity, SourceKind]]:
    """Yield what can be scored: sources only where there is a truth."""
    for field in fields(Prediction):
        if getattr(prediction, field.name) is None:
            continue
        quantity: Quantity = field.name  # type: ignore[assignment]
        if not field.name.startswith("source"):
            yield quantity, "all"
        elif run.sources is not None:
            kinds: tuple[SourceKind, ...] = ("all", "evoked", "oscillatory")
            present = (
                kinds
                if run.kinds is None
                else kinds[:1] + tuple(kind for kind in kinds[1:] if kind in run.kinds)
            )
            yield from ((quantity, kind) for kind in present)


def rows_of(kind: SourceKind, run: HeldOut) -> tuple[ndarray, Float[ndarray, "blocks frames"]]:
    """Return the blocks of a kind, and the truth of all blocks."""
    assert run.sources is not None
    if kind == "all" or run.kinds is None:
        return np.arange(len(run.sources)), run.sources
    return np.flatnonzero(run.kinds == kind), run.sources
