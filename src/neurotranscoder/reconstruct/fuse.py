"""One source estimate out of two."""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray

Fusion = Literal["sum", "zscored"]


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
    fusion : {'sum', 'zscored'}
        The sd of 'zscored' is that of all blocks and frames of the run together.

    Returns
    -------
    fused : array, shape (blocks, frames)
        Arbitrary unit.
    """
    if fusion == "sum":
        return np.asarray(from_eeg + from_bold)
    tiny = np.finfo(float).tiny
    scaled = (from_eeg / max(from_eeg.std(), tiny), from_bold / max(from_bold.std(), tiny))
    return np.asarray(scaled[0] + scaled[1])
