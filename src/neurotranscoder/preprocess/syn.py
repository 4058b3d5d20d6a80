"""The warp from the template to an anatomy by SyN of dipy, the extra ``quality``."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.ndimage import binary_dilation

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import SettingsError
from neurotranscoder.preprocess.template import Template, on_template
from neurotranscoder.preprocess.warp import Warp

_RADIUS = 3  # voxels
_SMOOTH = 2.0  # voxels


def syn_warp(
    t1: Float[ndarray, "i j k"],
    t1_grid: VoxelGrid,
    affine: Float[ndarray, "4 4"],
    template: Template,
    iterations: tuple[int, int, int],
) -> Warp:
    """Return the warp by symmetric normalisation on local correlation (Avants 2008).

    Parameters
    ----------
    t1, t1_grid : array, shape (i, j, k), and VoxelGrid
        Anatomy.
    affine : array, shape (4, 4)
        From the template to the anatomy.
    template : Template
        What it is brought to.
    iterations : tuple of int
        Most steps on voxels four times, twice and once as large as the template's.

    Raises
    ------
    SettingsError
        When dipy is not there.
    """
    try:
        from dipy.align.imwarp import SymmetricDiffeomorphicRegistration
        from dipy.align.metrics import CCMetric
    except ImportError as error:
        raise SettingsError(
            "method 'quality' needs dipy, which is not installed; "
            "pip install 'neurotranscoder[quality]', or take method 'fast'"
        ) from error
    mask = binary_dilation(template.brain, iterations=1)
    moving = on_template(t1, t1_grid, affine, template)
    metric = CCMetric(3, sigma_diff=_SMOOTH, radius=_RADIUS)
    registration = SymmetricDiffeomorphicRegistration(metric, level_iters=list(iterations))
    registration.verbosity = 0
    mapping = registration.optimize(
        np.where(mask, template.image, 0.0),
        np.where(mask, moving, 0.0),
        static_grid2world=template.grid.voxel_to_world,
        moving_grid2world=template.grid.voxel_to_world,
    )
    field = np.asarray(mapping.get_forward_field(), dtype=np.float64)
    return Warp(affine, template.grid, field @ affine[:3, :3].T)
