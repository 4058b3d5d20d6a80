"""Regions of the brain whose voxels are active together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator
from scipy.spatial import cKDTree

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.settings import Settings
from neurotranscoder.physics.head import Head
from neurotranscoder.simulate.compact import compact_regions


class RegionSettings(Settings):
    """How the brain is divided, and how its parts respond."""

    n_evoked: PositiveInt = 42
    """Regions that answer events with impulses (the paper's 'sparse' sources)."""
    n_oscillatory: int = Field(default=18, ge=0)
    """Regions with a rhythm alone."""
    n_mixed: int = Field(default=0, ge=0)
    """Evoked regions that have a rhythm as well."""
    n_motor: int = Field(default=3, ge=0)
    """Evoked regions that follow the responses instead of the stimuli."""
    participation: float = Field(default=0.3, gt=0, le=1)
    """Probability that an event activates a region."""
    motor_participation: float = Field(default=0.9, gt=0, le=1)
    """Probability that a response activates a motor region."""
    latency: tuple[NonNegativeFloat, NonNegativeFloat] = (0.05, 0.6)
    """Range of the delay after an event, one delay per region, in s."""
    jitter: NonNegativeFloat = 0.03
    """Standard deviation of the delay from event to event, in s."""
    amplitude_log_sd: NonNegativeFloat = 0.4
    """Standard deviation of the logarithm of amplitudes; their mean is 1."""
    target_gain: PositiveFloat = 2.0
    """How much stronger targets are, in the regions that tell targets from standards."""
    target_share: float = Field(default=0.3, ge=0, le=1)
    """Share of evoked regions that tell targets from standards."""
    voxel_weights: Literal["uniform", "grey"] = "uniform"
    """Activity of a voxel relative to its region: 1, or its share of grey matter."""
    trains: Literal["regions", "voxels"] = "regions"
    """Whether the voxels of a region share one train, or each has its own. With 'voxels', the
    numbers of evoked, oscillatory, mixed and motor regions are shares of the voxels."""
    timing: Literal["events", "spontaneous"] = "events"
    """Whether impulses follow events, or come at random (Poisson) whatever happens."""
    spontaneous_rate: PositiveFloat = 0.1
    """Impulses of a region (or voxel) per second with 'spontaneous' timing, in Hz."""
    extent: tuple[PositiveFloat, PositiveFloat] | None = None
    """Range of the size of compact regions, in mm: the standard deviation of the Gaussian that
    weights their voxels, cut off at twice of it; voxels beyond are silent. Null divides the whole
    brain."""
    min_distance: NonNegativeFloat = 0.0
    """Least distance between the centres of compact regions, in mm."""

    @property
    def has_rhythms(self) -> bool:
        """Whether any region has a rhythm."""
        return self.n_oscillatory + self.n_mixed > 0

    @model_validator(mode="after")
    def _extent_is_possible(self) -> RegionSettings:
        """Refuse sizes of compact regions that are none, or of single voxels."""
        if self.extent is not None and self.extent[0] > self.extent[1]:
            low, high = self.extent
            raise ValueError(f"extent is {low}-{high} mm; need the least size first")
        if self.extent is not None and self.trains == "voxels":
            raise ValueError(
                "extent needs trains of regions; with trains of 'voxels' leave it out"
            )
        return self


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """A division of the brain, and how each part responds.

    Parameters
    ----------
    labels : array of int, shape (x, y, z)
        Region of each voxel, -1 outside the brain and in voxels that are silent.
    weights : array, shape (x, y, z)
        Activity of a voxel relative to its region, 0 where there is none.
    oscillatory : array of bool, shape (regions,)
        Regions with a rhythm alone; the others are evoked.
    mixed : array of bool, shape (regions,)
        Evoked regions that have a rhythm as well.
    motor : array of bool, shape (regions,)
        Evoked regions that follow the responses.
    latency : array, shape (regions,)
        Delay after an event, in seconds.
    target_gain : array, shape (regions,)
        Amplitude of targets relative to standards.
    centres : array, shape (regions, 3)
        Mean place of the voxels, in RAS mm.
    """

    labels: Int[ndarray, "x y z"]
    weights: Float[ndarray, "x y z"]
    oscillatory: Bool[ndarray, " regions"]
    mixed: Bool[ndarray, " regions"]
    motor: Bool[ndarray, " regions"]
    latency: Float[ndarray, " regions"]
    target_gain: Float[ndarray, " regions"]
    centres: Float[ndarray, "regions 3"]

    @property
    def n_regions(self) -> int:
        """Number of regions."""
        return len(self.oscillatory)

    @property
    def kinds(self) -> tuple[str, ...]:
        """'evoked', 'oscillatory' or 'mixed' for each region."""
        names = np.select([self.oscillatory, self.mixed], ["oscillatory", "mixed"], "evoked")
        return tuple(names.tolist())

    @property
    def rhythmic(self) -> Bool[ndarray, " regions"]:
        """Regions with a rhythm, alone or beside impulses."""
        return np.asarray(self.oscillatory | self.mixed)

    @property
    def n_voxels(self) -> Int[ndarray, " regions"]:
        """Number of voxels of each region."""
        return np.bincount(self.labels[self.labels >= 0], minlength=self.n_regions)

    def leadfield(self, head: Head) -> Float[ndarray, "channels regions"]:
        """Return the potential of a unit moment in every voxel of a region, in V/(A m)."""
        summed = np.zeros((self.n_regions, len(head.leadfield)))
        labels = self.labels[head.brain]
        columns = head.leadfield * self.weights[head.brain]
        np.add.at(summed, labels[labels >= 0], columns.T[labels >= 0])
        return summed.T


def divide_brain(settings: RegionSettings, head: Head, rng: np.random.Generator) -> Regions:
    """Divide all voxels of a brain by their nearest of random points, or draw compact regions.

    Parameters
    ----------
    settings : RegionSettings
        How many regions of each kind, and how they respond.
    head : Head
        Voxels of the brain.
    rng : Generator
        Source of chance.

    Raises
    ------
    SettingsError
        When there are more regions than voxels, or compact ones do not fit.
    """
    if settings.trains == "voxels":
        settings = _shares_of_voxels(settings, head.n_voxels)
    n_regions = settings.n_evoked + settings.n_oscillatory
    part = max(settings.n_motor, settings.n_mixed)
    if n_regions > head.n_voxels or part > settings.n_evoked:
        raise SettingsError(
            f"{n_regions} regions, {settings.n_motor} of them motor and {settings.n_mixed} mixed, "
            f"for {head.n_voxels} voxels; need at most one region per voxel, and motor and mixed "
            f"regions among the {settings.n_evoked} evoked ones"
        )
    places = head.places
    nearest, shape = _divide(settings, head, n_regions, rng)
    labels = np.full(head.grid.shape, -1, dtype=np.int32)
    labels[head.brain] = nearest
    weights = np.zeros(head.grid.shape)
    weights[head.brain] = shape * (head.grey if settings.voxel_weights == "grey" else 1.0)
    order = rng.permutation(n_regions)
    evoked = order[: settings.n_evoked]
    motor = evoked[: settings.n_motor]
    tells = rng.random(n_regions) < settings.target_share
    latency = rng.uniform(*settings.latency, n_regions)
    active = nearest >= 0
    counts = np.bincount(nearest[active], minlength=n_regions)
    sums = [np.bincount(nearest[active], axis, n_regions) for axis in places[active].T]
    numbers = np.arange(n_regions)
    return Regions(
        labels,
        weights,
        ~np.isin(numbers, evoked),
        np.isin(numbers, evoked[settings.n_evoked - settings.n_mixed :]),
        np.isin(numbers, motor),
        latency,
        np.where(tells & np.isin(numbers, evoked), settings.target_gain, 1.0),
        np.stack(sums, axis=1) / counts[:, np.newaxis],
    )


def _shares_of_voxels(settings: RegionSettings, n_voxels: int) -> RegionSettings:
    """Return settings whose regions are the voxels, in the same shares of kinds."""
    total = settings.n_evoked + settings.n_oscillatory
    evoked, mixed, motor = (
        round(n_voxels * count / total)
        for count in (settings.n_evoked, settings.n_mixed, settings.n_motor)
    )
    counts = {"n_evoked": evoked, "n_oscillatory": n_voxels - evoked}
    return settings.model_copy(update={**counts, "n_mixed": mixed, "n_motor": motor})


def _divide(
    settings: RegionSettings, head: Head, n_regions: int, rng: np.random.Generator
) -> tuple[Int[ndarray, " voxels"], Float[ndarray, " voxels"]]:
    """Return region (-1: silent) and relative activity of each voxel of the brain."""
    if settings.extent is not None:
        extent, apart = settings.extent, settings.min_distance
        return compact_regions(head, n_regions, extent=extent, min_distance=apart, rng=rng)
    if n_regions == head.n_voxels:
        return np.arange(n_regions), np.ones(n_regions)
    points = head.places[rng.choice(head.n_voxels, n_regions, replace=False)]
    return cKDTree(points).query(head.places)[1], np.ones(head.n_voxels)
