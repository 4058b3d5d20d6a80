"""One source estimate out of two."""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray

Fusion = Literal["joint", "sum", "zscored"]
"""'joint': what both say together, weighed by region (`reconstruct.group.joint_source`); the sum
for a network from a random start. 'sum': the two estimates added (paper 4.3.3). 'zscored': each in
units of its own sd first."""


def fuse(
    from_eeg: Float[ndarray, "blocks frames"],
    from_bold: Float[ndarray, "blocks frames"],
    *,
    fusion: Fusion = "sum",
) -> Float[ndarray, "blocks frames"]:
    """Add the two estimates, as they are (paper 4.3.3) or each in units of its own sd.

    Parameters
    ----------
    from_eeg, from_bold : array, shape (blocks, frames)
        The two estimates of one run, over the same frames.
    fusion : {'joint', 'sum', 'zscored'}
        The sd of 'zscored' is that of all blocks and frames of the run together. 'joint' needs
        a model and is a sum here (see `reconstruct.group.estimate_group`).

    Returns
    -------
    fused : array, shape (blocks, frames)
        Arbitrary unit.
    """
    if fusion != "zscored":
        return np.asarray(from_eeg + from_bold)
    tiny = np.finfo(float).tiny
    scaled = (from_eeg / max(from_eeg.std(), tiny), from_bold / max(from_bold.std(), tiny))
    return np.asarray(scaled[0] + scaled[1])
