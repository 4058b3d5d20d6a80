"""Time statistics of trials at full size, and count clusters where there is no effect.

    python benchmarks/trials.py --null 600 --seed 101     a table, then lines of JSON
    python benchmarks/trials.py --null 400 --mask    tests at the voxels of a trust map alone
    python benchmarks/trials.py --permutations 19
    python benchmarks/trials.py --permutations 1000 --only-clusters [--subjects 2]

Time: 64 x 64 x 35 voxels of 3 x 3 x 4 mm, 48,226 of them brain, 40 maps, 500 trials of two
conditions, -0.5 to 3 s at 100 Hz, of random numbers. ``--only-clusters`` times the cluster test of
one condition of each subject, one after the other, and nothing else.

``null`` shares are of small subjects without effect (6 x 6 x 4 voxels, 12 maps, 3 runs of 40
trials cut from continuous noise, -0.5 to 3 s at 10 Hz) of which a map holds a cluster with
``p <= .05``: the mean over all trials of noise alone; the contrast of two conditions to which the
same response was added. Conditions take turns or come at random, events are 2-3 s or 4-5 s apart,
noise is smooth over .1 s or 1/f above .1 Hz. With ``found`` before it: how often a difference is
found. Last: within which shares 95 of 100 counts of a true 5 % lie. ``--noise slow`` has the noise
of movies from BOLD: nothing above .2 Hz.

With ``--mask`` BOLD of the same runs is simulated as well, every 2 s: a third of the voxels
follows their movie, through a response and in noise, the others are noise alone. Voxels are seen
where BOLD is like its prediction, beside circular shifts of it, as in `analyse.trust`.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import fftconvolve
from scipy.stats import binom, false_discovery_control, norm

from neurotranscoder.analyse.clusters import ClusterSettings, cluster_test
from neurotranscoder.analyse.subjects import SubjectMeans
from neurotranscoder.analyse.trials import Trials, TrialSettings, cut_trials
from neurotranscoder.analyse.trust import TrustMap
from neurotranscoder.analyse.units import Units, UnitSettings, contrast_units, mean_units
from neurotranscoder.analyse.visible import visible_voxels
from neurotranscoder.analyse.zmaps import z_map
from neurotranscoder.core.axes import TimeAxis, VoxelGrid
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.recording import Events

SHAPE, N_VOXELS = (64, 64, 35), 48_226
SMALL = ClusterSettings(forming_p=0.005, n_permutations=39)
SFREQ, N_RUNS, N_EVENTS = 10.0, 3, 40
TR, SHORTEST_SHIFT = 2.0, 20.0  # s


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
        np.zeros(n, dtype=int),
        np.arange(float(n)),
        0,
        movie,
        axis,
    )


def seconds(work: Callable[[], object]) -> float:
    """Return the processor time that something takes."""
    began = time.process_time()
    work()
    return round(time.process_time() - began, 1)


def noise_of(rng: np.random.Generator, kind: str, shape: tuple[int, int]) -> np.ndarray:
    """Return noise of deviation one: smooth over .1 s, 1/f above .1 Hz, or slow, below .2 Hz."""
    white = rng.standard_normal(shape)
    if kind == "smooth":
        noise = gaussian_filter1d(white, 1.0, axis=1)
    else:
        frequency = np.fft.rfftfreq(shape[1], 1 / SFREQ)
        gain = np.sqrt(frequency / (frequency**2 + 0.1**2)) if kind == "1/f" else frequency < 0.2
        noise = np.fft.irfft(np.fft.rfft(white, axis=1) * gain, shape[1], axis=1)
    return noise / noise.std()


def null_runs(
    rng: np.random.Generator, order: str, gap: tuple[float, float], kind: str
) -> list[tuple[SourceMovie, Events]]:
    """Return the runs of a subject without effect."""
    movie, runs = maps_of(rng, np.ones((6, 6, 4), dtype=bool), 12), []
    for _ in range(N_RUNS):
        onsets = 1 + np.cumsum(rng.uniform(*gap, N_EVENTS))
        names = ["ab"[i % 2] for i in range(N_EVENTS)]
        if order == "random":
            rng.shuffle(names)
        n_times = int((onsets[-1] + 5) * SFREQ)
        courses = noise_of(rng, kind, (12, n_times)).astype(np.float32)
        nothing = np.full(N_EVENTS, np.nan)
        run = replace(movie, courses=courses, axis=TimeAxis(0.0, SFREQ, n_times))
        runs.append((run, Events(onsets, nothing, tuple(names), nothing)))
    return runs


def with_response(
    rng: np.random.Generator, runs: list[tuple[SourceMovie, Events]], difference: float
) -> list[tuple[SourceMovie, Events]]:
    """Return runs with a response to all events, stronger in condition a by a difference."""
    response = np.exp(-0.5 * ((np.arange(20) / SFREQ - 0.6) / 0.2) ** 2)
    strength, found = rng.standard_normal((12, 1)), []
    for movie, events in runs:
        courses = movie.courses.copy()
        for onset, name in zip(events.onset, events.trial_type, strict=True):
            first = round(onset * SFREQ)
            size = 1.0 + difference * (name == "a")
            courses[:, first : first + 20] += size * strength * response
        found.append((replace(movie, courses=courses), events))
    return found


def one_by_one(trials: Trials, courses: np.ndarray) -> Units:
    """Return trials as if they were independent of each other."""
    return Units(courses, np.ones(trials.n), trials.n, 0, trials.movie, trials.axis)


def holds_cluster(samples: Units | SubjectMeans, rng: np.random.Generator) -> int:
    """Return whether a test finds something."""
    return int(cluster_test(samples, SMALL, rng).significant.seen.any())


def trust_of(rng: np.random.Generator, runs: list[tuple[SourceMovie, Events]]) -> TrustMap:
    """Return what BOLD of runs says, of which a third of the voxels follows the movie."""
    movie = runs[0][0]
    follows = rng.random(len(movie.maps)) < 1 / 3
    times = np.arange(0, 24, 1 / SFREQ)
    response = times**5 * np.exp(-times)
    cross, null, variance = np.zeros((3, len(follows)))
    for one, _ in runs:
        courses = fftconvolve(one.courses, response[np.newaxis], axes=1)[:, : one.axis.n_times]
        predicted = one.maps @ courses[:, :: round(TR * SFREQ)]
        predicted -= predicted.mean(axis=1, keepdims=True)
        predicted /= predicted.std(axis=1, keepdims=True)
        bold = rng.standard_normal(predicted.shape) + 0.5 * follows[:, np.newaxis] * predicted
        spectra = np.fft.rfft(bold, axis=1) * np.fft.rfft(predicted, axis=1).conj()
        lagged, least = np.fft.irfft(spectra, bold.shape[1], axis=1), round(SHORTEST_SHIFT / TR)
        shifted = lagged[:, least : bold.shape[1] - least + 1]
        cross += lagged[:, 0]
        null, variance = null + shifted.mean(axis=1), variance + shifted.var(axis=1, ddof=1)
    z = (cross - null) / np.sqrt(variance)
    q = false_discovery_control(norm.sf(z))
    return TrustMap(z, z, q, movie.grid, movie.mask)


def masked_shares(n: int, seed: int, kinds: list[str]) -> None:
    """Print a line for each design: as `null_shares`, at the voxels that a trust map shows."""
    names = ["voxels that are seen", "mean", "contrast"]
    print("| order | s between events | noise | " + " | ".join(names) + " |")
    for order, gap, kind in product(("alternating", "random"), ((2.0, 3.0), (4.0, 5.0)), kinds):
        rng, hits = np.random.default_rng(seed), np.zeros(len(names))
        for _ in range(n):
            runs = null_runs(rng, order, gap, kind)
            same = with_response(rng, runs, 0.0)
            mean = mean_units(cut_trials(runs, TrialSettings()), UnitSettings())
            contrast = contrast_units(cut_trials(same, TrialSettings()), "a", "b", UnitSettings())
            for number, (samples, own) in enumerate(((mean, runs), (contrast, same)), 1):
                visible = visible_voxels(trust_of(rng, own), 0.05)
                seen = visible.rows(samples.mask).mean()
                hits[0] += seen / 2
                hits[number] += holds_cluster(visible.within(samples), rng) if seen else 0
        shares = " | ".join(f"{100 * share:.1f}" for share in hits / n)
        print(f"| {order} | {gap[0]:g}-{gap[1]:g} | {kind} | {shares} |", flush=True)


def null_shares(n: int, seed: int, kinds: list[str]) -> None:
    """Print a line for each design: the share of subjects without effect that hold a cluster."""
    sizes = (4, 8)
    names = ["mean, trials one by one", *(f"mean, units of {size}" for size in sizes)]
    names += ["contrast, trials one by one", *(f"contrast, units of {size}" for size in sizes)]
    names += [f"found, units of {size}" for size in sizes]
    print("| order | s between events | noise | " + " | ".join(names) + " |")
    designs = product(("alternating", "random"), ((2.0, 3.0), (4.0, 5.0)), kinds)
    for order, gap, kind in designs:
        rng, hits = np.random.default_rng(seed), np.zeros(len(names))
        for _ in range(n):
            runs = null_runs(rng, order, gap, kind)
            trials = cut_trials(runs, TrialSettings())
            same = cut_trials(with_response(rng, runs, 0.0), TrialSettings())
            differ = cut_trials(with_response(rng, runs, 0.6), TrialSettings())
            signs = np.where(same.which("a"), 1.0, -1.0)[:, np.newaxis, np.newaxis]
            units = [UnitSettings(trials=size) for size in sizes]
            samples = [one_by_one(trials, trials.courses)]
            samples += [mean_units(trials, one) for one in units]
            samples += [one_by_one(same, signs * (same.courses - same.courses.mean(axis=0)))]
            samples += [contrast_units(same, "a", "b", one) for one in units]
            samples += [contrast_units(differ, "a", "b", one) for one in units]
            hits += [holds_cluster(one, rng) for one in samples]
        shares = " | ".join(f"{100 * share:.1f}" for share in hits / n)
        print(f"| {order} | {gap[0]:g}-{gap[1]:g} | {kind} | {shares} |", flush=True)


def null_subjects(n: int, seed: int) -> float:
    """Return the share of groups of 8 subjects without effect that hold a cluster."""
    rng, hits, axis = np.random.default_rng(seed), 0, TimeAxis(-0.5, SFREQ, 10)
    small = np.ones((6, 6, 4), dtype=bool)
    for _ in range(n):
        averages = [trials_of(rng, maps_of(rng, small, 12), 4, axis).average() for _ in range(8)]
        hits += holds_cluster(SubjectMeans.of(averages), rng)
    return round(hits / n, 4)


def main() -> None:
    """Print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--null", type=int, default=0)
    parser.add_argument("--seed", type=int, default=100)
    parser.add_argument("--noise", nargs="+", default=["smooth", "1/f"], metavar="KIND")
    parser.add_argument("--mask", action="store_true")
    parser.add_argument("--permutations", type=int, default=19)
    parser.add_argument("--only-clusters", action="store_true")
    parser.add_argument("--subjects", type=int, default=1)
    options = parser.parse_args()
    if options.null:
        if options.mask:
            masked_shares(options.null, options.seed, options.noise)
        else:
            null_shares(options.null, options.seed, options.noise)
            print(json.dumps({"null_subjects": null_subjects(options.null, options.seed)}))
        low, high = (binom.interval(0.95, options.null, 0.05) / np.float64(options.null)).round(4)
        print(json.dumps({"interval_of_5_percent": [low, high], "seed": options.seed}))
        return
    full_size(options.permutations, options.subjects, only_clusters=options.only_clusters)


