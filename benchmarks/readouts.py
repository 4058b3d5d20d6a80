"""How far read-outs can be trusted: they are made blindly, then compared with the simulated truth.

One world is simulated and one model fitted. Printed are the peaks of responses of true regions
beside the true ones; how accurate sources of test runs are where the maps say that both modalities
see, BOLD alone, or neither; and how often a silent block is called seen (scenarios of compact
regions).

    python benchmarks/readouts.py [--scenario realistic] [--geometry-seed 100] [--train-runs 30]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import torch

from neurotranscoder.analyse.identifiability import BOLD_ALONE, BOTH, NEITHER, Identifiability
from neurotranscoder.analyse.transcoder import AnalyseSettings, Readouts, read_out_transcoder
from neurotranscoder.evaluate.benchmark.plan import BenchmarkPlan
from neurotranscoder.evaluate.benchmark.world import World, open_world
from neurotranscoder.evaluate.region_readouts import accuracy_where, region_response_rows
from neurotranscoder.reconstruct.group import estimate_group
from neurotranscoder.train.recipe import fit_transcoder
from neurotranscoder.train.trained import TrainedTranscoder

CLASSES = {NEITHER: "neither", BOLD_ALONE: "bold_alone", BOTH: "both"}
ESTIMATES = ("source_from_eeg", "source_from_bold", "source_fused")


def of_responses(world: World, name: str, trained: TrainedTranscoder) -> dict[str, object]:
    """Return facts about the responses of true regions."""
    rows = region_response_rows(
        world.plan.scenario.name, name, trained, world.truth, world.training, world.validation
    )
    return {
        row.measure: [round(x, 3) for x in (row.value, row.ci_low, row.ci_high) if np.isfinite(x)]
        for row in rows
    }


def of_classes(world: World, trained: TrainedTranscoder, seen: np.ndarray) -> dict[str, object]:
    """Return r with the true source, and number of blocks, for each estimate and class."""
    found = [estimate_group(trained, run.aligned) for run in world.test]
    out: dict[str, object] = {}
    for estimate in ESTIMATES:
        data = [getattr(one, estimate).data for one in found]
        by_class = accuracy_where(data, world.test, seen)
        out[estimate] = {CLASSES[k]: [round(r, 3), n] for k, (r, n) in by_class.items()}
    return out


def of_silent_blocks(world: World, tests: Identifiability) -> dict[str, object]:
    """Return how many blocks tests call seen: active ones, and silent ones by distance (mm)."""
    kinds = world.truth.block_kinds(world.training[0].blocks)
    silent, centres = kinds == "silent", world.training[0].blocks.centres
    if not silent.any():
        return {}
    away = np.array([np.linalg.norm(centres[~silent] - c, axis=1).min() for c in centres])
    out: dict[str, object] = {}
    for low, high in ((0, 13), (13, 18), (18, 30), (30, 200)):
        chosen = silent & (away >= low) & (away < high)
        if chosen.any():
            shares = {
                name: round(float(getattr(tests, name).seen(tests.level)[chosen].mean()), 3)
                for name in ("bold_from_eeg", "sources", "shared_bold")
            }
            out[f"{low}-{high} mm"] = {"n": int(chosen.sum()), **shares}
    active = {
        name: round(float(getattr(tests, name).seen(tests.level)[~silent].mean()), 3)
        for name in ("bold_from_eeg", "sources", "shared_bold")
    }
    return {"active": active, "silent, by distance from the next active block": out}


def of_readouts(readouts: Readouts) -> dict[str, object]:
    """Return what the read-outs say of themselves."""
    found = readouts.agreement
    return {
        "n_regions": readouts.regions.maps.shape[1],
        "agreement_median": round(float(np.nanmedian(found.r.value)), 3),
        "agreement_in_bands": np.round(np.nanmedian(found.in_bands.value, axis=1), 3).tolist(),
        "bold_estimate_later_s": [
            round(x, 3) for x in (found.lag.mean, found.lag.low, found.lag.high)
        ],
        "shrinkage": readouts.responses.shrinkage,
    }


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenario", default="realistic")
    parser.add_argument("--geometry-seed", type=int, default=100)
    parser.add_argument("--train-runs", type=int, default=30)
    parser.add_argument("--test-runs", type=int, default=4)
    parser.add_argument("--architecture", default="closed_form")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    plan = BenchmarkPlan(
        scenarios=(arguments.scenario,),
        geometry_seeds=(arguments.geometry_seed,),
        train_runs=arguments.train_runs,
        test_runs=arguments.test_runs,
    )
    settings = plan.train.model_copy(update={"architecture": arguments.architecture})
    [world_plan] = plan.worlds()
    with (
        tempfile.TemporaryDirectory() as folder,
        open_world(world_plan, plan.align, Path(folder)) as world,
    ):
        trained = fit_transcoder(world.training, world.validation, world_plan.split, settings)
        readouts = read_out_transcoder(
            trained, world.training, world.validation, AnalyseSettings()
        )
        found = {
            "world": world_plan.name,
            "architecture": arguments.architecture,
            "responses": of_responses(world, arguments.architecture, trained),
            "accuracy": of_classes(world, trained, readouts.identifiability.seen),
            "seen": of_silent_blocks(world, readouts.identifiability),
            "readouts": of_readouts(readouts),
        }
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
