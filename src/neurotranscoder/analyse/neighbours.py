"""Which points of a movie are neighbours in space and time, without the movie."""

from __future__ import annotations

from itertools import product
from typing import Literal

import numpy as np
from jaxtyping import Bool, Int
from numpy import ndarray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Neighbours = Literal[6, 26]


def label_neighbours(
    rows: Int[ndarray, " points"],
    frames: Int[ndarray, " points"],
    positive: Bool[ndarray, " points"],
    *,
    mask: Bool[ndarray, "x y z"],
    neighbours: Neighbours,
) -> Int[ndarray, " points"]:
    """Return the cluster of each point, numbered from 0.

    Memory grows with the points alone. Points are numbered on a grid with one empty layer at the
    end of each axis, so that a step off the grid ends in an empty place.

    Parameters
    ----------
    rows, frames : array of int, shape (points,)
        Voxel (row of the mask, in C order) and frame; no pair twice.
    positive : array of bool, shape (points,)
        Sign; points of different signs are never joined.
    mask : array of bool, shape (x, y, z)
        Where the voxels are.
    neighbours : {6, 26}
        Voxels around a voxel that are joined in one frame: those that share a face, or also an
        edge or corner. In time, the same voxel of the frame before and after is.
    """
    shape = tuple(n + 1 for n in mask.shape)
    n_points, n_places = len(rows), int(np.prod(shape))
    if not n_points:
        return np.zeros(0, dtype=np.int64)
    places = np.asarray(np.ravel_multi_index(tuple(np.argwhere(mask).T), shape))
    index = frames * n_places + places[rows]
    order = np.argsort(index)
    index, sign = index[order], positive[order]
    ones, others = [], []
    for step in [*_steps(shape, neighbours), n_places]:
        at = np.minimum(np.searchsorted(index, index + step), n_points - 1)
        joined = np.flatnonzero((index[at] == index + step) & (sign[at] == sign))
        ones.append(order[joined])
        others.append(order[at[joined]])
    pairs = (np.concatenate(ones), np.concatenate(others))
    graph = coo_array((np.ones(len(pairs[0]), dtype=bool), pairs), shape=(n_points, n_points))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def _steps(shape: tuple[int, ...], neighbours: Neighbours) -> list[int]:
    """Return what is added to the number of a place for half of its neighbours in space."""
    strides = np.array([shape[1] * shape[2], shape[2], 1])
    farthest = 1 if neighbours == 6 else 3
    around = (np.array(step) for step in product((-1, 0, 1), repeat=3) if step > (0, 0, 0))
    return [int(strides @ step) for step in around if np.abs(step).sum() <= farthest]
