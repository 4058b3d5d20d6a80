"""How good a BOLD run is: temporal signal to noise, change between volumes, carpet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from neurotranscoder.core.errors import GridError
from neurotranscoder.preprocess.checks import refuse_not_finite

_SCALE = 1.4826  # median absolute deviation to standard deviation of a normal


def temporal_snr(
    data: Float[ndarray, "x y z volumes"], mask: Bool[ndarray, "x y z"]
) -> Float[ndarray, "x y z"]:
    """Return mean over standard deviation in time after a straight line is taken out.

    Parameters
    ----------
    data : array, shape (x, y, z, volumes)
        A run before its mean is removed.
    mask : array of bool, shape (x, y, z)
        The brain; elsewhere, and where nothing varies, the result is NaN.
    """
    series = _series(data, mask)
    residual = _without_line(series)
    sd = np.sqrt(np.sum(residual**2, axis=1) / (series.shape[1] - 2))
    snr = np.full(mask.shape, np.nan)
    snr[mask] = np.divide(series.mean(axis=1), sd, out=np.full(len(sd), np.nan), where=sd > 0)
    return snr


def dvars(
    data: Float[ndarray, "x y z volumes"], mask: Bool[ndarray, "x y z"]
) -> Float[ndarray, " volumes"]:
    """Return the root mean square change of the brain since the volume before.

    Returns
    -------
    change : array, shape (volumes,)
        In percent of the mean of the brain (Power 2012); NaN for the first volume.
    """
    series = _series(data, mask)
    change = np.sqrt(np.mean(np.diff(series, axis=1) ** 2, axis=0))
    return np.concatenate([[np.nan], 100 * change / series.mean()])


@dataclass(frozen=True, slots=True, eq=False)
class Carpet:
    """A run as one picture: rows of voxels, columns of volumes.

    Parameters
    ----------
    values : array, shape (rows, volumes)
        Robust z of each row: no mean, no line, unit median deviation. Groups lie one under the
        other; neighbouring voxels share a row.
    groups : tuple of str
        Names of the groups, from above.
    sizes : tuple of int
        Rows of each.
    tr : float
        Time from one column to the next, in s.
    """

    values: Float[ndarray, "rows volumes"]
    groups: tuple[str, ...]
    sizes: tuple[int, ...]
    tr: float


def carpet(
    data: Float[ndarray, "x y z volumes"],
    groups: dict[str, Bool[ndarray, "x y z"]],
    *,
    tr: float,
    n_rows: int = 400,
) -> Carpet:
    """Return a run as rows of voxels (Power 2017, NeuroImage 154:150).

    Parameters
    ----------
    data : array, shape (x, y, z, volumes)
        A run.
    groups : dict from name to array of bool, shape (x, y, z)
        Which voxels belong together, such as the brain or its tissues; the order stays.
    tr : float
        Time from one volume to the next, in s.
    n_rows : int
        About as many rows in all; neighbours in a group are averaged.

    Raises
    ------
    GridError
        When a group is empty or numbers are not finite.
    """
    total = sum(int(mask.sum()) for mask in groups.values())
    blocks, sizes = [], []
    for name, mask in groups.items():
        if not mask.any():
            raise GridError(f"group {name!r} of the carpet holds no voxel; leave it out")
        residual = _without_line(_series(data, mask))
        count = max(1, round(n_rows * len(residual) / total))
        starts = np.unique(np.linspace(0, len(residual), count, endpoint=False).astype(int))
        lengths = np.diff([*starts, len(residual)])[:, np.newaxis]
        means = np.add.reduceat(residual, starts, axis=0) / lengths
        spread = _SCALE * np.median(np.abs(means), axis=1, keepdims=True)
        blocks.append(np.divide(means, spread, out=np.zeros_like(means), where=spread > 0))
        sizes.append(len(starts))
    return Carpet(np.concatenate(blocks), tuple(groups), tuple(sizes), tr)


def _series(
    data: Float[ndarray, "x y z volumes"], mask: Bool[ndarray, "x y z"]
) -> Float[ndarray, "voxels volumes"]:
    """Return the voxels of a mask, in double precision; refuse what has no quality."""
    if mask.shape != data.shape[:3] or not mask.any() or data.shape[3] < 3:
        raise GridError(
            f"images are {data.shape} and the mask has {int(mask.sum())} voxels of {mask.shape}; "
            "quality needs 3 volumes or more, and voxels of the same grid"
        )
    series = data[mask].astype(np.float64)
    refuse_not_finite("the brain", series)
    return np.asarray(series)


def _without_line(series: Float[ndarray, "voxels volumes"]) -> Float[ndarray, "voxels volumes"]:
    """Return series without their mean and their straight line."""
    line = np.arange(series.shape[1]) - (series.shape[1] - 1) / 2
    centred = series - series.mean(axis=1, keepdims=True)
    return np.asarray(centred - np.outer(centred @ line, line) / (line @ line))
