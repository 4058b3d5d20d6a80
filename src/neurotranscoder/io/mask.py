"""Brain masks: read, or computed from the mean image."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from jaxtyping import Bool, Float
from nilearn.masking import compute_epi_mask
from numpy import ndarray
from scipy.ndimage import binary_fill_holes

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import Problem, StudyError


def read_mask(path: Path, mask_path: Path, grid: VoxelGrid) -> Bool[ndarray, "x y z"]:
    """Read the brain mask that lies beside images; it needs their grid."""
    try:
        image: Any = nib.load(mask_path)
        same = image.shape == grid.shape and np.max(np.abs(image.affine - grid.voxel_to_world))
        values = np.asarray(image.dataobj) > 0.5 if image.shape == grid.shape else None
    except Exception as error:  # nibabel raises many kinds for damaged files
        got = f"{type(error).__name__}: {error}"
        problem = Problem(str(mask_path), "file", got, "a NIfTI mask", "restore or remove it")
        raise StudyError([problem]) from error
    if values is None or same > 1e-3 or not values.any():
        got = f"shape {image.shape}, {0 if values is None else int(values.sum())} voxels"
        needed = f"at least 1 voxel, on the grid {grid.shape} of {path.name}"
        cure = "resample the mask, or remove it to compute one"
        raise StudyError([Problem(str(mask_path), "grid", got, needed, cure)])
    return np.asarray(values, dtype=bool)


def brain_mask(
    path: Path, data: Float[ndarray, "x y z volumes"], grid: VoxelGrid
) -> Bool[ndarray, "x y z"]:
    """Compute a brain mask from the mean image.

    Parameters
    ----------
    path : Path
        File of the images, for the message.
    data : array, shape (x, y, z, volumes)
        Images.
    grid : VoxelGrid
        Where they are.

    Returns
    -------
    mask : array of bool, shape (x, y, z)
        Voxels brighter than the background, closed and connected (nilearn).

    Raises
    ------
    StudyError
        When no brain stands out from the background.
    """
    mean = np.nan_to_num(data.mean(axis=-1, dtype=np.float64))
    opening = 2 if min(grid.shape) >= 20 else False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an empty mask is reported below
        try:
            image = nib.Nifti1Image(mean, grid.voxel_to_world)  # type: ignore[no-untyped-call]
            mask = np.asarray(compute_epi_mask(image, opening=opening).dataobj) > 0
        except (ValueError, TypeError, IndexError):
            mask = np.zeros(grid.shape, dtype=bool)
    if not mask.any():
        got = "no voxel that stands out from the background"
        cure = "put a *_desc-brain_mask.nii.gz beside the images"
        raise StudyError([Problem(str(path), "brain mask", got, "a brain", cure)])
    return mask


def count_holes(mask: Bool[ndarray, "x y z"], data: Float[ndarray, "x y z volumes"]) -> int:
    """Return how many voxels that are not finite a mask surrounds within their slice.

    Those around the brain, which many programs write as NaN, are none.
    """
    with np.errstate(invalid="ignore"):
        finite = np.isfinite(data.mean(axis=-1, dtype=np.float64))
    slices = zip(np.moveaxis(mask, 2, 0), np.moveaxis(finite, 2, 0), strict=True)
    return sum(
        int(np.sum(binary_fill_holes(brain) & ~brain & ~known))
        for brain, known in slices
        if not known.all()
    )
