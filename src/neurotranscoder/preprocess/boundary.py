"""Place of the EPI refined where white matter meets grey matter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field
from scipy.ndimage import spline_filter
from scipy.optimize import minimize

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.settings import Settings
from neurotranscoder.preprocess.checks import refuse_not_finite
from neurotranscoder.preprocess.lookup import look_up, smooth_image
from neurotranscoder.signal.rigid import HEAD_RADIUS, apply_matrix, rigid_matrix

_FWHM = 2.0  # mm, so that a hard mask has a slope
_STEEP = 0.05  # per mm: least slope of white matter at its boundary
_NEAR = 0.15  # of the level 0.5
_LEAST = 500


class BoundarySettings(Settings):
    """How the place of the EPI is refined on the boundary of white matter."""

    depth: float = Field(default=2.0, gt=0, le=10)
    """Distance from the boundary at which the two tissues are looked at, in mm."""
    slope: float = Field(default=0.1, gt=0)
    """How fast a difference of brightness counts as enough, per percent."""
    n_points: int = Field(default=8_000, ge=_LEAST)
    """Points of the boundary that are looked at, spread evenly."""
    farthest: float = Field(default=3.0, gt=0)
    """A place that moves the boundary further than this on average, in mm, is not taken."""


@dataclass(frozen=True, slots=True, eq=False)
class BoundaryFit:
    """A place of the EPI in the anatomy, refined.

    Parameters
    ----------
    epi_to_t1 : array, shape (4, 4)
        Rigid matrix: a point of the EPI (RAS mm) to the same point of the head in the anatomy.
    cost_before, cost_after : float
        Mean cost at the start and at the end, on points of the boundary that the fit did not
        see: 0 where grey matter is clearly brighter everywhere, 2 where it is clearly darker.
    moved : float
        How far the boundary was moved on average, in mm.
    why_not : str
        Why the start is better, or nothing where this place is to be taken.
    """

    epi_to_t1: Float[ndarray, "4 4"]
    cost_before: float
    cost_after: float
    moved: float
    why_not: str = ""


def refine_on_boundary(
    epi: Float[ndarray, "x y z"],
    epi_grid: VoxelGrid,
    white: Float[ndarray, "i j k"],
    white_grid: VoxelGrid,
    start: Float[ndarray, "4 4"],
    settings: BoundarySettings | None = None,
) -> BoundaryFit:
    """Move the EPI until it is brighter outside white matter than inside, all along its boundary.

    The cost is that of Greve and Fischl 2009, NeuroImage 48:63, for T2* contrast. It needs a
    start within some millimetres, such as that of `coregister`.

    The place is to be taken where the cost has become smaller on every second point, which the
    fit did not see, is below 1 there (grey matter is the brighter one), and the place is near the
    start.

    Parameters
    ----------
    epi, epi_grid : array, shape (x, y, z), and VoxelGrid
        Mean of the realigned volumes.
    white, white_grid : array, shape (i, j, k), and VoxelGrid
        White matter of the anatomy: share or mask, 0 to 1.
    start : array, shape (4, 4)
        Where to begin, from the EPI to the anatomy.
    settings : BoundarySettings, optional
        How it is done.

    Raises
    ------
    GridError
        When numbers are not finite or the segmentation has hardly any boundary.
    """
    options = settings or BoundarySettings()
    refuse_not_finite("the EPI", epi)
    refuse_not_finite("the white matter", white)
    points, normals = white_boundary(white, white_grid, 2 * options.n_points)
    coefficients = spline_filter(np.asarray(epi, np.float64), order=3, mode="mirror")
    centre, to_epi = points.mean(axis=0), np.linalg.inv(start)
    inner, outer = points - options.depth * normals, points + options.depth * normals

    def moved(arcs: Float[ndarray, " 6"]) -> Float[ndarray, "4 4"]:
        return rigid_matrix(np.concatenate([arcs[:3], arcs[3:] / HEAD_RADIUS]), centre)

    def cost(arcs: Float[ndarray, " 6"], first: int = 0) -> float:
        matrix = to_epi @ moved(arcs)
        white_side = look_up(coefficients, epi_grid, apply_matrix(matrix, inner[first::2]))
        grey_side = look_up(coefficients, epi_grid, apply_matrix(matrix, outer[first::2]))
        mean = np.maximum((grey_side + white_side) / 2, 1e-9)
        percent = 100 * (grey_side - white_side) / mean
        known = np.isfinite(percent)
        return float(np.mean(1 - np.tanh(options.slope * percent[known]))) if known.any() else 2.0

    found = minimize(cost, np.zeros(6), method="Powell", options={"xtol": 1e-3, "ftol": 1e-6})
    before, after = cost(np.zeros(6), 1), cost(found.x, 1)
    way = float(np.linalg.norm(apply_matrix(moved(found.x), points) - points, axis=1).mean())
    matrix = np.linalg.inv(to_epi @ moved(found.x))
    return BoundaryFit(matrix, before, after, way, _why_not(before, after, way, options.farthest))


def _why_not(before: float, after: float, way: float, farthest: float) -> str:
    """Return why a place is not better than the start, or nothing."""
    if after >= 1:
        return f"grey matter is not brighter than white matter (cost {after:.2f}, needs below 1)"
    if after >= before:
        return f"the contrast across the boundary did not grow (cost {before:.3f} to {after:.3f})"
    return f"it moved by {way:.1f} mm, more than {farthest:g}" if way > farthest else ""


def white_boundary(
    white: Float[ndarray, "i j k"], grid: VoxelGrid, n_points: int
) -> tuple[Float[ndarray, "points 3"], Float[ndarray, "points 3"]]:
    """Return points where white matter ends and unit vectors that point out of it, in RAS mm.

    Raises
    ------
    GridError
        When there are too few for six parameters.
    """
    smooth = smooth_image(white, grid, _FWHM)
    where = np.argwhere(np.abs(smooth - 0.5) < _NEAR)
    voxels = tuple(where.T)
    slopes = np.stack([np.gradient(smooth, axis=axis)[voxels] for axis in range(3)], axis=-1)
    slopes = slopes @ np.linalg.inv(grid.voxel_to_world[:3, :3])
    steepness = np.linalg.norm(slopes, axis=1)
    steep = steepness > _STEEP
    if steep.sum() < _LEAST:
        raise GridError(
            f"white matter has {int(steep.sum())} voxels at its boundary; need at least {_LEAST} "
            "with values around 0.5 between 0 and 1; check the segmentation"
        )
    every = max(1, int(steep.sum()) // n_points)
    slopes, steepness = slopes[steep][::every], steepness[steep][::every, np.newaxis]
    outwards = -slopes / steepness
    above = (smooth[voxels][steep][::every, np.newaxis] - 0.5) / steepness
    return grid.world(where[steep][::every]) + above * outwards, outwards
