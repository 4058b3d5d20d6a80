from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.analyse.places import Place, place_at, region_place
from neurotranscoder.analyse.subject_maps import SubjectMaps, forward_map, inverse_map
from neurotranscoder.analyse.subject_maps_store import label_of, write_electrode, write_place
from neurotranscoder.core.axes import Montage, VoxelGrid
from neurotranscoder.core.errors import GridError, SettingsError
from neurotranscoder.evaluate.subject_scores import SubjectTruth
from neurotranscoder.io.atlas import Atlas
from neurotranscoder.io.store import read_json, read_table
from neurotranscoder.model.sparse import SparseSources
from neurotranscoder.signal.correlation import correlate_rows
from neurotranscoder.train.subject import fit_subject
from neurotranscoder.train.subject_coder import SubjectCoder
from neurotranscoder.train.trained_subject import TrainedSubject
from subject_runs import QUICK, tiny_subject

GRID = VoxelGrid((4, 3, 2), np.diag([5.0, 5, 5, 1]))


def known_subject(rng, *, noise=1.0, n_channels=6, n_components=4):
    """A subject whose maps and leadfield are any numbers, one voxel outside its brain."""
    mask = np.ones(GRID.shape, dtype=bool)
    mask[0, 0, 0] = False
    maps = rng.standard_normal((mask.sum(), n_components)).astype(np.float32)
    states = np.ones((n_components, 1))
    sparse = SparseSources(
        rng.standard_normal((n_channels, n_components)),
        noise * np.eye(n_channels),
        states,
        0 * states,
        rng.uniform(0.5, 2, (n_components, 1)),
    )
    names = tuple(f"E{number}" for number in range(n_channels))
    coder = SubjectCoder(0.1, sparse)
    return TrainedSubject(
        maps, GRID, mask, coder, 100.0, Montage(names), 1e-5, "", ("one",), (), {}
    )


def test_a_place_of_one_course_has_the_topography_of_that_course(rng):
    trained = known_subject(rng, noise=1e-12)
    owner = np.arange(len(trained.maps)) % 4
    apart = np.where(owner[:, np.newaxis] == np.arange(4), trained.maps, 0)
    found = forward_map(replace(trained, maps=apart)).T
    field = trained.coder.sparse.leadfield.numpy().T[owner]
    signs = np.sign(apart[np.arange(len(owner)), owner])[:, np.newaxis]
    norms = [np.linalg.norm(one, axis=1, keepdims=True) for one in (found, field)]
    assert_allclose(found / norms[0], signs * field / norms[1])


def test_forward_is_the_ridge_regression_of_eeg_on_the_movie_that_is_read(rng):
    """Least squares over many frames of the model's own world are the closed form."""
    trained = known_subject(rng)
    sparse, scale = trained.coder.sparse, trained.eeg_scale
    sds = np.sqrt(sparse.prior_variance.numpy())[:, np.newaxis]
    courses = sds * rng.standard_normal((4, 200_000))
    noise = rng.standard_normal((6, courses.shape[1]))
    eeg = scale * (sparse.leadfield.numpy() @ courses + noise)
    movie = inverse_map(trained) @ eeg
    covariance = movie @ movie.T / movie.shape[1]
    ridge = np.trace(covariance) / 4  # the mean power of the four directions of the movie
    fitted = eeg @ movie.T / movie.shape[1] @ np.linalg.inv(covariance + ridge * np.eye(23))
    found = forward_map(trained)
    of_movie = found @ movie
    # errors of 1 / sqrt(200,000) of the largest weight, a few of them
    assert_allclose(fitted / np.linalg.norm(fitted), found / np.linalg.norm(found), atol=0.01)
    assert_allclose(np.sum(eeg * of_movie) / np.sum(of_movie**2), 1, atol=0.01)


