"""A head from a leadfield that a subject already has: a matrix or an `mne.Forward`."""

from __future__ import annotations

import zipfile
from pathlib import Path

import mne
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.axes import Montage, VoxelGrid
from neurotranscoder.core.errors import StoreError, StudyError
from neurotranscoder.physics.channels import reference_of, referenced
from neurotranscoder.physics.head_model import Head
from neurotranscoder.physics.own_checks import GivenLeadfield, problems_of_forward
from neurotranscoder.physics.source_bins import SourceBins
from neurotranscoder.physics.tissue import Tissue, apply_affine

_KEYS = ("leadfield", "positions", "channels")
_NUMBERS = ("leadfield", "positions", "orientations", "electrodes")


def head_from_leadfield(
    matrix: ndarray,
    positions: ndarray,
    channels: tuple[str, ...],
    grid: VoxelGrid,
    *,
    orientations: ndarray | None = None,
    electrodes: ndarray | None = None,
    tissue: Tissue | None = None,
) -> Head:
    """Return the head that a plain leadfield matrix describes.

    The column of a voxel is the mean over the sources inside it; voxels without a source are no
    part of the brain.

    Parameters
    ----------
    matrix : array, shape (channels, sources)
        Potential per dipole moment at fixed orientation, in V/(A m).
    positions : array, shape (sources, 3)
        In RAS mm of the grid's world.
    channels : tuple of str
        Electrodes, or bipolar pairs such as 'F7-T7'.
    grid : VoxelGrid
        Voxels of the head.
    orientations : array, shape (sources, 3), optional
        Unit vectors of the dipoles; by default away from the middle of the sources.
    electrodes : array, shape (channels, 3), optional
        Places of the electrodes, in RAS mm.
    tissue : Tissue, optional
        Shares of grey and white matter; 1 and 0 by default.

    Returns
    -------
    head : Head
        Against the average reference, unless the channels are bipolar.

    Raises
    ------
    StudyError
        When something does not fit; all problems are listed.
    """
    given = GivenLeadfield(matrix, positions, channels, orientations, electrodes)
    if problems := given.problems(grid, tissue):
        raise StudyError(problems)
    bins = SourceBins.of(grid, positions)
    if orientations is None:
        orientations = positions - (positions.min(axis=0) + positions.max(axis=0)) / 2
    mean = bins.mean(orientations.T).T
    size = np.linalg.norm(mean, axis=1, keepdims=True)
    up = np.broadcast_to([0.0, 0.0, 1.0], mean.shape)  # where the dipoles of a voxel cancel
    directions = np.where(size > 1e-9, mean / np.maximum(size, 1e-9), up)
    columns = bins.mean(matrix)
    reference = reference_of(channels)
    n_voxels = columns.shape[1]
    return Head(
        grid,
        bins.brain,
        referenced(columns, channels) if reference == "average" else columns,
        directions,
        Montage(channels, electrodes if reference == "average" else None),
        np.ones(n_voxels) if tissue is None else tissue.grey[bins.brain],
        np.zeros(n_voxels) if tissue is None else tissue.white[bins.brain],
        reference,
    )


def head_from_forward(
    forward: mne.Forward,
    grid: VoxelGrid,
    *,
    mri_to_world: Float[ndarray, "4 4"] | None = None,
    tissue: Tissue | None = None,
) -> Head:
    """Return the head of an `mne.Forward`: its EEG channels, along the normals of its sources.

    Parameters
    ----------
    forward : mne.Forward
        With fixed orientations, or with free ones and a source space that has normals.
    grid : VoxelGrid
        Voxels of the head.
    mri_to_world : array, shape (4, 4), optional
        From MNE's MRI axes (FreeSurfer's surface RAS) to the world of the grid, mm; the same
        space by default.
    tissue : Tissue, optional
        Shares of grey and white matter; 1 and 0 by default.

    Returns
    -------
    head : Head
        As `head_from_leadfield` makes it.

    Raises
    ------
    StudyError
        When there is no EEG, the sources have no normals, or something does not fit.
    """
    if problems := problems_of_forward(forward):
        raise StudyError(problems)
    fixed = mne.convert_forward_solution(
        mne.pick_types_forward(forward, meg=False, eeg=True),
        surf_ori=True,
        force_fixed=True,
        use_cps=True,
        verbose="error",
    )
    to_world = np.eye(4) if mri_to_world is None else mri_to_world
    to_mri = np.linalg.inv(fixed["mri_head_t"]["trans"])
    turn = to_world[:3, :3] @ to_mri[:3, :3]
    directions = fixed["source_nn"] @ turn.T
    names = tuple(fixed["sol"]["row_names"])
    place = {channel["ch_name"]: channel["loc"][:3] for channel in fixed["info"]["chs"]}

    def in_world(points: ndarray) -> Float[ndarray, "points 3"]:
        in_mri = apply_affine(to_mri, np.asarray(points, dtype=np.float64)) * 1e3
        return apply_affine(to_world, in_mri)

    return head_from_leadfield(
        np.asarray(fixed["sol"]["data"], dtype=np.float64),
        in_world(fixed["source_rr"]),
        names,
        grid,
        orientations=directions / np.linalg.norm(directions, axis=1, keepdims=True),
        electrodes=in_world(np.array([place[name] for name in names])),
        tissue=tissue,
    )


def read_head(path: Path | str, grid: VoxelGrid) -> Head:
    """Read a head from a file.

    Parameters
    ----------
    path : Path or str
        ``*-fwd.fif`` of MNE, or ``.npz`` with ``leadfield`` (channels, sources) in V/(A m),
        ``positions`` (sources, 3) in RAS mm and ``channels``, and perhaps ``orientations``
        (sources, 3) and ``electrodes`` (channels, 3).
    grid : VoxelGrid
        Voxels of the head.

    Raises
    ------
    StoreError
        When the file cannot be read or is of another type.
    StudyError
        When what it holds does not fit; all problems are listed.
    """
    path = Path(path)
    if path.name.endswith(("fwd.fif", "fwd.fif.gz")):
        try:
            forward = mne.read_forward_solution(path, verbose="error")
        except (OSError, ValueError) as error:
            raise StoreError(f"{path}: is no forward solution of MNE ({error})") from error
        return head_from_forward(forward, grid)
    if path.suffix != ".npz":
        raise StoreError(
            f"{path}: is neither *-fwd.fif nor .npz; need a forward solution of MNE, or arrays "
            f"{', '.join(_KEYS)}; save the leadfield as one of them"
        )
    arrays = _read_arrays(path)
    return head_from_leadfield(
        arrays["leadfield"],
        arrays["positions"],
        tuple(map(str, arrays["channels"].tolist())),
        grid,
        orientations=arrays.get("orientations"),
        electrodes=arrays.get("electrodes"),
    )


def _read_arrays(path: Path) -> dict[str, ndarray]:
    """Read the arrays of an ``.npz`` that holds a leadfield."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
            arrays |= {key: arrays[key].astype(np.float64) for key in _NUMBERS if key in arrays}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise StoreError(f"{path}: cannot be read as .npz ({error}); save it anew") from error
    if missing := [key for key in _KEYS if key not in arrays]:
        raise StoreError(
            f"{path}: lacks {', '.join(missing)}; has {', '.join(arrays) or 'nothing'}; save "
            "leadfield (channels, sources), positions (sources, 3) and channels"
        )
    return arrays
