"""Where the brain is, what it is made of, and which way its cortex faces, in MNI152 space."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float
from nilearn import datasets
from numpy import ndarray
from scipy.spatial import cKDTree

from neurotranscoder.core.axes import VoxelGrid

MNI305_TO_MNI152 = np.array(
    [
        [0.9975, -0.0073, 0.0176, -0.0429],
        [0.0146, 1.0009, -0.0024, 1.5496],
        [-0.0130, -0.0093, 0.9971, 1.1840],
        [0.0, 0.0, 0.0, 1.0],
    ]
)
"""From fsaverage to MNI152, mm (FreeSurfer wiki, CoordinateSystems, case 8)."""
MNI152_TO_MNI305 = np.linalg.inv(MNI305_TO_MNI152)
"""From MNI152 to fsaverage, mm."""


@dataclass(frozen=True, slots=True, eq=False)
class Tissue:
    """Mean share of grey and of white matter in each voxel of a grid.

    Parameters
    ----------
    grey, white : array, shape (x, y, z)
        Shares, 0 to 1.
    """

    grey: Float[ndarray, "x y z"]
    white: Float[ndarray, "x y z"]


def apply_affine(
    affine: Float[ndarray, "4 4"], points: Float[ndarray, "points 3"]
) -> Float[ndarray, "points 3"]:
    """Return points after an affine map."""
    return np.asarray(points @ affine[:3, :3].T + affine[:3, 3])


def tissue_on_grid(grid: VoxelGrid) -> Tissue:
    """Return nilearn's MNI152 tissue maps (1 mm) averaged over the voxels of a grid."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        images = (
            datasets.load_mni152_gm_template(resolution=1),
            datasets.load_mni152_wm_template(resolution=1),
        )
    grey, white = (_average(image.get_fdata(), image.affine, grid) for image in images)
    return Tissue(grey, white)


def _average(
    values: Float[ndarray, "i j k"], affine: ndarray, grid: VoxelGrid
) -> Float[ndarray, "x y z"]:
    """Return the mean of fine voxels over the coarse voxels that their centres lie in."""
    to_grid = np.linalg.inv(grid.voxel_to_world) @ affine
    fine = np.indices(values.shape, dtype=np.float32).reshape(3, -1).T
    where = np.floor(apply_affine(to_grid, fine) + 0.5).astype(int)
    inside = np.all((where >= 0) & (where < grid.shape), axis=1)
    flat = np.ravel_multi_index(tuple(where[inside].T), grid.shape)
    size = int(np.prod(grid.shape))
    counts = np.bincount(flat, minlength=size)
    sums = np.bincount(flat, values.ravel()[inside], size)
    return np.asarray((sums / np.maximum(counts, 1)).reshape(grid.shape))


@cache
def _cortex() -> tuple[ndarray, ndarray]:
    """Return places (mm, MNI152) and outward area vectors (mm^2) of fsaverage5's mid-cortex."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        meshes = datasets.load_fsaverage("fsaverage5")
    places, areas = [], []
    for side in ("left", "right"):
        pial, white = (meshes[name].parts[side] for name in ("pial", "white_matter"))
        middle = (np.asarray(pial.coordinates) + np.asarray(white.coordinates)) / 2
        middle = apply_affine(MNI305_TO_MNI152, middle.astype(np.float64))
        faces = np.asarray(pial.faces)
        a, b, c = np.moveaxis(middle[faces], 1, 0)
        vectors = np.zeros_like(middle)
        for corner in range(3):
            np.add.at(vectors, faces[:, corner], np.cross(b - a, c - a) / 6)
        places.append(middle)
        areas.append(vectors)
    return np.concatenate(places), np.concatenate(areas)


def cortical_normals(
    points: Float[ndarray, "points 3"], *, reach: float, rng: np.random.Generator
) -> Float[ndarray, "points 3"]:
    """Return the direction that the net area of nearby cortex faces; random in the deep.

    Parameters
    ----------
    points : array, shape (points, 3)
        RAS mm in MNI152 space.
    reach : float
        Cortex up to this distance counts, in mm, with weights that fall to zero there.
    rng : Generator
        For points without cortex nearby, or where it faces all ways alike.

    Returns
    -------
    normals : array, shape (points, 3)
        Unit vectors, outward.
    """
    places, areas = _cortex()
    pairs = cKDTree(points).sparse_distance_matrix(cKDTree(places), reach, output_type="ndarray")
    weights = 1 - (pairs["v"] / reach) ** 2
    net = np.zeros((len(points), 3))
    np.add.at(net, pairs["i"], weights[:, np.newaxis] * areas[pairs["j"]])
    size = np.linalg.norm(net, axis=1)
    random = rng.standard_normal((len(points), 3))
    faces_nowhere = size <= 0.1 * np.median(size)
    net = np.where(faces_nowhere[:, np.newaxis], random, net)
    return np.asarray(net / np.linalg.norm(net, axis=1, keepdims=True))
