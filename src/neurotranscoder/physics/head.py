"""A head: voxels of the brain, electrodes, and the leadfield between them; no download."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import mne
import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from neurotranscoder.core.axes import Montage
from neurotranscoder.core.errors import GridError
from neurotranscoder.physics import head_cache
from neurotranscoder.physics.channels import (
    CHANNELS_43_BIPOLAR,
    CHANNELS_64,
    electrodes_of,
    reference_of,
    referenced,
)
from neurotranscoder.physics.head_model import Head, head_of_tensors, tensors_of_head
from neurotranscoder.physics.head_settings import HeadSettings, wrong_head
from neurotranscoder.physics.jitter import shifted_on_scalp, tilted
from neurotranscoder.physics.leadfield import (
    bem_solution,
    dipole_leadfield,
    electrodes_on_scalp,
    fsaverage_surfaces,
    mne_forward_of,
)
from neurotranscoder.physics.skull import SkullRule, Surface, icosphere, nested_surfaces
from neurotranscoder.physics.surfaces import deep_enough
from neurotranscoder.physics.tissue import (
    MNI152_TO_MNI305,
    MNI305_TO_MNI152,
    apply_affine,
    cortical_normals,
    tissue_on_grid,
)

__all__ = [
    "CHANNELS_43_BIPOLAR",
    "CHANNELS_64",
    "Head",
    "HeadSettings",
    "build_head",
    "head_of_tensors",
    "mne_forward",
    "tensors_of_head",
    "wrong_head",
]

_LOG = logging.getLogger(__name__)


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
        tensors = tensors_of_head(_compute(settings))
        head_cache.save(folder, key, tensors)
    return replace(head_of_tensors(tensors), origin=settings)


@dataclass(frozen=True, slots=True)
class _Streams:
    """Random numbers of a head; using one of them leaves the others as they are."""

    cortex: np.random.Generator
    directions: np.random.Generator
    tilts: np.random.Generator
    shifts: np.random.Generator

    @classmethod
    def of(cls, settings: HeadSettings) -> _Streams:
        """Return the streams of a head."""
        own = (None, settings.orientation_seed, settings.electrode_seed)
        seeds = [settings.seed if seed is None else seed for seed in own]
        children = [np.random.SeedSequence(seed).spawn(3)[i] for i, seed in enumerate(seeds)]
        return cls(np.random.default_rng(settings.seed), *map(np.random.default_rng, children))


def _compute(settings: HeadSettings) -> Head:
    """Solve the electric problem of a head."""
    grid, streams = settings.grid, _Streams.of(settings)
    reference = reference_of(settings.channels)
    inner, skin = fsaverage_surfaces()
    rule = SkullRule(share=settings.skull_share, skull_range=settings.skull_range)
    surfaces = nested_surfaces(inner, skin, icosphere(settings.ico), rule)
    names = electrodes_of(settings.channels)
    montage = electrodes_on_scalp(names, surfaces[2])
    shifted = shifted_on_scalp(
        montage, surfaces[2], sd=settings.electrode_jitter, rng=streams.shifts
    )
    tissue = tissue_on_grid(grid)
    brain = tissue.grey + tissue.white > settings.min_tissue
    indices = np.argwhere(brain)
    if not len(indices):
        raise GridError(
            f"no voxel of a grid of {settings.shape} around {settings.centre} mm holds "
            f"{settings.min_tissue:.0%} of brain; need voxels in the head: set centre near "
            "(0, -16, 5), the middle of the brain in MNI152, or take more or larger voxels"
        )
    orientations = _orientations(settings, indices, streams)
    in_template = apply_affine(MNI152_TO_MNI305, grid.world(indices))
    kept = deep_enough(surfaces[0], in_template, min_depth=settings.min_depth)
    if not kept.any():
        raise GridError(
            f"all {len(indices)} voxels of the brain are less than {settings.min_depth:g} mm "
            "inside the inner skull; need at least one that is deeper; lower min_depth"
        )
    brain[tuple(indices[~kept].T)] = False
    larger = np.diag([*settings.scale, 1.0])
    gain = dipole_leadfield(
        bem_solution(_scaled(surfaces, settings.scale), settings.conductivities),
        Montage(names, apply_affine(larger, np.asarray(shifted.positions))),
        apply_affine(larger, grid.world(indices[kept])),
        orientations[kept],
        min_depth=0.0,
    )
    if len(gain.kept) != kept.sum():
        raise GridError(
            f"MNE kept {len(gain.kept)} of {kept.sum()} voxels; need all of them; raise min_depth"
        )
    free = referenced(gain.free, settings.channels).astype(np.float32) if settings.free else None
    single = reference == "average"
    return Head(
        grid,
        brain,
        referenced(gain.fixed, settings.channels),
        orientations[kept],
        Montage(settings.channels, montage.positions if single else None),
        tissue.grey[brain],
        tissue.white[brain],
        reference,
        free,
        shifted.positions if single and settings.electrode_jitter > 0 else None,
    )


def _orientations(
    settings: HeadSettings, indices: Int[ndarray, "voxels 3"], streams: _Streams
) -> Float[ndarray, "voxels 3"]:
    """Return the directions of the dipoles of some voxels."""
    grid = settings.grid
    if settings.orientation == "random":
        vectors = streams.directions.standard_normal((len(indices), 3))
        directions = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    else:
        reach = max(8.0, 0.75 * max(settings.voxel_sizes))
        directions = cortical_normals(grid.world(indices), reach=reach, rng=streams.cortex)
    return tilted(directions, grid, indices, sd=settings.orientation_jitter, rng=streams.tilts)


def _scaled(
    surfaces: tuple[Surface, Surface, Surface], scale: tuple[float, float, float]
) -> tuple[Surface, Surface, Surface]:
    """Return surfaces in fsaverage axes that are larger along the axes of MNI152."""
    if scale == (1.0, 1.0, 1.0):
        return surfaces
    larger = MNI152_TO_MNI305 @ np.diag([*scale, 1.0]) @ MNI305_TO_MNI152
    inner, outer, scalp = (
        Surface(apply_affine(larger, surface.vertices), surface.triangles) for surface in surfaces
    )
    return inner, outer, scalp


def mne_forward(head: Head) -> mne.Forward:
    """Return the leadfield of a head as an `mne.Forward` with fixed orientations.

    Its sources are the voxels of the head in C order, its channels those of the montage.

    Raises
    ------
    GridError
        When the places of the electrodes are not known, as with bipolar channels.
    """
    return mne_forward_of(head.leadfield, head.montage, head.places, head.orientations)
