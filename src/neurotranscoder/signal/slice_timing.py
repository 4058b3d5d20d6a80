"""Slices of a volume brought to one moment, by cubic splines in time."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.axes import VolumeAxis
from neurotranscoder.core.errors import GridError
from neurotranscoder.signal.frames import interpolate_volumes


def middle_time(volumes: VolumeAxis) -> float:
    """Return the middle of the slice times within a TR, in seconds (fMRIPrep's default)."""
    return float(volumes.slice_times.min() + volumes.slice_times.max()) / 2


def correct_slice_timing(
    data: Float[ndarray, "x y z volumes"], volumes: VolumeAxis, *, moment: float | None = None
) -> tuple[Float[ndarray, "x y z volumes"], VolumeAxis]:
    """Interpolate every slice from its own acquisition times to one moment of each volume.

    Parameters
    ----------
    data : array, shape (x, y, z, volumes)
        Images; slices lie along z.
    volumes : VolumeAxis
        When each slice was acquired.
    moment : float, optional
        The moment, in seconds after the start of a volume; by default `middle_time`.

    Returns
    -------
    corrected : array, shape (x, y, z, volumes)
        In the unit and precision of ``data``. Where a slice would be needed before its first or
        after its last volume, that volume is held.
    volumes : VolumeAxis
        Where all slices have the time ``moment``.

    Raises
    ------
    GridError
        When the slices have no times of their own, or the moment is not within a TR.
    """
    at = middle_time(volumes) if moment is None else moment
    if data.shape[2:] != (len(volumes.slice_times), volumes.n_volumes):
        raise GridError(
            f"images have {data.shape[2]} slices and {data.shape[3]} volumes; slice timing is for "
            f"{len(volumes.slice_times)} and {volumes.n_volumes}; use that of the images"
        )
    if not 0 <= at <= volumes.tr:
        raise GridError(f"the moment is {at:g} s; it needs to lie in 0-{volumes.tr:g} s (the TR)")
    wanted = at + volumes.tr * np.arange(volumes.n_volumes)
    corrected = np.empty_like(data)
    for z in range(data.shape[2]):
        rows = data[:, :, z].reshape(-1, volumes.n_volumes)
        moved = interpolate_volumes(rows, volumes.times(z), wanted)
        corrected[:, :, z] = moved.reshape(data[:, :, z].shape)
    times = np.full(len(volumes.slice_times), at)
    return corrected, VolumeAxis(volumes.tr, volumes.n_volumes, times)
