"""The leadfield G of Eq. 2: what a current dipole in each voxel does at each electrode."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mne
import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from neurotranscoder.core.axes import Montage
from neurotranscoder.core.errors import GridError, SettingsError
from neurotranscoder.physics.skull import Surface, cast_rays
from neurotranscoder.physics.tissue import MNI152_TO_MNI305, MNI305_TO_MNI152, apply_affine

_SUBJECT = "head"
_MONTAGE = "fsaverage_1005"


def fsaverage_surfaces() -> tuple[Surface, Surface]:
    """Return the inner skull and the skin that the MNE wheel ships, in mm of fsaverage."""
    folder = Path(mne.__file__).parent / "data" / "fsaverage"
    surfaces = []
    for name in ("fsaverage-inner_skull-bem.fif", "fsaverage-head.fif"):
        surface = mne.read_bem_surfaces(folder / name, verbose="error")[0]
        surfaces.append(Surface(surface["rr"] * 1e3, np.asarray(surface["tris"], dtype=np.int64)))
    return surfaces[0], surfaces[1]


def electrodes_on_scalp(names: tuple[str, ...], scalp: Surface) -> Montage:
    """Return 10-05 electrodes moved radially onto the scalp, in RAS mm of MNI152.

    Raises
    ------
    SettingsError
        When a channel is not in the 10-05 system.
    """
    places = mne.channels.make_standard_montage(_MONTAGE).get_positions()["ch_pos"]
    unknown = [name for name in names if name not in places]
    if unknown:
        raise SettingsError(
            f"channels {unknown} have no known place; need names of the 10-05 system such as "
            "'Cz' or 'PO7'"
        )
    centre = (scalp.vertices.min(axis=0) + scalp.vertices.max(axis=0)) / 2
    directions = np.array([places[name] for name in names]) * 1e3 - centre
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    distance = cast_rays(scalp, centre, directions)
    on_scalp = centre + distance[:, np.newaxis] * directions
    return Montage(names, apply_affine(MNI305_TO_MNI152, on_scalp))


def bem_solution(
    surfaces: tuple[Surface, Surface, Surface], conductivities: tuple[float, float, float]
) -> mne.bem.ConductorModel:
    """Return the boundary-element solution of a head.

    Parameters
    ----------
    surfaces : tuple of Surface
        Inner skull, outer skull and scalp, in mm of MNE's MRI axes.
    conductivities : tuple of float
        Brain, skull and scalp, in S/m.
    """
    with tempfile.TemporaryDirectory() as subjects:
        folder = Path(subjects) / _SUBJECT / "bem"
        folder.mkdir(parents=True)
        for name, surface in zip(
            ("inner_skull", "outer_skull", "outer_skin"), surfaces, strict=True
        ):
            path = folder / f"{name}.surf"
            mne.write_surface(path, surface.vertices, surface.triangles, verbose="error")
        model = mne.make_bem_model(
            _SUBJECT, ico=None, conductivity=conductivities, subjects_dir=subjects, verbose="error"
        )
    return mne.make_bem_solution(model, verbose="error")


@dataclass(frozen=True, slots=True, eq=False)
class Gain:
    """What unit dipoles do at electrodes, against a reference far away.

    Parameters
    ----------
    fixed : array, shape (electrodes, kept)
        Potential per moment of dipoles with their own orientation, in V/(A m).
    free : array, shape (electrodes, kept, 3)
        The same for dipoles along the axes of the world that they were given in.
    kept : array of int, shape (kept,)
        Indices of the dipoles that lie deep enough in the brain.
    """

    fixed: Float[ndarray, "electrodes kept"]
    free: Float[ndarray, "electrodes kept 3"]
    kept: Int[ndarray, " kept"]


def dipole_leadfield(
    bem: mne.bem.ConductorModel,
    montage: Montage,
    places: Float[ndarray, "points 3"],
    orientations: Float[ndarray, "points 3"],
    *,
    min_depth: float,
    world_to_mri: Float[ndarray, "4 4"] = MNI152_TO_MNI305,
) -> Gain:
    """Return what unit dipoles do at the electrodes.

    Parameters
    ----------
    bem : ConductorModel
        Solution of `bem_solution`.
    montage : Montage
        Electrodes on the scalp, RAS mm of the world.
    places, orientations : array, shape (points, 3)
        Dipoles: RAS mm of the world, and unit vectors.
    min_depth : float
        Dipoles need to lie this far inside the inner skull, in mm; the others are left out.
    world_to_mri : array, shape (4, 4)
        From the world, mm, to the axes of the boundary elements; by default from MNI152 to
        fsaverage.

    Returns
    -------
    gain : Gain
        Of the dipoles that are deep enough.
    """
    info, head_to_mri = _measurement(montage, world_to_mri)
    source = _source_space(places, orientations, world_to_mri)
    forward = mne.make_forward_solution(
        info, head_to_mri, source, bem, meg=False, mindist=min_depth, verbose="error"
    )
    kept = np.asarray(forward["src"][0]["vertno"], dtype=np.int64)
    turn = head_to_mri["trans"][:3, :3].T @ world_to_mri[:3, :3]
    # moments are those of the turned unit vectors, so that fixed is free times orientation
    stretch = np.linalg.norm(orientations[kept] @ turn.T, axis=1)
    columns = np.asarray(forward["sol"]["data"], dtype=np.float64).reshape(-1, len(kept), 3)
    fixed = mne.convert_forward_solution(
        forward, surf_ori=True, force_fixed=True, use_cps=False, verbose="error"
    )
    return Gain(
        np.asarray(fixed["sol"]["data"], dtype=np.float64),
        (columns @ turn) / stretch[:, np.newaxis],
        kept,
    )


def mne_forward_of(
    leadfield: Float[ndarray, "channels points"],
    montage: Montage,
    places: Float[ndarray, "points 3"],
    orientations: Float[ndarray, "points 3"],
) -> mne.Forward:
    """Return a leadfield as an `mne.Forward` with fixed orientations, for inverse methods.

    Parameters
    ----------
    leadfield : array, shape (channels, points)
        V/(A m); the columns of the result in this order.
    montage : Montage
        Electrodes, RAS mm of MNI152.
    places, orientations : array, shape (points, 3)
        Dipoles: RAS mm of MNI152, and unit vectors.

    Returns
    -------
    forward : mne.Forward
        For `mne.minimum_norm.make_inverse_operator(..., loose=0, fixed=True, depth=None)`.
    """
    info, head_to_mri = _measurement(montage, MNI152_TO_MNI305)
    shell = mne.make_sphere_model(  # wide enough to hold every dipole; its gain is replaced
        (0.0, 0.0, 0.04), 0.3, verbose="error"
    )
    source = _source_space(places, orientations, MNI152_TO_MNI305)
    forward = mne.make_forward_solution(
        info, head_to_mri, source, shell, meg=False, verbose="error"
    )
    if forward["nsource"] != len(places):
        raise GridError(f"MNE kept {forward['nsource']} of {len(places)} dipoles; need them all")
    free = np.einsum("cp,pd->cpd", leadfield, forward["src"][0]["nn"])
    forward["sol"]["data"] = free.reshape(len(leadfield), -1)
    forward["_orig_sol"] = forward["sol"]["data"].copy()
    return mne.convert_forward_solution(
        forward, surf_ori=True, force_fixed=True, use_cps=False, verbose="error"
    )


def digitised(
    montage: Montage, world_to_mri: ndarray = MNI152_TO_MNI305
) -> mne.channels.DigMontage:
    """Return electrodes for MNE, with the fiducials of fsaverage.

    Parameters
    ----------
    montage : Montage
        Electrodes, RAS mm of the world.
    world_to_mri : array, shape (4, 4)
        From the world, mm, to the MRI axes of fsaverage; by default from MNI152.

    Raises
    ------
    GridError
        When the places of the electrodes are not known.
    """
    if montage.positions is None:
        raise GridError(
            "a forward solution needs the places of the electrodes; got names only; bipolar "
            "channels have none: build the head with single electrodes such as 'Cz'"
        )
    places = apply_affine(world_to_mri, montage.positions) * 1e-3
    template: dict[str, Any] = mne.channels.make_standard_montage(_MONTAGE).get_positions()
    return mne.channels.make_dig_montage(
        dict(zip(montage.names, places, strict=True)),
        nasion=template["nasion"],
        lpa=template["lpa"],
        rpa=template["rpa"],
        coord_frame="mri",
    )


def _measurement(
    montage: Montage, world_to_mri: ndarray
) -> tuple[mne.Info, mne.transforms.Transform]:
    """Return MNE's description of the electrodes, and the map from its head to MRI axes.

    The head axes are those of fsaverage's fiducials; any others would give the same potentials.
    """
    dig = digitised(montage, world_to_mri)
    info = mne.create_info(list(montage.names), 100.0, "eeg", verbose="error")
    info.set_montage(dig, verbose="error")
    return info, mne.transforms.invert_transform(mne.channels.compute_native_head_t(dig))


def _source_space(
    places: ndarray, orientations: ndarray, world_to_mri: ndarray
) -> mne.SourceSpaces:
    """Return dipoles as a discrete source space in MRI axes."""
    normals = orientations @ world_to_mri[:3, :3].T
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    position = {"rr": apply_affine(world_to_mri, places) * 1e-3, "nn": normals}
    return mne.setup_volume_source_space(pos=position, verbose="error")
