"""From the scanner's voxels to any grid in one interpolation, all transforms composed."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy.ndimage import spline_filter

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import GridError
from neurotranscoder.io.limits import check_memory
from neurotranscoder.preprocess.checks import refuse_not_finite
from neurotranscoder.preprocess.lookup import look_up
from neurotranscoder.preprocess.motion import HeadMotion
from neurotranscoder.preprocess.warp import Warp
from neurotranscoder.signal.rigid import apply_matrix


def epi_points(
    grid: VoxelGrid, where: Bool[ndarray, "x y z"], to_t1: Warp, epi_to_t1: Float[ndarray, "4 4"]
) -> Float[ndarray, "points 3"]:
    """Return where voxels of a grid are in the reference of the EPI, in RAS mm.

    Parameters
    ----------
    grid : VoxelGrid
        The wanted voxels, in the space that ``to_t1`` starts from.
    where : array of bool, shape (x, y, z)
        Which of them.
    to_t1 : Warp
        From that space to the anatomy.
    epi_to_t1 : array, shape (4, 4)
        From the reference of the EPI to the anatomy.
    """
    points = to_t1.apply(grid.world(np.argwhere(where)))
    return apply_matrix(np.linalg.inv(epi_to_t1), points)


def resample_once(
    data: Float[ndarray, "a b c volumes"],
    source: VoxelGrid,
    motion: HeadMotion,
    points: Float[ndarray, "points 3"],
) -> Float[ndarray, "points volumes"]:
    """Look every volume up at points of the reference, each where the head then was.

    This is the only interpolation in space: a cubic spline through the volume as it was stored.

    Parameters
    ----------
    data : array, shape (a, b, c, volumes)
        Images as stored, or after correction for slice timing.
    source : VoxelGrid
        Their voxels.
    motion : HeadMotion
        Where the head was.
    points : array, shape (points, 3)
        Where to look in the reference, in RAS mm (`epi_points`).

    Returns
    -------
    values : array, shape (points, volumes)
        Single precision; NaN where a point left the images.

    Raises
    ------
    GridError
        When motion and images differ in length, or numbers are not finite.
    SettingsError
        When the result does not fit the memory.
    """
    n_volumes = data.shape[3]
    if len(motion.to_volume) != n_volumes:
        raise GridError(
            f"motion is known for {len(motion.to_volume)} volumes, the run has {n_volumes}; "
            "estimate it from the same run"
        )
    refuse_not_finite("the run", data)
    check_memory(4 * len(points) * n_volumes, what="the resampled run")
    values = np.empty((len(points), n_volumes), dtype=np.float32)
    for volume, matrix in enumerate(motion.to_volume):
        spline = spline_filter(np.asarray(data[..., volume], np.float64), order=3, mode="mirror")
        values[:, volume] = look_up(spline, source, apply_matrix(matrix, points))
    return values
