"""Where networks are trained."""

from __future__ import annotations

from typing import Literal

import torch

from neurotranscoder.core.errors import SettingsError

Device = Literal["auto", "cpu", "cuda"]


def resolve_device(name: Device) -> torch.device:
    """Return the device of a name; 'auto' is the GPU where there is one.

    Raises
    ------
    SettingsError
        When a GPU is asked for and there is none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise SettingsError(
            "device is 'cuda' but torch finds no GPU; use device 'auto' or 'cpu', or install a "
            "build of torch for your GPU"
        )
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)
