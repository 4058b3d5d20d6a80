"""Kill trainings with SIGKILL at random moments, resume them, compare the final bytes.

Every other trial waits for a file that is being written and kills inside the checkpoint.
Prints one line of JSON: python benchmarks/kill_and_resume.py --trials 20
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

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

N_STEPS = 40
FORK = multiprocessing.get_context("forkserver")


def train(folder: Path, steps_done: Connection) -> None:
    """Train a tiny network in this process; send the number of each step."""
    import torch

    from neurotranscoder.train.loop import train_network
    from neurotranscoder.train.network import NetworkSettings, build_network
    from neurotranscoder.train.scaling import Scaling
    from neurotranscoder.train.windows import WindowSettings
    from synthetic_runs import N_CHANNELS, block_map, synthetic_runs

    torch.set_num_threads(1)
    settings = NetworkSettings(
        architecture="paper",
        spatial_features=(8, 8, 6, 4),
        temporal_features=(4, 4, 4, 4),
        temporal_kernel=5,
        steps=N_STEPS,
        validate_every=8,
        checkpoint_every=3,
        windows=WindowSettings(seconds=16, context=4),
        blocks_per_step=20,
    )
    runs = synthetic_runs(3)
    train_network(
        build_network(N_CHANNELS, block_map().mask, settings),
        runs[:2],
        runs[2:],
        settings,
        scaling=Scaling.fit(runs[:2]),
        folder=folder,
        progress=lambda step, _steps, _loss: steps_done.send(step),
    )


def digest(folder: Path) -> str:
    """Return the SHA-256 of all files: weights, Adam's state, curve, step."""
    total = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        total.update(path.name.encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def run(folder: Path) -> int | None:
    """Train to the end; return the exit code."""
    reader, writer = FORK.Pipe(duplex=False)
    worker = FORK.Process(target=train, args=(folder, writer))
    worker.start()
    writer.close()
    try:
        while True:
            reader.recv()
    except EOFError:
        worker.join()
    return worker.exitcode


def kill_during(folder: Path, rng: np.random.Generator, *, inside_write: bool) -> int | None:
    """Train, kill at a random moment, return the exit code (-9 when the kill came in time)."""
    reader, writer = FORK.Pipe(duplex=False)
    worker = FORK.Process(target=train, args=(folder, writer))
    worker.start()
    writer.close()
    last = int(rng.integers(0, N_STEPS - 4))
    while last > 0 and reader.recv() < last:
        pass
    if inside_write:
        while worker.is_alive() and not being_written(folder):
            pass
        time.sleep(float(rng.uniform(0, 5e-4)))
    else:
        time.sleep(float(rng.uniform(0, 0.03)))
    os.kill(int(worker.pid or 0), signal.SIGKILL)
    worker.join()
    return worker.exitcode


def being_written(folder: Path) -> list[str]:
    """Return the files that a writer has not finished."""
    return [p.name for p in folder.iterdir() if ".partial" in p.name] if folder.is_dir() else []


def main() -> None:
    """Run the trials and print how many ended with the bytes of an uninterrupted training."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    FORK.set_forkserver_preload(["synthetic_runs", "neurotranscoder.train.loop"])
    rng = np.random.default_rng(options.seed)
    start, base = time.perf_counter(), Path(tempfile.mkdtemp(prefix="kill_and_resume."))
    counts = {"killed": 0, "inside_checkpoint": 0, "leftovers": 0, "passed": 0}
    try:
        if run(base / "whole") != 0:
            sys.exit("the uninterrupted training failed")
        expected = digest(base / "whole")
        for trial in range(options.trials):
            folder = base / f"trial-{trial}"
            killed = kill_during(folder, rng, inside_write=trial % 2 == 1) == -signal.SIGKILL
            torn = bool(being_written(folder))
            finished = run(folder) == 0
            left = being_written(folder)
            counts["killed"] += killed
            counts["inside_checkpoint"] += torn
            counts["leftovers"] += len(left)
            counts["passed"] += killed and finished and not left and digest(folder) == expected
    finally:
        shutil.rmtree(base, ignore_errors=True)
    seconds = round(time.perf_counter() - start, 1)
    print(
        json.dumps(
            {
                "test": "kill_and_resume",
                "seed": options.seed,
                "tried": options.trials,
                **counts,
                "sha256": expected,
                "seconds": seconds,
            }
        )
    )
    sys.exit(0 if counts["passed"] == options.trials else 1)


if __name__ == "__main__":
    main()
