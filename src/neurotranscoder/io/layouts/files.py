"""Files of a data set: found, looked into, and placed in a study without being changed."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel as nib

from neurotranscoder.core.errors import Problem, StoreError, StudyError
from neurotranscoder.io.layouts.plan import Placing
from neurotranscoder.io.nifti import header_tr, open_image, write_nifti
from neurotranscoder.io.slice_timing import TR_TOLERANCE
from neurotranscoder.io.store import atomic_path, flush

IMAGES = (".nii.gz", ".nii")
_HIDDEN = "."


def folders_in(folder: Path) -> list[Path]:
    """Return the folders in a folder, sorted; links are followed, hidden ones left out."""
    return [path for path in _listed(folder) if path.is_dir()]


def files_in(folder: Path, *endings: str) -> list[Path]:
    """Return the files (and dangling links) in a folder whose names end so, sorted."""
    return [p for p in _listed(folder) if p.name.endswith(endings) and not p.is_dir()]


def one_file(folder: Path, *endings: str) -> Path:
    """Return the one file of a folder whose name ends so; StudyError without, or with several."""
    found = files_in(folder, *endings)
    if len(found) == 1:
        return present(found[0])
    got = ", ".join(path.name for path in found) or "none"
    cure = "move the others away" if found else "restore or download it"
    needed = f"one file *{' or *'.join(endings)}"
    raise StudyError([Problem(str(folder), "files", got, needed, cure)])


def present(path: Path) -> Path:
    """Return a path, or raise StudyError when no file stands there."""
    if path.is_file():
        return path
    dangling = path.is_symlink()
    got = f"a link without its content ({path.readlink()})" if dangling else "no such file"
    cure = f"datalad get {path}" if dangling else "restore or download it"
    raise StudyError([Problem(str(path), "file", got, "the file", cure)])


def image_size(path: Path, *, tr: float) -> tuple[int, int]:
    """Return the numbers of slices and volumes of a 4-D image whose header states a TR.

    Raises
    ------
    StudyError
        When the file is missing or no 4-D image, or its header has another TR.
    """
    image = open_image(present(path))
    if len(image.shape) != 4:
        got = f"{len(image.shape)} axes {image.shape}"
        problem = Problem(str(path), "dim", got, "4 axes (x, y, z, volumes)", "check the file")
        raise StudyError([problem])
    found = header_tr(image)
    if not abs(found - tr) <= TR_TOLERANCE:
        cure = "correct the header in a copy of the data set (pixdim[4] and its unit)"
        got, needed = f"a TR of {found:g} s", f"{tr:g} s, the TR of this data set"
        raise StudyError([Problem(str(path), "pixdim[4]", got, needed, cure)])
    return int(image.shape[2]), int(image.shape[3])


def series_in(folder: Path) -> list[Path]:
    """Return the 4-D images in a folder; what cannot be read counts as none."""
    return [path for path in files_in(folder, *IMAGES) if _n_axes(path) == 4]


def anatomy_in(folder: Path, *names: str) -> Path | None:
    """Return the first image of a folder whose name begins with one of some words, in order."""
    for name in names:
        for path in files_in(folder, *IMAGES) if folder.is_dir() else []:
            if path.name.startswith(name) and path.is_file() and _n_axes(path) == 3:
                return path
    return None


def place(source: Path, target: Path, placing: Placing) -> None:
    """Give a file a second name, or copy it; nothing happens when that is there already.

    Raises
    ------
    StoreError
        When the disk refuses; ``target`` is then whole or absent.
    """
    origin = source.resolve()
    if target.exists() and target.samefile(origin) and placing == "link":
        return
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        if placing == "link" and _linked(origin, target):
            return
    except OSError as error:
        raise StoreError(
            f"{target}: could not be made ({error.strerror or error}); need a folder with "
            "permission to write; choose another output folder"
        ) from error
    with atomic_path(target) as temporary:
        shutil.copyfile(origin, temporary)


def write_cropped(source: Path, target: Path, first: int) -> None:
    """Write an image without its first volumes."""
    image: Any = open_image(source)
    cropped: nib.Nifti1Image = image.slicer[..., first:]
    write_nifti(target, cropped)


def _linked(origin: Path, target: Path) -> bool:
    """Make a hard link; say whether the disk has them."""
    with contextlib.suppress(OSError):
        target.hardlink_to(origin)
        flush(target.parent, os.O_RDONLY)
        return True
    return False


def _n_axes(path: Path) -> int:
    """Return the number of axes of an image, 0 when it cannot be read."""
    try:
        return len(open_image(path).shape)
    except StudyError:
        return 0


def _listed(folder: Path) -> Iterator[Path]:
    """Yield what stands in a folder, sorted, but for hidden files."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        got = error.strerror or str(error)
        problem = Problem(str(folder), "folder", got, "a readable folder", "check the path")
        raise StudyError([problem]) from error
    yield from (path for path in entries if not path.name.startswith(_HIDDEN))
