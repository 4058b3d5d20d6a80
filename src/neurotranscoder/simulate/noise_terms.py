"""Kinds of noise that are added to BOLD slice by slice: independent, autoregressive, low-rank."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy.signal import lfilter

from neurotranscoder.core.axes import VolumeAxis


@dataclass(frozen=True, slots=True, eq=False)
class WhiteTerm:
    """Noise without memory, everywhere; outside the brain its magnitude.

    Parameters
    ----------
    brain : array of bool, shape (x, y, z)
        Voxels of the brain.
    sd : array, shape (voxels,)
        In % of baseline; outside the brain it is their root mean square times the mean unit.
    rng : Generator
        Source of chance; it is copied before use.
    """

    brain: Bool[ndarray, "x y z"]
    sd: Float[ndarray, " voxels"]
    rng: np.random.Generator

    @property
    def variance(self) -> Float[ndarray, " voxels"]:
        """Expected variance of each brain voxel, in (% of baseline)^2."""
        return self.sd**2

    def add(
        self, bold: Float[ndarray, "x y z volumes"], unit_image: Float[ndarray, "x y z"]
    ) -> None:
        """Add the noise in place."""
        rng = copy.deepcopy(self.rng)
        outside = np.sqrt(np.mean(self.sd**2)) * np.mean(unit_image[self.brain])
        sd = np.full(self.brain.shape, outside, np.float32)
        sd[self.brain] = self.sd * unit_image[self.brain]
        values = np.empty((*bold.shape[:2], bold.shape[3]), np.float32)
        for z in range(bold.shape[2]):
            rng.standard_normal(dtype=np.float32, out=values)
            values *= sd[:, :, z, np.newaxis]
            np.abs(values, out=values, where=~self.brain[:, :, z, np.newaxis])
            bold[:, :, z] += values


@dataclass(frozen=True, slots=True, eq=False)
class AutoregressiveTerm:
    """Noise that remembers a share of its last value, stationary from the first volume.

    Parameters
    ----------
    brain : array of bool, shape (x, y, z)
        Voxels of the brain.
    sd : array, shape (voxels,)
        In % of baseline.
    coefficient : float
        Correlation of one volume with the next.
    rng : Generator
        Source of chance; it is copied before use.
    """

    brain: Bool[ndarray, "x y z"]
    sd: Float[ndarray, " voxels"]
    coefficient: float
    rng: np.random.Generator

    @property
    def variance(self) -> Float[ndarray, " voxels"]:
        """Expected variance of each brain voxel, in (% of baseline)^2."""
        return self.sd**2

    def add(
        self, bold: Float[ndarray, "x y z volumes"], unit_image: Float[ndarray, "x y z"]
    ) -> None:
        """Add the noise in place."""
        rng = copy.deepcopy(self.rng)
        feedback = np.array([1, -self.coefficient], np.float32)
        innovation = np.float32(np.sqrt(1 - self.coefficient**2))
        for z, inside, voxels in _slices(self.brain):
            noise = rng.standard_normal((len(voxels), bold.shape[3]), dtype=np.float32)
            noise[:, 1:] *= innovation
            noise = lfilter(feedback[:1], feedback, noise)
            units = self.sd[voxels] * unit_image[:, :, z][inside]
            bold[:, :, z][inside] += units.astype(np.float32)[:, np.newaxis] * noise


@dataclass(frozen=True, slots=True, eq=False)
class LowRankTerm:
    """A few courses, evaluated when each slice was acquired, each with a map.

    Parameters
    ----------
    brain : array of bool, shape (x, y, z)
        Voxels of the brain.
    maps : array, shape (voxels, courses)
        In % of baseline.
    courses : callable
        Times in s to values of shape (courses, times).
    volumes : VolumeAxis
        When each slice was acquired.
    variance : array, shape (voxels,)
        Expected variance of each brain voxel, in (% of baseline)^2.
    """

    brain: Bool[ndarray, "x y z"]
    maps: Float[ndarray, "voxels courses"]
    courses: Callable[[ndarray], ndarray]
    volumes: VolumeAxis
    variance: Float[ndarray, " voxels"]

    def add(
        self, bold: Float[ndarray, "x y z volumes"], unit_image: Float[ndarray, "x y z"]
    ) -> None:
        """Add the noise in place."""
        for z, inside, voxels in _slices(self.brain):
            maps = self.maps[voxels] * unit_image[:, :, z][inside][:, np.newaxis]
            courses = self.courses(self.volumes.times(z)).astype(np.float32)
            bold[:, :, z][inside] += maps.astype(np.float32) @ courses


NoiseTerm = WhiteTerm | AutoregressiveTerm | LowRankTerm
"""One kind of noise; adding it twice adds the same values twice."""


def _slices(brain: ndarray) -> Iterator[tuple[int, ndarray, ndarray]]:
    """Give each slice that holds brain, its mask, and its voxels' numbers in C order."""
    numbers = np.cumsum(brain).reshape(brain.shape) - 1
    for z in np.flatnonzero(brain.any(axis=(0, 1))):
        inside = brain[:, :, z]
        yield int(z), inside, numbers[:, :, z][inside]
