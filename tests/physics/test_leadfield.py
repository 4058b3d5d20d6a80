import mne
import numpy as np
from numpy.testing import assert_allclose

from neurotranscoder.core.axes import Montage
from neurotranscoder.physics.leadfield import _measurement, bem_solution, dipole_leadfield
from neurotranscoder.physics.skull import Surface, icosphere
from neurotranscoder.physics.tissue import (
    MNI152_TO_MNI305,
    MNI305_TO_MNI152,
    apply_affine,
)

RADII = (78.0, 85.0, 92.0)
CONDUCTIVITIES = (0.3, 0.006, 0.3)


def ball_montage(names):
    template = mne.channels.make_standard_montage("fsaverage_1005").get_positions()["ch_pos"]
    places = np.array([template[name] for name in names])
    places = RADII[2] * places / np.linalg.norm(places, axis=1, keepdims=True)
    return Montage(names, apply_affine(MNI305_TO_MNI152, places))


def ball_head():
    sphere = icosphere(2)
    shells = tuple(Surface(radius * sphere.vertices, sphere.triangles) for radius in RADII)
    names = ("Fp1", "Fp2", "F7", "Fz", "F8", "T7", "Cz", "T8", "P7", "Pz", "P8", "O1", "O2")
    return bem_solution(shells, CONDUCTIVITIES), ball_montage(names)


def dipoles(rng, n_points=12):
    places = rng.standard_normal((n_points, 3))
    places *= 40.0 / np.linalg.norm(places, axis=1, keepdims=True)
    normals = rng.standard_normal((n_points, 3))
    return apply_affine(MNI305_TO_MNI152, places), normals / np.linalg.norm(normals, axis=1)[
        :, None
    ]


def test_boundary_elements_agree_with_the_closed_form_of_a_ball(rng):
    bem, montage = ball_head()
    places, normals = dipoles(rng)
    ours = dipole_leadfield(bem, montage, places, normals, min_depth=2.0)
    head_to_mri = _measurement(montage, MNI152_TO_MNI305)[1]
    centre = mne.transforms.apply_trans(mne.transforms.invert_transform(head_to_mri), np.zeros(3))
    sphere = mne.make_sphere_model(
        centre, RADII[2] * 1e-3, info=None, relative_radii=np.array(RADII) / RADII[2],
        sigmas=CONDUCTIVITIES, verbose="error",
    )  # fmt: skip
    # MNE looks for the ball in another frame and leaves some dipoles out
    closed = dipole_leadfield(sphere, montage, places, normals, min_depth=2.0)
    assert len(ours.kept) == len(places)
    assert len(closed.kept) > 4
    patterns = [gain - gain.mean(axis=0) for gain in (ours.fixed[:, closed.kept], closed.fixed)]
    unit = [pattern / np.linalg.norm(pattern, axis=0) for pattern in patterns]
    assert np.linalg.norm(unit[0] - unit[1], axis=0).max() < 0.1  # RDM with 320 triangles


def test_leadfield_is_linear_in_the_dipole(rng):
    bem, montage = ball_head()
    places = np.repeat(dipoles(rng, 1)[0], 4, axis=0)
    axes = np.concatenate([np.eye(3), np.array([[0.6, 0.0, -0.8]])])
    gain = dipole_leadfield(bem, montage, places, axes, min_depth=2.0).fixed
    back = np.linalg.inv(MNI305_TO_MNI152)[:3, :3]
    sizes = np.linalg.norm(axes @ back.T, axis=1)  # directions are renormalised in fsaverage
    mixed = (gain[:, :3] * sizes[:3]) @ axes[3] / sizes[3]
    assert_allclose(gain[:, 3], mixed, rtol=1e-6, atol=1e-6)


def test_dipoles_outside_the_brain_are_left_out_and_the_others_keep_their_number(rng):
    bem, montage = ball_head()
    places, normals = dipoles(rng)
    places[3] *= 2.0
    gain = dipole_leadfield(bem, montage, places, normals, min_depth=2.0)
    assert gain.fixed.shape[1] == gain.free.shape[1] == len(gain.kept) == len(places) - 1
    assert 3 not in gain.kept


def test_free_columns_times_an_orientation_are_the_column_of_that_dipole(rng):
    bem, montage = ball_head()
    places, normals = dipoles(rng)
    gain = dipole_leadfield(bem, montage, places, normals, min_depth=2.0)
    # MNE rounds columns to float32
    tolerance = 1e-6 * np.abs(gain.fixed).max()
    mixed = np.einsum("epd,pd->ep", gain.free, normals)
    assert_allclose(mixed, gain.fixed, atol=tolerance)


def test_free_columns_are_those_of_dipoles_along_the_axes_of_the_world(rng):
    bem, montage = ball_head()
    place, normal = dipoles(rng, 1)
    free = dipole_leadfield(bem, montage, place, normal, min_depth=2.0).free[:, 0]
    thrice = np.repeat(place, 3, axis=0)
    along = dipole_leadfield(bem, montage, thrice, np.eye(3), min_depth=2.0).fixed
    # MNI152 and fsaverage differ in size by up to .4 %, and moments with them
    assert_allclose(free, along, atol=0.005 * np.abs(along).max())


def test_potentials_do_not_depend_on_where_the_world_has_its_origin(rng):
    bem, montage = ball_head()
    places, normals = dipoles(rng)
    move = np.eye(4)
    move[:3, 3] = 30.0, -20.0, 10.0
    here = dipole_leadfield(bem, montage, places, normals, min_depth=2.0)
    there = dipole_leadfield(
        bem,
        Montage(montage.names, apply_affine(move, montage.positions)),
        apply_affine(move, places),
        normals,
        min_depth=2.0,
        world_to_mri=MNI152_TO_MNI305 @ np.linalg.inv(move),
    )
    assert_allclose(there.fixed, here.fixed, atol=1e-5 * np.abs(here.fixed).max())
