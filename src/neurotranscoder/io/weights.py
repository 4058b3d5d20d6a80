"""Tensors on disk: safetensors beside a JSON file that points at it and knows its SHA-256."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

from neurotranscoder.core.errors import StoreError, WeightsError
from neurotranscoder.io.store import read_json, write_bytes, write_json

_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]*")


def save_tensors(
    folder: Path, name: str, tensors: dict[str, np.ndarray], metadata: dict[str, object]
) -> None:
    """Write tensors so that ``<name>.json`` points at complete tensors at every moment.

    The tensors go to ``<name>-<start of their SHA-256>.safetensors``; the JSON file is renamed
    into place after them, and tensors it no longer points at are removed last.

    Parameters
    ----------
    folder : Path
        Where both files go; made when it is missing.
    name : str
        Name of the set, letters, digits, ``. _ -`` only.
    tensors : dict from name to array
        What to keep; equal tensors give equal bytes.
    metadata : dict
        Anything JSON can hold.
    """
    pointer = _pointer(folder, name)
    arrays = {
        key: np.ascontiguousarray(tensors[key]).reshape(np.shape(tensors[key]))
        for key in sorted(tensors)
    }
    content = safetensors.numpy.save(arrays)
    digest = hashlib.sha256(content).hexdigest()
    target = folder / f"{name}-{digest[:16]}.safetensors"
    write_bytes(target, content)
    check = _digest_of_record(digest, metadata)
    record = {"file": target.name, "sha256": digest, "metadata": metadata, "check": check}
    write_json(pointer, record)
    for old in folder.glob(f"{name}-*.safetensors"):
        if old != target and re.fullmatch(r"[0-9a-f]{16}", old.stem[len(name) + 1 :]):
            old.unlink(missing_ok=True)


def load_tensors(folder: Path, name: str) -> tuple[dict[str, np.ndarray], dict[str, object]]:
    """Read tensors and their metadata; every byte is checked.

    Parameters
    ----------
    folder : Path
        Where they were saved.
    name : str
        Name of the set.

    Returns
    -------
    tensors : dict from name to array
        What was saved.
    metadata : dict
        What was saved beside it.

    Raises
    ------
    WeightsError
        When a file is missing, damaged or not one of ours.
    """
    pointer = _pointer(folder, name)
    try:
        record = read_json(pointer)
    except StoreError as error:
        raise WeightsError(f"{error}; train again or choose another model") from error
    file, digest, metadata = record.get("file"), record.get("sha256"), record.get("metadata")
    expected = f"{name}-{str(digest)[:16]}.safetensors"
    if file != expected or not isinstance(metadata, dict):
        raise WeightsError(
            f"{pointer}: points at {file!r}; it needs 'file', 'sha256' and 'metadata' as this "
            "package writes them; restore the file or train again"
        )
    if record.get("check") != _digest_of_record(str(digest), metadata):
        raise WeightsError(
            f"{pointer}: damaged, its text does not match its own SHA-256; restore the file from "
            "a copy or train again"
        )
    content = _read(folder / expected)
    if hashlib.sha256(content).hexdigest() != digest:
        raise WeightsError(
            f"{folder / expected}: damaged, its SHA-256 is not the {str(digest)[:16]}... that "
            f"{pointer.name} expects; restore the file from a copy or train again"
        )
    try:
        return safetensors.numpy.load(content), metadata
    except (safetensors.SafetensorError, KeyError, ValueError) as error:
        raise WeightsError(f"{folder / expected}: is no safetensors file ({error})") from error


def has_tensors(folder: Path, name: str) -> bool:
    """Return whether a set of tensors was completely written under this name."""
    return _pointer(folder, name).is_file()


def _pointer(folder: Path, name: str) -> Path:
    """Return the JSON file of a set, its name checked."""
    if not _NAME.fullmatch(name):
        raise WeightsError(
            f"tensors are named {name!r}; need letters, digits, '.', '_' and '-' only"
        )
    return folder / f"{name}.json"


def _read(path: Path) -> bytes:
    """Read a file of tensors."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise WeightsError(
            f"{path}: cannot be read ({error.strerror}); restore it from a copy or train again"
        ) from error


def _digest_of_record(digest: str, metadata: dict[str, object]) -> str:
    """Return the SHA-256 of what the JSON file says, independent of its layout."""
    text = json.dumps([digest, metadata], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
