"""A head as arrays: voxels, channels, the leadfield between them; to disk and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from neurotranscoder.core.axes import Montage, VoxelGrid
from neurotranscoder.core.errors import StoreError
from neurotranscoder.physics.channels import Reference, reference_of
from neurotranscoder.physics.head_settings import HeadSettings


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """The voxels of a brain, the channels, and what one does at the other.

    Parameters
    ----------
    grid : VoxelGrid
        Where the voxels are, in RAS mm (of MNI152 for heads of the template).
    brain : array of bool, shape (x, y, z)
        Voxels that hold a source, numbered in C order.
    leadfield : array, shape (channels, voxels)
        Potential per dipole moment at fixed orientation, in V/(A m).
    orientations : array, shape (voxels, 3)
        Unit vectors of the dipoles, RAS.
    montage : Montage
        Names of the channels and, unless they are bipolar, their electrodes.
    grey, white : array, shape (voxels,)
        Shares of grey and of white matter.
    reference : 'average' or 'bipolar'
        Whether channels are measured against their average or are differences of electrodes.
    free_leadfield : array, shape (channels, voxels, 3), or None
        The same for dipoles along RAS axes, where it was asked for:
        ``leadfield == einsum("cvd,vd->cv", free_leadfield, orientations)``.
    electrodes : array, shape (channels, 3), or None
        Where the electrodes really are, RAS mm on the montage's head, where that is not where
        the montage says.
    origin : HeadSettings or None
        What the head was built from; None for heads of one's own and those read from a study.
    """

    grid: VoxelGrid
    brain: Bool[ndarray, "x y z"]
    leadfield: Float[ndarray, "channels voxels"]
    orientations: Float[ndarray, "voxels 3"]
    montage: Montage
    grey: Float[ndarray, " voxels"]
    white: Float[ndarray, " voxels"]
    reference: Reference = "average"
    free_leadfield: Float[ndarray, "channels voxels 3"] | None = None
    electrodes: Float[ndarray, "channels 3"] | None = None
    origin: HeadSettings | None = None

    @property
    def n_voxels(self) -> int:
        """Number of voxels that hold a source."""
        return int(self.leadfield.shape[1])

    @property
    def indices(self) -> Int[ndarray, "voxels 3"]:
        """Indices of the voxels along x, y and z."""
        return np.argwhere(self.brain)

    @property
    def places(self) -> Float[ndarray, "voxels 3"]:
        """Centres of the voxels, in RAS mm."""
        return self.grid.world(self.indices)


def tensors_of_head(head: Head) -> dict[str, ndarray]:
    """Return all that a head is, as arrays to keep on disk; leadfields in float32."""
    names = "\n".join(head.montage.names).encode()
    tensors = {
        "shape": np.asarray(head.grid.shape, dtype=np.int64),
        "voxel_to_world": head.grid.voxel_to_world,
        "brain": head.brain,
        "leadfield": head.leadfield.astype(np.float32),
        "orientations": head.orientations,
        "channels": np.frombuffer(names, dtype=np.uint8),
        "grey": head.grey,
        "white": head.white,
    }
    if head.montage.positions is not None:
        tensors["positions"] = head.montage.positions
    if head.free_leadfield is not None:
        tensors["free_leadfield"] = head.free_leadfield.astype(np.float32)
    if head.electrodes is not None:
        tensors["electrodes"] = head.electrodes
    return tensors


def head_of_tensors(tensors: dict[str, ndarray]) -> Head:
    """Return the head that was kept as tensors, the inverse of `tensors_of_head`.

    Raises
    ------
    StoreError
        When an array of the head is missing.
    """
    needed = {"shape", "voxel_to_world", "brain", "leadfield", "orientations", "channels"}
    if missing := sorted((needed | {"grey", "white"}) - set(tensors)):
        raise StoreError(
            f"a stored head lacks {', '.join(missing)}; it was written by another version of this "
            "package; make it again"
        )
    x, y, z = tensors["shape"].tolist()
    names = tuple(tensors["channels"].tobytes().decode().split("\n"))
    reference = reference_of(names)
    leadfield = tensors["leadfield"].astype(np.float64)
    if reference == "average":
        leadfield -= leadfield.mean(axis=0)
    return Head(
        VoxelGrid((x, y, z), tensors["voxel_to_world"]),
        tensors["brain"],
        leadfield,
        tensors["orientations"],
        Montage(names, tensors.get("positions")),
        tensors["grey"],
        tensors["white"],
        reference,
        tensors.get("free_leadfield"),
        tensors.get("electrodes"),
    )
