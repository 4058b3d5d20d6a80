"""Anatomy to MNI: an affine and a warp from the template that nilearn ships."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import SimpleITK as sitk
from jaxtyping import Bool, Float
from numpy import ndarray
from pydantic import Field
from scipy.ndimage import binary_dilation, gaussian_filter

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.settings import Settings
from neurotranscoder.preprocess.checks import refuse_not_finite
from neurotranscoder.preprocess.coregister import CoregisterSettings, coregister
from neurotranscoder.preprocess.itk import (
    itk_affine,
    itk_image,
    mutual_information,
    one_thread,
    ras_field,
    ras_matrix,
)
from neurotranscoder.preprocess.lookup import thin_image
from neurotranscoder.preprocess.syn import syn_warp
from neurotranscoder.preprocess.template import Template, mni_template, on_template
from neurotranscoder.preprocess.warp import Warp
from neurotranscoder.signal.rigid import apply_matrix

_RIM = 1  # voxels of the template around the brain
_NEIGHBOURS = 2.0  # voxels: standard deviation of the neighbourhood of a voxel


class NormaliseSettings(Settings):
    """How the anatomy is brought to the template."""

    method: Literal["fast", "quality"] = "fast"
    """'fast': demons by SimpleITK; 'quality': SyN by dipy, of the extra ``quality``."""
    iterations: tuple[int, int, int] = (100, 100, 80)
    """Steps of the warp on voxels that are four times, twice and once as large as the template's
    (2 mm by default)."""
    stiffness: float = Field(default=1.5, gt=0, le=10)
    """Of demons: the displacement is smoothed by this standard deviation, in voxels."""


@dataclass(frozen=True, slots=True, eq=False)
class Normalisation:
    """Where the template is in the anatomy, as it was estimated.

    Parameters
    ----------
    template_to_t1 : Warp
        A point of MNI to the same point of the head in the anatomy: images of the anatomy are
        brought to MNI by looking them up there.
    affine : array, shape (4, 4)
        What the linear part alone said.
    method : str
        'fast' or 'quality'.
    """

    template_to_t1: Warp
    affine: Float[ndarray, "4 4"]
    method: str


@one_thread()
def normalise(
    t1: Float[ndarray, "i j k"],
    t1_grid: VoxelGrid,
    settings: NormaliseSettings | None = None,
    *,
    template: Template | None = None,
) -> Normalisation:
    """Find where each point of the template is in an anatomy.

    A rigid and an affine registration by mutual information come first, then a warp: diffeomorphic
    demons on locally normalised contrast (Vercauteren 2009, NeuroImage 45:S61), or SyN on local
    correlation (Avants 2008, Med Image Anal 12:26). Only the brain of the template and
    a rim of one voxel are compared, so a skull in the anatomy does no harm.

    Parameters
    ----------
    t1, t1_grid : array, shape (i, j, k), and VoxelGrid
        Anatomy, T1 contrast.
    settings : NormaliseSettings, optional
        How it is done.
    template : Template, optional
        Default: `mni_template` at 2 mm.

    Returns
    -------
    normalisation : Normalisation
        The warp from the template to the anatomy.

    Raises
    ------
    GridError
        When numbers are not finite or an image is constant.
    SettingsError
        When 'quality' is asked for and dipy is not there.
    """
    options, target = settings or NormaliseSettings(), template or mni_template()
    refuse_not_finite("the anatomy", t1)
    affine = _affine(t1, t1_grid, target)
    if options.method == "quality":
        warp = syn_warp(t1, t1_grid, affine, target, options.iterations)
    else:
        warp = _demons_warp(t1, t1_grid, affine, target, options)
    return Normalisation(warp, affine, options.method)


def _affine(
    t1: Float[ndarray, "i j k"], t1_grid: VoxelGrid, template: Template
) -> Float[ndarray, "4 4"]:
    """Return the affine from the template to an anatomy, by mutual information."""
    rough = CoregisterSettings(fwhm=(8.0, 8.0, 4.0), n_starts=3)
    rigid = coregister(template.image, template.grid, template.brain, t1, t1_grid, rough)
    centre = apply_matrix(template.grid.voxel_to_world, np.argwhere(template.brain).mean(0)[None])
    matrix, mask = rigid.epi_to_t1, itk_image(_rim(template), template.grid)
    fixed = itk_image(template.image, template.grid)
    for fwhm in (4.0, 2.0):
        method = mutual_information(0.1, mask=mask)
        method.SetOptimizerAsRegularStepGradientDescent(
            1.0, 1e-3, 150, gradientMagnitudeTolerance=1e-8
        )
        method.SetOptimizerScalesFromPhysicalShift()
        method.SetInitialTransform(itk_affine(matrix, centre[0]), inPlace=False)
        matrix = ras_matrix(method.Execute(fixed, itk_image(*thin_image(t1, t1_grid, fwhm))))
    return matrix


def _demons_warp(
    t1: Float[ndarray, "i j k"],
    t1_grid: VoxelGrid,
    affine: Float[ndarray, "4 4"],
    template: Template,
    options: NormaliseSettings,
) -> Warp:
    """Return the warp by diffeomorphic demons, on voxels four times and twice as large first."""
    mask = _rim(template)
    fixed = itk_image(local_contrast(template.image, mask), template.grid)
    moving = itk_image(
        local_contrast(on_template(t1, t1_grid, affine, template), mask), template.grid
    )
    demons = sitk.DiffeomorphicDemonsRegistrationFilter()
    demons.SetStandardDeviations(options.stiffness)
    field = None
    for factor, count in zip((4, 2, 1), options.iterations, strict=True):
        still, bent = (_shrunk(image, factor) for image in (fixed, moving))
        demons.SetNumberOfIterations(count)
        start = () if field is None else (sitk.Resample(field, still),)
        field = demons.Execute(still, bent, *start)
    return Warp(affine, template.grid, ras_field(field) @ affine[:3, :3].T)


def local_contrast(
    image: Float[ndarray, "x y z"], mask: Bool[ndarray, "x y z"]
) -> Float[ndarray, "x y z"]:
    """Return an image less its mean in a neighbourhood, over its spread there; 0 off the mask.

    What coils and sequences do to brightness is gone then, and two T1 can be subtracted.
    """
    weight = gaussian_filter(mask.astype(np.float64), _NEIGHBOURS) + 1e-6
    mean = gaussian_filter(image * mask, _NEIGHBOURS) / weight
    variance = gaussian_filter(image**2 * mask, _NEIGHBOURS) / weight - mean**2
    least = 1e-3 * variance[mask].mean() + 1e-12
    return np.where(mask, (image - mean) / np.sqrt(np.maximum(variance, least)), 0.0)


def _shrunk(image: Any, factor: int) -> Any:  # noqa: ANN401 - SimpleITK has no types
    """Return an image on larger voxels."""
    if factor == 1:
        return image
    smooth = sitk.SmoothingRecursiveGaussian(image, 0.8 * factor)
    return sitk.Shrink(smooth, [factor] * 3)


def _rim(template: Template) -> Bool[ndarray, "x y z"]:
    """Return the brain of the template and a rim around it."""
    return np.asarray(binary_dilation(template.brain, iterations=_RIM))
