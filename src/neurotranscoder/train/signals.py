"""Runs as a fit in closed form sees them."""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.train.alternating import Pair


class Signals(NamedTuple):
    """One run as the fit sees it: scaled, without means, on the same frames.

    Parameters
    ----------
    eeg : array, shape (channels, frames)
        EEG.
    bold : array, shape (blocks, frames)
        BOLD.
    power : array, shape (rows, frames), optional
        Square roots of band power of the EEG.
    """

    eeg: Float[ndarray, "channels frames"]
    bold: Float[ndarray, "blocks frames"]
    power: Float[ndarray, "rows frames"] | None = None


def n_frames_of(run: Signals) -> int:
    """Return the number of frames of a run."""
    return int(run.eeg.shape[1])


def bold_of(run: Signals) -> Float[ndarray, "blocks frames"]:
    """Return the BOLD of a run."""
    return run.bold


def projected(run: Signals, maps: Float[ndarray, "blocks components"]) -> Pair:
    """Return a run with BOLD components in place of BOLD."""
    return Pair(run.eeg, maps.T @ run.bold, run.power)
