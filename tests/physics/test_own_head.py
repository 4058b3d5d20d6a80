from itertools import pairwise

import mne
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import StoreError, StudyError
from neurotranscoder.physics.head import CHANNELS_64, mne_forward
from neurotranscoder.physics.own_head import head_from_forward, head_from_leadfield, read_head
from neurotranscoder.physics.tissue import MNI305_TO_MNI152, Tissue

NAMES = CHANNELS_64[:10]
PAIRS = tuple(f"{front}-{back}" for front, back in pairwise(CHANNELS_64[:11]))
GRID = VoxelGrid((4, 4, 4), np.diag([10.0, 10.0, 10.0, 1.0]))


def some_leadfield(rng, n_sources=30):
    """A matrix and sources in the upper half of the grid."""
    positions = rng.uniform([-4, -4, 16], [34, 34, 34], size=(n_sources, 3))
    return rng.standard_normal((len(NAMES), n_sources)), positions


def test_voxel_is_the_mean_of_the_sources_inside_it(rng):
    matrix = rng.standard_normal((len(NAMES), 3))
    positions = np.array([[1.0, 2.0, -3.0], [-4.0, 4.0, 0.0], [21.0, 30.0, 29.0]])
    head = head_from_leadfield(matrix, positions, NAMES, GRID)
    assert np.argwhere(head.brain).tolist() == [[0, 0, 0], [2, 3, 3]]
    expected = np.stack([matrix[:, :2].mean(axis=1), matrix[:, 2]], axis=1)
    assert_allclose(head.leadfield, expected - expected.mean(axis=0), atol=1e-12)
    assert_array_equal(head.grey, [1.0, 1.0])
    assert_array_equal(head.white, [0.0, 0.0])


def test_orientation_of_a_voxel_is_the_mean_of_its_sources(rng):
    matrix = rng.standard_normal((len(NAMES), 2))
    directions = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    positions = np.zeros((2, 3))
    head = head_from_leadfield(matrix, positions, NAMES, GRID, orientations=directions)
    assert_allclose(head.orientations, [[np.sqrt(0.5), np.sqrt(0.5), 0.0]])


def test_positions_in_metres_are_refused_as_such(rng):
    positions = 1e-3 * rng.uniform(-60, 60, (40, 3))
    with pytest.raises(StudyError, match=r"all sources within 0\.1.* mm; .*written in m"):
        head_from_leadfield(rng.standard_normal((len(NAMES), 40)), positions, NAMES, GRID)


def test_unknown_orientations_point_away_from_the_middle(rng):
    matrix = rng.standard_normal((len(NAMES), 2))
    positions = np.array([[0.0, 10.0, 10.0], [30.0, 10.0, 10.0]])
    head = head_from_leadfield(matrix, positions, NAMES, GRID)
    assert_allclose(head.orientations, [[-1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])


def test_bipolar_matrix_is_taken_as_it_is(rng):
    matrix, positions = some_leadfield(rng)
    head = head_from_leadfield(matrix, positions, PAIRS, GRID)
    assert head.reference == "bipolar"
    assert_allclose(head.leadfield.sum(), matrix_of_voxels(matrix, positions).sum())


def matrix_of_voxels(matrix, positions):
    voxel = np.floor(positions / 10 + 0.5) @ [16, 4, 1]
    return np.stack([matrix[:, voxel == v].mean(axis=1) for v in np.unique(voxel)], axis=1)


def test_tissue_is_taken_where_it_is_known(rng):
    tissue = Tissue(np.full(GRID.shape, 0.7), np.full(GRID.shape, 0.2))
    head = head_from_leadfield(*some_leadfield(rng), NAMES, GRID, tissue=tissue)
    assert_array_equal(head.grey, np.full(head.n_voxels, 0.7))
    assert_array_equal(head.white, np.full(head.n_voxels, 0.2))


def test_all_problems_of_a_matrix_are_listed_at_once(rng):
    matrix, positions = some_leadfield(rng)
    matrix[0, 0] = np.nan
    positions[3] = 500.0
    with pytest.raises(StudyError) as caught:
        head_from_leadfield(matrix[:, :-1], positions, NAMES[:5], GRID)
    text = str(caught.value)
    for part in (
        "5 channels; need at least 8",
        "5 channels; need 10, the rows of the matrix",
        "30 positions; need 29, the columns of the matrix",
        "1 values that are not finite",
        "1 of 30 sources outside the grid",
    ):
        assert part in text
    assert len(caught.value.problems) == 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"matrix": np.zeros(10)}, r"matrix: got shape \(10,\); need \(channels, sources\)"),
        ({"positions": np.zeros((30, 2))}, r"positions: got shape \(30, 2\)"),
        ({"electrodes": np.zeros((4, 3))}, "4 electrodes; need 10, the rows"),
        ({"orientations": np.zeros((4, 3))}, "4 orientations; need 30, the columns"),
        ({"channels": ("Cz", *NAMES[:8], "Cz")}, r"\['Cz'\] twice"),
        ({"channels": ("F7-T7", *NAMES[:9])}, "mix bipolar pairs"),
        ({"tissue": Tissue(np.zeros((2, 2, 2)), np.zeros((2, 2, 2)))}, r"grey: shape: got \(2"),
    ],
)
def test_each_misfit_is_named(rng, change, message):
    matrix, positions = some_leadfield(rng)
    given = {"matrix": matrix, "positions": positions, "channels": NAMES} | change
    with pytest.raises(StudyError, match=message):
        head_from_leadfield(grid=GRID, **given)


