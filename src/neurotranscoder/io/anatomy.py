"""Find, read and write the T1 image of a subject."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import Problem, StudyError
from neurotranscoder.core.recording import RunId
from neurotranscoder.io.nifti import (
    array_of,
    grid_of,
    image_of,
    open_image,
    refuse_unplaced,
    write_nifti,
)

_ENDINGS = ("_T1w.nii.gz", "_T1w.nii")
_LEAST_MM = 50.0  # a single slice is no anatomy


def find_t1(root: Path, run: RunId) -> Path | None:
    """Return the T1 image of a run's subject, of its own session if there is one.

    Parameters
    ----------
    root : Path
        The BIDS data set.
    run : RunId
        Any run of the subject.
    """
    subject = root / f"sub-{run.subject}"
    folders = [root / run.folder / "anat", subject / "anat", *sorted(subject.glob("ses-*/anat"))]
    for folder in folders:
        found = sorted(path for end in _ENDINGS for path in folder.glob(f"*{end}"))
        if found:
            return found[0]
    return None


def read_t1(path: Path) -> tuple[Float[ndarray, "x y z"], VoxelGrid]:
    """Return the values of a T1 image, and where its voxels are.

    Raises
    ------
    StudyError
        When the file is no image of three axes (a fourth of one volume will do), does not cover a
        head, or does not say where its voxels are.
    """
    image = open_image(path)
    shape, n_volumes = image.shape[:3], int(np.prod(image.shape[3:]))
    if len(shape) != 3 or n_volumes != 1:
        got, needed = f"{len(image.shape)} axes {image.shape}", "3 axes (x, y, z)"
        raise StudyError([Problem(str(path), "dim", got, needed, "give one volume")])
    refuse_unplaced(image, path)
    grid = grid_of(image, path)
    covered = np.multiply(shape, grid.voxel_sizes)
    if covered.min() < _LEAST_MM:
        got, needed = f"{covered.min():g} mm along one axis", f"a head: {_LEAST_MM:g} mm at least"
        raise StudyError([Problem(str(path), "dim", got, needed, "give the whole T1 image")])
    return array_of(image, path).reshape(shape), grid


def write_t1(root: Path, subject: str, values: Float[ndarray, "x y z"], grid: VoxelGrid) -> Path:
    """Write the T1 image of a subject (a label without ``sub-``) as 16 bit; return its path."""
    path = root / f"sub-{subject}" / "anat" / f"sub-{subject}_T1w.nii.gz"
    image: Any = image_of(values, grid)
    image.set_data_dtype(np.int16)
    write_nifti(path, image)
    return path
