"""Time what a movie in factors costs: windows, voxels, and the dense export.

Prints one line of JSON: python benchmarks/reconstruct.py --seconds 30

Factors are random, of a run of 600 s at 100 Hz on 64 x 64 x 35 voxels, 48,159 of them brain (with
``--grid mni`` those of MNI at 2 mm: 97 x 115 x 97, 235,000 brain).
``window_ms`` and ``voxel_ms`` are on one thread, a second of all brain voxels and the run of one
voxel; ``_cpu`` counts the processor's time alone, without what other processes took of it. The
export takes the first ``--seconds`` (brain voxels; others are NaN, chunks without brain are not
written); ``scaled`` says that this is not the whole run. It computes tiles and, in other threads,
brings their chunks to the disk: ``share_computing`` of the time went into tiles, ``share_writing``
into waiting for the disk beyond that. ``of_copy_speed`` is the rate of the export over that of a
copy of its own files (2,000 of them at most) by as many threads, both until they are on the disk.
``difference`` is the largest one between the store and the factors, over the largest value. With
``--coder``, what a five-layer coder of time makes of the movie is exported.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32
from numpy import ndarray
from threadpoolctl import threadpool_limits

from neurotranscoder.core.axes import TimeAxis, VoxelGrid
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.tiles import Box, MovieTiles, TileSource
from neurotranscoder.io import dense
from neurotranscoder.io.dense import export_movie, open_export
from neurotranscoder.io.dense_layout import N_WRITERS
from neurotranscoder.io.movies import load_movie, save_movie
from neurotranscoder.io.store import flush
from neurotranscoder.model.coders import BoldToSource
from neurotranscoder.reconstruct.tiles import ConvolvedTiles

GRIDS = {
    "paper": (VoxelGrid((64, 64, 35), np.diag([3.0, 3.0, 4.0, 1.0])), 48_159),
    "mni": (VoxelGrid((97, 115, 97), np.diag([2.0, 2.0, 2.0, 1.0])), 235_000),
}
"""Grids with their numbers of brain voxels: the paper's, and fMRIPrep's `res-2`."""
AXIS = TimeAxis.of_frames(600.0, 100.0)
N_TIMED = 200


class Stopwatch:
    """Seconds that were spent in functions."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def timed(self, function: Callable) -> Callable:  # type: ignore[type-arg]
        """Return a function that counts its time."""

        def counted(*arguments: object) -> object:
            began = time.perf_counter()
            try:
                return function(*arguments)
            finally:
                self.seconds += time.perf_counter() - began

        return counted


def movie(grid: VoxelGrid, n_brain: int, n_components: int) -> SourceMovie:
    """Return random factors on an ellipsoid of as many voxels as a brain has."""
    rng = np.random.default_rng(0)
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in grid.shape), indexing="ij", sparse=True)
    order = np.argsort(x**2 + y**2 + z**2, axis=None, kind="stable")
    mask = np.zeros(order.size, dtype=bool)
    mask[order[:n_brain]] = True
    maps = rng.standard_normal((n_brain, n_components), dtype=np.float32)
    courses = rng.standard_normal((n_components, AXIS.n_times), dtype=np.float32)
    return SourceMovie(maps, courses, grid, mask.reshape(grid.shape), AXIS, "eeg")


def shortened(whole: SourceMovie, seconds: float) -> SourceMovie:
    """Return the first part of a movie."""
    n_times = min(round(seconds * AXIS.sfreq), AXIS.n_times)
    courses = np.ascontiguousarray(whole.courses[:, :n_times])
    return replace(whole, courses=courses, axis=replace(AXIS, n_times=n_times))


def factor_megabytes(found: SourceMovie, base: Path) -> float:
    """Return the size of the factors on the disk; loading checks every byte."""
    folder = base / "run.movie"
    save_movie(folder, found)
    load_movie(folder)
    return sum(path.stat().st_size for path in folder.iterdir()) / 1e6


def milliseconds(name: str, function: Callable[[int], object]) -> dict[str, float]:
    """Return the median and 99th percentile of the time that a call takes."""
    wall, processor = np.empty(N_TIMED), np.empty(N_TIMED)
    for number in range(N_TIMED):
        began, worked = time.perf_counter(), time.process_time()
        function(number)
        wall[number] = time.perf_counter() - began
        processor[number] = time.process_time() - worked
    return {
        f"{name}_ms": round(1e3 * float(np.median(wall)), 2),
        f"{name}_ms_p99": round(1e3 * float(np.quantile(wall, 0.99)), 2),
        f"{name}_cpu_ms": round(1e3 * float(np.median(processor)), 2),
    }


