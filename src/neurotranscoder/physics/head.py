"""A head: voxels of the brain, electrodes, and the leadfield between them; no download."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import mne
import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from pydantic import Field, PositiveFloat

from neurotranscoder.core.axes import Montage, VoxelGrid
from neurotranscoder.core.settings import Settings
from neurotranscoder.physics import head_cache
from neurotranscoder.physics.leadfield import (
    bem_solution,
    dipole_leadfield,
    electrodes_on_scalp,
    fsaverage_surfaces,
    mne_forward_of,
)
from neurotranscoder.physics.skull import SkullRule, icosphere, nested_surfaces
from neurotranscoder.physics.tissue import cortical_normals, tissue_on_grid

_LOG = logging.getLogger(__name__)

_CHANNELS = """\
Fp1 Fpz Fp2 AF7 AF3 AFz AF4 AF8 F7 F5 F3 F1 Fz F2 F4 F6 F8 FT7 FC5 FC3 FC1 FCz FC2 FC4 FC6 FT8
T7 C5 C3 C1 Cz C2 C4 C6 T8 TP9 TP7 CP5 CP3 CP1 CPz CP2 CP4 CP6 TP8 TP10
P7 P5 P3 P1 Pz P2 P4 P6 P8 PO7 PO3 POz PO4 PO8 O1 Oz O2 Iz
"""
CHANNELS_64 = tuple(_CHANNELS.split())
"""A 64-channel cap of the 10-10 system."""


class HeadSettings(Settings):
    """What a head is built from."""

    shape: tuple[int, int, int] = (32, 32, 25)
    """Voxels along x, y and z; the slices lie along z."""
    voxel_sizes: tuple[PositiveFloat, PositiveFloat, PositiveFloat] = (6.0, 6.0, 6.0)
    """Edge lengths of a voxel, in mm."""
    centre: tuple[float, float, float] = (0.0, -16.0, 5.0)
    """Centre of the grid, in RAS mm of MNI152."""
    min_tissue: float = Field(default=0.5, gt=0, lt=1)
    """Least share of grey plus white matter in a voxel of the brain."""
    min_depth: float = Field(default=2.0, ge=0)
    """Least distance of a voxel's centre from the inner skull, in mm."""
    ico: int = Field(default=3, ge=1, le=5)
    """Fineness of the head surfaces: each has ``20 * 4 ** ico`` triangles."""
    conductivities: tuple[PositiveFloat, PositiveFloat, PositiveFloat] = (0.3, 0.006, 0.3)
    """Of brain, skull and scalp, in S/m."""
    skull_share: float = Field(default=0.55, gt=0, lt=1)
    """Share of the distance from brain to skin that is bone (clipped to 3-7 mm)."""
    channels: tuple[str, ...] = CHANNELS_64
    """Electrodes, names of the 10-05 system."""
    seed: int = Field(default=0, ge=0)
    """For the orientations of voxels far from the cortex."""

    @property
    def grid(self) -> VoxelGrid:
        """The grid of voxels, in RAS mm of MNI152."""
        voxel_to_world = np.diag([*self.voxel_sizes, 1.0])
        middle = (np.asarray(self.shape) - 1) / 2
        voxel_to_world[:3, 3] = np.asarray(self.centre) - middle * np.asarray(self.voxel_sizes)
        return VoxelGrid(self.shape, voxel_to_world)


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """The voxels of a brain, the electrodes, and what one does at the other.

    Parameters
    ----------
    grid : VoxelGrid
        Where the voxels are; RAS mm of MNI152.
    brain : array of bool, shape (x, y, z)
        Voxels that hold a source, numbered in C order.
    leadfield : array, shape (channels, voxels)
        Potential per dipole moment at fixed orientation, in V/(A m), average reference.
    orientations : array, shape (voxels, 3)
        Unit vectors of the dipoles.
    montage : Montage
        Electrodes on the scalp.
    grey, white : array, shape (voxels,)
        Shares of grey and of white matter.
    """

    grid: VoxelGrid
    brain: Bool[ndarray, "x y z"]
    leadfield: Float[ndarray, "channels voxels"]
    orientations: Float[ndarray, "voxels 3"]
    montage: Montage
    grey: Float[ndarray, " voxels"]
    white: Float[ndarray, " voxels"]

    @property
    def n_voxels(self) -> int:
        """Number of voxels that hold a source."""
        return int(self.leadfield.shape[1])

    @property
    def indices(self) -> Int[ndarray, "voxels 3"]:
        """Indices of the voxels along x, y and z."""
        return np.argwhere(self.brain)

    @property
    def places(self) -> Float[ndarray, "voxels 3"]:
        """Centres of the voxels, in RAS mm."""
        return self.grid.world(self.indices)


