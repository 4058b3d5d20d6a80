"""What a head of the template is built from."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveFloat, model_validator

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.settings import Settings
from neurotranscoder.physics.channels import CHANNELS_64, reference_of


class HeadSettings(Settings):
    """What a head is built from."""

    shape: tuple[int, int, int] = (32, 32, 25)
    """Voxels along x, y and z; the slices lie along z."""
    voxel_sizes: tuple[PositiveFloat, PositiveFloat, PositiveFloat] = (6.0, 6.0, 6.0)
    """Edge lengths of a voxel, in mm."""
    centre: tuple[float, float, float] = (0.0, -16.0, 5.0)
    """Centre of the grid, in RAS mm of MNI152."""
    min_tissue: float = Field(default=0.5, gt=0, lt=1)
    """Least share of grey plus white matter in a voxel of the brain."""
    min_depth: float = Field(default=2.0, ge=0)
    """Least distance of a voxel's centre from the inner skull of the template, in mm."""
    ico: int = Field(default=3, ge=1, le=5)
    """Fineness of the head surfaces: each has ``20 * 4 ** ico`` triangles."""
    conductivities: tuple[PositiveFloat, PositiveFloat, PositiveFloat] = (0.3, 0.006, 0.3)
    """Of brain, skull and scalp, in S/m."""
    skull_share: float = Field(default=0.55, gt=0, lt=1)
    """Share of the distance from brain to skin that is bone (clipped to ``skull_range``)."""
    skull_range: tuple[PositiveFloat, PositiveFloat] = (3.0, 7.0)
    """Least and greatest thickness of the bone, in mm."""
    channels: tuple[str, ...] = CHANNELS_64
    """Electrodes, names of the 10-05 system, or bipolar pairs of them such as 'F7-T7'."""
    orientation: Literal["normal", "random"] = "normal"
    """Direction of the dipoles: that of the cortex (random in the deep), or random everywhere."""
    orientation_jitter: NonNegativeFloat = 0.0
    """Standard deviation of the tilt of dipoles about each of two axes across them, in degrees;
    dipoles within about 15 mm tilt alike."""
    electrode_jitter: NonNegativeFloat = 0.0
    """Standard deviation of the shift of electrodes along each of two directions on the scalp,
    in mm. The montage keeps the places where they should be."""
    scale: tuple[PositiveFloat, PositiveFloat, PositiveFloat] = (1.0, 1.0, 1.0)
    """How many times the head is larger than the template along x, y and z. Voxels and montage
    stay those of the template, as in normalised images."""
    free: bool = False
    """Keep the leadfield of dipoles along x, y and z too."""
    seed: int = Field(default=0, ge=0)
    """For random orientations, and for what jitters."""
    orientation_seed: int | None = Field(default=None, ge=0)
    """For the tilts of dipoles alone; null is ``seed``."""
    electrode_seed: int | None = Field(default=None, ge=0)
    """For the shifts of electrodes alone; null is ``seed``."""

    @model_validator(mode="after")
    def _range_is_ordered(self) -> HeadSettings:
        """Refuse a range of thickness that is none."""
        low, high = self.skull_range
        if low > high:
            raise ValueError(f"skull_range is {low}-{high} mm; need the least thickness first")
        return self

    @model_validator(mode="after")
    def _channels_measure_something(self) -> HeadSettings:
        """Refuse channels that have nothing to be measured against."""
        try:
            reference = reference_of(self.channels)
        except SettingsError as error:
            raise ValueError(str(error)) from None
        if len(self.channels) < (2 if reference == "average" else 1):
            raise ValueError(
                f"channels are {self.channels}, measured against their own average; need at least "
                "two electrodes, or bipolar pairs such as 'Cz-Pz'"
            )
        return self

    @property
    def grid(self) -> VoxelGrid:
        """The grid of voxels, in RAS mm of MNI152."""
        voxel_to_world = np.diag([*self.voxel_sizes, 1.0])
        middle = (np.asarray(self.shape) - 1) / 2
        voxel_to_world[:3, 3] = np.asarray(self.centre) - middle * np.asarray(self.voxel_sizes)
        return VoxelGrid(self.shape, voxel_to_world)


def wrong_head(settings: HeadSettings) -> HeadSettings:
    """Return a head that is wrong on purpose, on the same voxels and channels.

    Its skull conducts three times as well and is thinner by 40 %, its electrodes are 5 mm off,
    and the orientations of deep voxels are others. Rivals that are given this head show how much
    they depend on the right one.
    """
    brain, skull, scalp = settings.conductivities
    thin, thick = settings.skull_range
    wrong = {
        "conductivities": (brain, 3 * skull, scalp),
        "skull_range": (0.6 * thin, 0.6 * thick),
        "electrode_jitter": 5.0,
        "seed": settings.seed + 1,
    }
    return HeadSettings.model_validate(settings.model_dump() | wrong)
