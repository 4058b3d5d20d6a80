"""Anatomy to MNI: an affine and a warp from the template that nilearn ships."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from pydantic import Field
from scipy.ndimage import binary_dilation

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.settings import Settings
from neurotranscoder.preprocess.bending import bending_warp
from neurotranscoder.preprocess.checks import refuse_not_finite
from neurotranscoder.preprocess.coregister import CoregisterSettings, coregister
from neurotranscoder.preprocess.itk import (
    itk_affine,
    itk_image,
    mutual_information,
    one_thread,
    ras_matrix,
)
from neurotranscoder.preprocess.lookup import thin_image
from neurotranscoder.preprocess.template import Template, halved, mni_template
from neurotranscoder.preprocess.warp import Warp
from neurotranscoder.signal.rigid import apply_matrix

_RIM = 1  # voxels of the template around the brain


class NormaliseSettings(Settings):
    """How the anatomy is brought to the template."""

    method: Literal["fast", "quality"] = "fast"
    """'fast': the warp is found on the voxels of the template, 2 mm; 'quality': it goes on on
    voxels half as large."""
    iterations: tuple[int, int, int] = (6, 6, 8)
    """Most Gauss-Newton steps of the warp on images smoothed by 6, 3 and 1.4 mm (standard
    deviations); on smaller voxels as many as the last."""
    bending: float = Field(default=100.0, ge=1, le=1e6)
    """Weight of the bending energy of the warp, in mm^4; more is smoother, and where space would
    fold it is raised."""


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


def normalise(
    t1: Float[ndarray, "i j k"],
    t1_grid: VoxelGrid,
    settings: NormaliseSettings | None = None,
    *,
    template: Template | None = None,
) -> Normalisation:
    """Find where each point of the template is in an anatomy.

    A rigid and an affine registration by mutual information come first, then a warp of few
    frequencies that costs bending energy (`bending_warp`). Only the brain of the template and a
    rim around it are compared, so a skull in the anatomy does no harm.

    Parameters
    ----------
    t1, t1_grid : array, shape (i, j, k), and VoxelGrid
        Anatomy, T1 contrast.
    settings : NormaliseSettings, optional
        How it is done.
    template : Template, optional
        Default: `mni_template` at 2 mm, for 'quality' at 1 mm after it; of any other one voxels
        are halved (`halved`).

    Returns
    -------
    normalisation : Normalisation
        The warp from the template to the anatomy.

    Raises
    ------
    GridError
        When numbers are not finite, an image is constant, or every warp folds space.
    """
    options, target = settings or NormaliseSettings(), template or mni_template()
    refuse_not_finite("the anatomy", t1)
    affine = find_affine(t1, t1_grid, target)
    finer = []
    if options.method == "quality":
        finer = [halved(template) if template else mni_template(1)]
    warp = bending_warp(
        t1,
        t1_grid,
        affine,
        [target, *finer],
        iterations=options.iterations,
        weight=options.bending,
    )
    return Normalisation(warp, affine, options.method)


@one_thread()
def find_affine(
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


def _rim(template: Template) -> Bool[ndarray, "x y z"]:
    """Return the brain of the template and a rim around it."""
    return np.asarray(binary_dilation(template.brain, iterations=_RIM))
