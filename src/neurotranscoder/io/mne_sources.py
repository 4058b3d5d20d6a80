"""Source movies as MNE knows them: a volume source estimate and its source space.

MNE counts voxels with x fastest, a movie with z fastest; rows are put into MNE's order. World
coordinates of the images are handed over as MNE's MRI coordinates, in m: where the images are in
the space of a template, that is the template's; there is no head coordinate frame in a movie.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import mne
import numpy as np
from jaxtyping import Bool, Int
from numpy import ndarray
from scipy.sparse import eye_array

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.io.limits import check_memory

_FIFF: Any = import_module("mne._fiff.constants").FIFF
_M_PER_MM = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class MneSources:
    """A volume source estimate and the source space that MNE needs to place it.

    Parameters
    ----------
    estimate : mne.VolSourceEstimate
        One row per voxel of the mask, in MNE's order; times in s.
    space : mne.SourceSpaces
        Voxels of the grid, those of the mask in use.
    """

    estimate: Any
    space: Any


def mne_sources(movie: SourceMovie, start: float, stop: float, *, subject: str = "") -> MneSources:
    """Return the frames of ``[start, stop)`` for MNE.

    Parameters
    ----------
    movie : SourceMovie
        A run, or an average of trials.
    start, stop : float
        In s: on the scanner clock, or after the event for averages.
    subject : str
        Name of the subject in FreeSurfer's folder, if any.

    Returns
    -------
    sources : MneSources
        ``estimate.save`` and ``mne.read_source_estimate``, and ``estimate.as_volume(space)``
        work on it.

    Raises
    ------
    GridError
        When the movie has no frame there.
    SettingsError
        When the memory does not suffice.
    """
    frames = movie.frames(start, stop)
    n_frames = frames.stop - frames.start
    check_memory(8 * n_frames * movie.n_voxels, what=f"a source estimate of {n_frames} frames")
    vertices, order = _in_mne_order(movie.mask)
    estimate = mne.VolSourceEstimate(
        movie.at(frames)[order],
        [vertices],
        tmin=float(movie.axis.times[frames.start]),
        tstep=1 / movie.axis.sfreq,
        subject=subject or None,
    )
    return MneSources(estimate, volume_source_space(movie.grid, movie.mask, subject=subject))


def volume_source_space(
    grid: VoxelGrid, mask: Bool[ndarray, "x y z"], *, subject: str = ""
) -> Any:  # noqa: ANN401 - MNE has no types
    """Return a volume source space whose sources are the centres of voxels.

    Parameters
    ----------
    grid : VoxelGrid
        Where the voxels are, in RAS mm.
    mask : array of bool, shape (x, y, z)
        Voxels in use.
    subject : str
        Name of the subject, if any.

    Returns
    -------
    space : mne.SourceSpaces
        One volume in MRI coordinates; its affine, in m, is ``src_mri_t``.
    """
    to_metres = np.diag([_M_PER_MM] * 3 + [1.0])
    index = np.indices(grid.shape).reshape(3, -1, order="F").T
    vertices, _ = _in_mne_order(mask)
    count = len(index)
    to_mri = mne.transforms.Transform(
        _FIFF.FIFFV_MNE_COORD_MRI_VOXEL, _FIFF.FIFFV_COORD_MRI, to_metres @ grid.voxel_to_world
    )
    volume: dict[str, Any] = {
        "type": "vol",
        "id": -1,
        "coord_frame": _FIFF.FIFFV_COORD_MRI,
        "shape": grid.shape,
        "np": count,
        "rr": grid.world(index) * _M_PER_MM,
        "nn": np.tile([0.0, 0.0, 1.0], (count, 1)),
        "inuse": mask.ravel(order="F").astype(int),
        "vertno": vertices,
        "nuse": len(vertices),
        "ntri": 0,
        "nuse_tri": 0,
        "tris": None,
        "use_tris": None,
        "nearest": None,
        "nearest_dist": None,
        "pinfo": None,
        "patch_inds": None,
        "dist": None,
        "dist_limit": None,
        "subject_his_id": subject or None,
        "src_mri_t": to_mri,
        "vox_mri_t": to_mri,
        "mri_volume_name": "",
        "mri_width": grid.shape[0],
        "mri_height": grid.shape[1],
        "mri_depth": grid.shape[2],
        "interpolator": eye_array(count, format="csr", dtype=np.float32),
        "mri_ras_t": mne.transforms.Transform(
            _FIFF.FIFFV_COORD_MRI, _FIFF.FIFFV_MNE_COORD_RAS, np.eye(4)
        ),
    }
    return mne.SourceSpaces([volume])


def _in_mne_order(
    mask: Bool[ndarray, "x y z"],
) -> tuple[Int[ndarray, " voxels"], Int[ndarray, " voxels"]]:
    """Return numbers of the mask's voxels with x fastest, ascending, and which row each is."""
    number = np.full(mask.shape, -1)
    number[mask] = np.arange(int(mask.sum()))
    flat = number.ravel(order="F")
    vertices = np.flatnonzero(flat >= 0)
    return vertices, flat[vertices]
