"""Rigid motion in world space: six parameters, their matrix, and how far a head goes."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.spatial.transform import Rotation

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import GridError

HEAD_RADIUS = 50.0
"""Radius of the sphere on which rotations become millimetres (Power 2012), in mm."""
_TOLERANCE = 1e-6


def grid_centre(grid: VoxelGrid) -> Float[ndarray, " 3"]:
    """Return the centre of a grid, in RAS mm."""
    middle = (np.asarray(grid.shape) - 1) / 2
    return np.asarray(grid.voxel_to_world[:3, :3] @ middle + grid.voxel_to_world[:3, 3])


def apply_matrix(
    matrix: Float[ndarray, "4 4"], points: Float[ndarray, "points 3"]
) -> Float[ndarray, "points 3"]:
    """Return where a matrix takes points."""
    return np.asarray(points @ matrix[:3, :3].T + matrix[:3, 3])


def rigid_matrix(
    parameters: Float[ndarray, " 6"], centre: Float[ndarray, " 3"]
) -> Float[ndarray, "4 4"]:
    """Return the matrix that takes points of a still head to where they are in a moved one.

    Parameters
    ----------
    parameters : array, shape (6,)
        Translations along x, y and z in mm, rotations about them in rad (about z first).
    centre : array, shape (3,)
        What the head rotates about, in RAS mm.

    Returns
    -------
    matrix : array, shape (4, 4)
        From RAS mm to RAS mm.
    """
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("XYZ", parameters[3:]).as_matrix()
    matrix[:3, 3] = parameters[:3] + centre - matrix[:3, :3] @ centre
    return matrix


def rigid_parameters(
    matrix: Float[ndarray, "4 4"], centre: Float[ndarray, " 3"]
) -> Float[ndarray, " 6"]:
    """Return the parameters of a rigid matrix, inverse of `rigid_matrix`.

    Raises
    ------
    GridError
        When the matrix is not rigid.
    """
    turn = matrix[:3, :3]
    error = np.max(np.abs(turn @ turn.T - np.eye(3))) if np.all(np.isfinite(matrix)) else np.inf
    if not error < _TOLERANCE or np.linalg.det(turn) < 0:
        raise GridError(
            f"the matrix {matrix.tolist()} is not rigid; need a rotation and a translation alone"
        )
    moved = turn @ centre + matrix[:3, 3]
    return np.concatenate([moved - centre, Rotation.from_matrix(turn).as_euler("XYZ")])


def framewise_displacement(
    parameters: Float[ndarray, "volumes 6"], *, radius: float = HEAD_RADIUS
) -> Float[ndarray, " volumes"]:
    """Return how far the head went since the volume before (Power 2012).

    Parameters
    ----------
    parameters : array, shape (volumes, 6)
        Translations in mm and rotations in rad.
    radius : float
        Rotations count as arcs on a sphere of this radius, in mm.

    Returns
    -------
    displacement : array, shape (volumes,)
        Sum of the six absolute differences, in mm; NaN for the first volume, as nothing came
        before it.
    """
    steps = np.abs(np.diff(parameters, axis=0)) @ np.array([1, 1, 1, radius, radius, radius])
    return np.concatenate([[np.nan], steps])
