"""What r per block does not see of estimated sources: their scale, and where they leak to."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray


def leakage(estimate: Float[ndarray, "blocks frames"], silent: Bool[ndarray, " blocks"]) -> float:
    """Return the share of the energy of an estimate that lies in silent blocks.

    Parameters
    ----------
    estimate : array, shape (blocks, frames)
        Estimated sources; energy is variance over time.
    silent : array of bool, shape (blocks,)
        Blocks without a source.

    Returns
    -------
    share : float
        A flat map has the share of blocks that are silent; NaN where nothing varies.
    """
    energy = np.var(estimate, axis=1)
    total = float(energy.sum())
    return float(energy[silent].sum()) / total if total > 0 else float("nan")


def normalised_errors(
    estimate: Float[ndarray, "blocks frames"], truth: Float[ndarray, "blocks frames"]
) -> tuple[Float[ndarray, " blocks"], Float[ndarray, " blocks"]]:
    """Return squared errors and squared truth of each block, after the best single scale.

    Means over time are removed. The scale is that of least squared error over all blocks: the
    scale of a blind estimate is a convention, its proportions are not.

    Parameters
    ----------
    estimate, truth : array, shape (blocks, frames)
        Sources of all blocks.

    Returns
    -------
    errors, energies : array, shape (blocks,)
        The sum of the first over that of the second is the normalised mean squared error: 0 is
        perfect, 1 is what an estimate of zeros has.
    """
    one, two = (rows - rows.mean(axis=1, keepdims=True) for rows in (estimate, truth))
    power = float(np.sum(one**2))
    scale = float(np.sum(one * two)) / power if power > 0 else 0.0
    return np.sum((scale * one - two) ** 2, axis=1), np.sum(two**2, axis=1)