def test_inverse_is_the_regression_of_the_movie_on_eeg(rng):
    """Least squares over many frames of the model's own world is the closed form."""
    trained = known_subject(rng)
    sparse = trained.coder.sparse
    scales = np.sqrt(sparse.prior_variance.numpy())[:, np.newaxis]
    courses = scales * rng.standard_normal((4, 200_000))
    noise = rng.standard_normal((6, courses.shape[1]))
    eeg = trained.eeg_scale * (sparse.leadfield.numpy() @ courses + noise)
    fitted = np.linalg.lstsq(eeg.T, (trained.maps.astype(float) @ courses).T, rcond=None)[0].T
    expected = inverse_map(trained)
    # errors of 1 / sqrt(200,000) of the largest weight, a few of them
    assert_allclose(fitted, expected, atol=0.02 * np.abs(expected).max())


def test_a_region_has_the_mean_topography_of_its_voxels(rng):
    trained = known_subject(rng)
    labels = np.zeros(GRID.shape, dtype=np.int64)
    labels[1:3] = 7
    region = region_place(trained, Atlas(labels, GRID, {7: "middle"}), "middle")
    inside = labels[trained.mask] == 7
    found = SubjectMaps.of(trained).topography(region)
    assert_allclose(found, forward_map(trained)[:, inside].mean(axis=1))


def test_eeg_of_twice_the_scale_has_twice_the_forward_and_half_the_inverse(rng):
    trained = known_subject(rng)
    louder = replace(trained, eeg_scale=2 * trained.eeg_scale)
    assert_allclose(forward_map(louder), 2 * forward_map(trained))
    assert_allclose(inverse_map(louder), inverse_map(trained) / 2)


def test_rows_and_columns_are_those_of_the_whole_maps(rng):
    trained = known_subject(rng)
    maps, forward, inverse = SubjectMaps.of(trained), forward_map(trained), inverse_map(trained)
    place = Place("any", rng.dirichlet(np.ones(23)))
    assert_allclose(maps.sensitivity("E2"), forward[2])
    assert_allclose(maps.weights("E2"), inverse[:, 2])
    assert_allclose(maps.topography(place), forward @ place.weights)
    assert_allclose(maps.reading_of(place), place.weights @ inverse)
    assert_allclose(maps.point_spread(place), inverse @ (forward @ place.weights))
    assert maps.image(forward[2])[0, 0, 0] == 0
    assert_allclose(maps.image(forward[2])[0, 0, 1], forward[2, 0], rtol=1e-6)


def test_a_component_without_a_map_has_no_place(rng):
    """Its part of the EEG is nowhere; dividing by its map would give it all voxels."""
    trained = known_subject(rng)
    maps = trained.maps.copy()
    maps[:, 3] *= 1e-6
    empty, without = maps.copy(), replace(trained, maps=maps)
    empty[:, 3] = 0
    assert_allclose(
        forward_map(without), forward_map(replace(trained, maps=empty)), rtol=1e-3, atol=1e-9
    )


def test_a_channel_that_is_none_is_refused(rng):
    with pytest.raises(SettingsError, match="no channel 'Cz'; it has E0"):
        SubjectMaps.of(known_subject(rng)).sensitivity("Cz")


def test_a_position_is_its_nearest_voxel_or_a_gaussian(rng):
    trained = known_subject(rng)
    one = place_at(trained, (11, 4, 1))
    assert_allclose(GRID.world(np.argwhere(trained.mask))[np.argmax(one.weights)], [10, 5, 0])
    assert one.weights.max() == 1
    wide = place_at(trained, (10, 5, 0), width=10).weights
    rows = {tuple(row): number for number, row in enumerate(np.argwhere(trained.mask))}
    # half the maximum is half the width away, a voxel
    assert_allclose(wide[rows[1, 1, 0]] / wide[rows[2, 1, 0]], 0.5)
    assert_allclose(wide.sum(), 1)


