"""Where networks are trained."""

from __future__ import annotations

import os
from typing import Literal

import torch

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.train.ranks import launched

Device = Literal["auto", "cpu", "cuda"]


def resolve_device(name: Device) -> torch.device:
    """Return the device of a name; 'auto' is the GPU where there is one.

    Processes that share a training have a GPU each.

    Raises
    ------
    SettingsError
        When a GPU is asked for and there is none, or not one for each process.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise SettingsError(
            "device is 'cuda' but torch finds no GPU; use device 'auto' or 'cpu', or install a "
            "build of torch for your GPU"
        )
    if name == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    if launched() == (0, 1):
        return torch.device("cuda")
    local, n_gpus = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
    if local >= n_gpus:
        raise SettingsError(
            f"this machine has {n_gpus} GPUs and runs more ranks than that; each needs one of its "
            f"own; start torchrun with --nproc-per-node {n_gpus}, or choose device 'cpu'"
        )
    return torch.device("cuda", local)
