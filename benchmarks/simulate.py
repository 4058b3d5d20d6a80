"""Time, memory and shares of the stages of simulated runs at the paper's full size.

The dense route (X on a grid of samples, convolved by FFT, all voxels) does not fit at full size;
it is timed at the size of the preset 'tiny' beside ours, on the same sources.

    python benchmarks/simulate.py [--scenario regions-300] [--runs 3]  # with all noise, motion
    python benchmarks/simulate.py --plain --scenario independent       # as the scenario is
    python benchmarks/simulate.py --raw                      # raw EEG of a scanner, 5 kHz, 600 s
    python benchmarks/simulate.py --all --jobs 2             # 319 runs, nothing written
"""

from __future__ import annotations

import argparse
import functools
import json
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable

import numpy as np
from scipy.signal import fftconvolve
from threadpoolctl import threadpool_limits

from neurotranscoder.cluster.pool import pool
from neurotranscoder.physics.head import build_head
from neurotranscoder.physics.hrf import hrf_kernel
from neurotranscoder.simulate import bold_run, eeg_run, run
from neurotranscoder.simulate.bold import bold_signal
from neurotranscoder.simulate.bold_noise import BoldNoiseSettings
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.cohort import Cohort, make_cohort
from neurotranscoder.simulate.draw import draw_events, draw_sources
from neurotranscoder.simulate.motion import MotionSettings
from neurotranscoder.simulate.scenario import Scenario

STAGES = (
    (run, "draw_sources"),
    (eeg_run, "eeg_signal"),
    (eeg_run, "long_eeg_signal"),
    (eeg_run, "eeg_noise"),
    (eeg_run, "add_eeg_noise"),
    (eeg_run, "add_eyes_and_heart"),
    (eeg_run, "add_scanner_artefacts"),
    (eeg_run, "record_ecg"),
    (bold_run, "bold_signal"),
    (bold_run, "move_head"),
    (bold_run, "add_noise"),
    (bold_run, "add_white"),
)


def timed(function: Callable[..., object], seconds: dict[str, float], name: str) -> Callable:
    """Return a function that adds the time it takes to a table."""

    def work(*args: object, **kwargs: object) -> object:
        start = time.perf_counter()
        result = function(*args, **kwargs)
        seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - start
        return result

    return work


def time_stages() -> dict[str, float]:
    """Let every stage add its time to the table that is returned."""
    seconds: dict[str, float] = {}
    for module, name in STAGES:
        setattr(module, name, timed(getattr(module, name), seconds, name))
    return seconds


def cohort_from_elsewhere(scenario: Scenario) -> Cohort:
    """Return a cohort; building its head does not count as memory of this process."""
    head = functools.partial(build_head, scenario.head)
    builder = multiprocessing.get_context("spawn").Process(target=head)
    builder.start()
    builder.join()
    return make_cohort(scenario, head())


