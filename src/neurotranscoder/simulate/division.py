"""The brain of a scenario: regions of anatomy cut out of it, the rest divided."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy.spatial import cKDTree

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.physics.head import Head
from neurotranscoder.simulate.activations import region_names
from neurotranscoder.simulate.compact import SILENT, compact_regions
from neurotranscoder.simulate.named_regions import named_labels
from neurotranscoder.simulate.regions import Regions, RegionSettings, kinds_of


def divide_brain(settings: RegionSettings, head: Head, rng: np.random.Generator) -> Regions:
    """Cut out the regions of anatomy, and divide all other voxels or draw compact regions there.

    Parameters
    ----------
    settings : RegionSettings
        How many regions of each kind, and how they respond.
    head : Head
        Voxels of the brain.
    rng : Generator
        Source of chance.

    Raises
    ------
    SettingsError
        When there are more regions than voxels, compact ones do not fit, or a region of anatomy
        has no voxel.
    """
    named = region_names(settings.activations)
    anatomy = named_labels(named, head)[head.brain]
    free = anatomy < 0
    if settings.trains == "voxels":
        settings = _shares_of_voxels(settings, int(free.sum()))
    n_drawn = settings.n_evoked + settings.n_oscillatory
    _check_counts(settings, int(free.sum()))
    drawn, shape = _divide(settings, head, free, rng)
    of_voxel = np.where(free, drawn, n_drawn + anatomy)
    labels = np.full(head.grid.shape, -1, dtype=np.int32)
    labels[head.brain] = of_voxel
    weights = np.zeros(head.grid.shape)
    weights[head.brain] = np.where(free, shape, 1.0)
    weights[head.brain] *= head.grey if settings.voxel_weights == "grey" else 1.0
    order = rng.permutation(n_drawn)
    evoked = order[: settings.n_evoked]
    tells = rng.random(n_drawn) < settings.target_share
    latency = rng.uniform(*settings.latency, n_drawn)
    gain = np.where(tells & np.isin(np.arange(n_drawn), evoked), settings.target_gain, 1.0)
    numbers, unknown = np.arange(n_drawn + len(named)), np.full(len(named), np.nan)
    oscillatory = np.isin(numbers, order[settings.n_evoked :])
    mixed = np.isin(numbers, evoked[settings.n_evoked - settings.n_mixed :])
    kinds = kinds_of(oscillatory, mixed)[:n_drawn]
    return Regions(
        labels,
        weights,
        oscillatory,
        mixed,
        np.isin(numbers, evoked[: settings.n_motor]),
        np.append(latency, unknown),
        np.append(gain, unknown),
        _centres(of_voxel, head.places, len(numbers)),
        (*(f"{kind}{number}" for number, kind in enumerate(kinds, start=1)), *named),
    )


def _divide(
    settings: RegionSettings, head: Head, free: Bool[ndarray, " voxels"], rng: np.random.Generator
) -> tuple[Int[ndarray, " voxels"], Float[ndarray, " voxels"]]:
    """Return region (-1: silent) and relative activity of each voxel that is free for it."""
    n_regions, n_free = settings.n_evoked + settings.n_oscillatory, int(free.sum())
    labels = np.full(head.n_voxels, SILENT)
    if n_regions == 0:
        return labels, np.zeros(head.n_voxels)
    if settings.extent is not None:
        extent, apart = settings.extent, settings.min_distance
        return compact_regions(
            head, n_regions, extent=extent, min_distance=apart, rng=rng, free=free
        )
    if n_regions == n_free:
        labels[free] = np.arange(n_regions)
    else:
        places = head.places[free]
        points = places[rng.choice(n_free, n_regions, replace=False)]
        labels[free] = cKDTree(points).query(places)[1]
    return labels, np.ones(head.n_voxels)


def _check_counts(settings: RegionSettings, n_voxels: int) -> None:
    """Refuse more regions than voxels, or more of a kind than there are."""
    n_drawn = settings.n_evoked + settings.n_oscillatory
    part = max(settings.n_motor, settings.n_mixed)
    if n_drawn > n_voxels or part > settings.n_evoked:
        raise SettingsError(
            f"{n_drawn} regions, {settings.n_motor} of them motor and {settings.n_mixed} mixed, "
            f"for {n_voxels} voxels; need at most one region per voxel, and motor and mixed "
            f"regions among the {settings.n_evoked} evoked ones"
        )


def _centres(
    of_voxel: Int[ndarray, " voxels"], places: Float[ndarray, "voxels 3"], n_regions: int
) -> Float[ndarray, "regions 3"]:
    """Return the mean place of the voxels of each region."""
    active = of_voxel >= 0
    counts = np.bincount(of_voxel[active], minlength=n_regions)
    sums = [np.bincount(of_voxel[active], axis, n_regions) for axis in places[active].T]
    return np.asarray(np.stack(sums, axis=1) / counts[:, np.newaxis])


def _shares_of_voxels(settings: RegionSettings, n_voxels: int) -> RegionSettings:
    """Return settings whose regions are the voxels, in the same shares of kinds."""
    total = max(settings.n_evoked + settings.n_oscillatory, 1)
    evoked, mixed, motor = (
        round(n_voxels * count / total)
        for count in (settings.n_evoked, settings.n_mixed, settings.n_motor)
    )
    oscillatory = n_voxels - evoked if settings.n_oscillatory else 0
    counts = {"n_evoked": evoked, "n_oscillatory": oscillatory}
    return settings.model_copy(update={**counts, "n_mixed": mixed, "n_motor": motor})
