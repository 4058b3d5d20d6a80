"""Source movies on disk: the factors of a run, and windows of it as images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast, get_args

import nibabel as nib

from neurotranscoder.core.axes import TimeAxis, VoxelGrid
from neurotranscoder.core.errors import GridError, StoreError, WeightsError
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.recording import RunId
from neurotranscoder.core.source import Origin
from neurotranscoder.io.derivatives import write_image
from neurotranscoder.io.limits import check_memory
from neurotranscoder.io.manifest import read_manifest, write_manifest
from neurotranscoder.io.nifti import image_of
from neurotranscoder.io.output_folder import open_output_folder
from neurotranscoder.io.store import read_json
from neurotranscoder.io.weights import load_tensors, save_tensors

SUFFIX = ".movie"
KIND = "source movie"
DESCRIPTIONS: dict[Origin, str] = {"eeg": "fromeeg", "bold": "frombold", "fused": "fused"}
"""What the ``desc-`` entity of a file says about the origin of its sources."""

_NAME = "factors"
_MOST_VOLUMES = 2**15 - 1


def movie_path(out: Path, run: RunId, origin: Origin) -> Path:
    """Return where the movie of a run is: ``sub-01/func/sub-01_..._res-voxel_desc-..._source``.

    Parameters
    ----------
    out : Path
        Root of the derivative.
    run : RunId
        The run.
    origin : {'eeg', 'bold', 'fused'}
        What the sources were estimated from.

    Returns
    -------
    path : Path
        Folder of the factors, ending in ``.movie``; a dense export ends in ``.zarr``, an image
        in ``.nii.gz``.
    """
    name = f"{run.label}_res-voxel_desc-{DESCRIPTIONS[origin]}_source{SUFFIX}"
    return out / run.folder / "func" / name


def save_movie(
    path: Path | str,
    movie: SourceMovie,
    *,
    sources: Sequence[str] = (),
    settings_hash: str = "",
) -> None:
    """Write the factors of a movie, the manifest last.

    Equal movies give equal bytes. 600 s at 100 Hz with 64 components on 48,000 voxels are 28 MB.

    Parameters
    ----------
    path : Path or str
        A folder ending in ``.movie`` (see `movie_path`): a new one, or one to replace.
    movie : SourceMovie
        What to keep.
    sources : sequence of str
        Files it was made from.
    settings_hash : str
        SHA-256 of the settings that made it.

    Raises
    ------
    StoreError
        When the folder holds something else, or cannot be written.
    """
    folder = Path(path)
    if folder.suffix != SUFFIX:
        raise StoreError(
            f"{folder}: ends in {folder.suffix!r}; the folder of a movie needs '{SUFFIX}'"
        )
    arrays = {
        "maps": movie.maps,
        "courses": movie.courses,
        "mask": movie.mask,
        "voxel_to_world": movie.grid.voxel_to_world,
    }
    axis = {"start": movie.axis.start, "sfreq": movie.axis.sfreq, "n_times": movie.axis.n_times}
    metadata: dict[str, object] = {
        "Description": "Source activity is maps @ courses; unit arbitrary, sign a convention",
        "Sources": list(sources),
        "axis": axis,
        "origin": movie.origin,
    }
    with open_output_folder(folder, kind=KIND, identity=_NAME):
        save_tensors(folder, _NAME, arrays, metadata)
        write_manifest(folder, kind=KIND, settings_hash=settings_hash)


def load_movie(path: Path | str) -> SourceMovie:
    """Read the factors of a movie; every byte is checked.

    Parameters
    ----------
    path : Path or str
        A folder ending in ``.movie``.

    Raises
    ------
    StoreError
        When the folder is not a finished movie, or is damaged.
    GridError
        When its factors do not fit each other.
    """
    folder = Path(path)
    read_manifest(folder, kind=KIND)
    try:
        arrays, raw = load_tensors(folder, _NAME)
        metadata = cast(dict[str, Any], raw)
        mask = arrays["mask"]
        shape = cast(tuple[int, int, int], mask.shape)
        origin, axis = metadata["origin"], TimeAxis(**metadata["axis"])
        grid = VoxelGrid(shape, arrays["voxel_to_world"])
        maps, courses = arrays["maps"], arrays["courses"]
    except (WeightsError, KeyError, TypeError) as error:
        raise StoreError(
            f"{folder}: got factors that cannot be read ({error}); need a movie as this version "
            "writes it; restore it from a copy or reconstruct the run again"
        ) from error
    if origin not in get_args(Origin):
        raise StoreError(f"{folder}: got origin {origin!r}; need one of {get_args(Origin)}")
    return SourceMovie(maps, courses, grid, mask, axis, origin)


def movie_axis(path: Path | str) -> TimeAxis:
    """Return when the frames of a movie are; every byte is checked, and the factors stay unread.

    Raises
    ------
    StoreError
        When the folder is not a finished movie, or is damaged.
    """
    folder = Path(path)
    read_manifest(folder, kind=KIND)
    try:
        record = cast(dict[str, Any], read_json(folder / f"{_NAME}.json"))
        return TimeAxis(**record["metadata"]["axis"])
    except (KeyError, TypeError, GridError) as error:
        raise StoreError(
            f"{folder}: got times that cannot be read ({error}); need a movie as this version "
            "writes it; restore it from a copy or reconstruct the run again"
        ) from error


def window_image(movie: SourceMovie, start: float, stop: float) -> nib.Nifti1Image:
    """Return the frames of ``[start, stop)`` as a 4-D image.

    Parameters
    ----------
    movie : SourceMovie
        The factors.
    start, stop : float
        In s on the scanner clock; one second of 64 x 64 x 35 voxels is 57 MB.

    Returns
    -------
    image : Nifti1Image
        One volume per frame, zero outside the brain; TR is the step of the frames in s, and
        ``toffset`` the time of the first.

    Raises
    ------
    GridError
        When the movie has no frame there, or more than the 32,767 that NIfTI can count.
    SettingsError
        When the memory does not suffice for them.
    """
    frames = movie.frames(start, stop)
    n_frames = frames.stop - frames.start
    if n_frames > _MOST_VOLUMES:
        raise GridError(
            f"{n_frames} frames were asked for; a NIfTI image holds {_MOST_VOLUMES}; ask for a "
            "shorter window, or export the run with `export_movie`"
        )
    n_bytes = 4 * n_frames * (movie.mask.size + movie.n_voxels)
    check_memory(n_bytes, what=f"an image of {n_frames} frames")
    first, step = float(movie.axis.times[frames.start]), 1 / movie.axis.sfreq
    return image_of(movie.unmask(movie.at(frames)), movie.grid, tr=step, start=first)


def write_window(
    path: Path | str,
    movie: SourceMovie,
    start: float,
    stop: float,
    *,
    sources: Sequence[str] = (),
    metadata: Mapping[str, object] | None = None,
) -> None:
    """Write the frames of ``[start, stop)`` as a 4-D image with its sidecar.

    Parameters
    ----------
    path : Path or str
        File ``*_source.nii.gz``.
    movie, start, stop
        As for `window_image`.
    sources : sequence of str
        Files the movie was made from.
    metadata : mapping, optional
        Further fields of the sidecar.
    """
    image = window_image(movie, start, stop)
    fields: dict[str, object] = {
        "Description": "Estimated source activity; zero outside the brain",
        "Units": "arbitrary",
        "RepetitionTime": 1 / movie.axis.sfreq,
        "StartTime": float(movie.axis.times[movie.frames(start, stop).start]),
        "EstimatedFrom": movie.origin,
    }
    write_image(Path(path), image, sources=sources, metadata=fields | dict(metadata or {}))
