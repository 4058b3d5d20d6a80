"""Dense movies, streamed tile by tile into a Zarr store that xarray opens."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import cast

import google_crc32c
import numpy as np
import zarr
from jaxtyping import Float32
from numpy import ndarray

from neurotranscoder.core.errors import CheckError, StoreError
from neurotranscoder.core.manifest import FileEntry
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.tiles import Box, Extent, MovieTiles, TileSource, extent
from neurotranscoder.io.dense_axes import ARRAY, describe
from neurotranscoder.io.dense_journal import Journal
from neurotranscoder.io.dense_layout import BATCH_BYTES, CHECKSUM_BYTES, Layout, plan_layout
from neurotranscoder.io.limits import check_disk, memory_left
from neurotranscoder.io.manifest import read_manifest, write_manifest
from neurotranscoder.io.store import flush

SUFFIX = ".zarr"
KIND = "dense source movie"
_MARGIN = 16 * 2**20
"""Disk that is kept for what describes the chunks."""


def export_movie(
    path: Path | str,
    source: SourceMovie | TileSource,
    *,
    memory: int | None = None,
    chunk: Extent | None = None,
    tile: Extent | None = None,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> None:
    """Write every voxel of the brain at every frame into a Zarr v3 store.

    Voxels outside the mask are NaN, and chunks without any voxel of it take no room. The store is
    called so when it is finished and has its manifest; an export that was killed goes on behind
    the last batch of tiles that it committed when it is started again, and ends in the same bytes.

    Parameters
    ----------
    path : Path or str
        Folder of the store, ending in ``.zarr``; one that holds the same movie is left as it is.
    source : SourceMovie or TileSource
        Factors, or anything else that gives the activity of one box of space-time.
    memory : int, optional
        Ceiling of the whole process, in bytes; default: 80 % of what the control group gives.
    chunk : tuple of int, optional
        Voxels along x, y and z, and frames, of one file; default: about 8, 8, 8, 500.
    tile : tuple of int, optional
        What is computed at once, whole chunks; default: see `dense_layout.plan_layout`. A resumed
        export keeps to the chunks and tiles that it was started with.
    progress : callable, optional
        Called with how many tiles are done, and of how many.

    Raises
    ------
    StoreError
        When the disk has no room for it, or the folder holds something else.
    CheckError
        When a value is not finite.
    SettingsError
        When the memory does not suffice for one tile.
    """
    store = Path(path)
    if store.suffix != SUFFIX:
        raise StoreError(f"{store}: ends in {store.suffix!r}; a dense movie needs '{SUFFIX}'")
    tiles = MovieTiles(source) if isinstance(source, SourceMovie) else source
    journal_path = store.with_name(f".{store.name}.journal")
    with Journal(journal_path, _unfinished(store)) as journal:
        if store.exists():
            _check_same(store, tiles)
        else:
            started = _planned(journal, tiles, store)
            layout = plan_layout(
                tiles,
                chunk=started.chunk if started else chunk,
                tile=started.tile if started else tile,
                memory=memory_left(memory),
            )
            _Export(store, tiles, layout, journal).run(progress)
        journal.close_for_good()


def open_export(path: Path | str, *, verify: bool = False) -> zarr.Array:
    """Open a finished dense movie: an array (x, y, z, time) whose chunks are read when used.

    Parameters
    ----------
    path : Path or str
        Folder of the store.
    verify : bool
        Compare the SHA-256 of every file; else sizes. A damaged chunk raises when it is read.

    Raises
    ------
    StoreError
        When the store is not finished, or a file has another size.
    """
    read_manifest(Path(path), kind=KIND, verify=verify)
    return zarr.open_array(Path(path) / ARRAY, mode="r")


class _Export:
    """One export under way."""

    def __init__(self, store: Path, source: TileSource, layout: Layout, journal: Journal) -> None:
        self.store, self.source, self.layout, self.journal = store, source, layout, journal
        self.folder = _unfinished(store)

    def run(self, progress: Callable[[int, int], None]) -> None:
        """Do what is left to do."""
        n_left = self.layout.n_chunks(self.source.mask) - len(self.journal.files)
        needed = n_left * self.layout.chunk_bytes + _MARGIN
        what = f"{self.store.name} (brain voxels, float32)"
        check_disk(self.store.parent, needed, what=what)
        if not self.journal.plan:
            self._start()
        tiles = self.layout.tiles(self.source.mask)
        left = [number for number in tiles if number not in self.journal.tiles]
        with ThreadPoolExecutor(1) as writer:
            pending: Future[None] | None = None
            for batch, files in self._batches(tiles, left):
                if pending:
                    pending.result()
                    progress(len(self.journal.tiles), len(tiles))
                pending = writer.submit(self._commit, batch, files)
            if pending:
                pending.result()
        progress(len(tiles), len(tiles))
        self._finish()

    def _start(self) -> None:
        """Describe the arrays; nothing before the journal's first line counts."""
        shutil.rmtree(self.folder, ignore_errors=True)
        describe(self.folder, self.source, self.layout)
        plan = {"identity": self.source.identity, "chunk": self.layout.chunk}
        self.journal.start(plan | {"tile": self.layout.tile})

    def _batches(
        self, tiles: dict[int, Box], left: list[int]
    ) -> Iterator[tuple[set[int], dict[Path, bytes]]]:
        """Yield the chunks of tiles until they are enough to be brought to the disk."""
        numbers: set[int] = set()
        files: dict[Path, bytes] = {}
        for number in left:
            values = self._checked(tiles[number])
            for place, box in self.layout.chunks(tiles[number], self.source.mask):
                inside = box.seen_from(tiles[number]).slices
                name = self.folder / ARRAY / "c" / "/".join(map(str, place))
                files[name] = self._encoded(values[inside], box)
            numbers.add(number)
            if len(files) * self.layout.chunk_bytes >= BATCH_BYTES or number == left[-1]:
                yield numbers, files
                numbers, files = set(), {}

    def _checked(self, box: Box) -> Float32[ndarray, "x y z frames"]:
        """Compute a tile; NaN is what a lost chunk reads as, and nothing else in the brain."""
        values = self.source.values(box)
        if not np.all(np.isfinite(values)):
            raise CheckError(
                f"{self.store}: the activity from {box.start} to {box.stop} (x, y, z, frames) "
                "holds NaN or infinite values; check what it is computed from"
            )
        return values

    def _encoded(self, values: Float32[ndarray, "x y z frames"], box: Box) -> bytes:
        """Return a chunk as Zarr stores it: C order, little endian, CRC32C behind."""
        chunk = np.full(self.layout.chunk, np.nan, dtype="<f4")
        x, y, z, frames = (slice(n) for n in box.shape)
        outside = ~self.source.mask[box.slices[:3]]
        chunk[x, y, z, frames] = values
        chunk[x, y, z][outside] = np.nan
        body = chunk.tobytes()
        return body + int(google_crc32c.value(body)).to_bytes(CHECKSUM_BYTES, "little")

    def _commit(self, numbers: set[int], files: dict[Path, bytes]) -> None:
        """Bring the chunks of some tiles to the disk, then say so."""
        try:
            for path, content in files.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            for path in files:
                flush(path, os.O_RDWR)
            for folder in {path.parent for path in files}:
                flush(folder, os.O_RDONLY)
        except OSError as error:
            raise StoreError(
                f"{self.folder}: could not be written ({error.strerror or error}); what is "
                "committed stays; make room and run it again to go on"
            ) from error
        entries = [
            FileEntry(
                path.relative_to(self.folder).as_posix(),
                len(content),
                hashlib.sha256(content).hexdigest(),
            )
            for path, content in files.items()
        ]
        self.journal.commit(numbers, entries)

    def _finish(self) -> None:
        """List all files, and give the store its name."""
        write_manifest(
            self.folder,
            kind=KIND,
            settings_hash=self.source.identity,
            known=self.journal.files.values(),
        )
        self.folder.replace(self.store)
        flush(self.store.parent, os.O_RDONLY)


def _unfinished(store: Path) -> Path:
    """Return where a store is until it is finished."""
    return store.with_name(f".{store.name}.unfinished")


def _check_same(store: Path, source: TileSource) -> None:
    """Refuse to replace anything but the same movie."""
    if read_manifest(store, kind=KIND, verify=False).settings_hash != source.identity:
        raise StoreError(f"{store}: holds another movie; remove it, or choose another path")


def _planned(journal: Journal, source: TileSource, store: Path) -> Layout | None:
    """Return how an earlier start of the same export cut the movie."""
    if not journal.plan:
        return None
    if journal.plan["identity"] != source.identity:
        raise StoreError(
            f"{_unfinished(store)}: is a part of another movie; remove it and "
            f"{journal.path.name}, or choose another path"
        )
    shape = extent((*source.grid.shape, source.axis.n_times))
    chunk, tile = (extent(cast(list[int], journal.plan[key])) for key in ("chunk", "tile"))
    return Layout(shape, chunk, tile)
