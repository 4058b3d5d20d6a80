"""Model, optimiser and progress of a training, as named arrays."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.numpy
import torch
from torch import Tensor, nn

from neurotranscoder.core.errors import WeightsError
from neurotranscoder.core.settings import Settings
from neurotranscoder.io.weights import has_tensors, load_tensors, save_tensors
from neurotranscoder.train.windows import ScaledRun

NAME = "training"
_PROGRESS = "progress"


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A moment of a training; equal moments give equal bytes.

    Parameters
    ----------
    tensors : dict from name to array
        ``model.*``, ``best.*`` (the best weights so far) and ``adam.<parameter>.*``.
    progress : dict
        Everything else that the training needs to go on, as JSON holds it.
    """

    tensors: dict[str, np.ndarray]
    progress: dict[str, object]


def model_arrays(model: nn.Module, prefix: str) -> dict[str, np.ndarray]:
    """Return copies of all parameters and buffers of a model."""
    return {
        f"{prefix}.{name}": value.detach().cpu().numpy().copy()
        for name, value in model.state_dict().items()
    }


@torch.no_grad()
def set_model_arrays(model: nn.Module, arrays: dict[str, np.ndarray], prefix: str) -> None:
    """Copy arrays into the parameters and buffers of a model.

    Raises
    ------
    WeightsError
        When names or shapes differ.
    """
    state = model.state_dict()
    start = f"{prefix}."
    given = {key.removeprefix(start) for key in arrays if key.startswith(start)}
    if given != set(state):
        odd = sorted(given ^ set(state))
        raise WeightsError(
            f"weights and model differ in {odd[:5]}; they need the same coders; build the model "
            "with the settings that it was trained with"
        )
    for name, value in state.items():
        found = arrays[start + name]
        if found.shape != tuple(value.shape):
            raise WeightsError(
                f"{name} is {found.shape} in the weights and {tuple(value.shape)} in the model; "
                "build the model for the channels and blocks that it was trained with"
            )
        value.copy_(torch.from_numpy(found))


def adam_arrays(optimiser: torch.optim.Adam, names: dict[Tensor, str]) -> dict[str, np.ndarray]:
    """Return copies of the state that Adam keeps for each named parameter."""
    return {
        f"adam.{names[parameter]}.{key}": value.detach().cpu().numpy().copy()
        for parameter, state in optimiser.state.items()
        for key, value in state.items()
    }


def set_adam_arrays(
    optimiser: torch.optim.Adam, names: dict[Tensor, str], arrays: dict[str, np.ndarray]
) -> None:
    """Put back what `adam_arrays` returned; parameters without arrays start afresh."""
    optimiser.state.clear()
    for parameter, name in names.items():
        if f"adam.{name}.step" not in arrays:
            continue
        step = torch.from_numpy(arrays[f"adam.{name}.step"].copy())
        moments = {
            key: torch.empty_like(parameter, requires_grad=False).copy_(
                torch.from_numpy(arrays[f"adam.{name}.{key}"])
            )
            for key in ("exp_avg", "exp_avg_sq")
        }
        optimiser.state[parameter] = {"step": step, **moments}


def save_snapshot(folder: Path, snapshot: Snapshot, digest: str) -> None:
    """Write a snapshot; a reader finds this one or the one before, never a mixture."""
    save_tensors(folder, NAME, snapshot.tensors, {"digest": digest, **snapshot.progress})


def load_snapshot(folder: Path, digest: str) -> Snapshot | None:
    """Return the snapshot in a folder, None if there is none.

    Raises
    ------
    WeightsError
        When it belongs to other settings, data or first weights, or is damaged.
    """
    if not has_tensors(folder, NAME):
        return None
    tensors, progress = load_tensors(folder, NAME)
    found = progress.pop("digest", None)
    if found != digest:
        raise WeightsError(
            f"{folder}: the checkpoint belongs to a training with other settings, runs or first "
            f"weights ({str(found)[:12]} there, {digest[:12]} here); choose another folder, or "
            "delete this one to start again"
        )
    return Snapshot(tensors, progress)


def snapshot_to_bytes(snapshot: Snapshot) -> bytes:
    """Return a snapshot as bytes, for another process."""
    progress = np.frombuffer(json.dumps(snapshot.progress).encode(), dtype=np.uint8)
    return bytes(safetensors.numpy.save(snapshot.tensors | {_PROGRESS: progress}))


def snapshot_from_bytes(content: bytes) -> Snapshot:
    """Return the snapshot that `snapshot_to_bytes` was given."""
    tensors = safetensors.numpy.load(content)
    progress = json.loads(tensors.pop(_PROGRESS).tobytes())
    return Snapshot(tensors, progress)


def training_digest(
    model: nn.Module,
    training: Sequence[ScaledRun],
    validation: Sequence[ScaledRun],
    settings: Settings,
) -> str:
    """Return the SHA-256 of everything that a training depends on."""
    digest = hashlib.sha256(settings.digest().encode())
    for name, value in sorted(model_arrays(model, "model").items()):
        digest.update(f"{name}{value.dtype}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    for role, runs in (("training", training), ("validation", validation)):
        for run in runs:
            digest.update(
                f"{role}{run.run}{run.rate}{run.eeg_read.shape}{run.bold.shape}".encode()
            )
            digest.update(np.ascontiguousarray(run.eeg_read).tobytes())
            digest.update(np.ascontiguousarray(run.bold).tobytes())
    return digest.hexdigest()
