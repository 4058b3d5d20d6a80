"""What lies beside an EEG file, and where it says that electrodes are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.errors import Problem, StoreError, StudyError
from neurotranscoder.io.store import read_json, read_table

WORLD_COORDINATES = "RAS mm in the world space of the images (MNI-like)"
_MM_PER_UNIT = {"m": 1e3, "cm": 10.0, "mm": 1.0}

Places = Mapping[str, Float[ndarray, " 3"]]
"""Where electrodes are by their names, in RAS mm."""


@dataclass(frozen=True, slots=True)
class EegSidecars:
    """Files beside an EEG file, None where they are absent, and its merged JSON metadata."""

    metadata: Mapping[str, object]
    channels: Path | None = None
    electrodes: Path | None = None
    coordsystem: Path | None = None


def read_places(sidecars: EegSidecars) -> Places:
    """Return the places that ``electrodes.tsv`` states, none where their space is unknown.

    Raises
    ------
    StudyError
        When a place is no number, or the coordinate system cannot be read.
    """
    if sidecars.electrodes is None or sidecars.coordsystem is None:
        return {}
    scale = millimetres_per_unit(sidecars.coordsystem)
    table = read_table(sidecars.electrodes)
    if scale is None or not {"name", "x", "y", "z"} <= set(table):
        return {}
    cells = zip(table["name"], table["x"], table["y"], table["z"], strict=True)
    try:
        return {
            name: scale * np.array([float(value) for value in place])
            for name, *place in cells
            if "n/a" not in place
        }
    except ValueError as error:
        where = str(sidecars.electrodes)
        problem = Problem(where, "x, y, z", str(error), "numbers or n/a", "correct the cell")
        raise StudyError([problem]) from error


def positions_of(places: Places, names: Sequence[str]) -> Float[ndarray, "channels 3"] | None:
    """Return the places of channels, None where one of them is unknown."""
    if not names or not set(names) <= set(places):
        return None
    return np.asarray([places[name] for name in names], dtype=np.float64)


def millimetres_per_unit(coordsystem: Path) -> float | None:
    """Return the unit of electrode places, None when their axes are not RAS of the images.

    Raises
    ------
    StudyError
        When the file cannot be read.
    """
    try:
        system = read_json(coordsystem)
    except StoreError as error:
        problem = Problem(str(coordsystem), "file", str(error), "a JSON object", "restore it")
        raise StudyError([problem]) from error
    space = str(system.get("EEGCoordinateSystem", ""))
    ours = system.get("EEGCoordinateSystemDescription") == WORLD_COORDINATES
    if not (space.startswith(("MNI", "ICBM")) or (space == "Other" and ours)):
        return None
    return _MM_PER_UNIT.get(str(system.get("EEGCoordinateUnits")))
