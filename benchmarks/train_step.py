"""Time one training step of the paper's transcoder at its own size.

Prints one line of JSON: python benchmarks/train_step.py --threads 1 --blocks-per-step 300
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import torch

from neurotranscoder.core.recording import RunId
from neurotranscoder.train.network import NetworkSettings, build_network
from neurotranscoder.train.training import Training
from neurotranscoder.train.windows import ScaledRun

N_CHANNELS, N_BLOCKS, N_FRAMES, RATE = 64, 1148, 75, 2.5


def ellipsoid() -> np.ndarray:
    """Return the 1,148 innermost of 16 x 16 x 12 blocks."""
    x, y, z = np.ogrid[-1:1:16j, -1:1:16j, -1:1:12j]
    radius = x**2 + y**2 + z**2
    order = np.argsort(radius, axis=None, kind="stable")
    mask = np.zeros(radius.size, dtype=bool)
    mask[order[:N_BLOCKS]] = True
    return mask.reshape(radius.shape)


def main() -> None:
    """Time steps after a warm-up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--blocks-per-step", type=int, default=None)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    settings = NetworkSettings(architecture="paper", blocks_per_step=options.blocks_per_step)
    rng = np.random.default_rng(0)
    run = ScaledRun(
        RunId("01", "rest"),
        rng.standard_normal((N_CHANNELS, N_FRAMES)),
        rng.standard_normal((N_BLOCKS, N_FRAMES)),
        RATE,
    )
    training = Training(
        build_network(N_CHANNELS, ellipsoid(), settings), [run], [run], settings, None
    )
    training.advance()
    training.advance()
    wall, cpu = [], []
    for _ in range(options.steps):
        start, start_cpu = time.perf_counter(), time.process_time()
        training.advance()
        wall.append(time.perf_counter() - start)
        cpu.append(time.process_time() - start_cpu)
    print(
        json.dumps(
            {
                "benchmark": "train_step",
                "threads": options.threads,
                "blocks_per_step": options.blocks_per_step,
                "seconds_median": round(float(np.median(wall)), 3),
                "seconds_min": round(min(wall), 3),
                "cpu_seconds_median": round(float(np.median(cpu)), 3),
            }
        )
    )


if __name__ == "__main__":
    main()
