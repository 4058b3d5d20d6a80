"""Spatial components of BOLD: what blocks share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.spread import summed


def covariance(
    bolds: Sequence[Float[ndarray, "blocks _"]],
) -> Float[ndarray, "blocks blocks"]:
    """Return the covariance over blocks, pooled over runs in their order."""
    total = summed(_Scatter.of, bolds)
    return total.gram / total.n_frames


@dataclass(frozen=True, slots=True, eq=False)
class _Scatter:
    """Products of blocks, and how many frames they are summed over."""

    gram: Float[ndarray, "blocks blocks"]
    n_frames: int

    @classmethod
    def of(cls, bold: Float[ndarray, "blocks _"]) -> _Scatter:
        """Return those of one run, without its means."""
        centred = bold - bold.mean(axis=1, keepdims=True)
        return cls(centred @ centred.T, bold.shape[1])

    def __add__(self, other: _Scatter) -> _Scatter:
        return _Scatter(self.gram + other.gram, self.n_frames + other.n_frames)


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
    return _with_positive_peaks(vectors[:, ::-1][:, :n_components])


def regional(
    maps: Float[ndarray, "blocks components"], *, rounds: int = 100
) -> Float[ndarray, "blocks components"]:
    """Turn components so that each is large in few blocks: they then are regions (quartimax [1]_).

    Parameters
    ----------
    maps : array, shape (blocks, components)
        Orthonormal columns.
    rounds : int
        The most steps of the iteration.

    Returns
    -------
    maps : array, shape (blocks, components)
        Orthonormal columns that span the same; the largest entry of each is positive.

    References
    ----------
    .. [1] Neuhaus, J. O. & Wrigley, C. (1954). The quartimax method. British Journal of
       Statistical Psychology 7, 81-91.
    """
    turn = np.eye(maps.shape[1])
    for _ in range(rounds):
        left, _, right = np.linalg.svd(maps.T @ (maps @ turn) ** 3)
        step, turn = turn, left @ right
        if np.abs(turn - step).max() < 1e-6:
            break
    return _with_positive_peaks(maps @ turn)


def _with_positive_peaks(
    maps: Float[ndarray, "blocks components"],
) -> Float[ndarray, "blocks components"]:
    """Return maps with the largest entry of each column positive."""
    largest = np.abs(maps).argmax(axis=0)
    return np.asarray(maps * np.sign(maps[largest, np.arange(maps.shape[1])]))
