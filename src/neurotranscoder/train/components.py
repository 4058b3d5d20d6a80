"""Spatial components of BOLD: what blocks share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray


def covariance(
    bolds: Sequence[Float[ndarray, "blocks _"]],
) -> Float[ndarray, "blocks blocks"]:
    """Return the covariance over blocks, pooled over runs in their order."""
    total = sum(bold.shape[1] for bold in bolds)
    gram = np.zeros((len(bolds[0]), len(bolds[0])))
    for bold in bolds:
        centred = bold - bold.mean(axis=1, keepdims=True)
        gram += centred @ centred.T
    return np.asarray(gram / total)


def bold_components(
    bolds: Sequence[Float[ndarray, "blocks _"]], n_components: int
) -> Float[ndarray, "blocks components"]:
    """Return orthonormal spatial components of BOLD, strongest first.

    Parameters
    ----------
    bolds : sequence of array, shape (blocks, frames)
        BOLD of the training runs, scaled.
    n_components : int
        Wanted number; fewer are returned where there are fewer blocks.

    Returns
    -------
    maps : array, shape (blocks, components)
        Orthonormal columns; the largest entry of each is positive.
    """
    _, vectors = np.linalg.eigh(covariance(bolds))
    maps = vectors[:, ::-1][:, :n_components]
    largest = np.abs(maps).argmax(axis=0)
    return np.asarray(maps * np.sign(maps[largest, np.arange(maps.shape[1])]))
