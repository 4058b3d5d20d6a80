"""Dense movies, streamed tile by tile into a Zarr store that xarray opens."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import google_crc32c
import numpy as np
import zarr
from jaxtyping import Float32
from numcodecs.zstd import Zstd
from numpy import ndarray

from neurotranscoder.core.errors import CheckError, DiskError, StoreError
from neurotranscoder.core.manifest import FileEntry
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.tiles import Box, Extent, MovieTiles, TileSource, extent
from neurotranscoder.io.dense_axes import ARRAY, ZSTD_LEVEL, describe
from neurotranscoder.io.dense_journal import Journal
from neurotranscoder.io.dense_layout import BATCH_BYTES, N_WRITERS, Layout, plan_layout
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

    Voxels outside the mask are NaN and take no room. The store is
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
    """One export under way: tiles are computed in turn, their chunks written meanwhile."""

    def __init__(self, store: Path, source: TileSource, layout: Layout, journal: Journal) -> None:
        self.store, self.source, self.layout, self.journal = store, source, layout, journal
        self.folder = _unfinished(store)

    def run(self, progress: Callable[[int, int], None]) -> None:
        """Do what is left to do."""
        done = sum(entry.size for entry in self.journal.files.values())
        needed = self.layout.disk_bytes(self.source.mask) - done + _MARGIN
        what = f"{self.store.name} (brain voxels, float32)"
        check_disk(self.store.parent, needed, what=what)
        if not self.journal.plan:
            self._start()
        tiles = self.layout.tiles(self.source.mask)
        left = {number: box for number, box in tiles.items() if number not in self.journal.tiles}
        with ThreadPoolExecutor(N_WRITERS) as writers:
            before: _Batch | None = None
            for batch in self._batches(left, writers):
                if before:
                    self._commit(before)
                    progress(len(self.journal.tiles), len(tiles))
                before = batch
            if before:
                self._commit(before)
        progress(len(tiles), len(tiles))
        self._finish()

    def _start(self) -> None:
        """Describe the arrays; nothing before the journal's first line counts."""
        shutil.rmtree(self.folder, ignore_errors=True)
        describe(self.folder, self.source, self.layout)
        plan = {"identity": self.source.identity, "chunk": self.layout.chunk}
        self.journal.start(plan | {"tile": self.layout.tile})

    def _batches(self, left: dict[int, Box], writers: Executor) -> Iterator[_Batch]:
        """Compute tiles and have them written; yield those of about one size together."""
        batch = _Batch()
        for number, tile in left.items():
            values = self._checked(tile)
            for place, box in self.layout.chunks(tile, self.source.mask):
                inside = values[box.seen_from(tile).slices]
                batch.files.append(writers.submit(self._stored, place, box, inside))
            batch.tiles.add(number)
            if len(batch.files) * self.layout.chunk_bytes >= BATCH_BYTES:
                yield batch
                batch = _Batch()
        if batch.tiles:
            yield batch

    def _checked(self, tile: Box) -> Float32[ndarray, "x y z frames"]:
        """Compute a tile; NaN is what a lost chunk reads as, and nothing else in the brain."""
        values = self.source.values(tile)
        if not np.all(np.isfinite(values)):
            raise CheckError(
                f"{self.store}: the activity from {tile.start} to {tile.stop} (x, y, z, frames) "
                "holds NaN or infinite values; check what it is computed from"
            )
        return values

    def _stored(
        self, place: Extent, box: Box, values: Float32[ndarray, "x y z frames"]
    ) -> FileEntry:
        """Bring one chunk to the disk."""
        name = f"{ARRAY}/c/{'/'.join(map(str, place))}"
        content = self._encoded(box, values)
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        flush(path, os.O_RDWR)
        return FileEntry(name, len(content), hashlib.sha256(content).hexdigest())

    def _encoded(self, box: Box, values: Float32[ndarray, "x y z frames"]) -> bytes:
        """Return a chunk as Zarr stores it: C order, little endian, Zstandard, CRC32C behind."""
        chunk = np.full(self.layout.chunk, np.nan, dtype="<f4")
        x, y, z, frames = (slice(n) for n in box.shape)
        chunk[x, y, z, frames] = values
        chunk[x, y, z][~self.source.mask[box.slices[:3]]] = np.nan
        body: bytes = Zstd(level=ZSTD_LEVEL).encode(chunk)
        return body + int(google_crc32c.value(body)).to_bytes(4, "little")

    def _commit(self, batch: _Batch) -> None:
        """Wait until the chunks of some tiles are on the disk, then say so."""
        try:
            files = [file.result() for file in batch.files]
            self.journal.commit(batch.tiles, files)
        except OSError as error:
            raise DiskError(
                f"{self.folder}: could not be written ({error.strerror or error}); what is "
                "committed stays; make room and run it again to go on"
            ) from error

    def _finish(self) -> None:
        """Bring all names to the disk, list all files, and give the store its own name."""
        for path in [self.folder, *self.folder.rglob("*")]:
            if path.is_dir():
                flush(path, os.O_RDONLY)
            elif path.relative_to(self.folder).as_posix() not in self.journal.files:
                flush(path, os.O_RDWR)
        write_manifest(
            self.folder,
            kind=KIND,
            settings_hash=self.source.identity,
            known=self.journal.files.values(),
        )
        self.folder.replace(self.store)
        flush(self.store.parent, os.O_RDONLY)


@dataclass(slots=True, eq=False)
class _Batch:
    """Tiles that are committed together, and their files, which may still be written."""

    tiles: set[int] = field(default_factory=set)
    files: list[Future[FileEntry]] = field(default_factory=list)


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
