"""Heads that were built before, in the user's cache folder."""

from __future__ import annotations

import hashlib
import logging
import os
from importlib.metadata import version
from pathlib import Path

from numpy import ndarray

from neurotranscoder.core.errors import DiskError, WeightsError
from neurotranscoder.core.settings import Settings
from neurotranscoder.io.weights import has_tensors, load_tensors, save_tensors

_LOG = logging.getLogger(__name__)
_FORMAT = 2
_LIBRARIES = ("mne", "nilearn", "numpy", "scipy")


def default_folder() -> Path | None:
    """Return the user's cache folder, or None where there is none.

    It is ``$NEUROTRANSCODER_CACHE``, else ``$XDG_CACHE_HOME/neurotranscoder``, else
    ``~/.cache/neurotranscoder``.
    """
    if own := os.environ.get("NEUROTRANSCODER_CACHE"):
        return Path(own)
    if shared := os.environ.get("XDG_CACHE_HOME"):
        return Path(shared) / "neurotranscoder"
    try:
        return Path.home() / ".cache" / "neurotranscoder"
    except RuntimeError:
        return None


def key_of(settings: Settings) -> str:
    """Return the name that a result of these settings and library versions is kept under."""
    versions = [f"{library} {version(library)}" for library in _LIBRARIES]
    parts = "\n".join([str(_FORMAT), settings.digest(), *versions])
    return "head-" + hashlib.sha256(parts.encode()).hexdigest()[:24]


def load(folder: Path | None, key: str) -> dict[str, ndarray] | None:
    """Return what was kept, or None when it is absent or damaged."""
    if folder is None:
        return None
    try:
        return load_tensors(folder, key)[0] if has_tensors(folder, key) else None
    except (WeightsError, OSError) as error:
        _LOG.warning("a cached head cannot be used and is built again: %s", error)
        return None


def save(folder: Path | None, key: str, tensors: dict[str, ndarray]) -> None:
    """Keep tensors; where that is impossible, say so and go on."""
    if folder is None:
        _LOG.warning("there is no cache folder; set NEUROTRANSCODER_CACHE to keep heads")
        return
    try:
        save_tensors(folder, key, tensors, {"format": _FORMAT})
    except (DiskError, OSError) as error:
        _LOG.warning("the head is not kept for the next time: %s", error)
