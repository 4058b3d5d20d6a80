"""What images show of a head, in MNI or in the subject's own space."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from jaxtyping import Bool, Float
from numpy import ndarray

from neurotranscoder.core.axes import VoxelGrid


@runtime_checkable
class SeenHead(Protocol):
    """Voxels of images, which of them are brain, and its tissue; every `Head` is one."""

    @property
    def grid(self) -> VoxelGrid:
        """Where the voxels are."""

    @property
    def brain(self) -> Bool[ndarray, "x y z"]:
        """Voxels of the brain."""

    @property
    def grey(self) -> Float[ndarray, " voxels"]:
        """Share of grey matter of voxels of the brain."""

    @property
    def white(self) -> Float[ndarray, " voxels"]:
        """Share of white matter of voxels of the brain."""

    @property
    def places(self) -> Float[ndarray, "voxels 3"]:
        """Centres of the voxels of the brain, in RAS mm."""