def test_matrix_without_sources_is_refused():
    with pytest.raises(StudyError, match="no source; need at least one"):
        head_from_leadfield(np.zeros((10, 0)), np.zeros((0, 3)), NAMES, GRID)


def test_forward_of_a_head_gives_that_head_back(tiny_head):
    forward = mne_forward(tiny_head)
    head = head_from_forward(forward, tiny_head.grid, mri_to_world=MNI305_TO_MNI152)
    assert_array_equal(head.brain, tiny_head.brain)
    assert_allclose(head.orientations, tiny_head.orientations, atol=1e-6)
    assert_allclose(head.montage.positions, tiny_head.montage.positions, atol=1e-3)
    # MNE keeps float32
    tolerance = 1e-6 * np.abs(tiny_head.leadfield).max()
    assert_allclose(head.leadfield, tiny_head.leadfield, atol=tolerance)


def test_forward_without_eeg_or_normals_is_refused(tiny_head):
    forward = mne_forward(tiny_head)
    forward["src"][0]["type"] = "vol"
    forward["info"] = mne.create_info(["M1"], 100.0, "mag", verbose="error")
    with pytest.raises(StudyError, match="need EEG channels") as caught:
        head_from_forward(forward, tiny_head.grid)
    assert "without normals" in str(caught.value)


def test_forward_is_read_from_a_file(tiny_head, tmp_path):
    path = tmp_path / "sub-01-fwd.fif"
    mne.write_forward_solution(path, mne_forward(tiny_head), verbose="error")
    head = read_head(path, tiny_head.grid)
    # without the map from fsaverage to MNI152 a few sources change their voxel
    assert abs(head.n_voxels - tiny_head.n_voxels) < 0.05 * tiny_head.n_voxels
    assert head.montage.names == tiny_head.montage.names


def test_arrays_are_read_from_a_file(rng, tmp_path):
    matrix, positions = some_leadfield(rng)
    electrodes = rng.standard_normal((10, 3))
    np.savez(
        tmp_path / "own.npz",
        leadfield=matrix,
        positions=positions,
        channels=np.array(NAMES),
        electrodes=electrodes,
    )
    head = read_head(tmp_path / "own.npz", GRID)
    expected = head_from_leadfield(matrix, positions, NAMES, GRID)
    assert_array_equal(head.leadfield, expected.leadfield)
    assert_array_equal(head.montage.positions, electrodes)


def test_file_that_lacks_an_array_is_refused(tmp_path):
    np.savez(tmp_path / "own.npz", leadfield=np.zeros((10, 5)))
    with pytest.raises(StoreError, match="lacks positions, channels; has leadfield"):
        read_head(tmp_path / "own.npz", GRID)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("own.npz", "cannot be read as .npz"),
        ("own-fwd.fif", "is no forward solution of MNE"),
        ("own.csv", r"neither \*-fwd.fif nor .npz"),
    ],
)
def test_file_of_another_kind_is_refused(tmp_path, name, message):
    (tmp_path / name).write_text("not a leadfield at all, but long enough to be looked at")
    with pytest.raises(StoreError, match=message):
        read_head(tmp_path / name, GRID)
