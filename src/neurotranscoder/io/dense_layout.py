"""How a dense movie is cut: chunks that are files, tiles that are computed at once."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from neurotranscoder.core.errors import GridError, SettingsError
from neurotranscoder.core.tiles import Box, Extent, TileSource, boxes, extent
from neurotranscoder.io.limits import in_gib

_ABOUT: Extent = (8, 8, 8, 500)
BATCH_BYTES = 32 * 2**20
"""Chunks that are brought to the disk together."""
_CHUNK_EXTRA = 4096
"""Bytes of the disk that each file takes beside its values: rounding, headers, NaN."""
N_WRITERS = 4
"""Threads that wait for the disk."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Shape of a movie, of its chunks and of its tiles.

    Parameters
    ----------
    shape : tuple of int
        Voxels along x, y and z, and frames.
    chunk : tuple of int
        Of one file.
    tile : tuple of int
        Of what is computed at once: whole chunks along each axis, or all of it.
    """

    shape: Extent
    chunk: Extent
    tile: Extent

    def __post_init__(self) -> None:
        axes = zip(("x", "y", "z", "time"), self.shape, self.chunk, self.tile, strict=True)
        for name, n, chunk, tile in axes:
            if not 0 < chunk <= n or tile < 1 or (tile < n and tile % chunk):
                raise GridError(
                    f"along {name} a chunk has {chunk} and a tile {tile} of {n}; a chunk needs 1 "
                    f"to {n}, a tile a multiple of the chunk"
                )

    @property
    def chunk_bytes(self) -> int:
        """Size of a chunk in memory; those at the ends are as large as the others."""
        return 4 * math.prod(self.chunk)

    def disk_bytes(self, mask: Bool[ndarray, "x y z"]) -> int:
        """Return what the chunks take of the disk at most: runs of NaN pack to nothing."""
        values = 4 * int(mask.sum()) * self.shape[3]
        return int(1.005 * values) + _CHUNK_EXTRA * self._n_chunks(mask)

    def tiles(self, mask: Bool[ndarray, "x y z"]) -> dict[int, Box]:
        """Return the tiles that hold a voxel of the mask, by number, time slowest."""
        numbered = enumerate(boxes(self.shape, self.tile))
        return {n: box for n, box in numbered if mask[box.slices[:3]].any()}

    def chunks(self, tile: Box, mask: Bool[ndarray, "x y z"]) -> Iterator[tuple[Extent, Box]]:
        """Yield places on the grid of chunks and boxes of those that hold a voxel of the mask."""
        for inner in boxes(tile.shape, self.chunk):
            box = inner.moved(tile.start)
            if mask[box.slices[:3]].any():
                starts = zip(box.start, self.chunk, strict=True)
                yield extent(a // n for a, n in starts), box

    def _n_chunks(self, mask: Bool[ndarray, "x y z"]) -> int:
        """Return how many files hold a voxel of the mask."""
        volume = boxes((*self.shape[:3], 1), (*self.chunk[:3], 1))
        n_columns = sum(bool(mask[box.slices[:3]].any()) for box in volume)
        return n_columns * -(-self.shape[3] // self.chunk[3])


def plan_layout(
    source: TileSource, *, chunk: Extent | None, tile: Extent | None, memory: int
) -> Layout:
    """Choose chunks of about 8 x 8 x 8 voxels by 500 frames, and tiles that fit into memory.

    An axis is cut where cutting costs no halo, and further only where memory asks for it.

    Parameters
    ----------
    source : TileSource
        What is to be written.
    chunk, tile : tuple of int or None
        As they are wanted; chosen where None.
    memory : int
        Bytes that the export may take.

    Raises
    ------
    SettingsError
        When the smallest tile, or the one that is wanted, takes more.
    """
    shape = (*source.grid.shape, source.axis.n_times)
    if chunk is None:
        chunk = extent(_even_part(n, most) for n, most in zip(shape, _ABOUT, strict=True))
    if tile is not None:
        wanted = Layout(shape, chunk, tile)
        _refuse_too_large(export_bytes(source, wanted), memory, f"a tile of {tile}")
        return wanted
    whole = (*(reach > 0 for reach in source.reach[:3]), False)
    parts = zip(whole, shape, chunk, strict=True)
    layout = Layout(shape, chunk, extent(n if all_of_it else c for all_of_it, n, c in parts))
    while (needed := export_bytes(source, layout)) > memory:
        if layout.tile == chunk:
            _refuse_too_large(needed, memory, f"one chunk of {chunk}")
        layout = Layout(shape, chunk, _halved(layout))
    return layout


def export_bytes(source: TileSource, layout: Layout) -> int:
    """Return what an export takes of memory: a tile, and two batches of tiles being written."""
    tile = extent(min(n, t) for n, t in zip(layout.shape, layout.tile, strict=True))
    batch = BATCH_BYTES + 4 * math.prod(tile)
    return source.working_bytes(tile) + 2 * batch + 3 * N_WRITERS * layout.chunk_bytes


def _even_part(n: int, most: int) -> int:
    """Return the length of the fewest parts of at most ``most`` that are about equal."""
    return -(-n // -(-n // most))


def _refuse_too_large(needed: int, memory: int, what: str) -> None:
    """Refuse a tile that does not fit."""
    if needed > memory:
        raise SettingsError(
            f"memory leaves {in_gib(memory)} for the export; {what} voxels and frames needs "
            f"{in_gib(needed)}; allow more memory or choose smaller chunks"
        )


def _halved(layout: Layout) -> Extent:
    """Return a tile with half the chunks along the axis that has most of them."""
    counts = np.array([-(-t // c) for t, c in zip(layout.tile, layout.chunk, strict=True)])
    axis = int(np.argmax(counts))
    tile = list(layout.tile)
    tile[axis] = -(-int(counts[axis]) // 2) * layout.chunk[axis]
    return extent(tile)
