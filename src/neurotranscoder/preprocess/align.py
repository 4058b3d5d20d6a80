"""From a recording to the group resolution: EEG and BOLD on the same blocks and frames."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from pydantic import Field, PositiveFloat

from neurotranscoder.core.axes import TimeAxis, VolumeAxis, VoxelGrid
from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.recording import Bold, Eeg, Recording
from neurotranscoder.core.settings import Settings
from neurotranscoder.core.source import AlignedRun, SliceCells
from neurotranscoder.signal.frames import Interpolation, frame_means, interpolate_volumes
from neurotranscoder.signal.power import band_power

_HELD = 0.45  # of the sampling frequency: filters before sampling cut above


class AlignSettings(Settings):
    """The group resolution (paper 4.3.3: 'a tunable hyperparameter')."""

    block_size: float = Field(default=12.0, gt=0)
    """Edge of a source block, in mm; rounded to whole voxels."""
    min_share: float = Field(default=0.25, gt=0, le=1)
    """A block is used when at least this share of its voxels is brain."""
    frames_per_tr: int | None = Field(default=None, ge=1)
    """Frames per TR. Default: slice passes per TR when there are 4 to 8 equal ones, else the
    whole number that comes nearest to ``target_rate``."""
    target_rate: float = Field(default=2.7, gt=0)
    """Wanted group rate, in Hz."""
    interpolation: Interpolation = "cubic"
    """How BOLD is carried from slice times to frames: 'linear' (paper) or 'cubic'."""
    power_bands: tuple[tuple[PositiveFloat, PositiveFloat], ...] = (
        (1.0, 4.0),
        (4.0, 8.0),
        (8.0, 13.0),
        (13.0, 30.0),
    )
    """Bands of the EEG (Hz) whose power at the raw rate is kept beside its mean, as BOLD may
    follow it: delta, theta, alpha, beta. Those that the sampling does not hold are left out."""


def frames_per_tr(volumes: VolumeAxis, settings: AlignSettings) -> int:
    """Return the number of frames in a TR (see `AlignSettings.frames_per_tr`)."""
    if settings.frames_per_tr is not None:
        return settings.frames_per_tr
    if 4 <= volumes.n_passes <= 8:
        return volumes.n_passes
    return max(1, round(settings.target_rate * volumes.tr))


def block_factors(grid: VoxelGrid, settings: AlignSettings) -> tuple[int, int, int]:
    """Return the number of voxels per block along x, y and z."""
    x, y, z = (max(1, round(settings.block_size / size)) for size in grid.voxel_sizes)
    return x, y, z


def common_blocks(bolds: Iterable[Bold], settings: AlignSettings) -> BlockMap:
    """Return the blocks that all runs share: voxels that are brain in at least half of them.

    Parameters
    ----------
    bolds : iterable of Bold
        Images of all runs; they are looked at one after the other.
    settings : AlignSettings
        The group resolution.

    Raises
    ------
    GridError
        When the runs do not share one grid.
    """
    counts = np.zeros(())
    grid: VoxelGrid | None = None
    n_runs = 0
    for bold in bolds:
        if grid is None:
            grid, counts = bold.grid, np.zeros(bold.grid.shape)
        if not grid.matches(bold.grid):
            raise GridError(
                f"run {n_runs + 1} has a grid of {bold.grid.shape} voxels, the first has "
                f"{grid.shape} or another place; normalise all runs to one space first"
            )
        counts = counts + bold.mask
        n_runs += 1
    if grid is None:
        raise GridError("no run was given; blocks need at least one")
    brain: Bool[ndarray, "x y z"] = np.asarray(counts >= n_runs / 2)
    factors = block_factors(grid, settings)
    return BlockMap.from_mask(grid, brain, factors=factors, min_share=settings.min_share)


def slice_cells(bold: Bold, blocks: BlockMap) -> SliceCells:
    """Return the means over the voxels that share a block and a slice.

    Raises
    ------
    GridError
        When the images and the blocks are not on one grid.
    """
    if not bold.grid.matches(blocks.voxels):
        raise GridError(
            f"BOLD has {bold.grid.shape} voxels, the source blocks were made for "
            f"{blocks.voxels.shape} or another place; use images in the space of the model"
        )
    where = np.argwhere(blocks.labels >= 0)
    label = blocks.labels[tuple(where.T)].astype(np.int64)
    n_slices = bold.grid.shape[2]
    cells, cell = np.unique(label * n_slices + where[:, 2], return_inverse=True)
    counts = np.bincount(cell)
    order = np.argsort(cell, kind="stable")
    voxels = bold.data[tuple(where[order].T)].astype(np.float64, copy=False)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    means = np.add.reduceat(voxels, starts, axis=0) / counts[:, np.newaxis]
    return SliceCells(means, cells // n_slices, cells % n_slices, counts, bold.volumes)


def blocks_at_frames(
    cells: SliceCells, n_blocks: int, axis: TimeAxis, *, kind: Interpolation
) -> Float[ndarray, "blocks frames"]:
    """Interpolate each cell from its own slice times to frames and average it into blocks."""
    sums = np.zeros((n_blocks, axis.n_times))
    weights = np.bincount(cells.block, weights=cells.n_voxels, minlength=n_blocks)
    for index in np.unique(cells.slice):
        rows = np.flatnonzero(cells.slice == index)
        times = cells.volumes.times(int(index))
        values = interpolate_volumes(cells.data[rows], times, axis.times, kind=kind)
        np.add.at(sums, cells.block[rows], values * cells.n_voxels[rows, np.newaxis])
    return np.asarray(sums / weights[:, np.newaxis])


def align(recording: Recording, blocks: BlockMap, settings: AlignSettings) -> AlignedRun:
    """Bring one recording to the group resolution.

    EEG and its power in bands are averaged over each frame; each slice of BOLD is interpolated
    from its own acquisition times to the centres of the frames and averaged into blocks (paper
    4.3.3). Where EEG ends within the last volume, the frames end there.

    Parameters
    ----------
    recording : Recording
        One run.
    blocks : BlockMap
        The source blocks, shared by all runs.
    settings : AlignSettings
        The group resolution.

    Returns
    -------
    aligned : AlignedRun
        EEG in V, BOLD in the unit of the images, both over the same frames.

    Raises
    ------
    GridError
        When EEG does not cover the BOLD run, or grids differ.
    """
    volumes = recording.bold.volumes
    rate = frames_per_tr(volumes, settings) / volumes.tr
    eeg = recording.eeg
    sample_times = recording.clock.scanner_times(eeg.data.shape[1], eeg.sfreq)
    end = float(sample_times[-1]) + 1 / eeg.sfreq
    nearly = volumes.duration - volumes.tr <= end < volumes.duration
    axis = TimeAxis.of_frames(end if nearly else volumes.duration, rate)
    cells = slice_cells(recording.bold, blocks)
    bands = held_bands(eeg.sfreq, settings.power_bands)
    return AlignedRun(
        run=recording.run,
        eeg=frame_means(eeg.data, sample_times, axis),
        bold=blocks_at_frames(cells, blocks.n_blocks, axis, kind=settings.interpolation),
        axis=axis,
        cells=cells,
        blocks=blocks,
        montage=eeg.montage,
        clock=recording.clock,
        events=recording.events,
        power=frame_powers(eeg, sample_times, axis, bands),
        power_bands=bands,
        passband=eeg.passband,
        interpolated=eeg.interpolated,
    )


def held_bands(
    sfreq: float, bands: Sequence[tuple[float, float]]
) -> tuple[tuple[float, float], ...]:
    """Return the bands (Hz) that signals of a sampling frequency hold."""
    return tuple(band for band in bands if band[1] <= _HELD * sfreq)


def frame_powers(
    eeg: Eeg,
    sample_times: Float[ndarray, " samples"],
    axis: TimeAxis,
    bands: Sequence[tuple[float, float]],
) -> Float[ndarray, "bands channels frames"] | None:
    """Return the mean power of each frame in bands (see `held_bands`); None without any."""
    powers = [
        frame_means(band_power(eeg.data, eeg.sfreq, band), sample_times, axis) for band in bands
    ]
    return np.stack(powers) if powers else None
