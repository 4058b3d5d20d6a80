"""Regions of anatomy cut out of the grey matter of a head."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.physics.anatomy import region_mask
from neurotranscoder.physics.head import Head


def named_labels(names: Sequence[str], head: Head) -> Int[ndarray, "x y z"]:
    """Return which of some regions each voxel is in, -1 in none.

    Where regions overlap, the one that is named first has the voxel.

    Parameters
    ----------
    names : sequence of str
        Regions of `physics.anatomy`.
    head : Head
        In MNI152.

    Raises
    ------
    SettingsError
        When the regions before it have all voxels of a region.
    GridError
        When the head has no voxel of a region.
    """
    labels = np.full(head.grid.shape, -1, dtype=np.int32)
    for number, name in enumerate(names):
        free = region_mask(name, head) & (labels < 0)
        if not free.any():
            raise SettingsError(
                f"region {name!r} has no voxel left after {', '.join(names[:number])}; where "
                "regions overlap the first has the voxel: name it before them, or take a finer "
                "grid"
            )
        labels[free] = number
    return labels
