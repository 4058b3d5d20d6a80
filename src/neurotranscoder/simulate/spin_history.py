"""Spin history: a head that moves through slices brings spins with another magnetisation."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.axes import VolumeAxis, VoxelGrid
from neurotranscoder.simulate.motion import Motion, MotionSettings
from neurotranscoder.simulate.rigid import places_from_centre


def history_gain(
    moved: Float[ndarray, "volumes ..."], tr: float, *, flip_angle: float, t1: float
) -> Float[ndarray, "volumes ..."]:
    """Return the signal over that of a head at rest.

    Before each excitation, a share of the spins is replaced by relaxed ones; between two
    excitations the longitudinal magnetisation recovers as ``1 - (1 - M cos(alpha)) exp(-tr/t1)``.

    Parameters
    ----------
    moved : array, shape (volumes, ...)
        Share of the slice that was replaced since the last excitation, 0-1.
    tr : float
        Time between excitations, in s.
    flip_angle : float
        In degrees.
    t1 : float
        Longitudinal relaxation time, in s.

    Returns
    -------
    gain : array, shape (volumes, ...)
        Exactly 1 where nothing ever moved.
    """
    decay = math.exp(-tr / t1)
    keep = decay * math.cos(math.radians(flip_angle))
    steady = (1 - decay) / (1 - keep)
    fresh = 1 / steady - 1
    gain = fresh * moved
    for now in range(1, len(gain)):
        gain[now] += (1 - moved[now]) * keep * gain[now - 1]
    gain += 1
    return gain


def apply_spin_history(
    bold: Float[ndarray, "x y z volumes"],
    motion: Motion,
    grid: VoxelGrid,
    volumes: VolumeAxis,
    settings: MotionSettings,
) -> None:
    """Multiply images with the gain by spin history, in place, slice by slice.

    The share of replaced spins is the displacement through the slice since its last excitation
    over the slice thickness, for each voxel, to first order of the rotations.

    Parameters
    ----------
    bold : array, shape (x, y, z, volumes)
        Images whose signal is multiplied.
    motion : Motion
        Where the head is.
    grid : VoxelGrid
        Place and size of the voxels; slices lie along the third axis.
    volumes : VolumeAxis
        When each slice was excited.
    settings : MotionSettings
        Flip angle and relaxation time.
    """
    maps = _through_slice(grid).astype(np.float32)
    for z in range(grid.shape[2]):
        times = volumes.times(z)
        times = np.concatenate([times[:1] - volumes.tr, times])
        steps = np.diff(motion.parameters(times), axis=1).astype(np.float32)
        moved = np.moveaxis(maps[:, :, z] @ steps, -1, 0) / np.float32(grid.voxel_sizes[2])
        np.abs(moved, out=moved)
        np.minimum(moved, 1, out=moved)
        gain = history_gain(moved, volumes.tr, flip_angle=settings.flip_angle, t1=settings.t1)
        bold[:, :, z] *= np.moveaxis(gain, 0, -1)


def _through_slice(grid: VoxelGrid) -> ndarray:
    """Return how far each motion parameter moves a voxel through its slice, (x, y, z, 6)."""
    edges = grid.voxel_to_world[:3, :3]
    normal = np.cross(edges[:, 0], edges[:, 1])
    normal /= np.linalg.norm(normal)
    turned = np.cross(places_from_centre(grid), normal)
    return np.concatenate([np.broadcast_to(normal, turned.shape), turned], axis=-1)
