import mne
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.axes import Montage, VoxelGrid
from neurotranscoder.core.errors import StoreError, StudyError
from neurotranscoder.physics.head import CHANNELS_64
from neurotranscoder.physics.own_surfaces import OwnHeadSettings, head_from_surfaces
from neurotranscoder.physics.skull import Surface, icosphere
from neurotranscoder.physics.surfaces import deep_enough, inside, read_shells
from neurotranscoder.physics.tissue import Tissue

CENTRE = np.array([10.0, -20.0, 30.0])
GRID = VoxelGrid(
    (10, 10, 10),
    np.array([[16.0, 0, 0, -62], [0, 16.0, 0, -92], [0, 0, 16.0, -42], [0, 0, 0, 1]]),
)
EVERYWHERE = np.ones(GRID.shape, dtype=bool)


def ball(radius, order=2):
    sphere = icosphere(order)
    return Surface(CENTRE + radius * sphere.vertices, sphere.triangles)


SHELLS = (ball(78.0), ball(85.0), ball(92.0))


def ball_montage(n_electrodes=16):
    directions = icosphere(1).vertices[:n_electrodes]
    return Montage(CHANNELS_64[:n_electrodes], CENTRE + 92.0 * directions)


@pytest.fixture(scope="module")
def ball_head():
    settings = OwnHeadSettings(free=True)
    return head_from_surfaces(SHELLS, GRID, EVERYWHERE, ball_montage(), settings=settings)


def test_points_inside_a_ball_are_those_nearer_than_its_radius(rng):
    points = CENTRE + rng.uniform(-100, 100, size=(3000, 3))
    distance = np.linalg.norm(points - CENTRE, axis=1)
    sure = np.abs(distance - 77.3) > 1.5  # triangles lie up to 1.8 % inside the ball
    assert_array_equal(inside(ball(78.0), points)[sure], (distance < 77.3)[sure])


def test_inside_holds_for_surfaces_that_rays_cross_twice(rng):
    sphere = icosphere(3)
    x, y, z = sphere.vertices.T
    banana = Surface(np.stack([x * 4, y, z + 0.3 * (4 * x) ** 2], axis=1), sphere.triangles)
    hollow, tip = np.array([[0.0, 0.0, 2.0]]), np.array([[3.5, 0.0, 0.3 * 3.5**2]])
    assert inside(banana, np.concatenate([hollow, tip])).tolist() == [False, True]


def test_depth_counts_from_the_skull():
    points = CENTRE + np.array([[0.0, 0, 0], [0, 0, 70.0], [0, 0, 77.0], [0, 0, 100.0]])
    surface = ball(78.0, order=4)
    assert deep_enough(surface, points, min_depth=5.0).tolist() == [True, True, False, False]


def test_voxels_outside_the_brain_are_left_out(ball_head):
    distance = np.linalg.norm(ball_head.places - CENTRE, axis=1)
    assert distance.max() < 78.0
    volume = ball_head.n_voxels * 16.0**3
    assert_allclose(volume, 4 / 3 * np.pi * 76.0**3, rtol=0.1)


def test_own_head_has_an_average_reference_and_free_columns(ball_head):
    assert_allclose(ball_head.leadfield.sum(axis=0), 0.0, atol=1e-9)
    fixed = np.einsum("cvd,vd->cv", ball_head.free_leadfield, ball_head.orientations)
    assert_allclose(fixed, ball_head.leadfield, atol=1e-5 * np.abs(fixed).max())


def test_own_head_agrees_with_the_closed_form_of_a_ball(ball_head):
    montage = ball_head.montage
    head_centre = CENTRE * 1e-3
    sphere = mne.make_sphere_model(
        head_centre, 0.092, info=None, relative_radii=(78 / 92, 85 / 92, 1.0),
        sigmas=(0.3, 0.006, 0.3), verbose="error",
    )  # fmt: skip
    places = dict(zip(montage.names, montage.positions * 1e-3, strict=True))
    dig = mne.channels.make_dig_montage(places, coord_frame="head")
    info = mne.create_info(list(montage.names), 100.0, "eeg", verbose="error")
    info.set_montage(dig, verbose="error")
    source = mne.setup_volume_source_space(
        pos={"rr": ball_head.places * 1e-3, "nn": ball_head.orientations}, verbose="error"
    )
    still = mne.transforms.Transform("head", "mri", np.eye(4))
    forward = mne.make_forward_solution(info, still, source, sphere, meg=False, verbose="error")
    fixed = mne.convert_forward_solution(
        forward, surf_ori=True, force_fixed=True, use_cps=False, verbose="error"
    )["sol"]["data"]
    closed = fixed - fixed.mean(axis=0)
    distance = np.linalg.norm(ball_head.places - CENTRE, axis=1)
    deep = (distance > 10) & (distance < 55)  # 320 triangles err near the skull
    ours = ball_head.leadfield[:, deep]
    unit = [g / np.linalg.norm(g, axis=0) for g in (ours, closed[:, deep])]
    assert np.median(np.linalg.norm(unit[0] - unit[1], axis=0)) < 0.1


def test_default_orientations_point_outward(ball_head):
    away = ball_head.places - CENTRE
    distance = np.linalg.norm(away, axis=1)
    far = distance > 40
    cosine = np.einsum("vd,vd->v", away, ball_head.orientations)[far] / distance[far]
    assert cosine.min() > 0.95


