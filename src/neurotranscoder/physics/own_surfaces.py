"""A head from a subject's own surfaces of skull and scalp."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from pydantic import Field, PositiveFloat
from scipy.spatial import cKDTree

from neurotranscoder.core.axes import Montage, VoxelGrid
from neurotranscoder.core.errors import Problem, StudyError
from neurotranscoder.core.settings import Settings
from neurotranscoder.physics.channels import referenced
from neurotranscoder.physics.head_model import Head
from neurotranscoder.physics.leadfield import bem_solution, dipole_leadfield
from neurotranscoder.physics.own_checks import problems_of_channels
from neurotranscoder.physics.skull import Surface
from neurotranscoder.physics.surfaces import Shells, deep_enough, problems_of_shells
from neurotranscoder.physics.tissue import Tissue


class OwnHeadSettings(Settings):
    """What a head from a subject's own surfaces is built with."""

    conductivities: tuple[PositiveFloat, PositiveFloat, PositiveFloat] = (0.3, 0.006, 0.3)
    """Of brain, skull and scalp, in S/m."""
    min_depth: float = Field(default=2.0, ge=0)
    """Least distance of a voxel's centre from the inner skull, in mm; others leave the brain."""
    free: bool = False
    """Keep the leadfield of dipoles along x, y and z too."""


def head_from_surfaces(
    shells: Shells,
    grid: VoxelGrid,
    brain: Bool[ndarray, "x y z"],
    montage: Montage,
    *,
    tissue: Tissue | None = None,
    orientations: Float[ndarray, "voxels 3"] | None = None,
    settings: OwnHeadSettings | None = None,
) -> Head:
    """Build a head from a subject's own surfaces.

    Parameters
    ----------
    shells : tuple of Surface
        Inner skull, outer skull and scalp, in mm of the grid's world; see `read_shells`.
    grid : VoxelGrid
        Where the voxels are.
    brain : array of bool, shape (x, y, z)
        Voxels that may hold a source.
    montage : Montage
        Electrodes with places in the same world.
    tissue : Tissue, optional
        Shares of grey and white matter; 1 and 0 by default.
    orientations : array, shape (voxels, 3), optional
        Unit vectors for the voxels of ``brain`` in C order; by default away from the middle of
        the brain, towards the nearest part of the inner skull.
    settings : OwnHeadSettings, optional
        Conductivities, least depth, free orientation.

    Returns
    -------
    head : Head
        Without the voxels that are not deep enough.

    Raises
    ------
    StudyError
        When something does not fit; all problems are listed.
    """
    settings = settings or OwnHeadSettings()
    _refuse(
        [
            *problems_of_channels(montage.names),
            *_problems_of_brain(grid, brain, tissue, orientations),
            *problems_of_shells(shells, montage),
        ]
    )
    indices = np.argwhere(brain)
    kept = deep_enough(shells[0], grid.world(indices), min_depth=settings.min_depth)
    if not kept.any():
        cure = "check that surfaces and grid are in the same RAS space, in mm"
        _refuse([Problem("brain", "places", "no voxel inside the inner skull", "some", cure)])
    places = grid.world(indices[kept])
    directions = _outward(shells[0], places) if orientations is None else orientations[kept]
    gain = dipole_leadfield(
        bem_solution(_facing_outward(shells), settings.conductivities),
        montage,
        places,
        directions,
        min_depth=0.0,
        world_to_mri=np.eye(4),
    )
    deep = np.zeros_like(brain)
    deep[tuple(indices[kept].T)] = True
    return Head(
        grid,
        deep,
        referenced(gain.fixed, montage.names),
        directions,
        montage,
        np.ones(len(places)) if tissue is None else tissue.grey[deep],
        np.zeros(len(places)) if tissue is None else tissue.white[deep],
        "average",
        referenced(gain.free, montage.names).astype(np.float32) if settings.free else None,
    )


def _refuse(problems: list[Problem]) -> None:
    """Stop where there is a problem."""
    if problems:
        raise StudyError(problems)


def _problems_of_brain(
    grid: VoxelGrid, brain: ndarray, tissue: Tissue | None, orientations: ndarray | None
) -> list[Problem]:
    """Return why voxels, tissue and orientations do not belong to a grid."""
    found = []
    shapes = {"brain": brain.shape}
    if tissue is not None:
        shapes |= {"grey": tissue.grey.shape, "white": tissue.white.shape}
    for name, shape in shapes.items():
        if shape != grid.shape:
            cure = "resample it to the grid"
            found.append(Problem(name, "shape", str(shape), str(grid.shape), cure))
    if not brain.any():
        cure = "check the mask and its threshold"
        found.append(Problem("brain", "mask", "no voxel", "at least one voxel", cure))
    if orientations is not None:
        if len(orientations) != brain.sum():
            got, needed = (
                f"{len(orientations)} directions",
                f"one for each of {brain.sum()} voxels",
            )
            found.append(Problem("orientations", "shape", got, needed, "follow C order"))
        size = np.linalg.norm(orientations, axis=1)
        if off := int(np.sum(~(np.abs(size - 1) < 1e-3))):
            cure = "divide each by its length"
            found.append(Problem("orientations", "length", f"{off} others", "unit vectors", cure))
    return found


def _outward(inner: Surface, places: Float[ndarray, "points 3"]) -> Float[ndarray, "points 3"]:
    """Return the direction from the middle of the brain to the skull nearest to each place."""
    middle = (inner.vertices.min(axis=0) + inner.vertices.max(axis=0)) / 2
    _, nearest = cKDTree(inner.vertices).query(places)
    away = inner.vertices[nearest] - middle
    return np.asarray(away / np.linalg.norm(away, axis=1, keepdims=True))


def _facing_outward(shells: Shells) -> Shells:
    """Turn surfaces whose triangles face inward."""
    inner, outer, scalp = (
        shell
        if np.einsum("td,td->", a, np.cross(b, c)) > 0
        else Surface(shell.vertices, shell.triangles[:, ::-1])
        for shell in shells
        for a, b, c in [np.moveaxis(shell.vertices[shell.triangles], 1, 0)]
    )
    return inner, outer, scalp