def build_head(settings: HeadSettings | None = None, *, cache: Path | None = None) -> Head:
    """Build a head from what the MNE and nilearn wheels hold, or take it from the cache.

    Parameters
    ----------
    settings : HeadSettings, optional
        Grid, surfaces, conductivities and channels; the small preset's by default.
    cache : Path, optional
        Folder of heads that were built before; by default that of `head_cache.default_folder`.

    Returns
    -------
    head : Head
        The same to the last bit whether it was built or loaded.
    """
    settings = settings or HeadSettings()
    folder = cache or head_cache.default_folder()
    key = head_cache.key_of(settings)
    tensors = head_cache.load(folder, key)
    if tensors is None:
        _LOG.info("building a head of %s voxels; it is kept in %s", settings.shape, folder)
        tensors = _compute(settings)
        head_cache.save(folder, key, tensors)
    return head_of_tensors(settings, tensors)


def _compute(settings: HeadSettings) -> dict[str, ndarray]:
    """Solve the electric problem of a head."""
    grid = settings.grid
    tissue = tissue_on_grid(grid)
    brain = tissue.grey + tissue.white > settings.min_tissue
    places = grid.world(np.argwhere(brain))
    reach = max(8.0, 0.75 * max(settings.voxel_sizes))
    orientations = cortical_normals(places, reach=reach, rng=np.random.default_rng(settings.seed))
    inner, skin = fsaverage_surfaces()
    rule = SkullRule(share=settings.skull_share)
    surfaces = nested_surfaces(inner, skin, icosphere(settings.ico), rule)
    montage = electrodes_on_scalp(settings.channels, surfaces[2])
    leadfield, kept = dipole_leadfield(
        bem_solution(surfaces, settings.conductivities),
        montage,
        places,
        orientations,
        min_depth=settings.min_depth,
    )
    brain[tuple(np.argwhere(brain)[np.setdiff1d(np.arange(len(places)), kept)].T)] = False
    return {
        "brain": brain,
        "leadfield": leadfield.astype(np.float32),
        "orientations": orientations[kept],
        "positions": np.asarray(montage.positions),
        "grey": tissue.grey[brain],
        "white": tissue.white[brain],
    }


def head_of_tensors(settings: HeadSettings, tensors: dict[str, ndarray]) -> Head:
    """Return the head that was kept as tensors, the inverse of `tensors_of_head`."""
    leadfield = tensors["leadfield"].astype(np.float64)
    return Head(
        settings.grid,
        tensors["brain"],
        leadfield - leadfield.mean(axis=0),
        tensors["orientations"],
        Montage(settings.channels, tensors["positions"]),
        tensors["grey"],
        tensors["white"],
    )


def tensors_of_head(head: Head) -> dict[str, ndarray]:
    """Return the arrays of a head, to keep them on disk."""
    return {
        "brain": head.brain,
        "leadfield": head.leadfield.astype(np.float32),
        "orientations": head.orientations,
        "positions": np.asarray(head.montage.positions),
        "grey": head.grey,
        "white": head.white,
    }


def mne_forward(head: Head) -> mne.Forward:
    """Return the leadfield of a head as an `mne.Forward` with fixed orientations.

    Its sources are the voxels of the head in C order, its channels those of the montage.
    """
    return mne_forward_of(head.leadfield, head.montage, head.places, head.orientations)
