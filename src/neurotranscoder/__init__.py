"""Turn EEG into BOLD and BOLD into EEG through a shared latent source space, learnt from data."""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from neurotranscoder.api import Transcoder, aligned_runs, load_study, windows

__all__ = ["Transcoder", "__version__", "aligned_runs", "load_study", "windows"]


def __getattr__(name: str) -> object:
    """Import the facade when it is first used: torch takes seconds."""
    if name in __all__:
        from neurotranscoder import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
