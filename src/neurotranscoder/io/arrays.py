"""Named arrays of other programs: safetensors or npz, never pickle."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

from neurotranscoder.core.errors import StoreError

SUFFIXES = (".safetensors", ".npz")


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read all arrays of a file.

    Parameters
    ----------
    path : Path
        A ``.safetensors`` or ``.npz`` file.

    Returns
    -------
    arrays : dict from name to array
        As they are in the file.

    Raises
    ------
    StoreError
        When the file is missing, damaged, of another kind, or holds objects (pickles).
    """
    try:
        if path.suffix == ".safetensors":
            return safetensors.numpy.load(path.read_bytes())
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                return {name: arrays[name] for name in arrays.files}
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        EOFError,
        zipfile.BadZipFile,
        safetensors.SafetensorError,
    ) as error:
        raise StoreError(
            f"{path}: cannot be read as named arrays ({error}); need numbers, written by "
            "safetensors or numpy.savez; write the file again"
        ) from error
    raise StoreError(f"{path}: ends in {path.suffix!r}; need one of {', '.join(SUFFIXES)}")
