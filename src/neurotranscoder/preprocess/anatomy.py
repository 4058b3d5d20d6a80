"""The anatomy of a subject, and what is found in it: its place in MNI, its tissues."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import GridError
from neurotranscoder.preprocess.normalise import Normalisation
from neurotranscoder.preprocess.template import Template
from neurotranscoder.preprocess.tissues import Tissues, TissueSettings, find_tissues


@dataclass(frozen=True, slots=True, eq=False)
class Anatomy:
    """T1 image of a subject.

    Parameters
    ----------
    image : array, shape (x, y, z)
        T1 contrast, with or without the skull.
    grid : VoxelGrid
        Where it is.
    white : array, shape (i, j, k), optional
        White matter on the same voxels, 0 to 1, where it is known better than it would be found;
        the place of the EPI is refined on its boundary.
    """

    image: Float[ndarray, "x y z"]
    grid: VoxelGrid
    white: Float[ndarray, "i j k"] | None = None

    def __post_init__(self) -> None:
        for name, image in (("the anatomy", self.image), ("white matter", self.white)):
            if image is not None and image.shape != self.grid.shape:
                raise GridError(
                    f"{name} has {image.shape} voxels; its grid has {self.grid.shape}; they need "
                    "to be the same"
                )


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What was found in an anatomy; runs of one subject share it.

    Parameters
    ----------
    normalisation : Normalisation
        The place of the template.
    tissues : Tissues or None
        Brain, grey matter, white matter and fluid.
    why_not : str
        Why there are none, or nothing.
    """

    normalisation: Normalisation
    tissues: Tissues | None = None
    why_not: str = ""


def with_tissues(
    t1: Anatomy, normalisation: Normalisation, template: Template, settings: TissueSettings
) -> Found:
    """Find the tissues of an anatomy; where that fails, say why: a run can do without them."""
    warp = normalisation.template_to_t1
    try:
        return Found(normalisation, find_tissues(t1.image, t1.grid, warp, template, settings))
    except GridError as error:
        return Found(normalisation, None, str(error).split(";")[0])
