"""Regions of the brain whose voxels are active together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from pydantic import Field, NonNegativeFloat, PositiveFloat, model_validator

from neurotranscoder.core.settings import PositiveSpan, Settings
from neurotranscoder.physics.anatomy import ANATOMY
from neurotranscoder.physics.head import Head
from neurotranscoder.simulate.activations import Activation


class RegionSettings(Settings):
    """How the brain is divided, and how its parts respond."""

    n_evoked: int = Field(default=42, ge=0)
    """Regions that answer events with impulses (the paper's 'sparse' sources); may be 0 beside
    activations."""
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
    latency: PositiveSpan = (0.05, 0.6)
    """Range of the delay after an event, one delay per region, in s."""
    jitter: NonNegativeFloat = 0.03
    """Standard deviation of the delay from event to event, in s."""
    amplitude_log_sd: float = Field(default=0.4, ge=0, le=3)
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
    spontaneous_rate: float = Field(default=0.1, gt=0, le=50)
    """Impulses of a region (or voxel) per second with 'spontaneous' timing, in Hz."""
    extent: tuple[PositiveFloat, PositiveFloat] | None = None
    """Range of the size of compact regions, in mm: the standard deviation of the Gaussian that
    weights their voxels, cut off at twice of it; voxels beyond are silent. Null divides the whole
    brain."""
    min_distance: NonNegativeFloat = 0.0
    """Least distance between the centres of compact regions, in mm."""
    activations: tuple[Activation, ...] = ()
    """Responses of regions of anatomy to conditions, in addition. These regions are cut out of
    the grey matter first, where they overlap the one that is listed first has the voxel; the rest
    of the brain is divided as above and must not tell conditions apart (``n_motor`` and
    ``target_share`` 0), so that contrasts of conditions are exactly zero there."""

    @property
    def has_rhythms(self) -> bool:
        """Whether any region has a rhythm."""
        return self.n_oscillatory + self.n_mixed > 0

    @model_validator(mode="after")
    def _background_is_indifferent(self) -> RegionSettings:
        """Refuse brains that never answer, and activations whose surroundings tell conditions."""
        if not self.n_evoked and not self.activations:
            raise ValueError("n_evoked is 0 and there are no activations; need one of them")
        if self.activations and (self.n_motor or self.target_share):
            raise ValueError(
                f"activations need surroundings that do not tell conditions apart; got n_motor "
                f"{self.n_motor} and target_share {self.target_share:g}; set both to 0"
            )
        return self

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
        Delay after an event, in seconds; NaN in regions of anatomy, which have `Activation`.
    target_gain : array, shape (regions,)
        Amplitude of targets relative to standards; NaN in regions of anatomy.
    centres : array, shape (regions, 3)
        Mean place of the voxels, in RAS mm.
    names : tuple of str
        What each is called; regions of anatomy come last, by their names.
    """

    labels: Int[ndarray, "x y z"]
    weights: Float[ndarray, "x y z"]
    oscillatory: Bool[ndarray, " regions"]
    mixed: Bool[ndarray, " regions"]
    motor: Bool[ndarray, " regions"]
    latency: Float[ndarray, " regions"]
    target_gain: Float[ndarray, " regions"]
    centres: Float[ndarray, "regions 3"]
    names: tuple[str, ...]

    @property
    def n_regions(self) -> int:
        """Number of regions."""
        return len(self.oscillatory)

    @property
    def kinds(self) -> tuple[str, ...]:
        """'evoked', 'oscillatory' or 'mixed' for each region."""
        return kinds_of(self.oscillatory, self.mixed)

    @property
    def named(self) -> Bool[ndarray, " regions"]:
        """Regions of anatomy; they come last."""
        return np.asarray([name in ANATOMY for name in self.names], dtype=bool)

    @property
    def background(self) -> Regions:
        """All regions but those of anatomy."""
        count = int(np.sum(~self.named))
        if count == self.n_regions:
            return self
        parts = ("oscillatory", "mixed", "motor", "latency", "target_gain", "centres", "names")
        return replace(
            self,
            labels=np.where(self.labels < count, self.labels, -1),
            **{part: getattr(self, part)[:count] for part in parts},
        )

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


def kinds_of(
    oscillatory: Bool[ndarray, " regions"], mixed: Bool[ndarray, " regions"]
) -> tuple[str, ...]:
    """Return 'evoked', 'oscillatory' or 'mixed' for each region."""
    return tuple(np.select([oscillatory, mixed], ["oscillatory", "mixed"], "evoked").tolist())
