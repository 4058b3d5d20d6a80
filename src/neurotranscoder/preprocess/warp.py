"""A map from points of one space to points of another: a matrix and a smooth rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.ndimage import map_coordinates

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import GridError
from neurotranscoder.preprocess.checks import refuse_not_finite
from neurotranscoder.signal.rigid import apply_matrix

_STEPS = 50
_CLOSE = 1e-3  # mm


@dataclass(frozen=True, slots=True, eq=False)
class Warp:
    """Takes points (RAS mm) by a matrix and adds a displacement, linear between its nodes.

    Parameters
    ----------
    matrix : array, shape (4, 4)
        The linear part.
    grid : VoxelGrid
        Nodes of the displacement, in the space that points come from.
    displacement : array, shape (x, y, z, 3)
        What is added, in mm; outside the grid that of the nearest node.
    """

    matrix: Float[ndarray, "4 4"]
    grid: VoxelGrid
    displacement: Float[ndarray, "x y z 3"]

    def __post_init__(self) -> None:
        refuse_not_finite("the warp", self.displacement)
        if not np.all(np.isfinite(self.matrix)) or abs(np.linalg.det(self.matrix)) < 1e-9:
            raise GridError(
                f"the matrix of the warp is {self.matrix.tolist()}; it needs finite numbers and a "
                "non-zero determinant"
            )
        if self.displacement.shape[:3] != self.grid.shape:
            raise GridError(
                f"the warp has displacements for {self.displacement.shape[:3]} nodes; its grid "
                f"has {self.grid.shape}; it needs one each"
            )

    def apply(self, points: Float[ndarray, "points 3"]) -> Float[ndarray, "points 3"]:
        """Return where points are taken, in RAS mm."""
        places = apply_matrix(np.linalg.inv(self.grid.voxel_to_world), points).T
        moved = apply_matrix(self.matrix, points)
        for axis in range(3):
            field = self.displacement[..., axis]
            moved[:, axis] += map_coordinates(field, places, order=1, mode="nearest")
        return moved

    def invert(self, points: Float[ndarray, "points 3"]) -> Float[ndarray, "points 3"]:
        """Return the points that are taken to these, by fixed-point iteration.

        Raises
        ------
        GridError
            When the displacement folds space there, so that nothing comes back.
        """
        back = np.linalg.inv(self.matrix)
        found = apply_matrix(back, points)
        for _ in range(_STEPS):
            miss = self.apply(found) - points
            if np.max(np.abs(miss), initial=0.0) < _CLOSE:
                return found
            found = found - miss @ back[:3, :3].T
        raise GridError(
            f"the warp cannot be inverted: {float(np.max(np.abs(miss))):.3g} mm are left after "
            f"{_STEPS} steps; the registration has folded space; check both images"
        )


def linear_warp(matrix: Float[ndarray, "4 4"]) -> Warp:
    """Return a warp that is a matrix alone."""
    return Warp(matrix, VoxelGrid((1, 1, 1), np.eye(4)), np.zeros((1, 1, 1, 3)))
