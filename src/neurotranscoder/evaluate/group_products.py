"""What a group model gives at finer sampling, against the truth at that sampling (paper 4.3.3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Float32
from numpy import ndarray

from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.recording import Recording, RunId
from neurotranscoder.evaluate.point_spread import (
    RegionMaps,
    RegionTruth,
    localisation_errors,
    spreads,
)
from neurotranscoder.evaluate.subject_estimates import continuous_r
from neurotranscoder.preprocess.align import blocks_at_frames, slice_cells
from neurotranscoder.reconstruct.fast import fast_source_of_eeg
from neurotranscoder.reconstruct.fine import voxel_source_of_bold
from neurotranscoder.reconstruct.group import source_of_bold
from neurotranscoder.simulate.truth import Truth
from neurotranscoder.train.subject import at_voxels
from neurotranscoder.train.trained import TrainedTranscoder

PAIRS = (
    ("group_eeg_fine", "group_eeg_interpolated"),
    ("group_bold_fine", "group_bold_interpolated"),
)
"""Names of each finer estimate, and of that made in blocks at the group rate and interpolated."""

_LEAST_POWER = 0.01


@dataclass(frozen=True, slots=True)
class ProductScores:
    """How near an estimate over whole runs is to the truth at its own places and frames.

    Parameters
    ----------
    r : float
        r over time, mean over active places.
    leakage : float
        Share of its energy in the others: places whose true sources have less than 1 % of the
        power of the strongest place.
    spread : float
        Median over regions of the spatial dispersion of their maps, in mm.
    localisation : float
        Median over regions of the distance of the peaks of their maps from their centres, in mm.
    """

    r: float
    leakage: float
    spread: float
    localisation: float


def score_products(
    group: TrainedTranscoder,
    truth: Truth,
    recordings: Sequence[Recording],
    *,
    rate: float,
) -> Iterator[tuple[str, ProductScores]]:
    """Yield the scores of each finer estimate and of the interpolated one beside it.

    Parameters
    ----------
    group : TrainedTranscoder
        With coders that act on finer signals.
    truth : Truth
        Of these runs.
    recordings : sequence of Recording
        Runs of one subject; scores are means over them.
    rate : float
        Frames per second of the estimate from EEG.
    """
    blocks = group.blocks
    voxels = BlockMap.from_mask(
        recordings[0].bold.grid, recordings[0].bold.mask, factors=(1, 1, 1), min_share=1.0
    )
    for (fine, coarse), places, both in (
        (PAIRS[0], blocks, [_from_eeg(group, one, rate) for one in recordings]),
        (PAIRS[1], voxels, [_from_bold(group, one, voxels) for one in recordings]),
    ):
        runs = [one.run for one in recordings]
        for name, movies in zip((fine, coarse), zip(*both, strict=True), strict=True):
            yield name, _mean_score(movies, places, truth, runs)


def _from_eeg(
    group: TrainedTranscoder, one: Recording, rate: float
) -> tuple[SourceMovie, SourceMovie]:
    """Return the estimate in blocks at a rate, and that of group frames interpolated to it."""
    fine, slow = (
        fast_source_of_eeg(group, one.eeg, one.clock, one.bold.volumes, rate=each)
        for each in (rate, group.rate)
    )
    known, wanted = slow.axis.times, fine.axis.times
    courses = np.stack([np.interp(wanted, known, course) for course in slow.courses])
    return fine, replace(fine, maps=slow.maps, courses=_single(courses))


def _from_bold(
    group: TrainedTranscoder, one: Recording, voxels: BlockMap
) -> tuple[SourceMovie, SourceMovie]:
    """Return the estimate at voxels, and that of blocks interpolated to them."""
    found = voxel_source_of_bold(group, replace(one.bold, mask=voxels.mask))
    cells = slice_cells(one.bold, group.blocks)
    bold = blocks_at_frames(cells, group.blocks.n_blocks, found.axis, kind="cubic")
    left, scales, right = np.linalg.svd(source_of_bold(group, bold), full_matrices=False)
    kept = slice(found.n_components)
    maps = at_voxels(left[:, kept] * scales[kept], group, found.mask, found.grid)
    return found, replace(found, maps=_single(maps), courses=_single(right[kept]))


def _mean_score(
    movies: Sequence[SourceMovie], places: BlockMap, truth: Truth, runs: Sequence[RunId]
) -> ProductScores:
    """Return the mean over runs of the scores of movies at some places."""
    shares = truth.block_shares(places)
    found = [
        _score(movie, shares, truth.region_sources(run, movie.axis), places)
        for movie, run in zip(movies, runs, strict=True)
    ]
    return ProductScores(*np.mean(found, axis=0).tolist())


def _score(
    movie: SourceMovie,
    shares: Float[ndarray, "places regions"],
    courses: Float[ndarray, "regions frames"],
    places: BlockMap,
) -> tuple[float, float, float, float]:
    """Return r, leakage, spread and localisation of one run, from its factors."""
    maps = movie.maps.astype(np.float64)
    rows, known = (
        one - one.mean(axis=1, keepdims=True) for one in (movie.courses.astype(float), courses)
    )
    energy = np.sum((maps @ (rows @ rows.T)) * maps, axis=1)
    power = np.sum((shares @ (known @ known.T)) * shares, axis=1)
    active = power >= _LEAST_POWER * power.max()
    of_regions = maps @ (rows @ known.T @ np.linalg.pinv(known @ known.T))
    kinds = np.full(shares.shape[1], "evoked")
    point_spread = [RegionMaps(of_regions, RegionTruth(known, shares, kinds), places)]
    return (
        continuous_r(maps[active], rows, shares[active], known),
        float(energy[~active].sum() / energy.sum()),
        float(np.nanmedian(spreads(point_spread))),
        float(np.nanmedian(localisation_errors(point_spread))),
    )


def _single(values: Float[ndarray, "rows columns"]) -> Float32[ndarray, "rows columns"]:
    """Return a factor as movies keep it."""
    return np.ascontiguousarray(values, dtype=np.float32)
