"""What it costs, and brings, to regress estimated motion out of BOLD that was realigned.

    python benchmarks/motion_confounds.py --seeds 1 2 --displacements 0 0.08 0.3

Simulates a run of ``oddball-paper`` in native space (voxels of 6 mm), whose head lies still or
moves with spin history, by resampling, at a median framewise displacement in mm. Slice timing,
estimated motion and realignment are those of the chain; then change slower than 100 s is taken
out, alone or with columns. Prints a table of means over seeds: r over time with what the voxels
hold without noise (less its slow change), mean over voxels; in brackets the share of that
variance which is left when the same columns are regressed out of it. ``white``: noise in the place
of motion, what the number of columns alone costs.
"""

from __future__ import annotations

import argparse

import numpy as np
from experiment_worlds import experiment_scenario
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.recording import Bold
from neurotranscoder.physics.head import build_head
from neurotranscoder.preprocess.confounds import (
    MOTION_CONFOUNDS,
    CleanSettings,
    Confounds,
    clean_run,
    confounds_of,
)
from neurotranscoder.preprocess.motion import HeadMotion, estimate_motion, still_head
from neurotranscoder.preprocess.resample import resample_once
from neurotranscoder.signal.correlation import correlate_rows
from neurotranscoder.signal.slice_timing import correct_slice_timing
from neurotranscoder.simulate.bold_run import BoldRun
from neurotranscoder.simulate.cohort import make_cohort
from neurotranscoder.simulate.draw import draw_events, draw_sources

NATIVE = {"t1_size": 2.0, "shift": 8.0, "turn": 6.0}
WAYS = {"none": 0, "6 of motion": 6, "12 of motion": 12, "12 white": 12}


def simulated(seed: int, displacement: float) -> BoldRun:
    """Return a run of a head in its own space, still where the displacement is 0."""
    moving = {"motion": {"fd_median": displacement, "method": "resample"}} if displacement else {}
    head = {"channels": ("Fz", "Cz", "Pz", "Oz")}  # EEG is not looked at
    scenario = experiment_scenario(
        "oddball-paper", preset="small", subjects=1, runs=1,
        seed=seed, native=NATIVE, eeg_rate=100.0, scanner=None, head=head, **moving,
    )  # fmt: skip
    cohort = make_cohort(scenario, build_head(scenario.head))
    drawn = draw_sources(cohort, draw_events(scenario, 0, 0), 0, 0)
    return BoldRun(cohort, drawn.hemodynamic, (0, 0))


def scores(run: BoldRun) -> tuple[float, dict[str, tuple[float, float]]]:
    """Return the mean framewise displacement that is found, and r and what is left by ways."""
    recorded = run.record()
    motion = estimate_motion(recorded.data, recorded.grid, recorded.mask)
    seen = realigned(recorded, recorded.data, motion)
    still = still_head(recorded.volumes.n_volumes, recorded.grid)
    true = realigned(recorded, run.signal(), still)
    known = confounds_of(motion, seen, recorded.mask)
    noise = np.random.default_rng(0).standard_normal((len(known.values), 12))
    white = Confounds(MOTION_CONFOUNDS, noise)
    target = cleaned(recorded, true, known, 0)
    found = {}
    for way, count in WAYS.items():
        table = white if "white" in way else known
        left = cleaned(recorded, true, table, count)
        share = float(left.var(axis=1).sum() / target.var(axis=1).sum())
        found[way] = mean_r(cleaned(recorded, seen, table, count), target), share
    return float(np.nanmean(motion.framewise_displacement)), found


def realigned(
    recorded: Bold, data: Float[ndarray, "x y z volumes"], motion: HeadMotion
) -> Float[ndarray, "x y z volumes"]:
    """Return images at one moment, each looked up where the head then was; 0 outside the brain."""
    corrected, _ = correct_slice_timing(data, recorded.volumes)
    points = recorded.grid.world(np.argwhere(recorded.mask))
    out = np.zeros(data.shape, dtype=np.float32)
    out[recorded.mask] = np.nan_to_num(resample_once(corrected, recorded.grid, motion, points))
    return out


def cleaned(
    recorded: Bold, data: Float[ndarray, "x y z volumes"], table: Confounds, count: int
) -> Float[ndarray, "voxels volumes"]:
    """Return the voxels of the brain without slow change and the first columns of a table."""
    settings = CleanSettings(confounds=MOTION_CONFOUNDS[:count])
    tr = recorded.volumes.tr
    kept = clean_run(
        data, recorded.grid, recorded.mask, tr=tr, confounds=table, settings=settings
    )[recorded.mask].astype(np.float64)
    return np.asarray(kept - kept.mean(axis=1, keepdims=True))


def mean_r(
    one: Float[ndarray, "voxels volumes"], other: Float[ndarray, "voxels volumes"]
) -> float:
    """Return r over time, mean over the voxels that have activity."""
    active = other.std(axis=1) > 0.1 * other.std(axis=1).max()
    return float(np.mean(correlate_rows(one[active], other[active])))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--displacements", type=float, nargs="+", default=[0.0, 0.08, 0.3])
    given = parser.parse_args()
    print(f"| median displacement, mm | found, mean | {' | '.join(WAYS)} |")
    print("|" + "---|" * (2 + len(WAYS)))
    for size in given.displacements:
        each = [scores(simulated(seed, size)) for seed in given.seeds]
        cells = [
            f"{np.mean([one[way][0] for _, one in each]):.3f} "
            f"({np.mean([one[way][1] for _, one in each]):.2f})"
            for way in WAYS
        ]
        shown = np.mean([moved for moved, _ in each])
        print(f"| {size:g} | {shown:.3f} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
