"""Estimates of brain activity, and runs at the resolution that a transcoder works at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from neurotranscoder.core.axes import Montage, TimeAxis, VolumeAxis
from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.passband import Passband
from neurotranscoder.core.recording import Clock, Events, RunId

Origin = Literal["eeg", "bold", "fused"]


@dataclass(frozen=True, slots=True, eq=False)
class SourceEstimate:
    """Source activity on the blocks of the source grid.

    Parameters
    ----------
    data : array, shape (blocks, times)
        Activity; its unit is arbitrary, its sign and scale are conventions.
    blocks : BlockMap
        Where the rows are.
    axis : TimeAxis
        When the columns are, on the scanner clock.
    origin : {'eeg', 'bold', 'fused'}
        What it was estimated from.
    """

    data: Float[ndarray, "blocks times"]
    blocks: BlockMap
    axis: TimeAxis
    origin: Origin

    def __post_init__(self) -> None:
        expected = (self.blocks.n_blocks, self.axis.n_times)
        if self.data.shape != expected:
            raise GridError(f"source data is {self.data.shape}; its axes say {expected}")


@dataclass(frozen=True, slots=True, eq=False)
class SliceCells:
    """BOLD as it was acquired: means over the voxels that share a block and a slice.

    Parameters
    ----------
    data : array, shape (cells, volumes)
        Mean signal of each cell at its own acquisition times.
    block : array of int, shape (cells,)
        Block that a cell lies in.
    slice : array of int, shape (cells,)
        Slice that a cell lies in.
    n_voxels : array of int, shape (cells,)
        Voxels in each cell.
    volumes : VolumeAxis
        When each slice was acquired.
    """

    data: Float[ndarray, "cells volumes"]
    block: Int[ndarray, " cells"]
    slice: Int[ndarray, " cells"]
    n_voxels: Int[ndarray, " cells"]
    volumes: VolumeAxis

    def times(self, cell: int) -> Float[ndarray, " volumes"]:
        """Return when one cell was acquired, in seconds."""
        return self.volumes.times(int(self.slice[cell]))

    def block_volumes(self, n_blocks: int) -> Float[ndarray, "blocks volumes"]:
        """Return the mean of each block in each volume, as acquired.

        The slices of a block are averaged whatever their slice times are: within a volume,
        these times are ignored.
        """
        sums = np.zeros((n_blocks, self.data.shape[1]))
        np.add.at(sums, self.block, self.data * self.n_voxels[:, np.newaxis])
        weights = np.bincount(self.block, weights=self.n_voxels, minlength=n_blocks)
        return np.asarray(sums / weights[:, np.newaxis])


@dataclass(frozen=True, slots=True, eq=False)
class AlignedRun:
    """One run at the group resolution: EEG and BOLD on the same frames.

    Parameters
    ----------
    run : RunId
        Which run this is.
    eeg : array, shape (channels, frames)
        EEG averaged over each frame, in V.
    bold : array, shape (blocks, frames)
        BOLD of each block, interpolated to the frames' centres.
    axis : TimeAxis
        Centres of the frames.
    cells : SliceCells
        BOLD as acquired; scores are taken here, never at interpolated samples.
    blocks : BlockMap
        Where the blocks are.
    montage : Montage
        Names and places of the channels.
    clock : Clock
        How the EEG was placed on the scanner clock.
    events : Events
        What happened in the run.
    power : array, shape (bands, channels, frames), or None
        Power of the EEG in bands at its raw rate, averaged over each frame, in V^2.
    power_bands : tuple of (float, float)
        These bands, in Hz; empty where they are not known.
    passband : Passband or None
        What filters before let through of the EEG; None where nothing is known of any.
    interpolated : tuple of str
        Channels of the EEG that are sums of others (see `Eeg`).
    """

    run: RunId
    eeg: Float[ndarray, "channels frames"]
    bold: Float[ndarray, "blocks frames"]
    axis: TimeAxis
    cells: SliceCells
    blocks: BlockMap
    montage: Montage
    clock: Clock
    events: Events = field(default_factory=Events.none)
    power: Float[ndarray, "bands channels frames"] | None = None
    power_bands: tuple[tuple[float, float], ...] = ()
    passband: Passband | None = None
    interpolated: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shapes = {self.eeg.shape[1], self.bold.shape[1], self.axis.n_times}
        if len(shapes) != 1 or self.bold.shape[0] != self.blocks.n_blocks:
            raise GridError(
                f"{self.run}: EEG is {self.eeg.shape}, BOLD {self.bold.shape}, for "
                f"{self.blocks.n_blocks} blocks and {self.axis.n_times} frames"
            )
        if self.power is not None and self.power.shape[1:] != self.eeg.shape:
            raise GridError(
                f"{self.run}: power of the EEG is {self.power.shape}, the EEG {self.eeg.shape}; "
                "it needs (bands, channels, frames)"
            )
        if not (np.all(np.isfinite(self.eeg)) and np.all(np.isfinite(self.bold))):
            raise GridError(f"{self.run}: the aligned signals hold NaN or infinite values")

    @property
    def bold_volumes(self) -> Float[ndarray, "blocks volumes"]:
        """BOLD of each block at its own volumes (see `SliceCells.block_volumes`)."""
        return self.cells.block_volumes(self.blocks.n_blocks)

    @property
    def frames_per_volume(self) -> int:
        """Number of frames that each volume lasts.

        Raises
        ------
        GridError
            When volumes do not cover the frames, each a whole number of them.
        """
        volumes = self.cells.volumes
        n_frames = max(1, round(volumes.tr * self.axis.sfreq))
        whole = abs(n_frames - volumes.tr * self.axis.sfreq) < 1e-6
        if not whole or volumes.n_volumes * n_frames != self.axis.n_times:
            raise GridError(
                f"{self.run}: {volumes.n_volumes} volumes of {volumes.tr:g} s do not fit "
                f"{self.axis.n_times} frames at {self.axis.sfreq:g} Hz; BOLD at its own volumes "
                "needs a whole number of frames in each; set align.frames_per_tr"
            )
        return n_frames
