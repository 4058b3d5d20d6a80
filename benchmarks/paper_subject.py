"""What the paper's second stage costs: time of a step, memory, and hours of the full budget.

Prints one line of JSON: python benchmarks/paper_subject.py [--steps 4] [--shape 64 64 35]

Averages of noise in an ellipsoid of brain stand for those of a subject, at the default tiles,
features and kernels. ``cpu_seconds_per_step`` does not count what other processes take of a core,
and hours are from it. ``hours`` are those of the default number of steps with the looks at the
loss between them; ``hours_per_pass`` those of one step on each of the tiles.
"""

from __future__ import annotations

import argparse
import json
import resource
import time

import numpy as np
import torch

from neurotranscoder.core.axes import TimeAxis, VoxelGrid
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.source import Origin
from neurotranscoder.train.average_tiles import TrialAverage, tiles_of
from neurotranscoder.train.paper_subject import PaperSubjectSettings, train_on_averages

RANK = 64


def average(shape: tuple[int, int, int], settings: PaperSubjectSettings) -> TrialAverage:
    """Return averages of noise."""
    rng = np.random.default_rng(0)
    x, y, z = np.ogrid[tuple(slice(-1, 1, n * 1j) for n in shape)]
    mask = np.asarray(x**2 + y**2 + z**2 <= 1)
    n_times = round((settings.stop - settings.start) * settings.rate)
    axis = TimeAxis(settings.start, settings.rate, n_times)

    def movie(origin: Origin) -> SourceMovie:
        maps = rng.standard_normal((int(mask.sum()), RANK), dtype=np.float32)
        courses = rng.standard_normal((RANK, n_times), dtype=np.float32)
        return SourceMovie(maps, courses, VoxelGrid(shape, np.eye(4)), mask, axis, origin)

    return TrialAverage(movie("eeg"), movie("bold"), "noise", 1)


def main() -> None:
    """Time steps, and the looks at the loss around them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=4, help="three or more")
    parser.add_argument("--shape", type=int, nargs=3, default=(64, 64, 35))
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    full = PaperSubjectSettings()
    settings = full.model_copy(update={"steps": options.steps, "check_every": options.steps + 1})
    one = average(tuple(options.shape), settings)
    n_tiles = len(tiles_of([one], settings.tile)[1])
    marks = [(time.perf_counter(), time.process_time())]

    def mark(*_: object) -> None:
        marks.append((time.perf_counter(), time.process_time()))

    train_on_averages([one], settings, device="cpu", progress=mark)
    mark()
    wall, work = np.diff(marks, axis=0).T
    # The first step comes after a look at the loss, the last one has one in it.
    step = float(np.median(work[1:-2]))
    look = float(work[-2]) - step
    looks = 1 + -(-full.steps // full.check_every)
    print(
        json.dumps(
            {
                "benchmark": "paper_subject",
                "threads": options.threads,
                "shape": list(options.shape),
                "tiles": n_tiles,
                "seconds_per_step": round(float(np.median(wall[1:-2])), 2),
                "cpu_seconds_per_step": round(step, 2),
                "cpu_seconds_per_look": round(look, 2),
                "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
                "steps": full.steps,
                "hours": round((full.steps * step + looks * look) / 3600, 2),
                "hours_per_pass": round(n_tiles * step / 3600, 2),
            }
        )
    )


if __name__ == "__main__":
    main()
