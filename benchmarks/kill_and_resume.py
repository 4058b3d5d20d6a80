"""Kill trainings with SIGKILL at random moments, resume them, compare the final bytes.

Every other trial waits for a file that is being written and kills inside the checkpoint.
With --ranks 2, two processes share each training and a random one is killed; the other has to
end by itself. Prints one line of JSON: python benchmarks/kill_and_resume.py --trials 20
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

N_STEPS = 40
WORKER_ERROR = 3
FORK = multiprocessing.get_context("forkserver")


def train(folder: Path, steps_done: Connection, group: dict[str, str]) -> None:
    """Train a tiny network in this process, or in its group; send the number of each step."""
    import torch

    from neurotranscoder.core.errors import WorkerError
    from neurotranscoder.train.loop import train_network
    from neurotranscoder.train.network import NetworkSettings, build_network
    from neurotranscoder.train.ranks import joined
    from neurotranscoder.train.scaling import Scaling
    from neurotranscoder.train.windows import WindowSettings
    from synthetic_runs import N_CHANNELS, block_map, synthetic_runs

    os.environ |= group
    torch.set_num_threads(1)
    settings = NetworkSettings(
        architecture="paper",
        spatial_features=(8, 8, 6, 4),
        temporal_features=(4, 4, 4, 4),
        temporal_kernel=5,
        steps=N_STEPS,
        validate_every=8,
        checkpoint_every=3,
        windows_per_step=int(group.get("WORLD_SIZE", "1")),
        windows=WindowSettings(seconds=16, context=4),
        blocks_per_step=20,
    )
    runs = synthetic_runs(3)
    try:
        with joined(torch.device("cpu")):
            train_network(
                build_network(N_CHANNELS, block_map().mask, settings),
                runs[:2],
                runs[2:],
                settings,
                scaling=Scaling.fit(runs[:2]),
                folder=folder,
                progress=lambda step, _steps, _loss: steps_done.send(step),
            )
    except WorkerError:
        sys.exit(WORKER_ERROR)


def start(folder: Path, n_ranks: int) -> list[tuple[ForkServerProcess, Connection]]:
    """Start the processes of a training; return each with the pipe of its steps."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(server.getsockname()[1])}
    members = []
    for rank in range(n_ranks):
        place = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(n_ranks)}
        reader, writer = FORK.Pipe(duplex=False)
        worker = FORK.Process(target=train, args=(folder, writer, address | place))
        worker.start()
        writer.close()
        members.append((worker, reader))
    return members


def ended(members: list[tuple[ForkServerProcess, Connection]]) -> list[int | None]:
    """Wait for the processes of a training; return their exit codes."""
    for worker, reader in members:
        try:
            while True:
                reader.recv()
        except EOFError:
            worker.join()
    return [worker.exitcode for worker, _ in members]


def digest(folder: Path) -> str:
    """Return the SHA-256 of all files: weights, Adam's state, curve, step."""
    total = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        total.update(path.name.encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def run(folder: Path, n_ranks: int) -> bool:
    """Train to the end; return whether all went well."""
    return not any(ended(start(folder, n_ranks)))


def kill_during(
    folder: Path, n_ranks: int, rng: np.random.Generator, *, inside_write: bool
) -> bool:
    """Train and kill a rank at a random moment; return whether the others ended of that."""
    members = start(folder, n_ranks)
    victim = int(rng.integers(n_ranks))
    worker, reader = members[victim]
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
    codes = ended(members)
    return codes == [
        -signal.SIGKILL if rank == victim else WORKER_ERROR for rank in range(n_ranks)
    ]


def being_written(folder: Path) -> list[str]:
    """Return the files that a writer has not finished."""
    return [p.name for p in folder.iterdir() if ".partial" in p.name] if folder.is_dir() else []


def main() -> None:
    """Run the trials and print how many ended with the bytes of an uninterrupted training."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ranks", type=int, default=1)
    options = parser.parse_args()
    FORK.set_forkserver_preload(["synthetic_runs", "neurotranscoder.train.loop", "torch._dynamo"])
    rng = np.random.default_rng(options.seed)
    began, base = time.perf_counter(), Path(tempfile.mkdtemp(prefix="kill_and_resume."))
    counts = {"killed": 0, "inside_checkpoint": 0, "leftovers": 0, "passed": 0}
    try:
        if not run(base / "whole", options.ranks):
            sys.exit("the uninterrupted training failed")
        expected = digest(base / "whole")
        for trial in range(options.trials):
            folder = base / f"trial-{trial}"
            killed = kill_during(folder, options.ranks, rng, inside_write=trial % 2 == 1)
            torn = bool(being_written(folder))
            finished = run(folder, options.ranks)
            left = being_written(folder)
            counts["killed"] += killed
            counts["inside_checkpoint"] += torn
            counts["leftovers"] += len(left)
            counts["passed"] += killed and finished and not left and digest(folder) == expected
    finally:
        shutil.rmtree(base, ignore_errors=True)
    seconds = round(time.perf_counter() - began, 1)
    print(
        json.dumps(
            {
                "test": "kill_and_resume",
                "seed": options.seed,
                "ranks": options.ranks,
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
