"""NIfTI images in and out: units, orientation and timing, nothing trusted."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import nibabel as nib
import numpy as np
from jaxtyping import Bool, Float
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from numpy import ndarray

from neurotranscoder.core.axes import VolumeAxis, VoxelGrid
from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.core.errors import GridError, Problem, StoreError, StudyError
from neurotranscoder.core.recording import Bold
from neurotranscoder.io.mask import brain_mask, count_holes, read_mask
from neurotranscoder.io.slice_timing import volume_axis
from neurotranscoder.io.store import atomic_path

DEFAULT_MAX_BYTES = 8 * 2**30
_UNREADABLE = (
    OSError, EOFError, ValueError, OverflowError, MemoryError, zlib.error, ImageFileError,
    HeaderDataError,
)  # fmt: skip
_MM_PER_UNIT = {"meter": 1e3, "mm": 1.0, "micron": 1e-3}
_SECONDS_PER_UNIT = {"sec": 1.0, "msec": 1e-3, "usec": 1e-6}


def read_bold(
    path: Path,
    sidecar: Mapping[str, object],
    *,
    mask_path: Path | None = None,
    max_bytes: int = DEFAULT_MAX_BYTES,
) -> Bold:
    """Read the images of one run.

    Parameters
    ----------
    path : Path
        A 4-D NIfTI file.
    sidecar : mapping
        Its JSON metadata, inheritance resolved.
    mask_path : Path, optional
        Brain mask on the same grid; computed from the mean image when there is none.
    max_bytes : int
        Refuse an image that claims to be larger than this as float32.

    Returns
    -------
    bold : Bold
        Signal as float32; slices lie along z, their times count from the start of a volume.

    Raises
    ------
    StudyError
        With everything that is wrong with the file.
    """
    image = open_image(path, max_bytes=max_bytes)
    if len(image.shape) != 4:
        got = f"{len(image.shape)} axes {image.shape}"
        raise _fault(path, "dim", got, "4 axes (x, y, z, volumes)", "give the 4-D series")
    grid = grid_of(image, path)
    volumes = volume_axis(path, sidecar, header_tr(image), (image.shape[2], image.shape[3]))
    data = array_of(image, path)
    mask = read_mask(path, mask_path, grid) if mask_path else brain_mask(path, data, grid)
    _check_signal(path, data, mask)
    n_holes = count_holes(mask, data)
    np.nan_to_num(data, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    return Bold(data, grid, volumes, mask, n_holes)


def read_volumes(path: Path, sidecar: Mapping[str, object]) -> VolumeAxis:
    """Return when the slices of a 4-D image were acquired, without reading it.

    Raises
    ------
    StudyError
        When the header or the sidecar do not say.
    """
    image = open_image(path)
    if len(image.shape) != 4:
        got = f"{len(image.shape)} axes {image.shape}"
        raise _fault(path, "dim", got, "4 axes (x, y, z, volumes)", "give the 4-D series")
    return volume_axis(path, sidecar, header_tr(image), (image.shape[2], image.shape[3]))


def open_image(path: Path, *, max_bytes: int = DEFAULT_MAX_BYTES) -> nib.Nifti1Image:
    """Open an image without reading its data; refuse what is no NIfTI or claims too much."""
    try:
        image: Any = nib.load(path, mmap=False)
        sizes = [int(n) for n in image.shape]
        kind = image.get_data_dtype().kind
        offset = float(image.header.get_data_offset())
        lengths = _stored_lengths(image)
    except _UNREADABLE as error:
        got = f"{type(error).__name__}: {error}"
        raise _fault(path, "header", got, "a NIfTI-1 file", "restore the file") from error
    if not isinstance(image, nib.Nifti1Image) or kind not in "iuf" or not 0 <= offset < 2**24:
        got = f"{type(image).__name__}, data kind {kind!r}, data offset {offset:g}"
        raise _fault(path, "header", got, "a NIfTI image of real numbers", "convert the file")
    if not lengths.all() and not int(image.header["sform_code"]):
        got = f"voxels of {' x '.join(f'{length:g}' for length in lengths)} mm, and no sform"
        raise _fault(path, "pixdim", got, "lengths that are not 0", "repair the header")
    n_bytes = 4
    for size in sizes:
        n_bytes *= size
    if min(sizes, default=0) < 1 or n_bytes > max_bytes:
        got = f"{' x '.join(map(str, sizes))} = {n_bytes / 2**30:.1f} GiB"
        needed = f"1 byte to {max_bytes / 2**30:.1f} GiB"
        raise _fault(path, "dim", got, needed, "check the header or raise max_image_bytes")
    return image


def _stored_lengths(image: nib.Nifti1Image) -> ndarray:
    """Return the lengths of voxels as they stand in a file; nibabel takes 0 for 1 mm."""
    if not isinstance(image, nib.Nifti1Image):
        return np.ones(3)
    with image.file_map["image"].get_prepare_fileobj("rb") as file:
        kind: Any = type(image.header)
        header = kind.from_fileobj(file, check=False)
    return np.asarray(header["pixdim"][1:4], dtype=np.float64)


def array_of(image: nib.Nifti1Image, path: Path) -> Float[ndarray, "*axes"]:
    """Read the data of an image as float32, scaled as its header says."""
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(image.dataobj, dtype=np.float32)
    except _UNREADABLE as error:
        got = f"{type(error).__name__}: {error}"
        raise _fault(path, "data", got, "as many numbers as dim says", "restore it") from error


def grid_of(image: nib.Nifti1Image, path: Path) -> VoxelGrid:
    """Return where the voxels of an image are, in RAS mm."""
    scale = np.diag([_MM_PER_UNIT.get(_units(image)[0], 1.0)] * 3 + [1.0])
    x, y, z = image.shape[:3]
    try:
        return VoxelGrid((x, y, z), scale @ np.asarray(image.affine, dtype=np.float64))
    except GridError as error:
        needed = "finite numbers and a non-zero determinant"
        got = f"{np.asarray(image.affine).tolist()}"
        raise _fault(path, "sform/qform", got, needed, "repair the header") from error


def refuse_unplaced(image: nib.Nifti1Image, path: Path) -> None:
    """Refuse an image that does not say where its voxels are, or says two things.

    Sform and qform may differ where their codes do (scanner, and aligned to another image), but
    not in which side is left.

    Raises
    ------
    StudyError
        When neither is stated, or both and they contradict each other.
    """
    header: Any = image.header
    if not int(header["sform_code"]) and not int(header["qform_code"]):
        needed = "one of them: without, it is not known which side is left"
        cure = "convert it again from DICOM, or repair the header"
        raise _fault(path, "sform/qform", "codes 0 and 0", needed, cure)
    if all(int(header[code]) for code in ("sform_code", "qform_code")):
        _refuse_two_places(image, path)


def _refuse_two_places(image: nib.Nifti1Image, path: Path) -> None:
    """Refuse an image whose sform and qform contradict each other."""
    header: Any = image.header
    try:
        sform, qform = header.get_sform(), header.get_qform()
    except _UNREADABLE as error:
        needed, cure = "a rotation", "copy the sform to it, if that is right"
        raise _fault(path, "qform", f"{error}", needed, cure) from error
    corners = np.array([*np.ndindex(2, 2, 2)]) * (np.array(image.shape[:3]) - 1)
    between = (sform - qform)[:3]
    apart = np.linalg.norm(corners @ between[:, :3].T + between[:, 3], axis=1).max()
    mirrored = np.linalg.det(sform[:3, :3]) * np.linalg.det(qform[:3, :3]) < 0
    one_space = int(header["sform_code"]) == int(header["qform_code"])
    known = _stored_lengths(image).all()  # else the qform has no lengths, and the sform counts
    if known and (mirrored or (one_space and apart > max(header.get_zooms()[:3]))):
        sides = ", and another side for left" if mirrored else ""
        got = f"two places that are up to {apart:.0f} mm apart{sides}"
        cure = "find out which is right, and copy it to the other"
        raise _fault(path, "sform/qform", got, "the same place in both", cure)


def header_tr(image: nib.Nifti1Image) -> float:
    """Return the repetition time that the header states, in seconds."""
    return float(image.header["pixdim"][4]) * _SECONDS_PER_UNIT.get(_units(image)[1], 1.0)


def image_of(
    data: Float[ndarray, "x y z *volumes"], grid: VoxelGrid, *, tr: float | None = None,
    start: float = 0.0,
) -> nib.Nifti1Image:  # fmt: skip
    """Return an image of data on a grid.

    Parameters
    ----------
    data : array, shape (x, y, z) or (x, y, z, volumes)
        Values.
    grid : VoxelGrid
        Where they are.
    tr : float, optional
        Time from one volume to the next, in seconds.
    start : float
        Time of the first volume, in seconds.

    Returns
    -------
    image : Nifti1Image
        Units are mm and s; sform and qform hold the same affine.
    """
    image: Any = nib.Nifti1Image(data, grid.voxel_to_world)  # type: ignore[no-untyped-call]
    image.set_qform(grid.voxel_to_world, code=1)
    image.set_sform(grid.voxel_to_world, code=1)
    image.header.set_xyzt_units("mm", "sec")
    if tr is not None:
        image.header.set_zooms((*grid.voxel_sizes, tr))
        image.header["toffset"] = start
    return cast(nib.Nifti1Image, image)


def image_of_blocks(
    values: Float[ndarray, "blocks times"], blocks: BlockMap, *, tr: float, start: float
) -> nib.Nifti1Image:
    """Return a 4-D image on the coarse grid; blocks that are not in use are 0."""
    return image_of(blocks.unmask(values).astype(np.float32), blocks.grid, tr=tr, start=start)


def blocks_of_image(image: nib.Nifti1Image, blocks: BlockMap) -> Float[ndarray, "blocks times"]:
    """Return the blocks in use of a 4-D image on the coarse grid, inverse of `image_of_blocks`."""
    x, y, z = image.shape[:3]
    grid = VoxelGrid((x, y, z), np.asarray(image.affine, dtype=np.float64))
    if not grid.matches(blocks.grid):
        raise GridError(
            f"the image has grid {grid.shape} at {grid.voxel_to_world[:3, 3]}; the blocks are "
            f"{blocks.grid.shape} at {blocks.grid.voxel_to_world[:3, 3]}; use the same study"
        )
    return np.asarray(np.asarray(image.dataobj, dtype=np.float32)[blocks.mask])


def write_nifti(path: Path, image: nib.Nifti1Image) -> None:
    """Write an image, gzipped when the name says so; equal images give equal bytes."""
    if not path.name.endswith((".nii", ".nii.gz")):
        raise StoreError(f"{path}: ends in {path.suffix!r}; need '.nii' or '.nii.gz'")
    with atomic_path(path) as temporary, temporary.open("wb") as raw:
        if path.suffix != ".gz":
            image.to_stream(raw)
            return
        with gzip.GzipFile("", "wb", compresslevel=1, fileobj=raw, mtime=0) as packed:
            image.to_stream(packed)


def _check_signal(
    path: Path, data: Float[ndarray, "x y z volumes"], mask: Bool[ndarray, "x y z"]
) -> None:
    """Refuse NaN in the brain and volumes without any contrast."""
    inside = data[mask]
    bad = int(np.sum(~np.isfinite(inside)))
    if bad:
        got = f"{bad} of {inside.size} values in the brain are NaN or infinite"
        raise _fault(path, "data", got, "finite numbers", "repair the images or the mask")
    flat = np.flatnonzero(np.ptp(inside, axis=0) == 0) if len(inside) > 1 else np.zeros(0)
    if flat.size:
        got = f"{flat.size} constant volumes (first: {int(flat[0])})"
        raise _fault(path, "data", got, "volumes with contrast", "crop or restore the series")


def _units(image: nib.Nifti1Image) -> tuple[str, str]:
    """Return the units of space and time of a header, 'unknown' when the code is foreign."""
    try:
        header: Any = image.header
        space, time = header.get_xyzt_units()
    except KeyError:
        return "unknown", "unknown"
    return space, time


def _fault(path: Path, field: str, got: str, needed: str, cure: str) -> StudyError:
    """Return one problem of a file as an error."""
    return StudyError([Problem(str(path), field, " ".join(got.split()), needed, cure)])
