"""Maps of z as they were written: what pictures are drawn from, without a test done again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32
from numpy import ndarray

from neurotranscoder.analyse.conditions_store import in_order
from neurotranscoder.core.axes import TimeAxis, VoxelGrid
from neurotranscoder.core.errors import StoreError
from neurotranscoder.io.limits import check_memory
from neurotranscoder.io.nifti import array_of, grid_of, open_image
from neurotranscoder.io.store import read_json

_EFFECT = "_stat-effect_statmap.json"


@dataclass(frozen=True, slots=True, eq=False)
class StoredMap:
    """A tested mean or contrast.

    Parameters
    ----------
    name : str
        What was asked, as ``oddball`` or ``oddball less standard``.
    label : str
        The same in file names.
    effect, z : array of float32, shape (x, y, z, frames)
        Mean or difference of means, unit arbitrary; its z, uncorrected. 0 outside the brain.
    found : array of bool, shape (x, y, z, frames)
        Where the correction leaves an effect.
    brain, tested : array of bool, shape (x, y, z)
        Voxels that have a value in any frame, and those of them that were tested.
    grid : VoxelGrid
        Where the voxels are.
    axis : TimeAxis
        When the frames are, in s after the event.
    over : str
        What errors were taken over, and of how many.
    standard : str
        The correction and its level.
    voxels : str
        Which voxels were tested, in words.
    """

    name: str
    label: str
    effect: Float32[ndarray, "x y z frames"]
    z: Float32[ndarray, "x y z frames"]
    found: Bool[ndarray, "x y z frames"]
    brain: Bool[ndarray, "x y z"]
    tested: Bool[ndarray, "x y z"]
    grid: VoxelGrid
    axis: TimeAxis
    over: str
    standard: str
    voxels: str


def stored_labels(folder: Path) -> tuple[str, ...]:
    """Return the labels of what was tested in a folder of statistics, in the order of asking.

    Raises
    ------
    StoreError
        When a sidecar cannot be read.
    """
    found = {path: read_json(path) for path in folder.glob(f"*{_EFFECT}")}
    tested = [path for path in in_order(found) if "NotTested" not in found[path]]
    return tuple(path.name.removesuffix(_EFFECT).partition("_contrast-")[2] for path in tested)


def read_map(folder: Path, label: str) -> StoredMap:
    """Read what `write_answer` wrote.

    Parameters
    ----------
    folder : Path
        Of statistics, named as the subject or group.
    label : str
        One of `stored_labels`.

    Raises
    ------
    SettingsError
        When the memory does not suffice for the images.
    StoreError, StudyError
        When a file is missing or damaged.
    """
    stem = f"{folder.name}_contrast-{label}"
    path = folder / f"{stem}_stat-z_statmap.nii.gz"
    image, facts = open_image(path), read_json(folder / f"{stem}_stat-z_statmap.json")
    check_memory(14 * int(np.prod(image.shape)), what="images of statistics")
    z = np.asarray(array_of(image, path), dtype=np.float32)
    try:
        correction, level = str(facts["Correction"]), float(str(facts["Level"]))
        first, second, number, over, voxels = (
            str(facts[key]) for key in ("First", "Second", "N", "Over", "Voxels")
        )
        step, start = float(str(facts["RepetitionTime"])), float(str(facts["StartTime"]))
    except (KeyError, ValueError) as error:
        raise StoreError(
            f"{path}: its sidecar lacks {error}; need the statistics of this version; run "
            "`neurotranscoder analyse --stage subject` again"
        ) from error
    means = folder / f"{stem}_stat-effect_statmap.nii.gz"
    corrected = folder / f"{stem}_stat-z_desc-{correction}_statmap.nii.gz"
    found = array_of(open_image(corrected), corrected) != 0
    trust = folder / f"{stem}_desc-trust_mask.nii.gz"
    brain = np.asarray(np.any(z != 0, axis=-1))
    seen = array_of(open_image(trust), trust) > 0 if trust.is_file() else brain
    return StoredMap(
        first + ("" if second == "n/a" else f" less {second}"),
        label,
        np.asarray(array_of(open_image(means), means), dtype=np.float32),
        z,
        np.asarray(found),
        brain,
        np.asarray(brain & seen),
        grid_of(image, path),
        TimeAxis(start, 1 / step, z.shape[3]),
        f"{number} {over.split()[0]}",
        f"{'q' if correction == 'fdr' else 'p'} <= {level:g} ({correction})",
        voxels,
    )