def test_surfaces_that_face_inward_are_turned(ball_head):
    turned = tuple(Surface(shell.vertices, shell.triangles[:, ::-1]) for shell in SHELLS)
    head = head_from_surfaces(turned, GRID, EVERYWHERE, ball_montage())
    assert_allclose(head.leadfield, ball_head.leadfield, rtol=1e-5, atol=1e-4)
    assert head.free_leadfield is None


def test_own_tissue_and_orientations_are_kept():
    tissue = Tissue(np.full(GRID.shape, 0.6), np.full(GRID.shape, 0.3))
    up = np.tile([0.0, 0.0, 1.0], (EVERYWHERE.sum(), 1))
    head = head_from_surfaces(
        SHELLS, GRID, EVERYWHERE, ball_montage(), tissue=tissue, orientations=up
    )
    assert_array_equal(head.orientations, up[: head.n_voxels])
    assert_array_equal(head.grey, np.full(head.n_voxels, 0.6))
    assert_array_equal(head.white, np.full(head.n_voxels, 0.3))


def open_ball():
    whole = ball(78.0)
    return Surface(whole.vertices, whole.triangles[1:])


@pytest.mark.parametrize(
    ("shells", "message"),
    [
        ((open_ball(), *SHELLS[1:]), "inner skull: got 6 edges without a counterpart"),
        (SHELLS[::-1], "inner skull: got 162 of 162 vertices outside the outer skull"),
        (
            (Surface(np.full((12, 3), np.nan), icosphere(0).triangles), *SHELLS[1:]),
            "inner skull: got NaN",
        ),
        (
            (Surface(SHELLS[0].vertices[:5], SHELLS[0].triangles), *SHELLS[1:]),
            "320 triangles on 5 vertices; need corners that exist",
        ),
    ],
)
def test_surfaces_that_are_no_head_are_refused(shells, message):
    with pytest.raises(StudyError, match=message):
        head_from_surfaces(tuple(shells), GRID, EVERYWHERE, ball_montage())


def test_all_problems_are_listed_at_once():
    small = np.zeros((3, 3, 3), dtype=bool)
    montage = Montage(CHANNELS_64[:4], ball_montage(4).positions * 1e-3)  # m for mm
    crooked = np.full((2, 3), 2.0)
    with pytest.raises(StudyError) as caught:
        head_from_surfaces(SHELLS, GRID, small, montage, orientations=crooked)
    text = str(caught.value)
    for part in (
        "4 channels; need at least 8",
        "brain: shape: got (3, 3, 3); need (10, 10, 10)",
        "brain: mask: got no voxel",
        "2 directions; need one for each of 0 voxels",
        "mm from the scalp; need at most 20 mm",
        "2 others; need unit vectors",
    ):
        assert part in text


def test_electrodes_without_places_are_refused():
    with pytest.raises(StudyError, match="positions: got none"):
        head_from_surfaces(SHELLS, GRID, EVERYWHERE, Montage(CHANNELS_64[:10]))


def test_surfaces_elsewhere_than_the_grid_are_refused():
    far = VoxelGrid(GRID.shape, GRID.voxel_to_world + np.diag([0, 0, 0, 0.0]))
    far.voxel_to_world[:3, 3] += 1000.0
    with pytest.raises(StudyError, match="no voxel inside the inner skull"):
        head_from_surfaces(SHELLS, far, EVERYWHERE, ball_montage())


def test_freesurfer_surfaces_are_read_and_moved_into_the_world(tmp_path):
    paths = [tmp_path / f"{name}.surf" for name in ("inner_skull", "outer_skull", "outer_skin")]
    for path, shell in zip(paths, SHELLS, strict=True):
        mne.write_surface(path, shell.vertices, shell.triangles, verbose="error")
    move = np.eye(4)
    move[:3, 3] = 1.0, 2.0, 3.0
    for shell, read in zip(SHELLS, read_shells(paths, mri_to_world=move), strict=True):
        assert_allclose(read.vertices, shell.vertices + np.array([1.0, 2.0, 3.0]), atol=1e-4)
        assert_array_equal(read.triangles, shell.triangles)


def test_bem_file_of_mne_is_read(tmp_path):
    folder = tmp_path / "sub" / "bem"
    folder.mkdir(parents=True)
    for name, shell in zip(("inner_skull", "outer_skull", "outer_skin"), SHELLS, strict=True):
        path = folder / f"{name}.surf"
        mne.write_surface(path, shell.vertices, shell.triangles, verbose="error")
    model = mne.make_bem_model("sub", ico=None, subjects_dir=tmp_path, verbose="error")
    mne.write_bem_surfaces(tmp_path / "sub-bem.fif", model, verbose="error")
    mne.write_bem_surfaces(tmp_path / "one-bem.fif", model[:1], verbose="error")
    for shell, read in zip(SHELLS, read_shells([tmp_path / "sub-bem.fif"]), strict=True):
        assert_allclose(read.vertices, shell.vertices, atol=1e-3)
    with pytest.raises(StoreError, match="holds 1 surface"):
        read_shells([tmp_path / "one-bem.fif"])


def test_files_that_hold_no_surfaces_are_refused(tmp_path):
    path = tmp_path / "inner_skull.surf"
    path.write_bytes(b"no surface")
    with pytest.raises(StoreError, match="is no FreeSurfer surface"):
        read_shells([path] * 3)
    with pytest.raises(StoreError, match="is no BEM file"):
        read_shells([path])
    with pytest.raises(StoreError, match="got 2 files"):
        read_shells([path] * 2)
