"""A trained transcoder with everything that is needed to use it, and its place on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.axes import Montage, VoxelGrid
from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.core.errors import WeightsError
from neurotranscoder.core.response import Response
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.io.manifest import read_manifest, write_manifest
from neurotranscoder.io.store import read_json, write_json, write_table
from neurotranscoder.io.weights import load_tensors, save_tensors
from neurotranscoder.model.transcoder import CyclicTranscoder
from neurotranscoder.train.build import build_module, network_settings
from neurotranscoder.train.linear_transcoder import LinearShape
from neurotranscoder.train.scaling import Scaling
from neurotranscoder.train.settings import TrainSettings
from neurotranscoder.train.split import Split

_NAME = "weights"
_KIND = "model"


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """How the losses went: one entry per validated step; empty for a closed-form fit."""

    step: tuple[int, ...] = ()
    training: tuple[float, ...] = ()
    validation: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class TrainedTranscoder:
    """A transcoder in evaluation mode, and what it was trained on.

    Parameters
    ----------
    module : CyclicTranscoder
        The four coders, between scaled EEG and scaled BOLD.
    shape : LinearShape or None
        Sizes of the linear part; None for a network alone.
    settings : TrainSettings
        How it was trained.
    scaling : Scaling
        Volts and BOLD units per unit of the module.
    blocks : BlockMap
        The source grid.
    montage : Montage
        The EEG channels, in order.
    rate : float
        Group rate, in Hz.
    split : Split
        Runs that trained, validated and were held out.
    response : Response
        Learnt hemodynamic response.
    leadfield : array, shape (channels, blocks)
        Learnt leadfield.
    curve : Curve
        Losses while training.
    upsampling : int
        Frames per BOLD sample that the module reads: 1 for BOLD at the frames, frames per TR for
        BOLD at its own volumes.
    seconds : float
        Time that training took; not part of the weights.
    """

    module: CyclicTranscoder
    shape: LinearShape | None
    settings: TrainSettings
    scaling: Scaling
    blocks: BlockMap
    montage: Montage
    rate: float
    split: Split
    response: Response
    leadfield: Float[ndarray, "channels blocks"]
    curve: Curve = Curve()
    upsampling: int = 1
    seconds: float = float("nan")

    @property
    def reads_volumes(self) -> bool:
        """Whether the module reads BOLD at its own volumes, not interpolated to the frames."""
        return network_settings(self.settings).bold_input == "volumes"

    @property
    def reads_power(self) -> bool:
        """Whether sources from EEG are read from its band power as well."""
        return self.module.reads_power

    @property
    def gates(self) -> tuple[tuple[str, float], ...]:
        """How much a network corrects each linear coder; empty without gated coders."""
        return tuple(self.module.gates.items())

    def check(self, run: AlignedRun) -> None:
        """Refuse a run that does not fit the model.

        Raises
        ------
        WeightsError
            When channels, blocks or rate differ, TR where BOLD is read at its volumes, or bands
            where the power of the EEG is read.
        """
        if run.montage.names != self.montage.names:
            different = sorted(set(run.montage.names) ^ set(self.montage.names))
            raise WeightsError(
                f"{run.run} has {len(run.montage.names)} EEG channels, the model was trained on "
                f"{len(self.montage.names)}; they differ in {different[:5] or 'order'}; use "
                "recordings with the same channels in the same order (study.channels brings "
                "runs to those of the model), or train on these"
            )
        if not run.blocks.matches(self.blocks):
            raise WeightsError(
                f"{run.run} has {run.blocks.n_blocks} source blocks on a grid of "
                f"{run.blocks.voxels.shape}, the model {self.blocks.n_blocks} on "
                f"{self.blocks.voxels.shape}; align runs to the blocks of the model"
            )
        if abs(run.axis.sfreq - self.rate) > 1e-6:
            raise WeightsError(
                f"{run.run} is at {run.axis.sfreq:g} Hz, the model at {self.rate:g} Hz; set "
                "align.frames_per_tr so that the rates agree"
            )
        if self.reads_volumes and run.frames_per_volume != self.upsampling:
            raise WeightsError(
                f"{run.run} has {run.frames_per_volume} frames per volume, the model "
                f"{self.upsampling}; it reads BOLD at its own volumes and needs the same TR; use "
                "a model that was trained with bold_input = 'frames'"
            )
        self.check_power(str(run.run), run.power, run.power_bands)

    def check_power(
        self,
        name: str,
        power: Float[ndarray, "bands channels frames"] | None,
        bands: tuple[tuple[float, float], ...] = (),
    ) -> None:
        """Refuse EEG without the bands whose power the model reads.

        Raises
        ------
        WeightsError
            When there are fewer or more bands, or they are known to be others.
        """
        found, known = 0 if power is None else len(power), self.scaling.bands
        others = bands and known and bands != known
        if self.reads_power and (found != len(self.scaling.power) or others):
            raise WeightsError(
                f"{name} has band power in {found} bands, the model reads "
                f"{len(self.scaling.power)} (got {_in_hz(bands)}, needs {_in_hz(known)}); use EEG "
                "that was sampled fast enough for align.power_bands, with the bands of the "
                "training, or train with sparse.power_gains = []"
            )


def save_trained(folder: Path, trained: TrainedTranscoder) -> None:
    """Write a trained transcoder: weights, settings, split and curve, the manifest last.

    Equal transcoders give equal bytes, but for ``timing.json``.
    """
    state = trained.module.state_dict()
    tensors = {f"module.{key}": value.cpu().numpy() for key, value in state.items()}
    tensors |= {
        "blocks.mask": trained.blocks.mask,
        "blocks.labels": trained.blocks.labels,
        "blocks.voxel_to_world": trained.blocks.voxels.voxel_to_world,
        "response.times": trained.response.times,
        "response.values": trained.response.values,
        "leadfield": trained.leadfield,
    }
    if trained.montage.positions is not None:
        tensors["montage.positions"] = trained.montage.positions
    metadata: dict[str, object] = {
        "settings": trained.settings.model_dump(mode="json"),
        "shape": asdict(trained.shape) if trained.shape else None,
        "scaling": asdict(trained.scaling),
        "factors": list(trained.blocks.factors),
        "channels": list(trained.montage.names),
        "rate": trained.rate,
        "upsampling": trained.upsampling,
        "split": asdict(trained.split),
        "curve": _curve_to_json(trained.curve),
    }
    save_tensors(folder, _NAME, tensors, metadata)
    write_json(folder / "split.json", asdict(trained.split))
    write_table(folder / "curve.tsv", asdict(trained.curve))
    write_json(folder / "timing.json", {"seconds": trained.seconds})
    write_manifest(folder, kind=_KIND, settings_hash=trained.settings.digest())


def load_trained(folder: Path) -> TrainedTranscoder:
    """Read a trained transcoder; every byte is checked.

    Raises
    ------
    StoreError, WeightsError
        When the folder is not a finished model, or is damaged.
    """
    read_manifest(folder, kind=_KIND)
    tensors, raw = load_tensors(folder, _NAME)
    metadata = cast(dict[str, Any], raw)
    settings = TrainSettings.model_validate(metadata["settings"])
    shape = LinearShape(**metadata["shape"]) if metadata["shape"] else None
    blocks = _blocks(tensors, tuple(metadata["factors"]))
    upsampling = metadata.get("upsampling", 1)
    module = build_module(
        settings,
        shape,
        n_channels=len(metadata["channels"]),
        blocks=blocks,
        upsampling=upsampling,
    )
    state = {
        key.removeprefix("module."): torch.from_numpy(np.array(value))
        for key, value in tensors.items()
        if key.startswith("module.")
    }
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        raise WeightsError(
            f"{folder}: weights do not fit the architecture {settings.architecture!r}: {error}; "
            "train again with this version"
        ) from None
    return TrainedTranscoder(
        module=module.eval(),
        shape=shape,
        settings=settings,
        scaling=_scaling(metadata["scaling"]),
        blocks=blocks,
        montage=Montage(tuple(metadata["channels"]), tensors.get("montage.positions")),
        rate=metadata["rate"],
        split=Split(**{part: tuple(runs) for part, runs in metadata["split"].items()}),
        response=Response(tensors["response.times"], tensors["response.values"]),
        leadfield=tensors["leadfield"],
        curve=_curve_of_json(metadata["curve"]),
        upsampling=upsampling,
        seconds=_seconds(folder),
    )


def _in_hz(bands: tuple[tuple[float, float], ...]) -> str:
    """Return bands as words."""
    return ", ".join(f"{low:g}-{high:g} Hz" for low, high in bands) or "unknown ones"


def _scaling(values: Mapping[str, Any]) -> Scaling:
    """Return saved scales."""
    bands = tuple((low, high) for low, high in values.get("bands", ()))
    return Scaling(values["eeg"], values["bold"], tuple(values.get("power", ())), bands)


def _curve_to_json(curve: Curve) -> dict[str, list[float | None]]:
    """Return a curve as JSON can hold it: no training loss before the first step."""
    return {
        key: [None if np.isnan(value) else value for value in values]
        for key, values in asdict(curve).items()
    }


def _curve_of_json(columns: Mapping[str, list[Any]]) -> Curve:
    """Return the curve that `_curve_to_json` wrote."""
    training = tuple(float("nan") if loss is None else loss for loss in columns["training"])
    return Curve(tuple(columns["step"]), training, tuple(columns["validation"]))


def _blocks(tensors: Mapping[str, ndarray], factors: tuple[int, ...]) -> BlockMap:
    """Return the source grid of saved weights."""
    labels = tensors["blocks.labels"]
    x, y, z = factors
    grid = VoxelGrid(cast(tuple[int, int, int], labels.shape), tensors["blocks.voxel_to_world"])
    return BlockMap(grid, (x, y, z), tensors["blocks.mask"], labels)


def _seconds(folder: Path) -> float:
    """Return how long training took."""
    return float(cast(float, read_json(folder / "timing.json")["seconds"]))
