"""Closed surfaces of triangles: what lies inside, whether they nest, and files that hold them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import mne
import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from neurotranscoder.core.axes import Montage
from neurotranscoder.core.errors import Problem, StoreError
from neurotranscoder.physics.skull import Surface
from neurotranscoder.physics.tissue import apply_affine

Shells = tuple[Surface, Surface, Surface]
"""Inner skull, outer skull and scalp."""

_NAMES = ("inner skull", "outer skull", "scalp")
_CHUNK = 200_000  # solid angles at a time
_NEAR = 20.0  # mm; electrodes farther from the scalp belong to another head


def inside(surface: Surface, points: Float[ndarray, "points 3"]) -> Bool[ndarray, " points"]:
    """Return which points a closed surface encloses.

    The solid angles of the triangles seen from a point add up to a full sphere only inside
    (Van Oosterom and Strackee 1983, IEEE Trans Biomed Eng 30:125).
    """
    a, b, c = np.moveaxis(surface.vertices[surface.triangles], 1, 0)
    volume = np.einsum("td,td->t", a, np.cross(b, c))
    normal = np.cross(a, b) + np.cross(b, c) + np.cross(c, a)
    edges = [np.sum((one - other) ** 2, axis=1) for one, other in ((a, b), (b, c), (c, a))]
    found = np.zeros(len(points), dtype=bool)
    step = max(1, _CHUNK // len(surface.triangles))
    for start in range(0, len(points), step):
        some = points[start : start + step]
        distance = cdist(some, surface.vertices)
        ra, rb, rc = (distance[:, surface.triangles[:, corner]] for corner in range(3))
        ab, bc, ca = (
            (one**2 + other**2 - edge) / 2
            for one, other, edge in zip((ra, rb, rc), (rb, rc, ra), edges, strict=True)
        )
        numerator = volume - some @ normal.T
        angle = 2 * np.arctan2(numerator, ra * rb * rc + ab * rc + bc * ra + ca * rb)
        found[start : start + step] = np.abs(angle.sum(axis=1)) > 2 * np.pi
    return found


def deep_enough(
    inner: Surface, points: Float[ndarray, "points 3"], *, min_depth: float
) -> Bool[ndarray, " points"]:
    """Return which points lie inside the inner skull and far enough from its vertices, in mm."""
    distance, _ = cKDTree(inner.vertices).query(points)
    return np.asarray(inside(inner, points) & (distance >= min_depth))


def problems_of_shells(shells: Shells, montage: Montage) -> list[Problem]:
    """Return all that keeps surfaces and electrodes from being a head."""
    named = list(zip(_NAMES, shells, strict=True))
    found = [problem for name, surface in named for problem in _problems_of_one(name, surface)]
    if found:
        return found
    for (name, surface), (around, outer) in pairwise(named):
        out = int(np.sum(~inside(outer, surface.vertices)))
        if out:
            got = f"{out} of {len(surface.vertices)} vertices outside the {around}"
            cure = "repair the segmentation, or check the order: inner skull, outer skull, scalp"
            found.append(Problem("surfaces", name, got, "all of them inside", cure))
    return found + _problems_of_electrodes(montage, shells[2])


def _problems_of_one(name: str, surface: Surface) -> list[Problem]:
    """Return why a surface is not a closed one."""
    if not np.all(np.isfinite(surface.vertices)):
        return [
            Problem("surfaces", name, "NaN or infinity", "finite places in mm", "export it anew")
        ]
    triangles = surface.triangles
    if len(triangles) < 4 or triangles.min() < 0 or triangles.max() >= len(surface.vertices):
        got = f"{len(triangles)} triangles on {len(surface.vertices)} vertices"
        return [Problem("surfaces", name, got, "corners that exist", "export the surface anew")]
    # on a closed surface each edge is walked once in either direction
    edges = triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    forth, back = (set(map(tuple, e.tolist())) for e in (edges, edges[:, ::-1]))
    if len(forth) == len(edges) and forth == back:
        return []
    got = f"{len(forth ^ back) or len(edges) - len(forth)} edges without a counterpart"
    cure = "fill the holes and orient the triangles alike (e.g. with FreeSurfer or MeshFix)"
    return [Problem("surfaces", name, got, "a closed surface", cure)]


def _problems_of_electrodes(montage: Montage, scalp: Surface) -> list[Problem]:
    """Return why electrodes do not belong to a scalp."""
    if montage.positions is None:
        cure = "give a montage with positions in RAS mm"
        return [Problem("montage", "positions", "none", "one place per electrode", cure)]
    distance, _ = cKDTree(scalp.vertices).query(montage.positions)
    far = [name for name, d in zip(montage.names, distance, strict=True) if not d <= _NEAR]
    if not far:
        return []
    got = f"{far} up to {np.nanmax(distance):.0f} mm from the scalp"
    cure = "give them in mm, in the same RAS space as the surfaces"
    return [Problem("montage", "positions", got, f"at most {_NEAR:.0f} mm", cure)]


def read_shells(
    paths: Sequence[Path], *, mri_to_world: Float[ndarray, "4 4"] | None = None
) -> Shells:
    """Read a subject's inner skull, outer skull and scalp.

    Parameters
    ----------
    paths : sequence of Path
        One ``*-bem.fif`` with three surfaces, or three FreeSurfer surfaces in the order inner
        skull, outer skull, scalp.
    mri_to_world : array, shape (4, 4), optional
        From FreeSurfer's surface RAS to the world of the images, mm (``mri_info
        --vox2ras`` times the inverse of ``--vox2ras-tkr``); the same space by default.

    Returns
    -------
    shells : tuple of Surface
        In mm of the world.
    """
    if len(paths) not in (1, 3):
        raise StoreError(
            f"got {len(paths)} files of surfaces; need one *-bem.fif, or three FreeSurfer "
            "surfaces: inner skull, outer skull, scalp"
        )
    affine = np.eye(4) if mri_to_world is None else mri_to_world
    inner, outer, scalp = _read_bem(paths[0]) if len(paths) == 1 else map(_read_one, paths)
    inner, outer, scalp = (
        Surface(apply_affine(affine, surface.vertices), surface.triangles)
        for surface in (inner, outer, scalp)
    )
    return inner, outer, scalp


def _read_one(path: Path) -> Surface:
    """Read one FreeSurfer surface."""
    try:
        vertices, triangles = mne.read_surface(path, verbose="error")
    except (OSError, ValueError) as error:
        raise StoreError(f"{path}: is no FreeSurfer surface ({error}); export it anew") from error
    return Surface(np.asarray(vertices, dtype=np.float64), np.asarray(triangles, dtype=np.int64))


def _read_bem(path: Path) -> Shells:
    """Read the three surfaces of a ``*-bem.fif``."""
    try:
        surfaces = {int(s["id"]): s for s in mne.read_bem_surfaces(path, verbose="error")}
    except (OSError, ValueError, AttributeError) as error:  # the last where a file has no tag
        raise StoreError(f"{path}: is no BEM file of MNE ({error}); write it anew") from error
    ids = (1, 3, 4)  # FIFFV_BEM_SURF_ID_BRAIN, _SKULL and _HEAD
    if not set(ids) <= set(surfaces):
        raise StoreError(
            f"{path}: holds {len(surfaces)} surface(s); need inner skull, outer skull and head; "
            "make it with mne.make_bem_model and three conductivities"
        )
    inner, outer, scalp = (
        Surface(surfaces[i]["rr"] * 1e3, np.asarray(surfaces[i]["tris"], dtype=np.int64))
        for i in ids
    )
    return inner, outer, scalp
