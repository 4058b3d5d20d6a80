"""Time statistics of trials at full size, and count clusters where there is no effect.

Prints one line of JSON: python benchmarks/trials.py --null 2000

64 x 64 x 35 voxels of 3 x 3 x 4 mm, 48,226 of them brain, 40 maps, 500 trials of two conditions,
-0.5 to 3 s at 100 Hz, of random numbers. ``null`` shares are of small data sets without effect
(6 x 6 x 4 voxels, 12 maps, 10 frames; 16 trials, or 8 subjects) of which a map holds a cluster
with ``p <= .05``.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter1d

from neurotranscoder.analyse.clusters import ClusterSettings, cluster_test
from neurotranscoder.analyse.subjects import SubjectMeans
from neurotranscoder.analyse.trials import Trials
from neurotranscoder.analyse.zmaps import z_contrast, z_map
from neurotranscoder.core.axes import TimeAxis, VoxelGrid
from neurotranscoder.core.movie import SourceMovie

SHAPE, N_VOXELS = (64, 64, 35), 48_226
SMALL = ClusterSettings(forming_p=0.02, n_permutations=39)


def maps_of(rng: np.random.Generator, mask: np.ndarray, n_components: int) -> SourceMovie:
    """Return random maps on a mask."""
    maps = rng.standard_normal((int(mask.sum()), n_components), dtype=np.float32)
    grid = VoxelGrid(mask.shape, np.diag([3.0, 3.0, 4.0, 1.0]))
    courses = np.zeros((n_components, 1), dtype=np.float32)
    return SourceMovie(maps, courses, grid, mask, TimeAxis(0.0, 100.0, 1), "eeg")


def trials_of(rng: np.random.Generator, movie: SourceMovie, n: int, axis: TimeAxis) -> Trials:
    """Return trials without effect, smooth in time, of two conditions in turn."""
    noise = rng.standard_normal((n, movie.n_components, axis.n_times))
    names = tuple("ab"[i % 2] for i in range(n))
    return Trials(
        gaussian_filter1d(noise, 1.0, axis=2),
        names,
        np.zeros(n),
        np.zeros(n, dtype=bool),
        0,
        movie,
        axis,
    )


def seconds(work: Callable[[], object]) -> float:
    """Return the processor time that something takes."""
    began = time.process_time()
    work()
    return round(time.process_time() - began, 1)


def null_shares(n: int) -> dict[str, float]:
    """Return the share of data sets without effect that hold a cluster."""
    rng, small = np.random.default_rng(100), np.ones((6, 6, 4), dtype=bool)
    axis, hits = TimeAxis(-0.5, 10.0, 10), {"trials": 0, "contrast": 0, "subjects": 0}
    for _ in range(n):
        trials = trials_of(rng, maps_of(rng, small, 12), 16, axis)
        averages = [trials_of(rng, maps_of(rng, small, 12), 4, axis).average() for _ in range(8)]
        tests = {
            "trials": cluster_test(trials, SMALL, rng),
            "contrast": cluster_test(trials, SMALL, rng, first=trials.which("a")),
            "subjects": cluster_test(SubjectMeans.of(averages), SMALL, rng),
        }
        for name, test in tests.items():
            hits[name] += int(test.significant.seen.any())
    return {f"null_{name}": round(count / n, 4) for name, count in hits.items()}


def main() -> None:
    """Print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--null", type=int, default=0)
    parser.add_argument("--permutations", type=int, default=19)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    distance = np.sum((np.indices(SHAPE).T / np.array(SHAPE) - 0.5) ** 2, axis=-1).T.ravel()
    mask = np.zeros(len(distance), dtype=bool)
    mask[np.argsort(distance, kind="stable")[:N_VOXELS]] = True
    movie = maps_of(rng, mask.reshape(SHAPE), 40)
    trials = trials_of(rng, movie, 500, TimeAxis(-0.5, 100.0, 350))
    settings = ClusterSettings(n_permutations=options.permutations)
    clusters = seconds(lambda: cluster_test(trials, settings, rng))
    line = {
        "z_map_seconds": seconds(lambda: z_map(trials)),
        "contrast_seconds": seconds(lambda: z_contrast(trials.of("a"), trials.of("b"))),
        "cluster_seconds": clusters,
        "permutations": options.permutations,
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    }
    print(json.dumps(line | (null_shares(options.null) if options.null else {})))


if __name__ == "__main__":
    main()
