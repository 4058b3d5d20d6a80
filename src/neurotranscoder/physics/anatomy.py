"""Regions of the brain by name: grey matter within spheres around published places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import GridError, SettingsError
from neurotranscoder.physics.head_model import Head
from neurotranscoder.physics.tissue import MNI305_TO_MNI152, apply_affine

_SIDES = ("left", "right")

_AAL = "Tzourio-Mazoyer et al. 2002, NeuroImage 15:273 (centroid of the AAL label)"
_DOSENBACH = "Dosenbach et al. 2010, Science 329:1358 (supplement)"
_DUMOULIN = "Dumoulin et al. 2000, Cereb Cortex 10:454"
_KANWISHER = "Kanwisher et al. 1997, J Neurosci 17:4302"
_MAYKA = "Mayka et al. 2006, NeuroImage 31:1453"

MNI152_TO_TALAIRACH = np.array(
    [
        [0.9357, 0.0029, -0.0072, -1.0423],
        [-0.0065, 0.9396, -0.0726, -1.3940],
        [0.0103, 0.0752, 0.8967, 3.6475],
        [0.0, 0.0, 0.0, 1.0],
    ]
)
"""icbm2tal of Lancaster et al. 2007, Hum Brain Mapp 28:1194, pooled over software."""
_FROM_TALAIRACH = np.linalg.inv(MNI152_TO_TALAIRACH)


@dataclass(frozen=True, slots=True)
class Sphere:
    """A ball around a place in MNI152.

    Parameters
    ----------
    centre : tuple of float
        RAS mm.
    radius : float
        In mm.
    """

    centre: tuple[float, float, float]
    radius: float


@dataclass(frozen=True, slots=True)
class NamedRegion:
    """Where a region is, and who says so.

    Parameters
    ----------
    name : str
        As scenarios write it; ends in ``_left`` or ``_right`` for one side only.
    spheres : tuple of Sphere
        The region is the grey matter in any of them.
    reference : str
        Source of the centres.
    """

    name: str
    spheres: tuple[Sphere, ...]
    reference: str


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    """A region of both sides: a radius, pairs of places (left, right), and where they are from."""

    radius: float
    pairs: tuple[tuple[tuple[float, float, float], tuple[float, float, float]], ...]
    reference: str = _AAL
    to_mni152: ndarray | None = None

    def region(self, name: str, side: str | None) -> NamedRegion:
        """Return the region of one side, or of both."""
        found = []
        for pair in self.pairs:
            places = np.array(pair, dtype=np.float64)
            if self.to_mni152 is not None:
                places = apply_affine(self.to_mni152, places)
            for one, (x, y, z) in zip(_SIDES, places.tolist(), strict=True):
                if side in (None, one):
                    found.append(Sphere((x, y, z), self.radius))
        title = name if side is None else f"{name}_{side}"
        return NamedRegion(title, tuple(found), self.reference)


_ENTRIES = {
    "frontal": _Entry(
        22.0,
        (
            ((-18.45, 34.81, 42.20), (21.90, 31.12, 43.82)),
            ((-33.43, 32.73, 35.46), (37.59, 33.06, 34.04)),
            ((-45.58, 29.91, 13.99), (50.33, 30.16, 14.17)),
            ((-30.65, 50.43, -9.62), (33.18, 52.59, -10.73)),
            ((-38.65, -5.68, 50.94), (41.37, -8.21, 52.09)),
        ),
    ),
    "parietal": _Entry(
        18.0,
        (
            ((-23.45, -59.56, 58.96), (26.11, -59.18, 62.06)),
            ((-42.80, -45.82, 46.74), (46.46, -46.29, 49.54)),
            ((-55.79, -33.64, 30.45), (57.61, -31.50, 34.48)),
            ((-44.14, -60.82, 35.59), (45.51, -59.98, 38.63)),
        ),
    ),
    "temporal": _Entry(
        16.0,
        (
            ((-53.16, -20.68, 7.13), (58.15, -21.78, 6.80)),
            ((-55.52, -33.80, -2.20), (57.47, -37.23, -1.47)),
            ((-49.77, -28.05, -23.17), (53.69, -31.07, -22.32)),
            ((-39.88, 15.14, -20.18), (48.25, 14.75, -16.86)),
        ),
    ),
    "occipital": _Entry(
        14.0,
        (
            ((-16.54, -84.26, 28.17), (24.29, -80.85, 30.59)),
            ((-32.39, -80.73, 16.11), (37.39, -79.70, 19.42)),
            ((-36.36, -78.29, -7.84), (38.16, -81.99, -7.61)),
            ((-14.62, -67.56, -4.63), (16.29, -66.93, -3.87)),
        ),
    ),
    "visual": _Entry(14.0, (((-7.14, -78.67, 6.44), (15.99, -73.15, 9.40)),)),
    "auditory": _Entry(11.0, (((-41.99, -18.88, 9.98), (45.86, -17.15, 10.41)),)),
    "primary_motor": _Entry(
        11.0, (((-37.0, -21.0, 58.0), (37.0, -21.0, 58.0)),), _MAYKA, _FROM_TALAIRACH
    ),
    "primary_somatosensory": _Entry(
        11.0, (((-40.0, -24.0, 50.0), (40.0, -24.0, 50.0)),), _MAYKA, _FROM_TALAIRACH
    ),
    "supplementary_motor": _Entry(11.0, (((-5.32, 4.85, 61.38), (8.62, 0.17, 61.85)),)),
    "fusiform": _Entry(
        10.0, (((-35.0, -63.0, -10.0), (40.0, -55.0, -10.0)),), _KANWISHER, _FROM_TALAIRACH
    ),
    "MT": _Entry(10.0, (((-47.0, -76.0, 2.0), (44.0, -67.0, 0.0)),), _DUMOULIN, MNI305_TO_MNI152),
    "LOC": _Entry(12.0, (((-36.36, -78.29, -7.84), (38.16, -81.99, -7.61)),)),
    "prefrontal": _Entry(12.0, (((-44.0, 27.0, 33.0), (46.0, 28.0, 31.0)),), _DOSENBACH),
    "middle_frontal": _Entry(14.0, (((-33.43, 32.73, 35.46), (37.59, 33.06, 34.04)),)),
    "medial_prefrontal": _Entry(12.0, (((-5.17, 54.06, -7.40), (8.16, 51.67, -7.13)),)),
    "anterior_cingulate": _Entry(12.0, (((-4.04, 35.40, 13.95), (8.46, 37.01, 15.84)),)),
    "posterior_cingulate": _Entry(11.0, (((-4.85, -42.92, 24.67), (7.44, -41.81, 21.87)),)),
    "precuneus": _Entry(12.0, (((-7.24, -56.07, 48.01), (9.98, -56.05, 43.77)),)),
    "angular": _Entry(12.0, (((-44.14, -60.82, 35.59), (45.51, -59.98, 38.63)),)),
    "temporal_pole": _Entry(12.0, (((-39.88, 15.14, -20.18), (48.25, 14.75, -16.86)),)),
    "parahippocampal": _Entry(10.0, (((-21.17, -15.95, -20.70), (25.38, -15.15, -20.47)),)),
    "insula": _Entry(12.0, (((-35.13, 6.65, 3.44), (39.02, 6.25, 2.08)),)),
}

ANATOMY = {
    region.name: region
    for name, entry in _ENTRIES.items()
    for region in (entry.region(name, side) for side in (None, *_SIDES))
}
"""Regions by name, on both sides or with ``_left`` or ``_right`` on one."""


def named_region(name: str) -> NamedRegion:
    """Return a region of `ANATOMY`.

    Raises
    ------
    SettingsError
        When there is none of that name; the known names are listed.
    """
    if name not in ANATOMY:
        raise SettingsError(
            f"region {name!r} is unknown; known regions are {', '.join(_ENTRIES)}, each also "
            "with '_left' or '_right'"
        )
    return ANATOMY[name]


def spheres_mask(region: NamedRegion, grid: VoxelGrid) -> Bool[ndarray, "x y z"]:
    """Return the voxels whose centre is in a region, on the side of the sphere's centre.

    Spheres smaller than a voxel are as large as one, so that coarse grids have every region.
    """
    places = grid.world(np.indices(grid.shape).reshape(3, -1).T)
    least = float(np.linalg.norm(grid.voxel_sizes)) / 2
    found = np.zeros(len(places), dtype=bool)
    for sphere in region.spheres:
        near = np.linalg.norm(places - sphere.centre, axis=1) <= max(sphere.radius, least)
        found |= near & (places[:, 0] * sphere.centre[0] >= 0)
    return found.reshape(grid.shape)


def region_mask(name: str, head: Head, *, min_grey: float = 0.3) -> Bool[ndarray, "x y z"]:
    """Return the voxels of a head that are grey matter of a named region.

    Parameters
    ----------
    name : str
        One of `ANATOMY`.
    head : Head
        In MNI152.
    min_grey : float
        Least share of grey matter.

    Returns
    -------
    mask : array of bool, shape (x, y, z)
        At least one voxel, all of them in ``head.brain``.

    Raises
    ------
    SettingsError
        When the name is unknown.
    GridError
        When the head has no such voxel.
    """
    mask = spheres_mask(named_region(name), head.grid)
    grey = np.zeros(head.grid.shape)
    grey[head.brain] = head.grey
    mask &= head.brain & (grey >= min_grey)
    if not mask.any():
        raise GridError(
            f"region {name!r} holds no voxel with at least {min_grey:g} grey matter on a grid of "
            f"{head.grid.shape} voxels; need one; lower min_grey, or take a grid that is finer or "
            "covers the whole brain"
        )
    return mask
