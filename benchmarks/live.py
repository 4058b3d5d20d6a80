"""Time what one live frame of EEG takes until its sources are there.

Prints one line of JSON: python benchmarks/live.py --model OUT/models/transcoder

``blocks_ms`` is from a package of raw samples, 10 ms of them, to the sources on the blocks of the
group model, cleaning included; ``voxels_ms`` to 48,159 voxels by maps times a linear decoder, of
random numbers. Frames are pushed one after the other without waiting, on one thread. Without
``--model``, sparse sources of the paper's size stand in: 1,148 blocks, 64 channels, 40 components
of two states, of random numbers: how long a frame takes does not depend on them.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from neurotranscoder.live.frames import CausalFrames
from neurotranscoder.live.sources import FrameCoder, GroupCoder, LiveSources, VoxelCoder
from neurotranscoder.model.sparse import SparseSources
from neurotranscoder.train.trained import load_trained

N_CHANNELS, N_BLOCKS, N_VOXELS, N_COMPONENTS, RATE = 64, 1_148, 48_159, 40, 100.0


def stand_in(rng: np.random.Generator) -> FrameCoder:
    """Return a coder of sparse sources on blocks, of random numbers."""
    leadfield = rng.standard_normal((N_CHANNELS, N_COMPONENTS))
    prior = np.tile([0.9, 0.1], (N_COMPONENTS, 1))
    means, variances = np.zeros_like(prior), np.tile([0.01, 1.0], (N_COMPONENTS, 1))
    sparse = SparseSources(leadfield, np.eye(N_CHANNELS), prior, means, variances)
    maps = rng.standard_normal((N_BLOCKS, N_COMPONENTS), dtype=np.float32)

    def components(frame: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return sparse.around_mean(torch.from_numpy(frame)[None, :, None])[0, :, 0].numpy()

    return VoxelCoder(maps, components)


def milliseconds(
    name: str, coder: FrameCoder, packages: list[np.ndarray], sfreq: float
) -> dict[str, float]:
    """Return the median and 99th percentile of the time from samples to sources."""
    live, seconds = LiveSources(CausalFrames(len(packages[0]), sfreq), coder), []
    for package in packages:
        began = time.perf_counter()
        [_] = live.push(package)
        seconds.append(time.perf_counter() - began)
    return {
        f"{name}_ms": round(1e3 * float(np.median(seconds)), 2),
        f"{name}_ms_p99": round(1e3 * float(np.quantile(seconds, 0.99)), 2),
    }


def main() -> None:
    """Print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--frames", type=int, default=3000)
    parser.add_argument("--sfreq", type=float, default=1000.0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    trained = load_trained(options.model) if options.model else None
    coder = GroupCoder(trained) if trained else stand_in(rng)
    n_channels = len(trained.montage.names) if trained else N_CHANNELS
    scale = trained.scaling.eeg if trained else 1.0
    n_samples = round(options.sfreq / RATE)
    packages = [
        scale * rng.standard_normal((n_channels, n_samples)) for _ in range(options.frames)
    ]
    weights = rng.standard_normal((64, n_channels))
    maps = rng.standard_normal((N_VOXELS, 64), dtype=np.float32)
    result: dict[str, object] = {"benchmark": "live", "frames": options.frames}
    result |= {"model": trained.settings.architecture if trained else "stand-in"}
    result |= {"blocks": trained.blocks.n_blocks if trained else N_BLOCKS, "voxels": N_VOXELS}
    with threadpool_limits(1):
        result |= milliseconds("blocks", coder, packages, options.sfreq)
        voxels = VoxelCoder(maps, weights.__matmul__)
        result |= milliseconds("voxels", voxels, packages, options.sfreq)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
