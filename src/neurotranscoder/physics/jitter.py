"""How heads differ from the template at random: electrodes that shift, dipoles that tilt."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.ndimage import gaussian_filter

from neurotranscoder.core.axes import Montage, VoxelGrid
from neurotranscoder.physics.skull import Surface, cast_rays
from neurotranscoder.physics.tissue import MNI152_TO_MNI305, MNI305_TO_MNI152, apply_affine

_SMOOTHNESS = 15.0  # mm, full width at half maximum


def shifted_on_scalp(
    montage: Montage, scalp: Surface, *, sd: float, rng: np.random.Generator
) -> Montage:
    """Return electrodes that were shifted at random along the scalp.

    Parameters
    ----------
    montage : Montage
        Electrodes on the scalp, RAS mm of MNI152.
    scalp : Surface
        In mm of fsaverage.
    sd : float
        Standard deviation of the shift along each of two directions, in mm.
    rng : Generator
        For the shifts.

    Returns
    -------
    shifted : Montage
        The same names; the places are on the scalp again.
    """
    if sd == 0:
        return montage
    centre = (scalp.vertices.min(axis=0) + scalp.vertices.max(axis=0)) / 2
    radius = apply_affine(MNI152_TO_MNI305, np.asarray(montage.positions)) - centre
    outward = radius / np.linalg.norm(radius, axis=1, keepdims=True)
    shift = sd * rng.standard_normal(radius.shape)
    directions = radius + shift - np.einsum("ed,ed->e", shift, outward)[:, np.newaxis] * outward
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    distance = cast_rays(scalp, centre, directions)
    on_scalp = centre + distance[:, np.newaxis] * directions
    return Montage(montage.names, apply_affine(MNI305_TO_MNI152, on_scalp))


def tilted(
    orientations: Float[ndarray, "voxels 3"],
    grid: VoxelGrid,
    indices: Int[ndarray, "voxels 3"],
    *,
    sd: float,
    rng: np.random.Generator,
) -> Float[ndarray, "voxels 3"]:
    """Return dipoles tilted at random, those within about 15 mm of each other alike.

    Parameters
    ----------
    orientations : array, shape (voxels, 3)
        Unit vectors.
    grid : VoxelGrid
        Where the voxels are.
    indices : array of int, shape (voxels, 3)
        Which voxels of the grid.
    sd : float
        Standard deviation of the tilt about each of two axes across the dipole, in degrees.
    rng : Generator
        For the tilts.

    Returns
    -------
    orientations : array, shape (voxels, 3)
        Unit vectors.
    """
    if sd == 0:
        return orientations
    widths = _SMOOTHNESS / np.sqrt(8 * np.log(2)) / np.asarray(grid.voxel_sizes)
    impulse = np.zeros(grid.shape)
    impulse[0, 0, 0] = 1.0
    gain = np.linalg.norm(gaussian_filter(impulse, widths, mode="wrap"))
    noise = rng.standard_normal((3, *grid.shape)) / gain
    field = [gaussian_filter(axis, widths, mode="wrap")[tuple(indices.T)] for axis in noise]
    push = np.deg2rad(sd) * np.stack(field, axis=1)
    push -= np.einsum("vd,vd->v", push, orientations)[:, np.newaxis] * orientations
    angle = np.linalg.norm(push, axis=1, keepdims=True)
    return np.asarray(np.cos(angle) * orientations + np.sinc(angle / np.pi) * push)
