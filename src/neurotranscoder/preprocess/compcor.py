"""Signals of white matter and fluid, where no neurons are: means and principal components."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from pydantic import Field
from scipy.ndimage import distance_transform_edt, find_objects

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.recording import Bold
from neurotranscoder.core.settings import Settings
from neurotranscoder.preprocess.lookup import look_up
from neurotranscoder.preprocess.tissues import Tissues
from neurotranscoder.preprocess.warp import Warp
from neurotranscoder.signal.filters import without_drift

_LEAST = 20  # voxels
_SURE = 0.5  # share of a tissue within its boundary


class CompcorSettings(Settings):
    """What is read from white matter and fluid."""

    n_components: int = Field(default=5, ge=0, le=50)
    """Principal components of both together."""
    longest_period: float = Field(default=100.0, ge=0)
    """Slower change is taken out before components are, in s; 0 leaves it."""
    white_depth: float = Field(default=3.0, ge=0)
    """Voxels of white matter are used that lie deeper than this below its boundary, in mm."""
    fluid_depth: float = Field(default=2.0, ge=0)
    """The same of fluid, in mm."""


@dataclass(frozen=True, slots=True, eq=False)
class TissueSignals:
    """Time courses of deep white matter and fluid.

    Parameters
    ----------
    names : tuple of str
        As fMRIPrep names them: ``csf``, ``white_matter``, ``a_comp_cor_00`` and on.
    values : array, shape (volumes, names)
        Means in the unit of the run; components have a unit norm.
    explained : tuple of float
        Share of variance in these voxels that each component holds.
    n_voxels : tuple of int
        Voxels of fluid and of white matter that were used.
    """

    names: tuple[str, ...]
    values: Float[ndarray, "volumes names"]
    explained: tuple[float, ...]
    n_voxels: tuple[int, int]


def tissue_signals(
    run: Bold,
    to_t1: Warp,
    tissues: Tissues,
    t1_grid: VoxelGrid,
    settings: CompcorSettings | None = None,
) -> TissueSignals:
    """Read what white matter and fluid do (Behzadi 2007, NeuroImage 37:90).

    Only voxels deep in each tissue count: signals of grey matter leak across its boundary
    (Muschelli 2014, NeuroImage 96:22). A tissue of fewer than 20 such voxels is left out.

    Parameters
    ----------
    run : Bold
        On any grid, not yet cleaned.
    to_t1 : Warp
        From the space of the run to the anatomy.
    tissues : Tissues
        Of the anatomy.
    t1_grid : VoxelGrid
        Where the anatomy is.
    settings : CompcorSettings, optional
        What is read.
    """
    options = settings or CompcorSettings()
    points = to_t1.apply(run.grid.world(np.argwhere(run.mask)))
    series = np.asarray(run.data[run.mask], dtype=np.float64)
    kinds = {"csf": (tissues.fluid, options.fluid_depth),
             "white_matter": (tissues.white, options.white_depth)}  # fmt: skip
    inside = {}
    for name, (share, depth) in kinds.items():
        deep = deep_voxels(share, t1_grid, depth).astype(np.float64)
        inside[name] = np.nan_to_num(look_up(deep, t1_grid, points, order=0)) > 0.5
    used = {name: where for name, where in inside.items() if where.sum() >= _LEAST}
    values = [series[where].mean(axis=0) for where in used.values()]
    names, explained = list(used), np.zeros(0)
    if used and options.n_components:
        noisy = series[np.any(list(used.values()), axis=0)]
        courses, explained = components(noisy, run.volumes.tr, options)
        values += list(courses.T)
        names += [f"a_comp_cor_{i:02d}" for i in range(len(explained))]
    table = np.stack(values, axis=1) if values else np.zeros((series.shape[1], 0))
    counts = (int(inside["csf"].sum()), int(inside["white_matter"].sum()))
    return TissueSignals(tuple(names), table, tuple(explained.tolist()), counts)


def deep_voxels(
    share: Float[ndarray, "i j k"], grid: VoxelGrid, depth: float
) -> Bool[ndarray, "i j k"]:
    """Return voxels of a tissue that are farther than some mm from all that is not."""
    inside = share > _SURE
    deep = np.zeros_like(inside)
    for box in find_objects(inside.astype(np.uint8)):
        wide = tuple(slice(max(0, one.start - 1), one.stop + 1) for one in box)
        away = distance_transform_edt(inside[wide], sampling=grid.voxel_sizes)
        deep[wide] = away > depth
    return deep


def components(
    series: Float[ndarray, "voxels volumes"], tr: float, settings: CompcorSettings
) -> tuple[Float[ndarray, "volumes components"], Float[ndarray, " components"]]:
    """Return principal time courses of voxels of equal variance, and what each explains.

    The sign is that with which most voxels follow.
    """
    n_volumes = series.shape[1]
    left = without_drift(series, 1 / tr, settings.longest_period or np.inf)
    norms = np.linalg.norm(left, axis=1, keepdims=True)
    scaled = left / np.where(norms > 1e-9 * np.abs(series).max(), norms, np.inf)
    values, courses = np.linalg.eigh(scaled.T @ scaled)
    values, courses = np.maximum(values[::-1], 0.0), courses[:, ::-1]
    count = min(settings.n_components, int(np.sum(values > 1e-9 * max(n_volumes, values[0]))))
    courses = courses[:, :count]
    signs = np.where((scaled @ courses).sum(axis=0) < 0, -1.0, 1.0)
    return courses * signs, values[:count] / max(values.sum(), 1e-300)
