"""Places in a subject's brain: a position, or a region of an atlas, as weights of voxels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.errors import GridError, SettingsError
from neurotranscoder.io.atlas import Atlas
from neurotranscoder.train.trained_subject import TrainedSubject

_SD = 1 / np.sqrt(8 * np.log(2))  # of a Gaussian whose full width at half maximum is 1


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where in a brain.

    Parameters
    ----------
    name : str
        What it is called.
    weights : array, shape (voxels,)
        Share of each voxel of the mask; they add up to 1.
    """

    name: str
    weights: Float[ndarray, " voxels"]


def place_at(
    trained: TrainedSubject, position: tuple[float, float, float], *, width: float = 0.0
) -> Place:
    """Return the place of a position: its nearest voxel, or a Gaussian around it.

    Parameters
    ----------
    trained : TrainedSubject
        Whose voxels.
    position : tuple of float
        RAS mm of the images: MNI where they are in MNI space.
    width : float
        Full width at half maximum of the Gaussian, in mm; it ends at the brain.

    Raises
    ------
    GridError
        When the position is outside the brain.
    """
    centres = trained.grid.world(np.argwhere(trained.mask))
    squares = np.sum((centres - np.asarray(position)) ** 2, axis=1)
    nearest = int(np.argmin(squares))
    away, reach = np.sqrt(squares[nearest]), np.linalg.norm(trained.grid.voxel_sizes)
    if not away <= reach:
        x, y, z = centres[nearest]
        raise GridError(
            f"{_words(position)} is {away:.0f} mm from the nearest voxel of the brain, at "
            f"{x:.0f} {y:.0f} {z:.0f}; give a position in mm in the space of the images"
        )
    weights = np.zeros(len(centres))
    weights[nearest] = 1.0
    if width > 0:
        weights = np.exp(-0.5 * (squares - squares[nearest]) / (width * _SD) ** 2)
    return Place(_words(position), weights / weights.sum())


def region_place(trained: TrainedSubject, atlas: Atlas, name: str) -> Place:
    """Return the place of a region: all of its voxels in the brain, alike.

    Parameters
    ----------
    trained : TrainedSubject
        Whose voxels.
    atlas : Atlas
        In the space of the images.
    name : str
        One of its regions.

    Raises
    ------
    SettingsError
        When the atlas has no such region.
    GridError
        When the region has no voxel in the brain.
    """
    numbers = [number for number, one in atlas.names.items() if one == name]
    if not numbers:
        known = ", ".join(list(atlas.names.values())[:5])
        raise SettingsError(f"the atlas has no region {name!r}; it has {known}, ...; name one")
    inside = np.isin(atlas.on(trained.grid).labels[trained.mask], numbers)
    if not inside.any():
        raise GridError(
            f"region {name!r} has no voxel in the mask of {len(inside)} voxels; check that atlas "
            "and model are in the same space"
        )
    return Place(name, inside / inside.sum())


def _words(position: tuple[float, float, float]) -> str:
    """Return a position in words."""
    return "{:g} {:g} {:g} mm".format(*position)
