"""Time what one live frame of EEG takes until its sources are there.

Prints one line of JSON: python benchmarks/live.py --model OUT/models/transcoder

``blocks_ms`` is from a package of raw samples, 10 ms of them, to the sources on the blocks of the
group model, cleaning included; ``voxels_ms`` to 48,159 voxels by maps times a linear decoder, of
random numbers. Frames are pushed one after the other without waiting, on one thread. Without
``--model``, sparse sources of the paper's size stand in: 1,148 blocks, 64 channels, 40 components
of two states, of random numbers: how long a frame takes does not depend on them. ``subject_ms`` is
to the same voxels by the coder of a subject of that size (smoothing by earlier frames, sparse
sources, maps), again of random numbers.

Scores are those of a tiny simulated subject in a run that nothing was fitted on: r over the whole
run in active voxels. ``r_whole`` is of the movie, whose smoothing looks ahead; ``r_causal`` of the
one that does not; ``r_live`` of samples that were pushed one package after the other;
``r_live_late`` of these when their known delay, ``delay_ms``, is allowed for.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from neurotranscoder.core.axes import Montage, TimeAxis, VoxelGrid
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.evaluate.subject_scores import SubjectTruth, score_movies
from neurotranscoder.live.frames import CausalFrames
from neurotranscoder.live.sources import FrameCoder, GroupCoder, LiveSources, VoxelCoder
from neurotranscoder.live.subject import CausalCourses
from neurotranscoder.model.sparse import SparseSources
from neurotranscoder.physics.head import build_head
from neurotranscoder.preprocess.align import AlignSettings, align, common_blocks
from neurotranscoder.reconstruct.subject import subject_movie
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.cohort import make_cohort
from neurotranscoder.simulate.run import simulate_run_of
from neurotranscoder.simulate.truth import truth_of
from neurotranscoder.train.recipe import fit_transcoder
from neurotranscoder.train.settings import TrainSettings
from neurotranscoder.train.split import Split
from neurotranscoder.train.subject import SubjectSettings, fit_subject
from neurotranscoder.train.subject_coder import SubjectCoder
from neurotranscoder.train.trained import load_trained
from neurotranscoder.train.trained_subject import TrainedSubject

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


def subject_stand_in(rng: np.random.Generator) -> TrainedSubject:
    """Return a subject of the paper's size, of random numbers."""
    leadfield = rng.standard_normal((N_CHANNELS, N_COMPONENTS))
    prior = np.tile([0.9, 0.1], (N_COMPONENTS, 1))
    means, variances = np.zeros_like(prior), np.tile([0.01, 1.0], (N_COMPONENTS, 1))
    sparse = SparseSources(leadfield, np.eye(N_CHANNELS), prior, means, variances)
    return TrainedSubject(
        maps=rng.standard_normal((N_VOXELS, N_COMPONENTS), dtype=np.float32),
        grid=VoxelGrid((N_VOXELS, 1, 1), np.eye(4)),
        mask=np.ones((N_VOXELS, 1, 1), dtype=bool),
        coder=SubjectCoder(0.05, sparse),
        rate=RATE,
        montage=Montage(tuple(f"E{number}" for number in range(N_CHANNELS))),
        eeg_scale=1.0,
        group="",
        runs=(),
        choices=(),
        settings={},
    )


def scores(seed: int) -> dict[str, float]:
    """Return how near live sources of a tiny simulated subject are to the truth."""
    scenario = named_scenario(
        "cohort", preset="tiny", n_subjects=1, runs_per_subject=5, test_runs=1, seed=seed
    )
    cohort = make_cohort(scenario, build_head(scenario.head))
    made = [simulate_run_of(cohort, 0, number) for number in range(5)]
    recordings = [one.recording for one in made]
    setting = AlignSettings()
    blocks = common_blocks((one.bold for one in recordings), setting)
    aligned = [align(one, blocks, setting) for one in recordings[:4]]
    labels = [one.run.label for one in recordings]
    group = fit_transcoder(
        aligned[:3],
        aligned[3:],
        Split(tuple(labels[:3]), tuple(labels[3:4]), tuple(labels[4:])),
        TrainSettings(architecture="sparse"),
        device="cpu",
    )
    trained = fit_subject(recordings[:4], group, SubjectSettings())
    run, truth = recordings[4], truth_of(cohort, made)

    def r(movie: SourceMovie, late: float = 0.0) -> float:
        axis = replace(movie.axis, start=movie.axis.start - late)
        known = SubjectTruth(truth, (run.run,), (axis,), trained.mask)
        return round(score_movies([movie], known).r_continuous, 3)

    whole = subject_movie(trained, run)
    causal = subject_movie(replace(trained, coder=replace(trained.coder, causal=True)), run)
    courses = CausalCourses(trained)
    frames = CausalFrames(len(run.eeg.data), run.eeg.sfreq, rate=trained.rate)
    live, sfreq = LiveSources(frames, courses), run.eeg.sfreq
    start = float(run.clock.scanner_times(1, sfreq)[0]) - 0.5 / sfreq
    step = round(sfreq / RATE)
    packages = np.split(run.eeg.data, range(step, run.eeg.data.shape[1], step), axis=1)
    found = np.stack([one for part in packages for one in live.push(part)], axis=1)
    first = int(np.ceil(-min(start, 0.0) * trained.rate)) + 1  # as the truth begins with the scan
    last = first + whole.axis.n_times - 2
    axis = TimeAxis(start + (first + 0.5) / trained.rate, trained.rate, last - first)
    kept = np.ascontiguousarray(found[:, first:last], dtype=np.float32)
    movie = replace(whole, courses=kept, axis=axis)
    return {
        "r_whole": r(whole),
        "r_causal": r(causal),
        "r_live": r(movie),
        "r_live_late": r(movie, courses.delay),
        "delay_ms": round(1e3 * courses.delay, 1),
    }


def main() -> None:
    """Print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--frames", type=int, default=3000)
    parser.add_argument("--sfreq", type=float, default=1000.0)
    parser.add_argument("--seed", type=int, default=100, help="of the world that is scored")
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
        subject = subject_stand_in(rng)
        packages = [rng.standard_normal((N_CHANNELS, n_samples)) for _ in packages]
        fine = VoxelCoder(subject.maps, CausalCourses(subject))
        result |= milliseconds("subject", fine, packages, options.sfreq)
        result |= scores(options.seed)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
