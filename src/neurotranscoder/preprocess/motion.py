"""Motion of the head from the images: one rigid matrix for each volume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from pydantic import Field
from scipy.ndimage import binary_dilation, spline_filter

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.settings import Settings
from neurotranscoder.preprocess.checks import refuse_not_finite
from neurotranscoder.preprocess.lookup import look_up, smooth_image
from neurotranscoder.signal.rigid import (
    HEAD_RADIUS,
    apply_matrix,
    framewise_displacement,
    grid_centre,
    rigid_matrix,
    rigid_parameters,
)

MOTION_NAMES = ("trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z")
"""Motion parameters by the names of fMRIPrep's tables: mm, and rad."""
_RIM = 2  # voxels around the brain whose edges are looked at too
_FEWEST_SLICES = 3
_MOST_POINTS = 12_000  # of the reference that are compared, spread evenly


class RealignSettings(Settings):
    """How the motion of the head is estimated."""

    reference: int = Field(default=0, ge=0)
    """Volume that all others are registered to first; the mean of the result comes second."""
    fwhm: float = Field(default=5.0, ge=0, le=20)
    """Images are smoothed by a Gaussian of this width before they are compared, in mm."""
    coarse_fwhm: float = Field(default=12.0, ge=0, le=40)
    """The same for the first look, which has to cope with large moves, in mm."""
    max_iterations: int = Field(default=20, ge=1)
    """Steps of Gauss-Newton for each volume and look."""
    tolerance: float = Field(default=2e-3, gt=0)
    """A step is the last when it moves no point of a sphere of 50 mm further, in mm (bound)."""


@dataclass(frozen=True, slots=True, eq=False)
class HeadMotion:
    """Where the head was in each volume, as it was estimated.

    Parameters
    ----------
    to_volume : array, shape (volumes, 4, 4)
        Rigid matrices from RAS mm to RAS mm: a point of the reference to where the same point of
        the head is in the volume. An image is realigned by looking it up there.
    centre : array, shape (3,)
        What rotations turn about: the centre of the grid, in RAS mm.
    converged : array of bool, shape (volumes,)
        Whether the steps had become small before the last one allowed.
    """

    to_volume: Float[ndarray, "volumes 4 4"]
    centre: Float[ndarray, " 3"]
    converged: Bool[ndarray, " volumes"]

    @property
    def parameters(self) -> Float[ndarray, "volumes 6"]:
        """Translations (mm) and rotations (rad) in the order of `MOTION_NAMES`."""
        return np.stack([rigid_parameters(matrix, self.centre) for matrix in self.to_volume])

    @property
    def framewise_displacement(self) -> Float[ndarray, " volumes"]:
        """Framewise displacement, in mm; NaN for the first volume."""
        return framewise_displacement(self.parameters)


def still_head(n_volumes: int, grid: VoxelGrid) -> HeadMotion:
    """Return the motion of a head that does not move."""
    matrices = np.repeat(np.eye(4)[np.newaxis], n_volumes, axis=0)
    return HeadMotion(matrices, grid_centre(grid), np.ones(n_volumes, dtype=bool))


def estimate_motion(
    data: Float[ndarray, "x y z volumes"],
    grid: VoxelGrid,
    mask: Bool[ndarray, "x y z"],
    settings: RealignSettings | None = None,
) -> HeadMotion:
    """Estimate the rigid motion of the head, by Gauss-Newton on the sum of squared differences.

    Every volume is registered to one of them, then to the mean of the volumes so aligned. The
    derivatives are those of the reference (inverse compositional: Baker and Matthews 2004, Int J
    Comput Vis 56:221), and the brightness of each volume is free.

    Parameters
    ----------
    data : array, shape (x, y, z, volumes)
        Images of one run.
    grid : VoxelGrid
        Where the voxels are.
    mask : array of bool, shape (x, y, z)
        The brain; it is widened by two voxels, as edges tell most.
    settings : RealignSettings, optional
        How it is done.

    Returns
    -------
    motion : HeadMotion
        One matrix for each volume.

    Raises
    ------
    GridError
        When there is one volume, or there are fewer than three slices, numbers are not finite, or
        nothing varies within the mask.
    """
    options = settings or RealignSettings()
    n_volumes = data.shape[3]
    if min(data.shape[:3]) < _FEWEST_SLICES:
        raise GridError(
            f"motion got {data.shape[:3]} voxels; it needs at least {_FEWEST_SLICES} along each "
            "axis to see how a head turns; give whole images, or leave them where they are with "
            "images.space='stored'"
        )
    refuse_not_finite("the run", data)
    if n_volumes < 2 or options.reference >= n_volumes:
        raise GridError(
            f"motion got {n_volumes} volumes and reference {options.reference}; it needs at least "
            "2 volumes and a reference among them; give the whole run"
        )
    start = np.repeat(np.eye(4)[np.newaxis], n_volumes, axis=0)
    target = _Target.of(data[..., options.reference], grid, mask, options.coarse_fwhm)
    rough, _ = _register(data, target, start, options, chained=True)
    target = _Target.of(data[..., options.reference], grid, mask, options.fwhm)
    first, _ = _register(data, target, rough, options)
    target = _Target.of(mean_realigned(data, grid, first), grid, mask, options.fwhm)
    final, converged = _register(data, target, first, options)
    return HeadMotion(final, grid_centre(grid), converged)


