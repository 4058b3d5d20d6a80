"""What a transcoder has learnt about the head: the leadfield of regions."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray


def region_leadfield(
    leadfield: Float[ndarray, "channels blocks"], shares: Float[ndarray, "blocks regions"]
) -> Float[ndarray, "channels regions"]:
    """Return what a region's blocks project to the channels together.

    Leadfields of single blocks cannot be told apart where sources are regional; those of whole
    regions can.

    Parameters
    ----------
    leadfield : array, shape (channels, blocks)
        Learnt leadfield.
    shares : array, shape (blocks, regions)
        How much of each block belongs to each region.
    """
    return np.asarray(leadfield @ shares)
