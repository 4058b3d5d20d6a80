"""Place of the EPI in the anatomy of the same subject: six parameters, whatever the contrast."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from pydantic import Field
from scipy.ndimage import binary_dilation
from scipy.ndimage import center_of_mass as ndimage_centre

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.settings import Settings
from neurotranscoder.preprocess.checks import refuse_not_finite
from neurotranscoder.preprocess.itk import (
    itk_image,
    itk_rigid,
    mutual_information,
    one_thread,
    ras_matrix,
)
from neurotranscoder.preprocess.lookup import thin_image
from neurotranscoder.signal.rigid import apply_matrix, rigid_matrix

_TURN = 0.3  # rad between the places that are tried first
_SHARES = (0.2, 0.2, 0.3)  # of the voxels of the EPI, per level


class CoregisterSettings(Settings):
    """How the EPI is placed in the anatomy by mutual information."""

    fwhm: tuple[float, float, float] = (8.0, 4.0, 2.0)
    """Width of the Gaussian that smooths the anatomy on the three levels, in mm."""
    n_starts: int = Field(default=4, ge=1, le=54)
    """How many of the places that are tried first are followed on the coarse level."""
    max_iterations: int = Field(default=150, ge=1)
    """Steps of gradient descent on each level."""


@dataclass(frozen=True, slots=True, eq=False)
class Coregistration:
    """Where the EPI is in the anatomy, as it was estimated.

    Parameters
    ----------
    epi_to_t1 : array, shape (4, 4)
        Rigid matrix: a point of the EPI (RAS mm) to the same point of the head in the anatomy.
    information : float
        Mutual information at the end, in nat.
    starts : array, shape (starts,)
        Mutual information on the coarse level for every start that was followed, the best first.
    """

    epi_to_t1: Float[ndarray, "4 4"]
    information: float
    starts: Float[ndarray, " starts"]


@one_thread()
def coregister(
    epi: Float[ndarray, "x y z"],
    epi_grid: VoxelGrid,
    epi_mask: Bool[ndarray, "x y z"],
    t1: Float[ndarray, "i j k"],
    t1_grid: VoxelGrid,
    settings: CoregisterSettings | None = None,
) -> Coregistration:
    """Find the rigid motion from the EPI to the anatomy by Mattes mutual information.

    The place that the two files state, and the one where their centres of mass meet, are tried
    with rotations about all axes; the best of them are followed on a coarse level, the best of
    these to the fine one.

    Parameters
    ----------
    epi, epi_grid : array, shape (x, y, z), and VoxelGrid
        Mean of the realigned volumes.
    epi_mask : array of bool, shape (x, y, z)
        The brain in it; registration looks there and two voxels around.
    t1, t1_grid : array, shape (i, j, k), and VoxelGrid
        Anatomy, with or without the skull.
    settings : CoregisterSettings, optional
        How it is done.

    Returns
    -------
    coregistration : Coregistration
        The matrix, and how good it is.

    Raises
    ------
    GridError
        When numbers are not finite, an image is constant, or voxel axes are skewed.
    """
    options = settings or CoregisterSettings()
    refuse_not_finite("the EPI", epi)
    refuse_not_finite("the anatomy", t1)
    mask = binary_dilation(epi_mask, iterations=2)
    centre = centre_of_mass(np.where(mask, epi, 0.0), epi_grid)
    fixed, where = itk_image(epi, epi_grid), itk_image(mask, epi_grid)
    levels = [
        _Level(fixed, itk_image(*thin_image(t1, t1_grid, fwhm)), where, share)
        for fwhm, share in zip(options.fwhm, _SHARES, strict=True)
    ]
    shifts = (np.zeros(3), centre_of_mass(t1, t1_grid) - centre)
    places = [
        rigid_matrix(np.concatenate([shift, turn]), centre)
        for shift in shifts
        for turn in product((-_TURN, 0.0, _TURN), repeat=3)
    ]
    tried = sorted(places, key=lambda place: -levels[0].information(place, centre))
    followed = [levels[0].follow(place, centre, options) for place in tried[: options.n_starts]]
    followed.sort(key=lambda found: -found[1])
    matrix, information = followed[0]
    for level in levels[1:]:
        matrix, information = level.follow(matrix, centre, options)
    return Coregistration(matrix, information, np.array([value for _, value in followed]))


def centre_of_mass(image: Float[ndarray, "x y z"], grid: VoxelGrid) -> Float[ndarray, " 3"]:
    """Return the centre of mass of an image above its least value, in RAS mm."""
    weights = np.asarray(image, dtype=np.float64) - float(image.min())
    total = weights.sum()
    if not total > 0:
        raise GridError("the image is constant; registration needs a head in it")
    middle = np.array(ndimage_centre(weights))
    return np.asarray(apply_matrix(grid.voxel_to_world, middle[np.newaxis])[0])


@dataclass(frozen=True, slots=True, eq=False)
class _Level:
    """Images of one smoothness, as SimpleITK has them."""

    fixed: Any
    moving: Any
    mask: Any
    share: float

    def information(self, matrix: Float[ndarray, "4 4"], centre: Float[ndarray, " 3"]) -> float:
        """Return the mutual information at a place, -inf where the images hardly overlap."""
        method = mutual_information(0.2, mask=self.mask)
        method.SetInitialTransform(itk_rigid(matrix, centre))
        try:
            return -float(method.MetricEvaluate(self.fixed, self.moving))
        except RuntimeError:  # "All samples map outside moving image buffer"
            return -np.inf

    def follow(
        self,
        matrix: Float[ndarray, "4 4"],
        centre: Float[ndarray, " 3"],
        options: CoregisterSettings,
    ) -> tuple[Float[ndarray, "4 4"], float]:
        """Climb from a place; return where that ended and the mutual information there."""
        method = mutual_information(self.share, mask=self.mask)
        method.SetOptimizerAsRegularStepGradientDescent(
            1.0, 1e-3, options.max_iterations, gradientMagnitudeTolerance=1e-8
        )
        method.SetOptimizerScalesFromPhysicalShift()
        method.SetInitialTransform(itk_rigid(matrix, centre), inPlace=False)
        found = method.Execute(self.fixed, self.moving)
        return ras_matrix(found), -float(method.GetMetricValue())