def peak_gb() -> float:
    """Return the largest memory of this process so far."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2)


def time_runs(scenario: Scenario, n_runs: int) -> dict[str, object]:
    """Return seconds per run, shares of the stages, and peak memory."""
    cohort = cohort_from_elsewhere(scenario)
    stages, per_run = time_stages(), []
    for number in range(n_runs):
        start = time.perf_counter()
        run.simulate_run_of(cohort, 0, number)
        per_run.append(time.perf_counter() - start)
    return {
        "voxels": cohort.template.head.n_voxels,
        "regions": cohort.regions.n_regions,
        "seconds_per_run": [round(seconds, 2) for seconds in per_run],
        "share": {name: round(s / sum(per_run), 3) for name, s in stages.items()},
        "peak_gb": peak_gb(),
    }


def time_raw(preset: str) -> dict[str, object]:
    """Return seconds and memory of the raw 5 kHz EEG of one run, BOLD left out."""
    scenario = named_scenario("artefacts", preset=preset, duration=600.0)
    cohort = cohort_from_elsewhere(scenario)
    events = draw_events(scenario, 0, 0)
    sources = draw_sources(cohort, events, 0, 0).electric
    stages = time_stages()
    before, start = peak_gb(), time.perf_counter()
    eeg = eeg_run.EegRun(cohort, sources, events, (0, 0)).record()
    seconds = time.perf_counter() - start
    return {
        "channels": len(eeg.all_names),
        "samples": eeg.data.shape[1],
        "seconds_eeg": round(seconds, 2),
        "seconds_artefacts": round(stages["add_scanner_artefacts"] + stages["record_ecg"], 2),
        "seconds_by_stage": {name: round(each, 2) for name, each in stages.items()},
        "eeg_gb": round(eeg.data.nbytes / 1e9, 2),
        "peak_gb_before": before,
        "peak_gb": peak_gb(),
    }


def _seconds_of(cohort: Cohort, number: int) -> tuple[float, float]:
    """Simulate one run and drop it; return its seconds and the memory of the process."""
    start = time.perf_counter()
    with threadpool_limits(limits=1):
        run.simulate_run_of(cohort, 0, number)
    return time.perf_counter() - start, peak_gb()


def time_all(scenario: Scenario, jobs: int) -> dict[str, object]:
    """Return how long all runs of a scenario take in some processes, and how that changes."""
    cohort = cohort_from_elsewhere(scenario)
    start = time.perf_counter()
    with pool(jobs) as spread:
        work = functools.partial(_seconds_of, cohort)
        found = list(spread(work, range(scenario.runs_per_subject)))
    seconds, peaks = map(np.array, zip(*found, strict=True))
    third = max(1, len(seconds) // 3)
    return {
        "runs": len(seconds),
        "jobs": jobs,
        "minutes": round((time.perf_counter() - start) / 60, 2),
        "seconds_per_run_first_third": round(float(np.median(seconds[:third])), 2),
        "seconds_per_run_last_third": round(float(np.median(seconds[-third:])), 2),
        "peak_gb_per_process": float(peaks.max()),
    }


def dense_ratio() -> dict[str, float]:
    """Return how long BOLD takes by dense FFT convolution over ours, at the size of 'tiny'."""
    scenario = named_scenario("sequential-noisefree", preset="tiny")
    cohort = make_cohort(scenario, build_head(scenario.head))
    sources = run.simulate_run_of(cohort, 0, 0).sources
    kernel, regions, rate = hrf_kernel(scenario.hrf), cohort.regions, scenario.source_rate
    start = time.perf_counter()
    ours = bold_signal(sources, regions, kernel, scenario.volumes, gain=1.0)
    streamed = time.perf_counter() - start
    start = time.perf_counter()
    lead = 35.0
    times = np.arange(round((scenario.duration + lead) * rate)) / rate - lead
    x = np.zeros((sources.n_regions, len(times)))
    sample = np.rint((sources.time + lead) * rate).astype(int)
    heard = sample < len(times)  # the others come after the last volume
    np.add.at(x, (sources.region[heard], sample[heard]), sources.amplitude[heard] * rate)
    waves = np.exp(2j * np.pi * np.outer(sources.frequencies, times))
    x[sources.rhythm_region] += (sources.waves @ waves).real
    inside = regions.labels >= 0
    voxels = x[regions.labels[inside]]
    h = kernel(np.arange(round(kernel.stop * rate) + 1) / rate) / rate
    bold = fftconvolve(voxels, h[np.newaxis], axes=1)[:, : len(times)]
    slices = np.nonzero(inside)[2]
    error = 0.0
    for z in np.unique(slices):
        columns = np.rint((scenario.volumes.times(z) + lead) * rate).astype(int)
        expected = bold[slices == z][:, columns]
        actual = ours[:, :, z][inside[:, :, z]]
        error = max(error, float(np.abs(actual - expected).max() / np.abs(bold).max()))
    dense = time.perf_counter() - start
    return {"dense_over_streamed": round(dense / streamed, 1), "largest_difference": error}


def chosen(arguments: argparse.Namespace) -> Scenario:
    """Return the scenario, with noise by parts and motion unless it is to be plain."""
    scenario = named_scenario(arguments.scenario, preset=arguments.preset)
    if arguments.plain:
        return scenario
    noise = {"bold_noise": BoldNoiseSettings(), "motion": MotionSettings()}
    return scenario.model_copy(update=noise)


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--scenario", default="regions-300")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--plain", action="store_true", help="as the scenario is")
    parser.add_argument("--raw", action="store_true", help="raw scanner EEG of one run instead")
    parser.add_argument("--all", action="store_true", help="all runs of the preset instead")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    scenario = chosen(arguments)
    result: dict[str, object] = {"preset": arguments.preset, "scenario": scenario.name}
    if arguments.raw:
        result |= time_raw(arguments.preset) | {"scenario": "artefacts"}
    elif arguments.all:
        result |= time_all(scenario, arguments.jobs)
    else:
        result |= time_runs(scenario, arguments.runs)
        result["dense FFT route, preset tiny"] = dense_ratio()
    json.dump(result, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
