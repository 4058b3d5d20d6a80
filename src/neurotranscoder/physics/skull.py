"""Nested surfaces of a head: brain, skull and scalp seen from the centre of the brain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from neurotranscoder.core.errors import GridError


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """A closed surface of triangles.

    Parameters
    ----------
    vertices : array, shape (vertices, 3)
        Corners, in mm.
    triangles : array, shape (triangles, 3)
        Indices of the corners, counter-clockwise seen from outside.
    """

    vertices: Float[ndarray, "vertices 3"]
    triangles: Int[ndarray, "triangles 3"]


@dataclass(frozen=True, slots=True)
class SkullRule:
    """How thick skull and scalp are, where only the gap between brain and skin is known.

    Parameters
    ----------
    gap_range : tuple of float
        Least and greatest distance from the inner skull to the skin, in mm.
    share : float
        Share of the gap that is bone.
    skull_range : tuple of float
        Least and greatest thickness of the bone, in mm.
    min_scalp : float
        Least thickness of the scalp, in mm.
    """

    gap_range: tuple[float, float] = (6.0, 45.0)
    share: float = 0.55
    skull_range: tuple[float, float] = (3.0, 7.0)
    min_scalp: float = 2.5


def icosphere(order: int) -> Surface:
    """Return a unit sphere of ``20 * 4 ** order`` triangles."""
    golden = (1 + np.sqrt(5)) / 2
    corners = [(0.0, a, b * golden) for a in (-1, 1) for b in (-1, 1)]
    points = np.array([np.roll(c, shift) for shift in range(3) for c in corners])
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    distance = np.linalg.norm(points[:, np.newaxis] - points, axis=2)
    near = distance < 1.1
    triangles = np.array(
        [
            (a, b, c)
            for a in range(12)
            for b in range(a + 1, 12)
            for c in range(b + 1, 12)
            if near[a, b] and near[b, c] and near[a, c]
        ]
    )
    surface = Surface(points, triangles)
    for _ in range(order):
        surface = _subdivide(surface)
    return _facing_outward(surface)


def _subdivide(sphere: Surface) -> Surface:
    """Return the sphere with each triangle cut into four."""
    triangles = sphere.triangles
    edges = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    unique, middle = np.unique(edges, axis=0, return_inverse=True)
    points = sphere.vertices[unique].sum(axis=1)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    ab, bc, ca = (middle.reshape(-1, 3) + len(sphere.vertices)).T
    a, b, c = triangles.T
    parts = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    return Surface(
        np.concatenate([sphere.vertices, points]),
        np.concatenate([np.stack(part, axis=1) for part in parts]),
    )


def _facing_outward(sphere: Surface) -> Surface:
    """Turn the triangles so that their normals point away from the centre."""
    a, b, c = np.moveaxis(sphere.vertices[sphere.triangles], 1, 0)
    inward = np.einsum("td,td->t", np.cross(b - a, c - a), a + b + c) < 0
    triangles = sphere.triangles.copy()
    triangles[inward] = triangles[inward][:, [0, 2, 1]]
    return Surface(sphere.vertices, triangles)


def cast_rays(
    surface: Surface,
    centre: Float[ndarray, "xyz=3"],
    directions: Float[ndarray, "rays 3"],
) -> Float[ndarray, " rays"]:
    """Return how far a surface is from a centre along unit directions, in mm.

    Where a ray crosses the surface more than once, the outermost crossing counts.

    Raises
    ------
    GridError
        When a ray misses the surface: it is open, or the centre is not inside.
    """
    a, b, c = np.moveaxis(surface.vertices[surface.triangles] - centre, 1, 0)
    edges = b - a, c - a
    # Moeller and Trumbore 1997, for all triangles of one ray at once
    offset = np.cross(a, edges[0])
    height = np.einsum("td,td->t", edges[1], -offset)
    distances = np.full(len(directions), -np.inf)
    for index, direction in enumerate(directions):
        normal = np.cross(direction, edges[1])
        scale = np.einsum("td,td->t", edges[0], normal)
        with np.errstate(divide="ignore", invalid="ignore"):
            u = np.einsum("td,td->t", -a, normal) / scale
            v = -(offset @ direction) / scale
            distance = height / scale
            hit = (u >= -1e-9) & (v >= -1e-9) & (u + v <= 1 + 1e-9) & (distance > 0)
        if hit.any():
            distances[index] = distance[hit].max()
    if not np.all(np.isfinite(distances)):
        raise GridError(
            f"{int(np.sum(~np.isfinite(distances)))} of {len(directions)} rays miss a head "
            "surface; it needs to be closed around the centre of the brain"
        )
    return distances


def nested_surfaces(
    inner: Surface, head: Surface, sphere: Surface, rule: SkullRule
) -> tuple[Surface, Surface, Surface]:
    """Return inner skull, outer skull and scalp, one vertex of each per ray.

    The outer skull is plausible, not anatomical: it follows a rule of thickness.

    Parameters
    ----------
    inner, head : Surface
        Measured inner skull and skin, in the same space.
    sphere : Surface
        Directions of the rays, an icosphere.
    rule : SkullRule
        Thickness of bone and scalp.

    Returns
    -------
    inner_skull, outer_skull, scalp : Surface
        Surfaces that never touch, with the triangles of ``sphere``.
    """
    centre = (inner.vertices.min(axis=0) + inner.vertices.max(axis=0)) / 2
    brain = cast_rays(inner, centre, sphere.vertices)
    gap = np.clip(cast_rays(head, centre, sphere.vertices) - brain, *rule.gap_range)
    gap = np.clip(_smooth(gap, sphere.triangles), *rule.gap_range)
    skull = np.clip(rule.share * gap, *rule.skull_range)
    gap = np.maximum(gap, skull + rule.min_scalp)

    def shell(radius: ndarray) -> Surface:
        return Surface(centre + radius[:, np.newaxis] * sphere.vertices, sphere.triangles)

    return shell(brain), shell(brain + skull), shell(brain + gap)


def _smooth(values: Float[ndarray, " vertices"], triangles: ndarray) -> ndarray:
    """Replace each value by the mean of its own and its neighbours'."""
    edges = triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    sums = values + np.bincount(edges[:, 0], values[edges[:, 1]], len(values))
    return np.asarray(sums / (1 + np.bincount(edges[:, 0], minlength=len(values))))
