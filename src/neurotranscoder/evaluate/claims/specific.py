"""What is left in each estimate of a source that only one modality can see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.benchmark.world import World
from neurotranscoder.evaluate.claims.rows import ClaimValue
from neurotranscoder.evaluate.held_out import inside
from neurotranscoder.evaluate.methods.protocol import Method
from neurotranscoder.evaluate.scoring import Scorer
from neurotranscoder.evaluate.truths import Units
from neurotranscoder.signal.correlation import correlate_rows, fisher_mean
from neurotranscoder.simulate.truth import Truth

ESTIMATES = ("source_from_eeg", "source_from_bold", "source_fused")
_OWN = 0.75  # of what is active in a block


@dataclass(frozen=True, slots=True, eq=False)
class SpecificSource:
    """A part of the source in some blocks, and the rest of it there.

    Parameters
    ----------
    name : str
        What rows call it.
    blocks : array of int, shape (rows,)
        Which blocks.
    course : array, shape (rows, frames)
        The part that is looked for.
    rest : array, shape (rows, frames), or None
        What else is active there; None is nothing.
    """

    name: str
    blocks: Int[ndarray, " rows"]
    course: Float[ndarray, "rows frames"]
    rest: Float[ndarray, "rows frames"] | None = None


def partial_correlations(
    estimate: Float[ndarray, "rows frames"],
    course: Float[ndarray, "rows frames"],
    rest: Float[ndarray, "rows frames"] | None,
) -> Float[ndarray, " rows"]:
    """Return r of each row with a course, given the rest; estimates that are constant have 0."""
    known = np.zeros_like(course) if rest is None else rest
    with_course, with_rest, both = (
        np.nan_to_num(correlate_rows(*pair))
        for pair in ((estimate, course), (estimate, known), (course, known))
    )
    scale = np.sqrt((1 - with_rest**2) * (1 - both**2))
    return np.asarray((with_course - with_rest * both) / np.maximum(scale, 1e-12))


def blocks_of(units: Units, chosen: ndarray) -> Int[ndarray, " blocks"]:
    """Return the blocks whose activity is at least three quarters of the chosen units."""
    shares = units.shares
    total = shares.sum(axis=1)
    return np.flatnonzero((total > 0) & (shares[:, chosen].sum(axis=1) >= _OWN * total))


def rhythms_of(truth: Truth, run: AlignedRun) -> tuple[SpecificSource, ...]:
    """Return rhythms of a run, where evoked responses come from the same blocks, and elsewhere."""
    units = Units.of(truth, run.blocks)
    evoked = units.shares @ units.evoked(run.run, run.axis)
    rhythms = truth.block_sources(run.run, run.blocks, run.axis) - evoked
    found = []
    for kind, name in (("mixed", "rhythm beside evoked"), ("oscillatory", "rhythm alone")):
        blocks = blocks_of(units, units.kinds == kind)
        if len(blocks):
            found.append(SpecificSource(name, blocks, rhythms[blocks], evoked[blocks]))
    return tuple(found)


def region_and_others(truth: Truth, run: AlignedRun, region: int) -> tuple[SpecificSource, ...]:
    """Return the sources of a region, and those of all others, each as the whole of its blocks."""
    units = Units.of(truth, run.blocks)
    sources = truth.block_sources(run.run, run.blocks, run.axis)
    own = np.arange(units.shares.shape[1]) == region
    return tuple(
        SpecificSource(name, blocks, sources[blocks])
        for name, chosen in (("hidden region", own), ("other regions", ~own))
        for blocks in [blocks_of(units, chosen)]
    )


def survival(
    world: World, parts: list[tuple[SpecificSource, ...]], name: str, method: Method
) -> Iterator[ClaimValue]:
    """Yield r of each estimate with each specific source, given the rest (Fisher z over blocks).

    Parameters
    ----------
    world : World
        What the method was fitted to.
    parts : list of tuple of SpecificSource
        Of each test run.
    name : str
        What rows call the method.
    method : Method
        Fitted coders, each of which reads one modality.
    """
    for held, of_run in zip(world.test, parts, strict=True):
        run = held.aligned
        prediction = method.predict(run)
        part = inside(1 / run.axis.sfreq, run.axis.n_times, Scorer("").edge)
        for source in of_run:
            rest = None if source.rest is None else source.rest[:, part]
            for quantity in ESTIMATES:
                estimate = getattr(prediction, quantity)
                if estimate is None:
                    continue
                rows = estimate[source.blocks][:, part]
                r = fisher_mean(partial_correlations(rows, source.course[:, part], rest))
                where = f"{quantity}, {source.name}"
                yield ClaimValue("what one modality sees", name, where, r, world.plan.seed)
