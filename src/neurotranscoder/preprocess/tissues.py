"""Brain, grey matter, white matter and fluid of a T1 image, from the tissues of the template."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from pydantic import Field
from scipy.ndimage import binary_closing, binary_fill_holes, binary_opening, label

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.settings import Settings
from neurotranscoder.preprocess.checks import refuse_not_finite
from neurotranscoder.preprocess.mixture import field_terms, fit_mixture
from neurotranscoder.preprocess.priors import Priors, carry_back
from neurotranscoder.preprocess.template import Template
from neurotranscoder.preprocess.warp import Warp

_OTHERS = 3  # kinds of what is no brain: dark, medium and bright
_ROUND = 2.0  # mm: bridges from the brain to the skull that are thinner are cut
_AT_ONCE = 200_000  # voxels


class TissueSettings(Settings):
    """How the tissues of the anatomy are found."""

    blur: float = Field(default=3.0, ge=0, le=20)
    """The tissues of the template are smoothed by this width, in mm: the warp may miss by as
    much."""
    bias_degree: int = Field(default=4, ge=0, le=8)
    """Degree of the polynomial that coils put over the logarithm of brightness."""
    spacing: float = Field(default=3.0, gt=0)
    """Distance of the voxels that brightness of tissues is learnt from, in mm."""
    max_iterations: int = Field(default=40, ge=1)
    """Turns of that, at most."""


@dataclass(frozen=True, slots=True, eq=False)
class Tissues:
    """What each voxel of an anatomy is.

    Parameters
    ----------
    grey, white, fluid : array, shape (i, j, k)
        Probability of each; 0 outside the brain.
    brain : array of bool, shape (i, j, k)
        The brain with the fluid around it.
    bias : array, shape (i, j, k)
        The factor by which coils made voxels brighter; 1 far from the brain.
    """

    grey: Float[ndarray, "i j k"]
    white: Float[ndarray, "i j k"]
    fluid: Float[ndarray, "i j k"]
    brain: Bool[ndarray, "i j k"]
    bias: Float[ndarray, "i j k"]


def find_tissues(
    t1: Float[ndarray, "i j k"],
    grid: VoxelGrid,
    template_to_t1: Warp,
    template: Template,
    settings: TissueSettings | None = None,
) -> Tissues:
    """Tell tissues apart by where the template has them and by how bright they are.

    Parameters
    ----------
    t1, grid : array, shape (i, j, k), and VoxelGrid
        Anatomy, T1 contrast, with or without the skull.
    template_to_t1 : Warp
        From `normalise`.
    template : Template
        With grey and white matter.
    settings : TissueSettings, optional
        How it is done.

    Returns
    -------
    tissues : Tissues
        On the voxels of the anatomy.

    Raises
    ------
    GridError
        When numbers are not finite, the template has no tissues, the warp has folded, or no brain
        is found.
    """
    options = settings or TissueSettings()
    refuse_not_finite("the anatomy", t1)
    known = carry_back(grid, template_to_t1, template, blur=options.blur)
    bright, priors = _bright(t1[known.box], known), _priors(known)
    voxels = np.argwhere(known.near)
    places = 2 * voxels / np.array(known.near.shape) - 1
    every = [max(1, round(options.spacing / size)) for size in grid.voxel_sizes]
    few = np.all(voxels % every == 0, axis=1)
    mixture = fit_mixture(
        bright[few],
        priors[few],
        field_terms(places[few], options.bias_degree),
        n_others=_OTHERS,
        max_iterations=options.max_iterations,
    )
    maps = np.empty((len(bright), 4), dtype=np.float32)
    for part in np.array_split(np.arange(len(bright)), 1 + len(bright) // _AT_ONCE):
        terms = field_terms(places[part], options.bias_degree)
        held = mixture.classes(bright[part], priors[part], terms) @ mixture.recipes
        maps[part, :3] = held[:, :3]
        maps[part, 3] = np.exp(terms @ mixture.field)
    maps[:, 3] /= np.average(maps[:, 3], weights=maps[:, :3].sum(axis=1) + 1e-6)
    return _painted(t1.shape, grid, known, maps)


def _bright(image: Float[ndarray, "x y z"], known: Priors) -> Float[ndarray, " voxels"]:
    """Return brightness near the brain, 1 on average where the template has grey matter."""
    values = np.asarray(image[known.near], dtype=np.float64)
    grey = float(np.average(values, weights=known.grey[known.near] + 1e-12))
    if not grey > 0:
        raise GridError(
            f"grey matter has a brightness of {grey:.3g} where the template lies; need a positive "
            "one; check the registration, or shift the image above 0"
        )
    return values / grey


def _priors(known: Priors) -> Float[ndarray, "voxels 3"]:
    """Return fluid, grey and white matter by place near the brain."""
    return np.stack([one[known.near] for one in (known.fluid, known.grey, known.white)], axis=1)


def _painted(
    shape: tuple[int, ...],
    grid: VoxelGrid,
    known: Priors,
    found: Float[ndarray, "voxels 4"],
) -> Tissues:
    """Return maps on the whole image; the brain is one piece without holes."""
    maps = np.zeros((4, *shape), dtype=np.float32)
    maps[3] = 1.0
    for image, values in zip(maps, found.T, strict=True):
        image[known.box][known.near] = values
    likely = maps[:3].sum(axis=0)[known.box] > 0.5
    steps = max(1, round(_ROUND / min(grid.voxel_sizes)))
    pieces, count = label(binary_opening(likely, iterations=steps))
    if not count:
        raise GridError(
            "no brain was found in the anatomy; check its registration to the template, or its "
            "contrast (T1)"
        )
    sizes = np.bincount(pieces.ravel())[1:]
    brain = np.zeros(shape, dtype=bool)
    largest = pieces == 1 + np.argmax(sizes)
    brain[known.box] = binary_fill_holes(binary_closing(largest, iterations=steps))
    fluid, grey, white = np.where(brain, maps[:3], 0.0)
    return Tissues(grey, white, fluid, brain, maps[3])
