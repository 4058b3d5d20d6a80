"""Axes of time and space: where a sample, a volume or a voxel is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from neurotranscoder.core.errors import GridError


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """Equally spaced times on the scanner clock (0 s = start of the first stored volume).

    Parameters
    ----------
    start : float
        Time of the first sample, or centre of the first frame, in seconds.
    sfreq : float
        Sampling frequency, in Hz.
    n_times : int
        Number of samples.
    """

    start: float
    sfreq: float
    n_times: int

    def __post_init__(self) -> None:
        if not (np.isfinite(self.sfreq) and self.sfreq > 0 and np.isfinite(self.start)):
            raise GridError(
                f"a time axis got start {self.start} s and sfreq {self.sfreq} Hz; it needs a "
                "finite start and a positive, finite sampling frequency"
            )
        if self.n_times < 1:
            raise GridError(f"a time axis got {self.n_times} samples; it needs at least 1")

    @classmethod
    def of_frames(cls, duration: float, rate: float) -> TimeAxis:
        """Return the centres of the whole frames that fit into ``[0, duration]`` seconds."""
        return cls(0.5 / rate, rate, int(np.floor(duration * rate + 1e-6)))

    @property
    def times(self) -> Float[ndarray, " times"]:
        """Time of every sample, in seconds."""
        return self.start + np.arange(self.n_times) / self.sfreq

    @property
    def duration(self) -> float:
        """Time that the samples cover, in seconds."""
        return self.n_times / self.sfreq


@dataclass(frozen=True, slots=True, eq=False)
class VoxelGrid:
    """A regular grid of voxels in world space.

    Parameters
    ----------
    shape : tuple of int
        Number of voxels along x, y and z.
    voxel_to_world : array, shape (4, 4)
        Affine from voxel indices to RAS millimetres.
    """

    shape: tuple[int, int, int]
    voxel_to_world: Float[ndarray, "4 4"]

    def __post_init__(self) -> None:
        affine = self.voxel_to_world
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise GridError(f"a voxel grid got shape {self.shape}; it needs three positive sizes")
        if not np.all(np.isfinite(affine)) or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
            raise GridError(
                f"voxel_to_world is {affine.tolist()}; it needs finite numbers and a non-zero "
                "determinant; repair the sform or qform of the image"
            )

    @property
    def voxel_sizes(self) -> tuple[float, float, float]:
        """Edge lengths of a voxel, in mm."""
        x, y, z = np.linalg.norm(self.voxel_to_world[:3, :3], axis=0)
        return float(x), float(y), float(z)

    def world(self, indices: Int[ndarray, "voxels 3"]) -> Float[ndarray, "voxels 3"]:
        """Return the centres of voxels, in RAS mm."""
        return np.asarray(indices @ self.voxel_to_world[:3, :3].T + self.voxel_to_world[:3, 3])

    def voxels_at(
        self, points: Float[ndarray, "points 3"]
    ) -> tuple[Int[ndarray, "points 3"], Bool[ndarray, " points"]]:
        """Return the voxels that points (RAS mm) lie in, and which of them the grid has."""
        to_voxels = np.linalg.inv(self.voxel_to_world)
        places = points @ to_voxels[:3, :3].T + to_voxels[:3, 3]
        indices = np.floor(places + 0.5).astype(np.int64)
        return indices, np.all((indices >= 0) & (indices < self.shape), axis=1)

    def matches(self, other: VoxelGrid) -> bool:
        """Return whether both grids have the same shape and the same place (to 1e-3 mm)."""
        return self.shape == other.shape and bool(
            np.max(np.abs(self.voxel_to_world - other.voxel_to_world)) < 1e-3
        )

    def coarsen(self, factors: tuple[int, int, int]) -> VoxelGrid:
        """Return the grid whose voxels are blocks of ``factors`` voxels of this one.

        The last block along an axis may reach beyond this grid.
        """
        x, y, z = (-(-n // f) for n, f in zip(self.shape, factors, strict=True))
        scale = np.diag([*factors, 1.0])
        scale[:3, 3] = (np.asarray(factors) - 1) / 2
        return VoxelGrid((x, y, z), self.voxel_to_world @ scale)


@dataclass(frozen=True, slots=True, eq=False)
class VolumeAxis:
    """When each slice of each volume was acquired.

    Parameters
    ----------
    tr : float
        Time from one volume to the next, in seconds.
    n_volumes : int
        Number of stored volumes.
    slice_times : array, shape (slices,)
        Acquisition time of each slice after the start of its volume, in seconds. Images that
        were resampled in space have one time per volume: all entries are equal.
    """

    tr: float
    n_volumes: int
    slice_times: Float[ndarray, " slices"]

    def __post_init__(self) -> None:
        if not 0.1 <= self.tr <= 20:
            raise GridError(
                f"TR is {self.tr} s; it needs 0.1-20 s; check the unit (ms written as s?)"
            )
        if self.n_volumes < 2:
            raise GridError(f"a run has {self.n_volumes} volumes; it needs at least 2")
        times = self.slice_times
        if not np.all(np.isfinite(times)) or times.min() < 0 or times.max() > self.tr + 1e-6:
            raise GridError(
                f"slice times span {times.min():g}-{times.max():g} s; they need to lie in "
                f"0-{self.tr:g} s (the TR); check SliceTiming"
            )

    @property
    def duration(self) -> float:
        """Time that the volumes cover, in seconds."""
        return self.tr * self.n_volumes

    def times(self, slice_index: int) -> Float[ndarray, " volumes"]:
        """Return when one slice was acquired in each volume, in seconds."""
        return np.asarray(self.slice_times[slice_index] + self.tr * np.arange(self.n_volumes))

    @property
    def n_passes(self) -> int:
        """Number of equally spaced sweeps through the slices within a TR (1 if there are none).

        An interleaved scan of step k has k sweeps: the order 0, 5, 10, .., 1, 6, .. has 5.
        """
        starts = np.flatnonzero(np.diff(np.argsort(self.slice_times, kind="stable")) < 0)
        n_slices = len(self.slice_times)
        n_passes = len(starts) + 1
        equal = n_slices % n_passes == 0 and np.all(np.diff(starts) == n_slices // n_passes)
        distinct = len(np.unique(np.round(self.slice_times, 6))) == n_slices
        return n_passes if equal and distinct else 1


@dataclass(frozen=True, slots=True, eq=False)
class Montage:
    """Names of the EEG channels and, where they are known, their places.

    Parameters
    ----------
    names : tuple of str
        One name per channel, in the order of the data.
    positions : array, shape (channels, 3), or None
        Electrode positions in RAS mm of the same world as the images; None where unknown
        (bipolar caps have no one position per channel).
    """

    names: tuple[str, ...]
    positions: Float[ndarray, "channels 3"] | None = None

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.names):
            double = sorted({name for name in self.names if self.names.count(name) > 1})
            raise GridError(f"channel names {double} occur twice; they need to be unique")
        if self.positions is not None and len(self.positions) != len(self.names):
            raise GridError(
                f"a montage got {len(self.names)} names and {len(self.positions)} positions; "
                "it needs one position per channel, or none at all"
            )
