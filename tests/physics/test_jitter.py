import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.axes import Montage, VoxelGrid
from neurotranscoder.physics.head import head_of_tensors, tensors_of_head
from neurotranscoder.physics.jitter import shifted_on_scalp, tilted
from neurotranscoder.physics.skull import Surface, icosphere
from neurotranscoder.physics.tissue import MNI152_TO_MNI305, MNI305_TO_MNI152, apply_affine

GRID = VoxelGrid((20, 20, 20), np.diag([5.0, 5.0, 5.0, 1.0]))
INDICES = np.argwhere(np.ones(GRID.shape, dtype=bool))


def scalp_and_electrodes(rng, n_electrodes):
    directions = rng.standard_normal((n_electrodes, 3))
    places = 90.0 * directions / np.linalg.norm(directions, axis=1, keepdims=True)
    names = tuple(f"E{index}" for index in range(n_electrodes))
    sphere = icosphere(3)
    scalp = Surface(90.0 * sphere.vertices, sphere.triangles)
    return scalp, Montage(names, apply_affine(MNI305_TO_MNI152, places))


def test_electrodes_shift_along_the_scalp_as_far_as_asked(rng):
    scalp, montage = scalp_and_electrodes(rng, 500)
    shifted = shifted_on_scalp(montage, scalp, sd=3.0, rng=rng)
    before, after = (apply_affine(MNI152_TO_MNI305, one.positions) for one in (montage, shifted))
    radius = np.linalg.norm(after, axis=1)
    assert_allclose(radius, 90.0, rtol=0.01)  # triangles lie up to .7 % inside the ball
    outward = before / 90.0
    along = after - before
    along -= np.einsum("ed,ed->e", along, outward)[:, np.newaxis] * outward
    # two directions of sd 3 mm each; sd of a mean of 500 squares is 4.5 %
    assert_allclose(np.mean(np.sum(along**2, axis=1)), 2 * 3.0**2, rtol=0.2)


def test_without_jitter_nothing_moves(rng):
    scalp, montage = scalp_and_electrodes(rng, 5)
    assert shifted_on_scalp(montage, scalp, sd=0.0, rng=rng) is montage
    up = np.tile([0.0, 0.0, 1.0], (len(INDICES), 1))
    assert tilted(up, GRID, INDICES, sd=0.0, rng=rng) is up


def test_dipoles_tilt_as_far_as_asked_and_stay_unit_vectors():
    up = np.tile([0.0, 0.0, 1.0], (len(INDICES), 1))
    squares = []
    for seed in range(10):
        turned = tilted(up, GRID, INDICES, sd=8.0, rng=np.random.default_rng(seed))
        assert_allclose(np.linalg.norm(turned, axis=1), 1.0)
        squares.append(np.mean(np.rad2deg(np.arccos(turned[:, 2])) ** 2))
    # about 10 x 2 x 120 independent patches: sd of the mean is 3 %
    assert_allclose(np.mean(squares), 2 * 8.0**2, rtol=0.12)


@pytest.mark.parametrize(("steps", "low", "high"), [(1, 0.7, 0.95), (6, -0.25, 0.25)])
def test_neighbours_tilt_alike_and_distant_dipoles_do_not(rng, steps, low, high):
    up = np.tile([0.0, 0.0, 1.0], (len(INDICES), 1))
    tilt = tilted(up, GRID, INDICES, sd=8.0, rng=rng)[:, 0].reshape(GRID.shape)
    # kernels of 15 mm give a correlation of exp(-2 ln 2 (d / 15)^2): .86 at 5 mm, .004 at 30 mm
    correlation = np.corrcoef(tilt[steps:].ravel(), tilt[:-steps].ravel())[0, 1]
    assert low < correlation < high


def test_electrodes_and_dipoles_can_have_seeds_of_their_own(built):
    jitter = {"electrode_jitter": 4.0, "orientation_jitter": 10.0}
    head = built(**jitter)
    shifted, tilted = (
        built(**jitter, **{f"{what}_seed": 7}) for what in ("electrode", "orientation")
    )
    assert_array_equal(shifted.orientations, head.orientations)
    assert_array_equal(tilted.electrodes, head.electrodes)
    assert not np.array_equal(shifted.electrodes, head.electrodes)
    assert not np.array_equal(tilted.orientations, head.orientations)
    assert_array_equal(built(**jitter, electrode_seed=0).leadfield, head.leadfield)


def test_true_places_of_shifted_electrodes_are_kept_beside_the_montage(built, tiny_head):
    head = built(electrode_jitter=4.0)
    off = np.linalg.norm(head.electrodes - head.montage.positions, axis=1)
    # two directions of sd 4 mm: rms 5.7 mm; sd of the mean of 64 squares is 12.5 %
    assert_allclose(np.sqrt(np.mean(off**2)), np.sqrt(2) * 4.0, rtol=0.3)
    assert tiny_head.electrodes is None


def test_built_head_knows_what_it_was_built_from(tiny_head, tiny_settings):
    assert tiny_head.origin == tiny_settings
    assert head_of_tensors(tensors_of_head(tiny_head)).origin is None
