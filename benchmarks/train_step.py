"""Time one training step of the paper's transcoder at its own size.

Prints one line of JSON: python benchmarks/train_step.py --threads 1 --blocks-per-step 300

``gflop`` counts convolutions as they are defined, forwards and backwards; ``gflop_done`` the wider
convolutions and products that they are done by. Shares are of the peak of a large product of
matrices in single precision, measured in the same process. All is per second of the processor:
what other processes take of a core does not count.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from neurotranscoder.core.recording import RunId
from neurotranscoder.model.layers import SpatialLayer, TemporalLayer
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


def gflop_defined(training: Training) -> float:
    """Return 1e-9 times the operations of a step's convolutions, taken tap by tap.

    A layer that reads data has no gradient of its input to find; all others have.
    """
    total = 0

    def count(layer: nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        nonlocal total
        convolution = layer.convolution
        transposed = isinstance(convolution, nn.ConvTranspose3d)
        maps = inputs[0] if transposed else output
        places = maps.numel() // maps.shape[1]
        total += (3 if inputs[0].requires_grad else 2) * 2 * places * convolution.weight.numel()

    layers = [m for m in training.model.modules() if isinstance(m, SpatialLayer | TemporalLayer)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    training.advance()
    for hook in hooks:
        hook.remove()
    return total * 1e-9


def matmul_peak(size: int = 2048, repeats: int = 5) -> float:
    """Return 1e9 operations per second of one core's time, of a product of square matrices."""
    matrix = torch.ones(size, size)
    times = []
    for _ in range(repeats):
        start = time.process_time()
        matrix @ matrix
        times.append(time.process_time() - start)
    return 2e-9 * size**3 / min(times)


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
    gflop = gflop_defined(training)
    with FlopCounterMode(display=False) as counter:
        training.advance()
    done = counter.get_total_flops() * 1e-9
    wall, cpu = [], []
    for _ in range(options.steps):
        start, start_cpu = time.perf_counter(), time.process_time()
        training.advance()
        wall.append(time.perf_counter() - start)
        cpu.append(time.process_time() - start_cpu)
    peak = matmul_peak()
    print(
        json.dumps(
            {
                "benchmark": "train_step",
                "threads": options.threads,
                "blocks_per_step": options.blocks_per_step,
                "seconds_median": round(float(np.median(wall)), 3),
                "seconds_min": round(min(wall), 3),
                "cpu_seconds_median": round(float(np.median(cpu)), 3),
                "cpu_seconds_min": round(min(cpu), 3),
                "peak_gflop_per_cpu_second": round(peak, 1),
                "gflop": round(gflop, 2),
                "gflop_done": round(done, 2),
                "share_of_peak": round(gflop / min(cpu) / peak, 3),
                "share_of_peak_done": round(done / min(cpu) / peak, 3),
            }
        )
    )


if __name__ == "__main__":
    main()