def accesses(found: SourceMovie) -> dict[str, float]:
    """Time windows of one second and whole runs of one voxel."""
    starts = np.random.default_rng(1).uniform(0, found.axis.duration - 1.1, N_TIMED)
    voxels = np.argwhere(found.mask)[:: found.n_voxels // N_TIMED].tolist()
    with threadpool_limits(1):
        windows = milliseconds("window", lambda i: found.window(starts[i], starts[i] + 1))
        return windows | milliseconds("voxel", lambda i: found.voxel(tuple(voxels[i])))


class TimedTiles:
    """A source of tiles that counts the time it takes."""

    def __init__(self, source: TileSource, watch: Stopwatch) -> None:
        self.source, self.made = source, watch.timed(source.values)

    def __getattr__(self, name: str) -> object:
        return getattr(self.source, name)

    def values(self, box: Box) -> Float32[ndarray, "x y z frames"]:
        """Return the activity in a box."""
        return self.made(box)  # type: ignore[no-any-return]


def copy_rate(source: Path, target: Path) -> float:
    """Return how many bytes a second a copy brings to the disk."""
    files = [path for path in source.rglob("*") if path.is_file()][:2000]
    copies = [target / path.relative_to(source) for path in files]

    def copy(path: Path, to: Path) -> None:
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, to)
        flush(to, os.O_RDWR)

    began = time.perf_counter()
    with ThreadPoolExecutor(N_WRITERS) as writers:
        deque(writers.map(copy, files, copies), maxlen=0)
    return sum(path.stat().st_size for path in copies) / (time.perf_counter() - began)


def difference(store: Path, source: TileSource) -> float:
    """Return how far the last second of a store is from its source, relative to its largest."""
    last = source.axis.n_times
    start = last - min(last, 100)
    stored = np.asarray(open_export(store)[..., start:])[source.mask]
    made = source.values(Box((0, 0, 0, start), (*source.grid.shape, last)))[source.mask]
    return float(np.abs(stored - made).max() / np.abs(made).max())


def exported(source: TileSource, base: Path) -> dict[str, object]:
    """Time the dense export, and a copy of what it wrote."""
    computing, writing = Stopwatch(), Stopwatch()
    dense._Export._commit = writing.timed(dense._Export._commit)  # type: ignore[method-assign]
    store, began = base / "run.zarr", time.perf_counter()
    tiles: TileSource = TimedTiles(source, computing)  # type: ignore[assignment]
    export_movie(store, tiles)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    n_bytes = sum(path.stat().st_size for path in store.rglob("*") if path.is_file())
    copied = copy_rate(store, base / "copy.zarr")
    recorded = source.axis.duration
    return {
        "recorded_seconds": recorded,
        "scaled": source.axis.n_times < AXIS.n_times,
        "seconds_per_recorded_second": round(seconds / recorded, 3),
        "export_gb_of_a_run": round(n_bytes / recorded * AXIS.duration / 1e9, 1),
        "share_computing": round(computing.seconds / seconds, 2),
        "share_writing": round(writing.seconds / seconds, 2),
        "export_mb_per_s": round(n_bytes / seconds / 1e6),
        "copy_mb_per_s": round(copied / 1e6),
        "of_copy_speed": round(n_bytes / seconds / copied, 2),
        "difference": float(f"{difference(store, source):.1e}"),
        "peak_gib": round(peak / 2**20, 2),
    }


def main() -> None:
    """Print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=AXIS.duration)
    parser.add_argument("--grid", choices=sorted(GRIDS), default="paper")
    parser.add_argument("--components", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--coder", action="store_true")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    run = movie(*GRIDS[options.grid], options.components)
    result: dict[str, object] = {"benchmark": "reconstruct", "components": options.components}
    result |= {
        "grid": options.grid,
        "voxels": run.n_voxels,
        "threads": options.threads,
        "coder": options.coder,
    }
    base = Path(tempfile.mkdtemp(prefix="reconstruct.", dir=options.folder))
    try:
        with threadpool_limits(options.threads):
            result["factor_mb"] = round(factor_megabytes(run, base), 1)
            result |= accesses(run)
            source: TileSource = MovieTiles(shortened(run, options.seconds))
            if options.coder:
                coder = BoldToSource(generator=torch.Generator().manual_seed(3)).eval()
                source = ConvolvedTiles(source, coder)
            result |= exported(source, base)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
