"""Sources as EEG and BOLD have them in common: what scores take for the truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.axes import TimeAxis
from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.core.recording import RunId
from neurotranscoder.simulate.sources import RunSources
from neurotranscoder.simulate.truth import Truth
from neurotranscoder.simulate.waves import sum_of_waves


def is_coupled_by_power(truth: Truth) -> bool:
    """Return whether BOLD follows the power of rhythms, so that their waveform is EEG's alone."""
    scenario = truth.cohort.scenario
    return scenario.coupling.mode == "power" and scenario.regions.has_rhythms


def shared_region_sources(
    truth: Truth, run: RunId, axis: TimeAxis
) -> Float[ndarray, "regions frames"]:
    """Return P = X * d of each region, rhythms by their power where BOLD follows that.

    With coupling by power a rhythm ``A(t) c(t)`` is ``g (A(t - s)^2 - mean)``: what BOLD follows
    of it, with its sign (g is below 0 where BOLD falls), at the delay s of the evoked response as
    P has it. Evoked responses, and all sources with linear coupling, are P.

    Parameters
    ----------
    truth : Truth
        Of the study.
    run : RunId
        Which run.
    axis : TimeAxis
        Centres of frames that are ``1 / axis.sfreq`` s wide.
    """
    if not is_coupled_by_power(truth):
        return truth.region_sources(run, axis)
    out = evoked_region_sources(truth, run, axis)
    which, powers = _powers(truth, run, axis)
    out[which] += powers
    return out


def evoked_region_sources(
    truth: Truth, run: RunId, axis: TimeAxis
) -> Float[ndarray, "regions frames"]:
    """Return P = X * d of each region without its rhythm; arguments as above."""
    kernel = truth.evoked_kernel.averaged(1 / axis.sfreq)
    return _without_rhythms(truth.sources(run)).respond(kernel, axis.times)


def shared_block_sources(
    truth: Truth, run: RunId, blocks: BlockMap, axis: TimeAxis
) -> Float[ndarray, "blocks frames"]:
    """Return `shared_region_sources` averaged over the brain voxels of each block.

    Parameters
    ----------
    truth, run, axis
        As there.
    blocks : BlockMap
        Blocks on the grid of the truth.
    """
    if not is_coupled_by_power(truth):
        return truth.block_sources(run, blocks, axis)
    which, powers = _powers(truth, run, axis)
    evoked = evoked_block_sources(truth, run, blocks, axis)
    return np.asarray(evoked + truth.sparse_shares(blocks)[:, which] @ powers)


def evoked_block_sources(
    truth: Truth, run: RunId, blocks: BlockMap, axis: TimeAxis
) -> Float[ndarray, "blocks frames"]:
    """Return `evoked_region_sources` averaged over the brain voxels of each block."""
    kernel = truth.evoked_kernel.averaged(1 / axis.sfreq)
    evoked = _without_rhythms(truth.sources(run))
    return evoked.respond_mixed(truth.sparse_shares(blocks), kernel, axis.times)


def _without_rhythms(sources: RunSources) -> RunSources:
    """Return the impulses alone."""
    return replace(
        sources, rhythm_region=sources.rhythm_region[:0], waves=np.empty_like(sources.waves[:0])
    )


def _powers(truth: Truth, run: RunId, axis: TimeAxis) -> tuple[ndarray, ndarray]:
    """Return regions with a rhythm, and what BOLD follows of it, shape (rhythms, frames)."""
    followed = truth.drawn(run).hemodynamic
    frequencies = followed.frequencies
    averaged = followed.waves * np.sinc(frequencies / axis.sfreq)
    times = axis.times - truth.evoked.delay
    return followed.rhythm_region, sum_of_waves(averaged, frequencies, times)
