"""The head that all subjects are brought to: nilearn's MNI template."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from nilearn.datasets import (
    load_mni152_brain_mask,
    load_mni152_gm_template,
    load_mni152_template,
    load_mni152_wm_template,
)
from numpy import ndarray
from scipy.ndimage import map_coordinates

from neurotranscoder.core.axes import VoxelGrid

TEMPLATE_SPACE = "MNI152NLin2009aSym"
"""BIDS label of the space of nilearn's template, the only one that comes in a wheel."""


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """The head that all subjects are brought to.

    Parameters
    ----------
    image : array, shape (x, y, z)
        T1 contrast, brain alone.
    grid : VoxelGrid
        Where it is in MNI.
    brain : array of bool, shape (x, y, z)
        Voxels of the brain.
    grey, white : array, shape (x, y, z), optional
        Share of grey and white matter, 0 to 1; what is left of the brain is fluid. Without them
        tissues of an anatomy cannot be found.
    """

    image: Float[ndarray, "x y z"]
    grid: VoxelGrid
    brain: Bool[ndarray, "x y z"]
    grey: Float[ndarray, "x y z"] | None = None
    white: Float[ndarray, "x y z"] | None = None


@cache
def mni_template(resolution: int = 2) -> Template:
    """Return nilearn's MNI template, on voxels of whole mm."""
    image: Any = load_mni152_template(resolution=resolution)
    brain: Any = load_mni152_brain_mask(resolution=resolution)
    x, y, z = image.shape
    grid = VoxelGrid((x, y, z), np.asarray(image.affine, dtype=np.float64))
    grey, white = (
        np.clip(np.asarray(load(resolution=resolution).get_fdata()), 0.0, 1.0)
        for load in (load_mni152_gm_template, load_mni152_wm_template)
    )
    mask = np.asarray(brain.dataobj) > 0
    return Template(np.asarray(image.get_fdata()), grid, mask, grey, white)


def halved(template: Template) -> Template:
    """Return a template on voxels half as large, between those that it has; no tissues."""
    x, y, z = (2 * n for n in template.grid.shape)
    half = np.diag([0.5, 0.5, 0.5, 1.0])
    half[:3, 3] = -0.25
    grid = VoxelGrid((x, y, z), template.grid.voxel_to_world @ half)
    places = half[:3, :3] @ np.indices(grid.shape).reshape(3, -1) + half[:3, 3:]
    image = map_coordinates(template.image, places, order=3, mode="nearest")
    brain = map_coordinates(template.brain, places, order=0, mode="nearest")
    return Template(image.reshape(grid.shape), grid, brain.reshape(grid.shape))
