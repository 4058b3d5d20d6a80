"""From frames back to the moments at which BOLD was acquired."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.axes import TimeAxis
from neurotranscoder.core.source import SliceCells
from neurotranscoder.signal.frames import interpolate_volumes


def at_acquisition(
    bold: Float[ndarray, "blocks frames"], axis: TimeAxis, cells: SliceCells
) -> Float[ndarray, "cells volumes"]:
    """Return predicted BOLD where and when it was acquired.

    Parameters
    ----------
    bold : array, shape (blocks, frames)
        Prediction at the group rate.
    axis : TimeAxis
        Centres of the frames.
    cells : SliceCells
        Which block each cell lies in, and when its slice was acquired.

    Returns
    -------
    predicted : array, shape (cells, volumes)
        The prediction of each cell's block at the cell's slice times.
    """
    predicted = np.empty(cells.data.shape)
    for index in np.unique(cells.slice):
        rows = np.flatnonzero(cells.slice == index)
        times = cells.volumes.times(int(index))
        predicted[rows] = interpolate_volumes(bold[cells.block[rows]], axis.times, times)
    return predicted
