"""Train networks from many random starts and compare the sources that they find.

Prints one line per seed (of first weights and order of windows): sign and lag, in frames, of both
source estimates of the held-out run against the truth and against those of the first seed, and
where the response peaks: python benchmarks/seeds.py --seeds 10 --steps 400 --agreement 1
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from numpy import ndarray

from neurotranscoder.evaluate.benchmark.plan import make_plan
from neurotranscoder.evaluate.benchmark.world import World, open_world
from neurotranscoder.reconstruct.group import GroupEstimates, estimate_group
from neurotranscoder.train.recipe import fit_transcoder
from neurotranscoder.train.settings import Architecture, TrainSettings
from neurotranscoder.train.trained import TrainedTranscoder

LAGS = range(-20, 21)
EDGE = 80  # frames at either end that lack their context


def sign_and_lag(estimate: ndarray, other: ndarray) -> tuple[str, int, float]:
    """Return sign, lag and r where the mean r over rows is largest; later than the other: > 0."""
    middle = slice(EDGE, estimate.shape[1] - EDGE)

    def standard(rows: ndarray) -> ndarray:
        rows = rows - rows.mean(axis=1, keepdims=True)
        return rows / np.maximum(np.sqrt(np.mean(rows**2, axis=1, keepdims=True)), 1e-12)

    known = standard(other[:, middle])
    r = [np.mean(standard(np.roll(estimate, -lag, axis=1)[:, middle]) * known) for lag in LAGS]
    best = int(np.argmax(np.abs(r)))
    return "+" if r[best] > 0 else "-", LAGS[best], float(r[best])


def train(world: World, settings: TrainSettings, seed: int) -> tuple[TrainedTranscoder, float]:
    """Return a network from one random start, and the processor's time for it."""
    start = time.process_time()
    parts = {
        part: getattr(settings, part).model_copy(update={"seed": seed})
        for part in ("paper", "residual")
    }
    seeded = settings.model_copy(update=parts)
    trained = fit_transcoder(world.training, world.validation, world.plan.split, seeded)
    return trained, time.process_time() - start


def settings_of(options: argparse.Namespace) -> TrainSettings:
    """Return the settings of a short training; 'transcoder' keeps its own number of steps."""
    base = TrainSettings(architecture=options.architecture)
    short = {"steps": options.steps, "validate_every": max(1, options.steps // 8)}
    parts = {}
    for part, budget in (("paper", short), ("residual", {})):
        network = getattr(base, part)
        losses = network.losses.model_copy(update={"agreement": options.agreement})
        parts[part] = network.model_copy(update={**budget, "losses": losses})
    return base.model_copy(update=parts)


def line(found: GroupEstimates, others: Sequence[tuple[ndarray, ndarray]], rows: ndarray) -> str:
    """Return sign, lag and r of both estimates against pairs of others."""
    cells = []
    for pair in others:
        for name, other in zip(("source_from_eeg", "source_from_bold"), pair, strict=True):
            sign, lag, r = sign_and_lag(getattr(found, name).data[rows], other[rows])
            cells.append(f"{sign} {lag:3d} {r:5.2f}")
    return " | ".join(cells)


def main() -> None:
    """Train and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--architecture", default="paper", choices=get_args(Architecture))
    parser.add_argument("--agreement", type=float, default=0.0)
    parser.add_argument("--scenario", default=str(Path(__file__).with_name("few_regions.toml")))
    parser.add_argument("--block-size", type=float, default=24.0, help="mm")
    parser.add_argument("--geometry-seed", type=int, default=100)
    options = parser.parse_args()
    torch.set_num_threads(1)
    settings = settings_of(options)
    plan = make_plan(
        {
            "scenarios": (options.scenario,),
            "preset": "tiny",
            "geometry_seeds": (options.geometry_seed,),
            "train_runs": 5,
            "validation_runs": 1,
            "test_runs": 1,
            "duration": 400.0,
            "align": {"block_size": options.block_size},
        }
    )
    print(
        "sign, lag (frames), r of source_from_eeg | source_from_bold with the truth | with seed 0"
    )
    first: GroupEstimates | None = None
    with (
        tempfile.TemporaryDirectory() as folder,
        open_world(plan.worlds()[0], plan.align, Path(folder)) as world,
    ):
        held = world.test[0]
        rows = np.flatnonzero(held.kinds != "silent")
        for seed in range(options.seeds):
            trained, seconds = train(world, settings, seed)
            found = estimate_group(trained, held.aligned, fusion="sum")
            first = first or found
            pairs = [
                (held.sources, held.sources),
                (first.source_from_eeg.data, first.source_from_bold.data),
            ]
            response = trained.response
            peak = response.times[np.argmax(np.abs(response.values))]
            print(
                f"seed {seed}: {line(found, pairs, rows)} | response {peak:4.1f} s, "
                f"moved by {int(trained.module.source_delay)}, "
                f"validation {min(trained.curve.validation, default=np.nan):.3f}, "
                f"{seconds:.0f} s of processor",
                flush=True,
            )


if __name__ == "__main__":
    main()
