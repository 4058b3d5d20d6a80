"""Where an estimate puts each true region, and how far it spreads it.

The map of a region is how its activity enters the estimate of each block: the coefficients of a
regression of the estimate on the time courses of all regions. For a linear estimator these are
columns of its resolution matrix, the point-spread functions of source imaging (Hauk, Stenroos and
Treder 2022), here measured on held-out runs: methods that have no such matrix can be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy import ndimage

from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.train.regression import centred

_LEAST_FRAMES = 2  # frames for each region
_LEAST_ENERGY = 1e-20  # of the most active region: below, there is rounding alone
_HALF = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class RegionTruth:
    """The true regions of a run.

    Parameters
    ----------
    courses : array, shape (regions, frames)
        Their activity at the rate of the estimate.
    shares : array, shape (blocks, regions)
        How much of each block a region is: the map of a perfect estimate.
    kinds : array of str, shape (regions,)
        'evoked', 'oscillatory' or 'mixed'.
    independent : bool
        Whether no region tells anything about another; each is then regressed on alone.
    """

    courses: Float[ndarray, "regions frames"]
    shares: Float[ndarray, "blocks regions"]
    kinds: ndarray
    independent: bool = False

    def centres(self, blocks: BlockMap) -> Float[ndarray, "regions 3"]:
        """Return the centre of mass of each region, in mm; NaN where it is in no block."""
        total = self.shares.sum(axis=0)[:, np.newaxis]
        weighted = self.shares.T @ blocks.centres
        return np.where(total > 0, weighted / np.where(total > 0, total, 1.0), np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class RegionMaps:
    """The maps of all regions in one estimate.

    Parameters
    ----------
    maps : array, shape (blocks, regions)
        A map in each column; zeros where a region was never active.
    regions : RegionTruth
        The true regions.
    blocks : BlockMap
        Where the rows are.
    """

    maps: Float[ndarray, "blocks regions"]
    regions: RegionTruth
    blocks: BlockMap


def region_maps(
    estimate: Float[ndarray, "blocks frames"],
    regions: RegionTruth,
    blocks: BlockMap,
    part: slice,
) -> RegionMaps | None:
    """Return the map of each region in the estimate of a run.

    Parameters
    ----------
    estimate : array, shape (blocks, frames)
        Estimated sources.
    regions : RegionTruth
        The true regions of the run.
    blocks : BlockMap
        Where the blocks are.
    part : slice
        Frames that count.

    Returns
    -------
    maps : RegionMaps or None
        None where there are fewer than two frames for each region.
    """
    courses, rows = centred(regions.courses, part), centred(estimate, part)
    if not regions.independent and courses.shape[1] < _LEAST_FRAMES * len(courses):
        return None
    energy = np.sum(courses**2, axis=1)
    active = energy > _LEAST_ENERGY * energy.max()
    known, maps = courses[active], np.zeros((len(rows), len(courses)))
    if regions.independent:
        maps[:, active] = rows @ known.T / energy[active]
    else:
        inverse = np.linalg.pinv(known @ known.T, rcond=1e-10, hermitian=True)
        maps[:, active] = rows @ known.T @ inverse
    return RegionMaps(maps, regions, blocks)


def localisation_errors(runs: Sequence[RegionMaps]) -> Float[ndarray, " regions"]:
    """Return the distance of each region's peak from its centre of mass, in mm.

    Regions are wider than a block, so the peak is the centre of the connected blocks around the
    largest absolute value that reach half of it, weighted with squares.

    Parameters
    ----------
    runs : sequence of RegionMaps
        Of the same regions; their mean is taken.

    Returns
    -------
    errors : array, shape (regions,)
        NaN where a region has no map.
    """
    blocks, mean = runs[0].blocks, np.mean([run.maps for run in runs], axis=0)
    found = np.full((mean.shape[1], 3), np.nan)
    for region, values in enumerate(np.abs(mean.T)):
        if values.max() > 0:
            found[region] = _peak(values, blocks)
    return np.asarray(np.linalg.norm(found - runs[0].regions.centres(blocks), axis=1))


def spreads(runs: Sequence[RegionMaps]) -> Float[ndarray, " regions"]:
    """Return the spatial dispersion of each region's map, in mm.

    It is ``sqrt(sum d^2 m^2 / sum m^2)``, d the distance of a block from the centre of mass of
    the region (Molins 2008; Hauk 2022). With several runs m^2 is the mean product of maps of
    different runs: what differs from run to run, such as chance correlations, is not spread.

    Parameters
    ----------
    runs : sequence of RegionMaps
        Of the same regions.

    Returns
    -------
    spreads : array, shape (regions,)
        NaN where a region has no map that runs agree on.
    """
    first, total = runs[0], np.sum([run.maps for run in runs], axis=0)
    energy = total**2
    if len(runs) > 1:
        energy -= np.sum([run.maps**2 for run in runs], axis=0)
    return _dispersion(energy, first.regions.centres(first.blocks), first.blocks)


def spreads_of_truth(run: RegionMaps) -> Float[ndarray, " regions"]:
    """Return the spatial dispersion that the map of a perfect estimate has, in mm."""
    regions, blocks = run.regions, run.blocks
    return _dispersion(regions.shares**2, regions.centres(blocks), blocks)


def _peak(values: Float[ndarray, " blocks"], blocks: BlockMap) -> Float[ndarray, " 3"]:
    """Return the centre of the blocks around the largest value that reach half of it."""
    high = np.where(values >= _HALF * values.max(), 1.0, 0.0)
    groups = ndimage.label(blocks.unmask(high))[0][blocks.mask]
    weights = np.where(groups == groups[np.argmax(values)], values**2, 0.0)
    return np.asarray(weights @ blocks.centres / weights.sum())


def _dispersion(
    energy: Float[ndarray, "blocks regions"],
    centres: Float[ndarray, "regions 3"],
    blocks: BlockMap,
) -> Float[ndarray, " regions"]:
    """Return the root mean squared distance from the centres, weighted with energy.

    It is NaN where energies, which may be below 0 by chance, give none that blocks can have.
    """
    squares = np.sum((blocks.centres[:, np.newaxis] - centres) ** 2, axis=2)
    total, moment = energy.sum(axis=0), np.sum(squares * energy, axis=0)
    known = (total > 0) & (moment >= 0) & (moment <= total * squares.max(axis=0))
    ratio = np.where(known, moment, np.nan) / np.where(known, total, 1.0)
    return np.asarray(np.sqrt(ratio))