def test_places_outside_the_brain_and_unknown_regions_are_refused(rng):
    trained = known_subject(rng)
    with pytest.raises(GridError, match="85 mm from the nearest voxel of the brain, at 15 5 0"):
        place_at(trained, (100, 5, 0))
    labels = np.zeros(GRID.shape, dtype=np.int64)
    labels[0, 0, 0] = 1
    atlas = Atlas(labels, GRID, {1: "corner"})
    with pytest.raises(GridError, match="region 'corner' has no voxel in the mask of 23"):
        region_place(trained, atlas, "corner")
    with pytest.raises(SettingsError, match="no region 'edge'; it has corner"):
        region_place(trained, atlas, "edge")


@pytest.mark.parametrize("architecture", ["sparse", "closed_form"])
def test_topographies_of_true_regions_are_like_their_true_leadfields(architecture):
    subject = tiny_subject(architecture, "cohort")
    trained = fit_subject(subject.recordings[:3], subject.group, QUICK)
    run = subject.recordings[3].run
    places = SubjectTruth(subject.truth, (run,), (), trained.mask).maps
    maps = SubjectMaps.of(trained, subject.recordings[:3])
    true = subject.truth.subject(run).leadfield
    found = np.stack([maps.topography(Place("", one / one.sum())) for one in places.T])
    r = np.abs(correlate_rows(found - found.mean(axis=1, keepdims=True), true.T))
    # .78 and .86; with channels or voxels in any other order .1
    assert np.median(r) > 0.6, f"median r {np.median(r):.2f}"


def test_a_model_that_reads_channels_needs_runs_for_its_forward_map(rng):
    trained = known_subject(rng, n_components=6)
    trained = replace(trained, coder=SubjectCoder(0.1, None))
    with pytest.raises(SettingsError, match="needs runs for its forward map"):
        forward_map(trained)
    assert_allclose(inverse_map(trained), trained.maps.astype(float) / trained.eeg_scale)


def test_maps_of_an_electrode_are_written_in_si_units(rng, tmp_path):
    trained = known_subject(rng)
    maps = SubjectMaps.of(trained)
    write_electrode(tmp_path, "sub-01", maps, "E2", sources=["bids:raw:one"])
    image = nib.load(tmp_path / "sub-01_electrode-E2_desc-forward_map.nii.gz")
    assert_allclose(image.affine, GRID.voxel_to_world)
    found = np.asarray(image.dataobj)[trained.mask]
    assert_allclose(found, forward_map(trained)[2], rtol=1e-5)
    sidecar = read_json(tmp_path / "sub-01_electrode-E2_desc-inverse_map.json")
    assert (sidecar["Units"], sidecar["Sources"]) == ("1/V", ["bids:raw:one"])


def test_a_place_is_written_as_a_topography_and_its_point_spread(rng, tmp_path):
    trained = known_subject(rng)
    maps, place = SubjectMaps.of(trained), place_at(trained, (-0.2, 5, 5))
    write_place(tmp_path, "sub-01", maps, place, metadata={"SeenShare": 0.5})
    table = read_table(tmp_path / "sub-01_place-L0A5S5_topography.tsv")
    assert table["channel"] == [f"E{number}" for number in range(6)]
    assert table["x"] == ["n/a"] * 6
    assert_allclose(np.float64(table["forward"]), maps.topography(place))
    sidecar = read_json(tmp_path / "sub-01_place-L0A5S5_topography.json")
    assert sidecar["Centre"] == [0, 5, 5]
    assert (sidecar["Voxels"], sidecar["SeenShare"]) == (1, 0.5)
    assert all(sidecar[column]["Description"] for column in table)
    assert [sidecar[one]["Units"] for one in ("x", "forward", "inverse")] == ["mm", "V", "1/V"]
    image = nib.load(tmp_path / "sub-01_place-L0A5S5_desc-pointspread_map.nii.gz")
    spread = np.asarray(image.dataobj)[trained.mask]
    assert_allclose(spread, maps.point_spread(place), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("name", "label"), [("-40 -20.4 50 mm", "L40P20S50"), ("V1 (left)", "V1left")]
)
def test_names_of_files_are_letters_and_digits(name, label):
    assert label_of(name) == label


def test_a_name_without_letters_is_refused():
    with pytest.raises(SettingsError, match="no letter"):
        label_of("()")
