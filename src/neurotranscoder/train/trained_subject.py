"""A fitted subject stage: maps at voxels, the coder of their courses, and its place on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from jaxtyping import Bool, Float32
from numpy import ndarray

from neurotranscoder.core.axes import Montage, TimeAxis, VoxelGrid
from neurotranscoder.core.recording import Clock, Eeg
from neurotranscoder.io.manifest import read_manifest, write_manifest
from neurotranscoder.io.store import read_json, write_json
from neurotranscoder.io.weights import load_tensors, save_tensors
from neurotranscoder.model.sparse import SparseSources
from neurotranscoder.train.subject_coder import SubjectCoder
from neurotranscoder.train.subject_signals import scaled_eeg
from neurotranscoder.train.trained import TrainedTranscoder
from neurotranscoder.train.voxel_maps import Choice

_NAME = "subject"
_KIND = "subject model"
_SPARSE = ("leadfield", "noise", "weights", "means", "variances")


@dataclass(frozen=True, slots=True, eq=False)
class TrainedSubject:
    """One subject's sources at voxels: a movie is ``maps @ courses(eeg)``.

    Parameters
    ----------
    maps : array of float32, shape (voxels, components)
        Weight of each course in each voxel of the mask, in C order; the unit is arbitrary.
    grid : VoxelGrid
        Where the voxels are: the grid of the BOLD images.
    mask : array of bool, shape (x, y, z)
        Voxels of the brain.
    coder : SubjectCoder
        From scaled EEG to courses.
    rate : float
        Frames of a movie per second.
    montage : Montage
        The EEG channels, in order.
    eeg_scale : float
        Volts per unit of the coder.
    group : str
        SHA-256 of the weights of the group model that it was fitted with.
    runs : tuple of str
        Labels of the runs that it was fitted on.
    choices : tuple of Choice
        What was chosen on held-out BOLD, with all scores.
    settings : mapping
        The settings of the fit, as JSON has them.
    seconds : float
        Time that the fit took; not part of the weights.
    """

    maps: Float32[ndarray, "voxels components"]
    grid: VoxelGrid
    mask: Bool[ndarray, "x y z"]
    coder: SubjectCoder
    rate: float
    montage: Montage
    eeg_scale: float
    group: str
    runs: tuple[str, ...]
    choices: tuple[Choice, ...]
    settings: Mapping[str, Any]
    seconds: float = float("nan")

    def choice(self, name: str) -> Choice:
        """Return what was chosen by its name."""
        return {one.name: one for one in self.choices}[name]

    def courses(
        self, eeg: Eeg, clock: Clock, axis: TimeAxis
    ) -> Float32[ndarray, "components frames"]:
        """Return the courses of a run's EEG, the second factor of its movie.

        Parameters
        ----------
        eeg : Eeg
            With the channels of the model, any sampling frequency.
        clock : Clock
            When its samples are.
        axis : TimeAxis
            Centres of the wanted frames, at ``rate``; the EEG needs to cover them.

        Raises
        ------
        WeightsError
            When channels differ.
        GridError
            When the EEG does not cover the frames, or is not finite.
        """
        read = scaled_eeg(eeg, clock, axis, self.montage, self.eeg_scale)
        return self.coder.courses(read, axis.sfreq).astype(np.float32)


def digest_of_group(group: TrainedTranscoder) -> str:
    """Return the SHA-256 of the weights and scales of a group model."""
    digest = hashlib.sha256(repr(asdict(group.scaling)).encode())
    for name, values in sorted(group.module.state_dict().items()):
        digest.update(name.encode() + np.ascontiguousarray(values.cpu().numpy()).tobytes())
    return digest.hexdigest()


def save_subject(folder: Path, trained: TrainedSubject) -> None:
    """Write a fitted subject stage, the manifest last; equal ones give equal bytes.

    What it took is in ``timing.json``, which differs.
    """
    sparse = trained.coder.sparse
    tensors: dict[str, ndarray] = {
        "maps": trained.maps,
        "mask": trained.mask,
        "voxel_to_world": trained.grid.voxel_to_world,
    }
    if trained.montage.positions is not None:
        tensors["positions"] = trained.montage.positions
    if sparse is not None:
        tensors |= {f"sparse.{name}": getattr(sparse, name).numpy() for name in _SPARSE}
    metadata: dict[str, object] = {
        "smoothing": trained.coder.smoothing,
        "sparse": None if sparse is None else [sparse.rounds, sparse.damping],
        "rate": trained.rate,
        "channels": list(trained.montage.names),
        "eeg_scale": trained.eeg_scale,
        "group": trained.group,
        "runs": list(trained.runs),
        "choices": [asdict(choice) for choice in trained.choices],
        "settings": dict(trained.settings),
    }
    save_tensors(folder, _NAME, tensors, metadata)
    write_json(folder / "timing.json", {"seconds": trained.seconds})
    identity = hashlib.sha256(repr(sorted(trained.settings.items())).encode()).hexdigest()
    write_manifest(folder, kind=_KIND, settings_hash=identity)


def load_subject(folder: Path) -> TrainedSubject:
    """Read a fitted subject stage; every byte is checked.

    Raises
    ------
    StoreError, WeightsError
        When the folder is not a finished subject model, or is damaged.
    """
    read_manifest(folder, kind=_KIND)
    tensors, raw = load_tensors(folder, _NAME)
    metadata = cast(dict[str, Any], raw)
    sparse = None
    if metadata["sparse"] is not None:
        rounds, damping = metadata["sparse"]
        values = (np.array(tensors[f"sparse.{name}"]) for name in _SPARSE)
        sparse = SparseSources(*values, rounds=rounds, damping=damping)
    mask = tensors["mask"]
    choices = tuple(
        Choice(one["name"], one["value"], tuple(one["candidates"]), tuple(one["scores"]))
        for one in metadata["choices"]
    )
    x, y, z = mask.shape
    return TrainedSubject(
        maps=tensors["maps"],
        grid=VoxelGrid((x, y, z), tensors["voxel_to_world"]),
        mask=mask,
        coder=SubjectCoder(metadata["smoothing"], sparse),
        rate=metadata["rate"],
        montage=Montage(tuple(metadata["channels"]), tensors.get("positions")),
        eeg_scale=metadata["eeg_scale"],
        group=metadata["group"],
        runs=tuple(metadata["runs"]),
        choices=choices,
        settings=metadata["settings"],
        seconds=float(cast(float, read_json(folder / "timing.json")["seconds"])),
    )
