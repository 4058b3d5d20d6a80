import mne
import numpy as np
from numpy.testing import assert_allclose

from neurotranscoder.core.axes import Montage
from neurotranscoder.physics.leadfield import _measurement, bem_solution, dipole_leadfield
from neurotranscoder.physics.skull import Surface, icosphere
from neurotranscoder.physics.tissue import MNI305_TO_MNI152, apply_affine

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
    ours, kept = dipole_leadfield(bem, montage, places, normals, min_depth=2.0)
    head_to_mri = _measurement(montage)[1]
    centre = mne.transforms.apply_trans(mne.transforms.invert_transform(head_to_mri), np.zeros(3))
    sphere = mne.make_sphere_model(
        centre, RADII[2] * 1e-3, info=None, relative_radii=np.array(RADII) / RADII[2],
        sigmas=CONDUCTIVITIES, verbose="error",
    )  # fmt: skip
    # MNE looks for the ball in another frame and leaves some dipoles out
    closed, inside = dipole_leadfield(sphere, montage, places, normals, min_depth=2.0)
    assert len(kept) == len(places)
    assert len(inside) > 4
    unit = [g / np.linalg.norm(g, axis=0) for g in (ours[:, inside], closed)]
    assert np.linalg.norm(unit[0] - unit[1], axis=0).max() < 0.1  # RDM with 320 triangles


def test_leadfield_is_linear_in_the_dipole(rng):
    bem, montage = ball_head()
    places = np.repeat(dipoles(rng, 1)[0], 4, axis=0)
    axes = np.concatenate([np.eye(3), np.array([[0.6, 0.0, -0.8]])])
    gain, _ = dipole_leadfield(bem, montage, places, axes, min_depth=2.0)
    back = np.linalg.inv(MNI305_TO_MNI152)[:3, :3]
    sizes = np.linalg.norm(axes @ back.T, axis=1)  # directions are renormalised in fsaverage
    mixed = (gain[:, :3] * sizes[:3]) @ axes[3] / sizes[3]
    assert_allclose(gain[:, 3], mixed, rtol=1e-6, atol=1e-6)


def test_dipoles_outside_the_brain_are_left_out_and_the_others_keep_their_number(rng):
    bem, montage = ball_head()
    places, normals = dipoles(rng)
    places[3] *= 2.0
    gain, kept = dipole_leadfield(bem, montage, places, normals, min_depth=2.0)
    assert gain.shape[1] == len(kept) == len(places) - 1
    assert 3 not in kept
