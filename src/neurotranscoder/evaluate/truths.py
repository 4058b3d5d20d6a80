"""What the truth says about runs: sources, and the brains that they are of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.axes import TimeAxis
from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.core.recording import RunId
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.held_out import HeldOut
from neurotranscoder.evaluate.point_spread import RegionTruth
from neurotranscoder.simulate.cohort import Subject
from neurotranscoder.simulate.shared_sources import (
    evoked_block_sources,
    evoked_region_sources,
    is_coupled_by_power,
    shared_block_sources,
    shared_region_sources,
)
from neurotranscoder.simulate.sources import MANY_REGIONS
from neurotranscoder.simulate.truth import Truth


def with_truth(runs: Sequence[AlignedRun], truth: Truth | None) -> list[HeldOut]:
    """Put the true sources beside runs, where they are known.

    Where BOLD follows the power of rhythms, that power is the truth (`shared_block_sources`).
    """
    if truth is None:
        return [HeldOut(run) for run in runs]
    kinds = truth.block_kinds(runs[0].blocks)
    return [
        HeldOut(run, shared_block_sources(truth, run.run, run.blocks, run.axis), kinds)
        for run in runs
    ]


def with_details(runs: Sequence[HeldOut], truth: Truth | None) -> list[HeldOut]:
    """Put what measures of maps and waveforms need beside runs that are scored."""
    if truth is None or not runs:
        return list(runs)
    units = Units.of(truth, runs[0].aligned.blocks)
    regions = _regions_of(runs, units) if units.can_be_mapped else [None] * len(runs)
    by_power = is_coupled_by_power(truth)
    return [
        replace(
            held,
            regions=region,
            waveforms=truth.block_sources(run.run, run.blocks, run.axis) if by_power else None,
        )
        for held, region in zip(runs, regions, strict=True)
        for run in [held.aligned]
    ]


def _regions_of(runs: Sequence[HeldOut], units: Units) -> list[RegionTruth]:
    """Return the true regions of each run."""
    shares, kinds = units.shares, units.kinds
    alone = units.are_independent
    return [
        RegionTruth(units.sources(run.aligned.run, run.aligned.axis), shares, kinds, alone)
        for run in runs
    ]


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """The sources that can be told apart at the resolution of blocks.

    They are the regions of a scenario, or the blocks themselves where it has more regions than
    anybody could hold (every voxel its own).

    Parameters
    ----------
    truth : Truth
        Of the study.
    blocks : BlockMap
        Blocks on its grid.
    are_regions : bool
        What the units are.
    """

    truth: Truth
    blocks: BlockMap
    are_regions: bool

    @classmethod
    def of(cls, truth: Truth, blocks: BlockMap) -> Units:
        """Return the units of a study."""
        return cls(truth, blocks, truth.regions.n_regions <= MANY_REGIONS)

    @property
    def shares(self) -> Float[ndarray, "blocks units"]:
        """The matrix that averages units over the voxels of each block."""
        return self.truth.block_shares(self.blocks) if self.are_regions else self._every_block

    @property
    def are_independent(self) -> bool:
        """Whether no unit tells anything about another: trains at random, nothing linked."""
        scenario = self.truth.cohort.scenario
        regions = scenario.regions
        at_random = regions.timing == "spontaneous" and not regions.activations
        return at_random and scenario.network is None

    @property
    def can_be_mapped(self) -> bool:
        """Whether the map of each unit can be told from those of others in a run."""
        return self.are_regions or self.are_independent

    @property
    def kinds(self) -> ndarray:
        """'evoked', 'oscillatory' or 'mixed' for each unit; blocks may be 'silent'."""
        if self.are_regions:
            return np.asarray(self.truth.regions.kinds)
        return self.truth.block_kinds(self.blocks)

    @property
    def names(self) -> tuple[str, ...]:
        """What each unit is called."""
        if self.are_regions:
            kinds = self.truth.regions.kinds
            return tuple(f"region {number} ({kind})" for number, kind in enumerate(kinds))
        return tuple(f"block {number}" for number in range(self.blocks.n_blocks))

    def leadfield(self, subject: Subject) -> Float[ndarray, "channels units"]:
        """Return the potential of a unit moment in every voxel of a unit, in V/(A m)."""
        if self.are_regions:
            return subject.leadfield
        return self.truth.block_leadfield(self.blocks, subject)

    def strengths(self, subject: Subject) -> Float[ndarray, " units"]:
        """Return the sources of each unit relative to those of other brains."""
        return subject.strengths if self.are_regions else np.ones(self.blocks.n_blocks)

    def sources(self, run: RunId, axis: TimeAxis) -> Float[ndarray, "units frames"]:
        """Return the true source of each unit, as scores have it, averaged over frames."""
        if self.are_regions:
            return shared_region_sources(self.truth, run, axis)
        return shared_block_sources(self.truth, run, self.blocks, axis)

    def potentials(self, run: RunId, axis: TimeAxis) -> Float[ndarray, "units frames"]:
        """Return P = X * d of each unit, which the EEG sees, averaged over frames."""
        if self.are_regions:
            return self.truth.region_sources(run, axis)
        return self.truth.block_sources(run, self.blocks, axis)

    def evoked(self, run: RunId, axis: TimeAxis) -> Float[ndarray, "units frames"]:
        """Return `potentials` without rhythms."""
        if self.are_regions:
            return evoked_region_sources(self.truth, run, axis)
        return evoked_block_sources(self.truth, run, self.blocks, axis)

    @property
    def _every_block(self) -> Float[ndarray, "blocks blocks"]:
        """One unit in each block."""
        return np.eye(self.blocks.n_blocks)


def brains_of(truth: Truth, runs: Iterable[RunId]) -> tuple[Subject, ...]:
    """Return the different brains of runs: one where subjects do not differ."""
    return tuple(dict.fromkeys(truth.subject(run) for run in runs))


def true_response(
    truth: Truth, subject: Subject, times: Float[ndarray, " lags"]
) -> Float[ndarray, " lags"]:
    """Return h of a subject as a transcoder can know it: advanced by the delay of d.

    A transcoder sees P = X * d and never X; its response leads from P to BOLD.
    """
    return np.asarray(truth.hrf(times + truth.evoked.delay, subject))


def mean_true_response(
    truth: Truth, subjects: Sequence[Subject], times: Float[ndarray, " lags"]
) -> Float[ndarray, " lags"]:
    """Return the mean of `true_response` over subjects."""
    return np.asarray(np.mean([true_response(truth, one, times) for one in subjects], axis=0))
