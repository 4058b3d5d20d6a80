"""Warps to the template by other libraries, the rivals of `registration.py`.

Both start from the same affine, as the package used them before it had a warp of its own: with a
rim of one voxel around the brain (ours has 4 mm), and not tuned again since.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from dipy.align.imwarp import SymmetricDiffeomorphicRegistration
from dipy.align.metrics import CCMetric
from scipy.ndimage import binary_dilation

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.preprocess.bending import local_contrast
from neurotranscoder.preprocess.itk import itk_image, one_thread
from neurotranscoder.preprocess.lookup import look_up, thin_image
from neurotranscoder.preprocess.template import Template, mni_template
from neurotranscoder.preprocess.warp import Warp
from neurotranscoder.signal.rigid import apply_matrix

STEPS = (100, 100, 80)


def on_template(
    t1: np.ndarray, grid: VoxelGrid, affine: np.ndarray, template: Template
) -> np.ndarray:
    """Return an anatomy on the voxels of the template, smoothed to their size, by the affine."""
    thin, thin_grid = thin_image(t1, grid, min(template.grid.voxel_sizes))
    points = template.grid.world(np.indices(template.grid.shape).reshape(3, -1).T)
    values = look_up(thin, thin_grid, apply_matrix(affine, points), order=1)
    return np.nan_to_num(values, nan=float(t1.min())).reshape(template.grid.shape)


@one_thread()
def demons(t1: np.ndarray, grid: VoxelGrid, affine: np.ndarray) -> Warp:
    """Return the warp by diffeomorphic demons of SimpleITK (Vercauteren 2009)."""
    template = mni_template()
    mask = binary_dilation(template.brain)
    images = (template.image, on_template(t1, grid, affine, template))
    sizes = template.grid.voxel_sizes
    fixed, moving = (
        itk_image(local_contrast(one, mask, sizes).astype(np.float64), template.grid)
        for one in images
    )
    method = sitk.DiffeomorphicDemonsRegistrationFilter()
    method.SetStandardDeviations(1.5)
    field = None
    for factor, count in zip((4, 2, 1), STEPS, strict=True):
        still, bent = (
            image
            if factor == 1
            else sitk.Shrink(sitk.SmoothingRecursiveGaussian(image, 0.8 * factor), [factor] * 3)
            for image in (fixed, moving)
        )
        method.SetNumberOfIterations(count)
        start = () if field is None else (sitk.Resample(field, still),)
        field = method.Execute(still, bent, *start)
    to_right = sitk.GetArrayFromImage(field).transpose(2, 1, 0, 3) * [-1.0, -1.0, 1.0]
    return Warp(affine, template.grid, to_right @ affine[:3, :3].T)


def syn(t1: np.ndarray, grid: VoxelGrid, affine: np.ndarray) -> Warp:
    """Return the warp by SyN of dipy on local correlation (Avants 2008)."""
    template = mni_template()
    mask = binary_dilation(template.brain)
    moving = on_template(t1, grid, affine, template)
    method = SymmetricDiffeomorphicRegistration(
        CCMetric(3, sigma_diff=2.0, radius=3), level_iters=list(STEPS)
    )
    method.verbosity = 0
    mapping = method.optimize(
        np.where(mask, template.image, 0.0),
        np.where(mask, moving, 0.0),
        static_grid2world=template.grid.voxel_to_world,
        moving_grid2world=template.grid.voxel_to_world,
    )
    field = np.asarray(mapping.get_forward_field(), dtype=np.float64)
    return Warp(affine, template.grid, field @ affine[:3, :3].T)


RIVALS = {"demons": demons, "syn": syn}