@dataclass(frozen=True, slots=True, eq=False)
class _Target:
    """The reference at its voxels: places, values, and how they change with a motion."""

    grid: VoxelGrid
    fwhm: float
    points: Float[ndarray, "points 3"]
    values: Float[ndarray, " points"]
    derivatives: Float[ndarray, "points 7"]

    @classmethod
    def of(
        cls,
        image: Float[ndarray, "x y z"],
        grid: VoxelGrid,
        mask: Bool[ndarray, "x y z"],
        fwhm: float,
    ) -> _Target:
        """Look at an image on and around the brain."""
        where = np.argwhere(binary_dilation(mask, iterations=_RIM))
        where = where[:: max(1, -(-len(where) // _MOST_POINTS))]
        smooth = smooth_image(image, grid, fwhm)
        voxels = tuple(where.T)
        values = smooth[voxels]
        if not (len(values) > 7 and np.ptp(values) > 0):
            raise GridError(
                f"the mask holds {len(values)} voxels and the image does not vary there; motion "
                "needs a brain; check the mask"
            )
        gradient = np.stack([np.gradient(smooth, axis=axis)[voxels] for axis in range(3)], axis=-1)
        gradient = gradient @ np.linalg.inv(grid.voxel_to_world[:3, :3])
        points = grid.world(where)
        turns = np.cross(points - grid_centre(grid), gradient)
        columns = [gradient, turns, values[:, np.newaxis]]
        return cls(grid, fwhm, points, values, np.concatenate(columns, axis=1))

    def step(
        self, moving: Float[ndarray, "x y z"], to_volume: Float[ndarray, "4 4"]
    ) -> Float[ndarray, " 6"]:
        """Return the motion of the reference that explains best how a volume differs from it."""
        seen = look_up(moving, self.grid, apply_matrix(to_volume, self.points))
        inside = np.isfinite(seen)
        design = self.derivatives[inside]
        products = design.T @ design
        rest = design.T @ (seen[inside] - self.values[inside])
        return np.asarray(np.linalg.lstsq(products, rest)[0][:6])


def _register(
    data: Float[ndarray, "x y z volumes"],
    target: _Target,
    start: Float[ndarray, "volumes 4 4"],
    options: RealignSettings,
    *,
    chained: bool = False,
) -> tuple[Float[ndarray, "volumes 4 4"], Bool[ndarray, " volumes"]]:
    """Register every volume to the target; chained, each starts where the one before ended."""
    found, converged = start.copy(), np.zeros(len(start), dtype=bool)
    centre = grid_centre(target.grid)
    for volume in range(len(found)):
        smooth = smooth_image(data[..., volume], target.grid, target.fwhm)
        moving = spline_filter(smooth, order=3, mode="mirror")
        matrix = found[volume - 1] if chained and volume else found[volume]
        for _ in range(options.max_iterations):
            step = target.step(moving, matrix)
            matrix = matrix @ np.linalg.inv(rigid_matrix(step, centre))
            if np.abs(step) @ [1, 1, 1, *[HEAD_RADIUS] * 3] < options.tolerance:
                converged[volume] = True
                break
        found[volume] = matrix
    return found, converged


def mean_realigned(
    data: Float[ndarray, "x y z volumes"],
    grid: VoxelGrid,
    to_volume: Float[ndarray, "volumes 4 4"],
) -> Float[ndarray, "x y z"]:
    """Return the mean of the volumes, each looked up where the head was; 0 where none was.

    Parameters
    ----------
    data : array, shape (x, y, z, volumes)
        Images of one run.
    grid : VoxelGrid
        Where the voxels are.
    to_volume : array, shape (volumes, 4, 4)
        As in `HeadMotion`.
    """
    points = grid.world(np.indices(grid.shape).reshape(3, -1).T)
    total, count = np.zeros(len(points)), np.zeros(len(points))
    for volume, matrix in enumerate(to_volume):
        spline = spline_filter(np.asarray(data[..., volume], np.float64), order=3, mode="mirror")
        values = look_up(spline, grid, apply_matrix(matrix, points))
        total += np.nan_to_num(values)
        count += np.isfinite(values)
    return (total / np.maximum(count, 1)).reshape(grid.shape)
