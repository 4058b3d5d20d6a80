"""Forward and inverse maps of electrodes and places as images and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.analyse.places import Place
from neurotranscoder.analyse.subject_maps import SubjectMaps
from neurotranscoder.core.errors import SettingsError
from neurotranscoder.io.derivatives import Column, write_columns_with_sources, write_image
from neurotranscoder.io.nifti import image_of

_UNIT = "unit of the movie: lasting for long it gives BOLD of one unit of the group's scale"
Facts = Mapping[str, object]


def label_of(name: str) -> str:
    """Return a name as BIDS has labels, letters and digits alone; 'L40P20S50' for a position.

    Raises
    ------
    SettingsError
        When nothing is left.
    """
    words = name.removesuffix(" mm").split()
    try:
        places = [float(word) for word in words]
    except ValueError:
        places = []
    if len(places) == 3:
        signs = (("L", "R"), ("P", "A"), ("I", "S"))
        return "".join(
            f"{pair[value >= 0]}{abs(value):.0f}"
            for pair, value in zip(signs, places, strict=True)
        )
    label = "".join(one for one in name if one.isalnum() and one.isascii())
    if not label:
        raise SettingsError(
            f"{name!r} has no letter (a-z) or digit to name a file by; rename the region"
        )
    return label


def write_electrode(
    folder: Path,
    stem: str,
    maps: SubjectMaps,
    electrode: str,
    *,
    sources: Sequence[str] = (),
    metadata: Facts | None = None,
) -> None:
    """Write ``STEM_electrode-NAME_desc-{forward,inverse}_map.nii.gz``, each with a sidecar.

    Parameters
    ----------
    folder : Path
        Where they go.
    stem : str
        Such as ``sub-01_res-voxel``.
    maps : SubjectMaps
        Of the subject.
    electrode : str
        A channel.
    sources : sequence of str
        Files that the maps were made from.
    metadata : mapping, optional
        Further fields of the sidecars.

    Raises
    ------
    SettingsError
        When there is no such channel.
    """
    found: tuple[tuple[str, Float[ndarray, " voxels"], str, str], ...] = (
        ("forward", maps.sensitivity(electrode), "V", "EEG of one unit of the movie in a voxel"),
        ("inverse", maps.weights(electrode), "1/V", "Units of the movie that one V gives a voxel"),
    )
    for name, rows, unit, text in found:
        facts = {"Description": text, "Electrode": electrode, "Units": unit, "MovieUnit": _UNIT}
        write_image(
            folder / f"{stem}_electrode-{label_of(electrode)}_desc-{name}_map.nii.gz",
            image_of(maps.image(rows), maps.grid),
            sources=sources,
            metadata={**facts, **(metadata or {})},
        )


def write_place(
    folder: Path,
    stem: str,
    maps: SubjectMaps,
    place: Place,
    *,
    sources: Sequence[str] = (),
    metadata: Facts | None = None,
) -> None:
    """Write ``STEM_place-NAME_topography.tsv`` and ``..._desc-pointspread_map.nii.gz``.

    Parameters
    ----------
    folder, stem, maps, sources, metadata
        See `write_electrode`.
    place : Place
        From `place_at` or `region_place`.
    """
    start = f"{stem}_place-{label_of(place.name)}"
    where = maps.grid.world(np.argwhere(maps.mask)).T @ place.weights
    facts: dict[str, object] = {
        "Place": place.name,
        "Centre": [round(float(one), 3) for one in where],
        "Voxels": int(np.count_nonzero(place.weights)),
        "MovieUnit": _UNIT,
        **(metadata or {}),
    }
    positions = maps.montage.positions
    x, y, z = np.full((3, len(maps.montage.names)), np.nan) if positions is None else positions.T
    forward, inverse = maps.topography(place).tolist(), maps.reading_of(place).tolist()
    write_columns_with_sources(
        folder / f"{start}_topography.tsv",
        {
            "channel": Column(maps.montage.names, "Electrode"),
            "x": Column(x.tolist(), "Of the electrode, RAS", "mm"),
            "y": Column(y.tolist(), "Of the electrode, RAS", "mm"),
            "z": Column(z.tolist(), "Of the electrode, RAS", "mm"),
            "forward": Column(forward, "EEG of one unit of the movie, spread over the place", "V"),
            "inverse": Column(inverse, "Weight of a channel in the mean of the place", "1/V"),
        },
        sources=sources,
        metadata=facts,
    )
    text = "Movie that the forward map of one unit in the place gives through the inverse"
    write_image(
        folder / f"{start}_desc-pointspread_map.nii.gz",
        image_of(maps.image(maps.point_spread(place)), maps.grid),
        sources=sources,
        metadata={"Description": text, "Units": "1", **facts},
    )
