"""Source movies in Python: load, look into, export."""

from __future__ import annotations

from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.io.dense import export_movie, open_export
from neurotranscoder.io.movies import load_movie, save_movie, window_image, write_window

__all__ = [
    "SourceMovie",
    "export_movie",
    "load_movie",
    "open_export",
    "save_movie",
    "window_image",
    "write_window",
]
