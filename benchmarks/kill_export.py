"""Kill dense exports with SIGKILL at random moments, run them again, compare the final bytes.

Every export takes 48 tiles and commits each by itself; it is killed up to 10 ms after a random
one was begun. A trial passes when there is no store after the kill, the next run ends in the bytes
of an export that nothing interrupted, and no tile that was committed is computed again. Prints one
line of JSON: python benchmarks/kill_export.py --trials 20
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from neurotranscoder.core.axes import TimeAxis, VoxelGrid
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.tiles import Box, MovieTiles
from neurotranscoder.io import dense
from neurotranscoder.io.dense import export_movie
from neurotranscoder.io.dense_journal import Journal

FORK = multiprocessing.get_context("forkserver")
CHUNK = (8, 8, 8, 100)
N_TILES = 48


class Reported(MovieTiles):
    """Says which box it is about to make."""

    told: Connection

    def values(self, box: Box) -> Float32[ndarray, "x y z frames"]:
        """Return the activity in a box."""
        self.told.send(box)
        return super().values(box)


def movie() -> SourceMovie:
    """Return a small movie of random factors."""
    rng = np.random.default_rng(0)
    grid = VoxelGrid((16, 16, 16), np.diag([3.0, 3.0, 4.0, 1.0]))
    mask = np.ones(grid.shape, dtype=bool)
    maps = rng.standard_normal((mask.size, 16), dtype=np.float32)
    courses = rng.standard_normal((16, 600), dtype=np.float32)
    return SourceMovie(maps, courses, grid, mask, TimeAxis(0.005, 100.0, 600), "eeg")


def export(store: Path, told: Connection) -> None:
    """Export in this process; send each box before it is made."""
    dense.BATCH_BYTES = 1  # type: ignore[misc]
    tiles = Reported(movie())
    object.__setattr__(tiles, "told", told)
    export_movie(store, tiles, chunk=CHUNK)


def run(store: Path) -> list[Box]:
    """Export to the end; return the boxes that were made."""
    return kill_after(store, N_TILES + 1, 0.0)


def kill_after(store: Path, n_tiles: int, seconds: float) -> list[Box]:
    """Export, and kill some time after a number of tiles; return the boxes that were made."""
    reader, writer = FORK.Pipe(duplex=False)
    worker = FORK.Process(target=export, args=(store, writer))
    worker.start()
    writer.close()
    made: list[Box] = []
    try:
        while True:
            made.append(reader.recv())
            if len(made) == n_tiles:
                time.sleep(seconds)
                os.kill(int(worker.pid or 0), signal.SIGKILL)
    except EOFError:
        worker.join()
    return made


def committed(store: Path) -> set[int]:
    """Return the tiles that a killed export has committed."""
    journal = store.with_name(f".{store.name}.journal")
    with Journal(journal, store.with_name(f".{store.name}.unfinished")) as found:
        return found.tiles


def digest(store: Path) -> str:
    """Return the SHA-256 of all files of a store."""
    total = hashlib.sha256()
    for path in sorted(p for p in store.rglob("*") if p.is_file()):
        total.update(path.relative_to(store).as_posix().encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def trial(store: Path, whole: str, order: list[Box], rng: np.random.Generator) -> dict[str, int]:
    """Kill one export and run it again; return what was found, 1 for yes."""
    kill_after(store, int(rng.integers(1, N_TILES + 1)), float(rng.uniform(0, 0.01)))
    finished = store.exists()
    kept = set(range(N_TILES)) if finished else committed(store)
    again = {order.index(box) for box in run(store)} & kept
    left = [path for path in store.parent.iterdir() if path.name.startswith(f".{store.name}")]
    same = digest(store) == whole
    return {
        "killed": int(not finished),
        "passed": int(same and not again and not left),
        "computed_again": len(again),
        "leftovers": len(left),
        "kept": len(kept),
    }


def main() -> None:
    """Run the trials and print how many ended with the bytes of an uninterrupted export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    FORK.set_forkserver_preload(["neurotranscoder.io.dense"])
    rng = np.random.default_rng(options.seed)
    began, base = time.perf_counter(), Path(tempfile.mkdtemp(prefix="kill_export."))
    try:
        order = run(base / "whole.zarr")
        whole = digest(base / "whole.zarr")
        stores = (base / f"trial-{number}.zarr" for number in range(options.trials))
        found = [trial(store, whole, order, rng) for store in stores]
    finally:
        shutil.rmtree(base, ignore_errors=True)
    result: dict[str, object] = {"test": "kill_export", "seed": options.seed}
    result |= {"tried": options.trials, "tiles": N_TILES, "sha256": whole}
    counts = ("killed", "passed", "computed_again", "leftovers")
    result |= {name: sum(one[name] for one in found) for name in counts}
    result["tiles_committed_at_kill"] = [one["kept"] for one in found]
    result["seconds"] = round(time.perf_counter() - began, 1)
    print(json.dumps(result))
    sys.exit(0 if result["passed"] == options.trials else 1)


if __name__ == "__main__":
    main()
