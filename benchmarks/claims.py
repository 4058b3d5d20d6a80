"""The paper's claims, measured: one line for each number, with its 95 % interval over runs.

    python benchmarks/claims.py OUT [--seeds 100 101] [--methods closed_form sparse]

Prints a table (TSV) and writes it to OUT/claims.tsv; what the numbers are is said in
docs/benchmark.md. With --network-steps the paper's network and its two autoencoders (the same
coders without the transcoding losses) are trained on the noisy world as well, for as many steps.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np

from neurotranscoder.evaluate.benchmark.entrants import Chosen
from neurotranscoder.evaluate.benchmark.plan import make_plan
from neurotranscoder.evaluate.benchmark.run import run_benchmark
from neurotranscoder.evaluate.benchmark.world import World, open_world
from neurotranscoder.evaluate.claims.autoencoders import NetworkAutoencoders, PcaAutoencoders
from neurotranscoder.evaluate.claims.noise import estimated_shares, measured_shares
from neurotranscoder.evaluate.claims.paired import paired_differences, peak_errors
from neurotranscoder.evaluate.claims.rows import ClaimRow, ClaimValue, claim_rows
from neurotranscoder.evaluate.claims.scenarios import (
    fast_scenario,
    independent_scenario,
    noisy_scenario,
)
from neurotranscoder.evaluate.claims.separation import crosstalks
from neurotranscoder.evaluate.claims.specific import region_and_others, rhythms_of, survival
from neurotranscoder.evaluate.claims.worlds import (
    MODALITY,
    hidden_from_eeg,
    least_seen,
    runs_without,
    world_plan,
)
from neurotranscoder.evaluate.methods.protocol import Method
from neurotranscoder.evaluate.methods.transcoders import TranscoderMethod
from neurotranscoder.evaluate.table import write_rows
from neurotranscoder.physics.head import build_head
from neurotranscoder.preprocess.align import AlignSettings
from neurotranscoder.simulate.cohort import make_cohort
from neurotranscoder.train.settings import TrainSettings

MINIMUM_NORM = "minimum_norm_true_leadfield"


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is simulated and trained."""

    preset: str = "small"
    seeds: tuple[int, ...] = (100,)
    train_runs: int = 10
    test_runs: int = 4
    duration: float = 400.0
    methods: tuple[str, ...] = ("closed_form", "sparse")
    network_steps: int = 0
    block_size: float = 12.0

    @property
    def counts(self) -> tuple[int, int, int]:
        """Training, validation and test runs; two train no method, they choose."""
        return self.train_runs - 2, 2, self.test_runs

    @property
    def align(self) -> AlignSettings:
        """The group resolution."""
        return AlignSettings(block_size=self.block_size)

    def settings(self, architecture: str) -> TrainSettings:
        """Return settings of an architecture; networks have the steps that were asked for."""
        base = TrainSettings.model_validate({"architecture": architecture})
        steps = self.network_steps or base.paper.steps
        every = {"steps": steps, "validate_every": max(1, steps // 10), "checkpoint_every": steps}
        return base.model_copy(update={"paper": base.paper.model_copy(update=every)})


def fitted(world: World, effort: Effort) -> Iterator[tuple[str, TranscoderMethod]]:
    """Yield each transcoder, fitted."""
    for name in effort.methods:
        method = TranscoderMethod(effort.settings(name))
        method.fit(world.training, world.validation)
        yield name, method


def beside(world: World, effort: Effort, width: int) -> Iterator[tuple[str, Method]]:
    """Yield coders without cross losses, and the paper's network where it was asked for."""
    others: dict[str, Method] = {"pca_autoencoders": PcaAutoencoders(width)}
    if effort.network_steps:
        paper = effort.settings("paper")
        others["paper"] = TranscoderMethod(paper)
        others["paper_autoencoders"] = NetworkAutoencoders(paper.paper)
    for name, method in others.items():
        method.fit(world.training, world.validation)
        yield name, method


def noise(effort: Effort, seed: int, out: Path) -> Iterator[ClaimValue]:
    """Yield shares of each noise before and after the coders, and what these coders mix."""
    scenario = noisy_scenario(effort.preset, seed=seed, duration=effort.duration)
    plan = world_plan(scenario, *effort.counts)
    with open_world(plan, effort.align, out) as world:
        clean = {noise: runs_without(world, noise, effort.align) for noise in MODALITY}
        yield from measured_shares(world, clean)
        width = len(world.training[0].eeg)
        for name, method in fitted(world, effort):
            shape = method.trained.shape
            width = width if shape is None else shape.n_components
            yield from separation(name, method, seed)
            yield from estimated_shares(world, clean, name, method)
        for name, other in beside(world, effort, width):
            yield from estimated_shares(world, clean, name, other)


def separation(name: str, method: TranscoderMethod, seed: int) -> Iterator[ClaimValue]:
    """Yield how far each coder mixes what it must not mix."""
    trained = method.trained
    sizes = len(trained.montage.names), trained.blocks.n_blocks
    found = crosstalks(trained.module, *sizes, np.random.default_rng(seed))
    for coder, value in found.items():
        yield ClaimValue("crosstalk", name, coder, value, seed)


def specific(effort: Effort, seed: int, out: Path) -> Iterator[ClaimValue]:
    """Yield what is left of rhythms that BOLD does not follow, and of a region hidden from EEG."""
    scenario = fast_scenario(effort.preset, seed=seed, duration=effort.duration)
    with open_world(world_plan(scenario, *effort.counts), effort.align, out) as world:
        rhythms = [rhythms_of(world.truth, held.aligned) for held in world.test]
        for name, method in fitted(world, effort):
            yield from survival(world, rhythms, name, method)
    scenario = independent_scenario(effort.preset, seed=seed, duration=effort.duration)
    plan = world_plan(scenario, *effort.counts)
    cohort = make_cohort(plan.scenario, build_head(plan.scenario.head))
    region = least_seen(cohort)
    hidden = hidden_from_eeg(cohort, region)
    with open_world(plan, effort.align, out, cohort=hidden) as world:
        parts = [region_and_others(world.truth, held.aligned, region) for held in world.test]
        for name, method in fitted(world, effort):
            yield from survival(world, parts, name, method)


def scores(effort: Effort, out: Path) -> Iterator[ClaimValue]:
    """Yield differences to minimum norm with the true leadfield, and errors of HRF peaks."""
    plan = make_plan(
        {
            "scenarios": ("interleave5-snr10",),
            "preset": effort.preset,
            "geometry_seeds": effort.seeds,
            "train_runs": effort.train_runs,
            "validation_runs": 2,
            "test_runs": effort.test_runs,
            "duration": effort.duration,
            "align": effort.align,
        }
    )
    chosen = Chosen(plan, (*effort.methods, MINIMUM_NORM))
    tables = run_benchmark(plan, out, chosen).tables
    for name in effort.methods:
        yield from paired_differences(tables.runs, name, MINIMUM_NORM)
    yield from peak_errors(tables.measures)


def claims(effort: Effort, out: Path) -> tuple[ClaimRow, ...]:
    """Return all rows."""
    values: list[ClaimValue] = []
    for seed in effort.seeds:
        for claim in (noise, specific):
            print(f"seed {seed}: {claim.__name__}", file=sys.stderr, flush=True)
            values += claim(effort, seed, out / "scratch")
    values += scores(effort, out / "benchmark")
    return claim_rows(values)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--preset", default="small")
    parser.add_argument("--seeds", type=int, nargs="+", default=[100])
    parser.add_argument("--train-runs", type=int, default=10)
    parser.add_argument("--test-runs", type=int, default=4)
    parser.add_argument("--duration", type=float, default=400.0)
    parser.add_argument("--methods", nargs="+", default=["closed_form", "sparse"])
    parser.add_argument("--network-steps", type=int, default=0)
    parser.add_argument("--block-size", type=float, default=12.0)
    options = vars(parser.parse_args())
    out = options.pop("out")
    rows = claims(
        Effort(**{k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}), out
    )
    write_rows(out / "claims.tsv", rows)
    print("\t".join(field.name for field in fields(ClaimRow)))
    for row in rows:
        print("\t".join(f"{x:.4g}" if isinstance(x, float) else str(x) for x in astuple(row)))


if __name__ == "__main__":
    main()