def full_size(permutations: int, n_subjects: int, *, only_clusters: bool) -> None:
    """Print what tests of subjects cost, one after the other."""
    rng = np.random.default_rng(0)
    distance = np.sum((np.indices(SHAPE).T / np.array(SHAPE) - 0.5) ** 2, axis=-1).T.ravel()
    mask = np.zeros(len(distance), dtype=bool)
    mask[np.argsort(distance, kind="stable")[:N_VOXELS]] = True
    settings, line = ClusterSettings(n_permutations=permutations), dict[str, object]()
    began, clusters = time.perf_counter(), []
    for _ in range(n_subjects):
        movie = maps_of(rng, mask.reshape(SHAPE), 40)
        trials = trials_of(rng, movie, 500, TimeAxis(-0.5, 100.0, 350))
        units = mean_units(trials if not only_clusters else trials.of("a"), UnitSettings())
        clusters.append(seconds(lambda own=units: cluster_test(own, settings, rng)))
    if not only_clusters:
        contrasted = contrast_units(trials, "a", "b", UnitSettings())
        line["z_map_seconds"] = seconds(lambda: z_map(units))
        line["contrast_seconds"] = seconds(lambda: z_map(contrasted))
    line |= {
        "cluster_seconds": clusters,
        "permutations": permutations,
        "units": units.n,
        "wall_seconds": round(time.perf_counter() - began, 1),
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
