"""SimpleITK for images and transforms in RAS mm: one thread, fixed seeds, the same bytes twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import SimpleITK as sitk
from jaxtyping import Bool, Float
from numpy import ndarray

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import GridError

_SEED = 20_240_607
_BINS = 32
_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])  # ITK counts to the left and to the back
_SKEW = 1e-3


@contextmanager
def one_thread() -> Iterator[None]:
    """Let SimpleITK use one thread: sums of several come in any order, and so differ in bits.

    Objects take the number that holds when they are made, also those that others make inside.
    """
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)


def itk_image(image: Float[ndarray, "x y z"] | Bool[ndarray, "x y z"], grid: VoxelGrid) -> Any:  # noqa: ANN401 - SimpleITK has no types
    """Return an image for SimpleITK: single precision, or bytes for a mask.

    Raises
    ------
    GridError
        When the axes of the voxels are not at right angles, which ITK cannot hold.
    """
    affine = _LPS @ grid.voxel_to_world
    turn = affine[:3, :3] / grid.voxel_sizes
    skew = float(np.max(np.abs(turn.T @ turn - np.eye(3))))
    if skew > _SKEW:
        raise GridError(
            f"voxel axes are skewed (cosine {skew:.3g}); registration needs right angles; "
            "resample the image to such a grid first"
        )
    kind = np.uint8 if image.dtype == bool else np.float32
    found = sitk.GetImageFromArray(np.ascontiguousarray(image.T, dtype=kind))
    found.SetSpacing([float(size) for size in grid.voxel_sizes])
    found.SetDirection(turn.ravel().tolist())
    found.SetOrigin(affine[:3, 3].tolist())
    return found


def ras_matrix(transform: Any) -> Float[ndarray, "4 4"]:  # noqa: ANN401
    """Return a linear SimpleITK transform as a matrix from RAS mm to RAS mm."""
    corners = np.concatenate([np.zeros((1, 3)), np.eye(3)])
    moved = np.array([transform.TransformPoint(corner.tolist()) for corner in corners])
    matrix = np.eye(4)
    matrix[:3, :3] = (moved[1:] - moved[0]).T
    matrix[:3, 3] = moved[0]
    return np.asarray(_LPS @ matrix @ _LPS)


def itk_affine(matrix: Float[ndarray, "4 4"], centre: Float[ndarray, " 3"]) -> Any:  # noqa: ANN401
    """Return a matrix of RAS mm as a SimpleITK transform with a centre (RAS mm) of its own."""
    lps, middle = _LPS @ matrix @ _LPS, _LPS[:3, :3] @ centre
    transform = sitk.AffineTransform(3)
    transform.SetCenter(middle.tolist())
    transform.SetMatrix(lps[:3, :3].ravel().tolist())
    transform.SetTranslation((lps[:3, 3] + lps[:3, :3] @ middle - middle).tolist())
    return transform


def itk_rigid(matrix: Float[ndarray, "4 4"], centre: Float[ndarray, " 3"]) -> Any:  # noqa: ANN401
    """Return a rigid matrix of RAS mm as a SimpleITK transform with six parameters."""
    affine = itk_affine(matrix, centre)
    transform = sitk.Euler3DTransform()
    transform.SetCenter(affine.GetCenter())
    transform.SetMatrix(affine.GetMatrix(), 1e-6)
    transform.SetTranslation(affine.GetTranslation())
    return transform


def mutual_information(
    share: float,
    *,
    mask: Any = None,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    """Return a registration by Mattes mutual information on a share of the fixed voxels.

    It has one thread if it is made and run inside `one_thread`.

    Parameters
    ----------
    share : float
        Of the voxels that are looked at, drawn with a fixed seed.
    mask : SimpleITK image, optional
        Where in the fixed image to look.
    """
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(_BINS)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(share, _SEED)
    method.MetricUseMovingImageGradientFilterOff()  # the whole image at every start
    method.MetricUseFixedImageGradientFilterOff()
    method.SetInterpolator(sitk.sitkLinear)
    if mask is not None:
        method.SetMetricFixedMask(mask)
    return method
