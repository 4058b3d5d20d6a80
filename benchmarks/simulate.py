"""Time, memory and shares of the stages of one simulated run at the paper's full size.

The dense route (X on a grid of samples, convolved by FFT, all voxels) does not fit at full size;
it is timed at the size of the preset 'tiny' beside ours, on the same sources.

    python benchmarks/simulate.py [--preset paper] [--scenario regions-300] [--runs 3]
    python benchmarks/simulate.py --raw [--preset paper]    # raw EEG of a scanner, 5 kHz, 600 s
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable

import numpy as np
from scipy.signal import fftconvolve

from neurotranscoder.physics.head import Head, build_head
from neurotranscoder.physics.hrf import hrf_kernel
from neurotranscoder.simulate import run as run_module
from neurotranscoder.simulate.bold import bold_signal
from neurotranscoder.simulate.bold_noise import BoldNoiseSettings
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.cohort import make_cohort
from neurotranscoder.simulate.draw import draw_events, draw_sources
from neurotranscoder.simulate.motion import MotionSettings
from neurotranscoder.simulate.scenario import Scenario

RAW_STAGES = (
    "long_eeg_signal",
    "add_eeg_noise",
    "add_eyes_and_heart",
    "add_scanner_artefacts",
    "record_ecg",
)
STAGES = ("draw_sources", "_record_eeg", "BoldRun")


def timed(function: Callable[..., object], seconds: dict[str, float], name: str) -> Callable:
    """Return a function that adds the time it takes to a table."""

    def work(*args: object, **kwargs: object) -> object:
        start = time.perf_counter()
        result = function(*args, **kwargs)
        seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - start
        return result

    return work


def head_from_elsewhere(scenario: Scenario) -> Head:
    """Return a head whose building does not count as memory of this process."""
    builder = multiprocessing.get_context("spawn").Process(
        target=build_head, args=(scenario.head,)
    )
    builder.start()
    builder.join()
    return build_head(scenario.head)


def peak_gb() -> float:
    """Return the largest memory of this process so far."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2)


def time_runs(scenario: Scenario, n_runs: int) -> dict[str, object]:
    """Return seconds per run, shares of the stages, and peak memory."""
    start = time.perf_counter()
    head = head_from_elsewhere(scenario)
    head_seconds = time.perf_counter() - start
    cohort = make_cohort(scenario, head)
    stages: dict[str, float] = {}
    for name in STAGES:
        setattr(run_module, name, timed(getattr(run_module, name), stages, name))
    per_run = []
    for number in range(n_runs):
        start = time.perf_counter()
        run_module.simulate_run_of(cohort, 0, number)
        per_run.append(time.perf_counter() - start)
    return {
        "voxels": head.n_voxels,
        "head_seconds": round(head_seconds, 1),
        "seconds_per_run": [round(seconds, 2) for seconds in per_run],
        "share": {name.lstrip("_"): round(s / sum(per_run), 3) for name, s in stages.items()},
        "peak_gb": peak_gb(),
    }


def time_raw(preset: str) -> dict[str, object]:
    """Return seconds and memory of the raw 5 kHz EEG of one run, BOLD left out."""
    scenario = named_scenario("artefacts", preset=preset, duration=600.0)
    cohort = make_cohort(scenario, head_from_elsewhere(scenario))
    sources = draw_sources(cohort, draw_events(scenario, 0, 0), 0, 0).electric
    clock, n_times = run_module.draw_clock(scenario, 0, 0)
    stages: dict[str, float] = {}
    for name in RAW_STAGES:
        setattr(run_module, name, timed(getattr(run_module, name), stages, name))
    before, start = peak_gb(), time.perf_counter()
    eeg = run_module._record_eeg(cohort, sources, clock, n_times, (0, 0))
    seconds = time.perf_counter() - start
    return {
        "channels": len(eeg.all_names),
        "samples": n_times,
        "seconds_eeg": round(seconds, 2),
        "seconds_artefacts": round(stages["add_scanner_artefacts"] + stages["record_ecg"], 2),
        "seconds_by_stage": {name: round(each, 2) for name, each in stages.items()},
        "eeg_gb": round(eeg.data.nbytes / 1e9, 2),
        "peak_gb_before": before,
        "peak_gb": peak_gb(),
    }


def dense_ratio() -> dict[str, float]:
    """Return how long BOLD takes by dense FFT convolution over ours, at the size of 'tiny'."""
    scenario = named_scenario("sequential-noisefree", preset="tiny")
    cohort = make_cohort(scenario, build_head(scenario.head))
    sources = run_module.simulate_run_of(cohort, 0, 0).sources
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


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--scenario", default="regions-300")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--plain", action="store_true", help="white noise alone, no motion")
    parser.add_argument("--raw", action="store_true", help="raw scanner EEG of one run instead")
    arguments = parser.parse_args()
    if arguments.raw:
        json.dump({"preset": arguments.preset} | time_raw(arguments.preset), sys.stdout, indent=2)
        print()
        return
    scenario = named_scenario(arguments.scenario, preset=arguments.preset)
    if not arguments.plain:
        noise = {"bold_noise": BoldNoiseSettings(), "motion": MotionSettings()}
        scenario = scenario.model_copy(update=noise)
    result = {"preset": arguments.preset, "scenario": scenario.name}
    result |= time_runs(scenario, arguments.runs)
    result["dense FFT route, preset tiny"] = dense_ratio()
    json.dump(result, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
