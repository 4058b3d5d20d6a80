"""BOLD of a run: F = X * h at each voxel's own acquisition times (Eq. 1), slice by slice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.sparse import csr_array

from neurotranscoder.core.axes import VolumeAxis
from neurotranscoder.physics.kernel import Kernel
from neurotranscoder.simulate.hemodynamics import Hemodynamics, follow, follow_slice
from neurotranscoder.simulate.regions import Regions
from neurotranscoder.simulate.sources import MANY_REGIONS, RunSources


def slice_responses(
    sources: RunSources, hemodynamics: Hemodynamics, volumes: VolumeAxis
) -> Float[ndarray, "regions slices volumes"]:
    """Return F = X * h of each region at the acquisition times of each slice."""
    times = np.stack([volumes.times(z) for z in range(len(volumes.slice_times))])
    order = np.argsort(times, axis=None, kind="stable")
    responses = np.empty((sources.n_regions, times.size))
    responses[:, order] = follow(sources, hemodynamics, times.ravel()[order])
    return responses.reshape(sources.n_regions, *times.shape)


def bold_signal(
    sources: RunSources,
    regions: Regions,
    hemodynamics: Hemodynamics,
    volumes: VolumeAxis,
    *,
    gain: float,
) -> Float[ndarray, "x y z volumes"]:
    """Return the noise-free BOLD signal, float32, without its baseline.

    Parameters
    ----------
    sources : RunSources
        X of the run.
    regions : Regions
        Which voxel follows which region, and how strongly.
    hemodynamics : Kernel, tuple of Kernel, or BalloonSettings
        Hemodynamic response h: one for all regions, or one for each; or the balloon model.
    volumes : VolumeAxis
        When each slice is acquired.
    gain : float
        Signal per unit of F.
    """
    bold = np.zeros((*regions.labels.shape, volumes.n_volumes), dtype=np.float32)
    if sources.n_regions > MANY_REGIONS:
        _fill_by_slices(bold, sources, regions, hemodynamics, volumes, gain)
        return bold
    responses = gain * slice_responses(sources, hemodynamics, volumes)
    for z in range(regions.labels.shape[2]):
        inside = regions.labels[:, :, z] >= 0
        labels, weights = regions.labels[:, :, z][inside], regions.weights[:, :, z][inside]
        bold[:, :, z][inside] = responses[labels, z] * weights[:, np.newaxis]
    return bold


def mixed_signal(
    sources: RunSources,
    mixing: Sequence[csr_array],
    shape: tuple[int, int, int],
    hemodynamics: Hemodynamics,
    volumes: VolumeAxis,
    *,
    gain: float,
) -> Float[ndarray, "x y z volumes"]:
    """Return the noise-free BOLD signal of voxels that mix regions, float32, no baseline.

    Parameters
    ----------
    sources : RunSources
        X of the run.
    mixing : sequence of csr_array, each of shape (voxels of a slice, regions)
        Activity of the voxels of each slice (x and y in C order) per activity of each region.
    shape : tuple of int
        Voxels along x, y and z.
    hemodynamics, volumes, gain
        As for `bold_signal`.
    """
    bold = np.zeros((*shape, volumes.n_volumes), dtype=np.float32)
    for z, shares in enumerate(mixing):
        rows = np.flatnonzero(np.diff(shares.indptr))
        if len(rows):
            signal = follow_slice(sources, shares[rows], hemodynamics, volumes.times(z))
            x, y = np.unravel_index(rows, shape[:2])
            bold[x, y, z] = gain * signal
    return bold


def _fill_by_slices(
    bold: Float[ndarray, "x y z volumes"],
    sources: RunSources,
    regions: Regions,
    hemodynamics: Hemodynamics,
    volumes: VolumeAxis,
    gain: float,
) -> None:
    """Write the signal slice by slice, each from the regions that it shows alone."""
    for z in range(regions.labels.shape[2]):
        inside = regions.labels[:, :, z] >= 0
        labels, weights = regions.labels[:, :, z][inside], regions.weights[:, :, z][inside]
        if not len(labels):
            continue
        shown, place = np.unique(labels, return_inverse=True)
        rows = np.arange(len(labels))
        mixing = csr_array((gain * weights, (rows, place)), shape=(len(labels), len(shown)))
        mine, times = sources.of(shown), volumes.times(z)
        if isinstance(hemodynamics, Kernel):
            bold[:, :, z][inside] = mine.mixed_first(mixing, hemodynamics, times)
            continue
        own = hemodynamics
        if isinstance(own, tuple):
            own = tuple(own[region] for region in shown)
        bold[:, :, z][inside] = mixing @ follow(mine, own, times)
