import logging

import mne
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.errors import GridError, SettingsError, StoreError
from neurotranscoder.physics import head_cache
from neurotranscoder.physics.head import (
    CHANNELS_43_BIPOLAR,
    HeadSettings,
    build_head,
    head_of_tensors,
    mne_forward,
    tensors_of_head,
    wrong_head,
)
from neurotranscoder.physics.leadfield import electrodes_on_scalp
from neurotranscoder.physics.skull import icosphere


def topography_difference(one, other):
    """Return the relative difference measure (RDM) of each voxel's pattern."""
    a, b = (g / np.linalg.norm(g, axis=0) for g in (one.leadfield, other.leadfield))
    return np.linalg.norm(a - b, axis=0)


def nearest_electrode(head):
    distance = np.linalg.norm(head.places[:, np.newaxis] - head.montage.positions, axis=2)
    return distance.argmin(axis=1), distance.min(axis=1)


def test_ten_nanoampere_metre_give_about_a_microvolt(tiny_head):
    peak_uv = np.abs(tiny_head.leadfield).max(axis=0) * 10e-9 * 1e6
    assert 0.5 < np.median(peak_uv) < 4.0
    assert np.percentile(peak_uv, 5) > 0.3
    assert np.percentile(peak_uv, 95) < 5.0


def test_leadfield_loses_one_dimension_to_the_average_reference(tiny_head):
    assert np.linalg.matrix_rank(tiny_head.leadfield) == len(tiny_head.montage.names) - 1
    assert_allclose(tiny_head.leadfield.sum(axis=0), 0.0, atol=1e-9)


def test_shallow_dipoles_are_seen_more_than_deep_ones(tiny_head):
    _, distance = nearest_electrode(tiny_head)
    peak_uv = np.abs(tiny_head.leadfield).max(axis=0) * 10e-9 * 1e6
    # fine surfaces give about 2.4 and .9 uV, these coarse ones 1.5 and .6
    assert 1.2 < np.median(peak_uv[distance < 28]) < 3.0
    assert 0.5 < np.median(peak_uv[distance > 55]) < 1.1


def test_shallow_outward_dipoles_peak_at_a_near_electrode(tiny_head):
    nearest, distance = nearest_electrode(tiny_head)
    middle = tiny_head.montage.positions.mean(axis=0) - [0, 0, 40]
    outward = tiny_head.places - middle
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    radial = np.einsum("vd,vd->v", outward, tiny_head.orientations) > 0.9
    shallow = np.flatnonzero(radial & (distance < 28))
    peak = tiny_head.leadfield[:, shallow].argmax(axis=0)
    places = tiny_head.montage.positions
    off = np.linalg.norm(places[peak] - places[nearest[shallow]], axis=1)
    assert len(shallow) >= 20
    assert np.mean(off < 45) > 0.85  # the nearest electrode or one beside it


def test_orientations_are_unit_vectors_and_follow_the_cortex(tiny_head):
    assert_allclose(np.linalg.norm(tiny_head.orientations, axis=1), 1.0)
    top = tiny_head.places[:, 2] > 60  # there the outward net area of cortex points up
    assert np.mean(tiny_head.orientations[top, 2]) > 0.5


def test_brain_has_the_volume_of_a_brain(tiny_head):
    litres = tiny_head.n_voxels * np.prod(tiny_head.grid.voxel_sizes) * 1e-6
    assert 1.3 < litres < 2.0
    assert tiny_head.brain.sum() == tiny_head.n_voxels == len(tiny_head.grey)


def test_electrodes_are_where_their_names_say(tiny_head):
    place = dict(zip(tiny_head.montage.names, tiny_head.montage.positions, strict=True))
    assert place["T7"][0] < -70 < 70 < place["T8"][0]
    assert place["Oz"][1] < -100 < 70 < place["Fpz"][1]
    assert place["Cz"][2] > 90
    assert_allclose(place["C3"][1:], place["C4"][1:], atol=5)


def test_unknown_channel_is_named():
    with pytest.raises(SettingsError, match=r"channels \['Q9'\] have no known place"):
        electrodes_on_scalp(("Cz", "Q9"), icosphere(1))


def test_cached_head_equals_the_built_one(tiny_head, tiny_settings, head_cache_folder):
    again = build_head(tiny_settings, cache=head_cache_folder)
    for name in ("brain", "leadfield", "orientations", "grey", "white"):
        assert_array_equal(getattr(again, name), getattr(tiny_head, name))
    assert_array_equal(again.montage.positions, tiny_head.montage.positions)


def test_damaged_cache_is_reported_and_ignored(tmp_path, caplog):
    head_cache.save(tmp_path, "head-x", {"a": np.zeros(3)})
    next(tmp_path.glob("*.safetensors")).write_bytes(b"?")
    with caplog.at_level(logging.WARNING):
        assert head_cache.load(tmp_path, "head-x") is None
    assert "built again" in caplog.text


def test_cache_that_cannot_be_written_only_warns(tmp_path, caplog):
    (tmp_path / "file").write_text("in the way")
    with caplog.at_level(logging.WARNING):
        head_cache.save(tmp_path / "file", "head-x", {"a": np.zeros(3)})
    assert "not kept" in caplog.text


def test_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("NEUROTRANSCODER_CACHE", raising=False)
    assert head_cache.default_folder() == tmp_path / "xdg" / "neurotranscoder"
    monkeypatch.setenv("NEUROTRANSCODER_CACHE", str(tmp_path / "own"))
    assert head_cache.default_folder() == tmp_path / "own"


def test_without_home_heads_are_not_kept(monkeypatch, caplog):
    for name in ("NEUROTRANSCODER_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(head_cache.Path, "home", no_home)
    assert head_cache.default_folder() is None
    head_cache.save(None, "head-x", {})
    assert "NEUROTRANSCODER_CACHE" in caplog.text
    assert head_cache.load(None, "head-x") is None


def test_mne_forward_holds_the_leadfield(tiny_head):
    forward = mne_forward(tiny_head)
    assert forward["sol"]["row_names"] == list(tiny_head.montage.names)
    assert_allclose(forward["sol"]["data"], tiny_head.leadfield, rtol=1e-6, atol=1e-6)


def test_mne_inverse_of_the_forward_is_the_minimum_norm_formula(tiny_head, rng):
    leadfield, n_channels = tiny_head.leadfield, len(tiny_head.leadfield)
    info = mne.create_info(list(tiny_head.montage.names), 100.0, "eeg", verbose="error")
    potential = leadfield @ rng.standard_normal((tiny_head.n_voxels, 5)) * 1e-8
    evoked = mne.EvokedArray(potential, info, verbose="error")
    evoked.set_eeg_reference("average", projection=True, verbose="error")
    noise = mne.make_ad_hoc_cov(evoked.info, verbose="error")
    operator = mne.minimum_norm.make_inverse_operator(
        evoked.info,
        mne_forward(tiny_head),
        noise,
        loose=0,
        depth=None,
        fixed=True,
        verbose="error",
    )
    estimate = mne.minimum_norm.apply_inverse(
        evoked, operator, lambda2=1 / 9, method="MNE", verbose="error"
    )
    gram = leadfield @ leadfield.T
    scale = np.trace(gram) / (n_channels - 1)  # MNE scales the source covariance to this
    weights = np.linalg.pinv(gram + scale / 9 * (np.eye(n_channels) - 1 / n_channels))
    assert_allclose(estimate.data, leadfield.T @ weights @ potential, rtol=1e-4, atol=1e-14)


def test_free_columns_times_orientations_are_the_leadfield(built, tiny_head):
    head = built(free=True)
    assert tiny_head.free_leadfield is None
    assert_array_equal(head.leadfield, tiny_head.leadfield)
    fixed = np.einsum("cvd,vd->cv", head.free_leadfield, head.orientations)
    # both are kept in float32
    assert_allclose(fixed, head.leadfield, atol=1e-6 * np.abs(head.leadfield).max())


def test_free_columns_point_along_the_axes_of_the_world(built):
    head = built(free=True)
    up, forward = (head.free_leadfield[:, :, axis] for axis in (2, 1))
    places = head.montage.positions
    central = np.linalg.norm(head.places - [0.0, -16.0, 20.0], axis=1) < 30
    high, frontal = places[:, 2] > 80, places[:, 1] > 50
    assert np.all(up[high].mean(axis=0)[central] > 0)
    assert np.all(forward[frontal].mean(axis=0)[central] > 0)


def test_bipolar_channels_are_differences_of_electrodes(built, tiny_head):
    head = built(channels=CHANNELS_43_BIPOLAR)
    assert head.reference == "bipolar"
    assert head.montage.positions is None
    row = dict(zip(tiny_head.montage.names, tiny_head.leadfield, strict=True))
    ends = [name.split("-") for name in CHANNELS_43_BIPOLAR]
    expected = np.array([row[plus] - row[minus] for plus, minus in ends])
    assert_allclose(head.leadfield, expected, atol=1e-6 * np.abs(expected).max())
    assert np.linalg.matrix_rank(head.leadfield) == 43


def test_bipolar_head_has_no_mne_forward(built):
    with pytest.raises(GridError, match="bipolar channels have none"):
        mne_forward(built(channels=CHANNELS_43_BIPOLAR))


def test_mixed_montage_is_refused_before_anything_is_computed(built):
    with pytest.raises(SettingsError, match=r"'F7-T7' with single electrodes 'Cz'.*as pairs"):
        built(channels=("F7-T7", "Cz"))


def test_larger_head_has_the_same_voxels_and_montage_but_weaker_potentials(built, tiny_head):
    head = built(scale=(1.1, 1.1, 1.1))
    assert_array_equal(head.brain, tiny_head.brain)
    assert_array_equal(head.orientations, tiny_head.orientations)
    assert_array_equal(head.montage.positions, tiny_head.montage.positions)
    # potentials of a dipole fall with the square of all lengths; patterns stay
    assert_allclose(head.leadfield * 1.1**2, tiny_head.leadfield, rtol=1e-3, atol=0.5)


def test_head_that_is_wider_only_has_other_patterns(built, tiny_head):
    head = built(scale=(1.1, 0.95, 1.0))
    assert_array_equal(head.brain, tiny_head.brain)
    difference = np.median(topography_difference(head, tiny_head))
    assert 0.01 < difference < 0.3


def test_orientations_can_be_random_everywhere(built, tiny_head):
    head = built(orientation="random")
    assert_allclose(np.linalg.norm(head.orientations, axis=1), 1.0)
    agreement = np.einsum("vd,vd->v", head.orientations, tiny_head.orientations)
    # cosines of random directions are uniform in -1 to 1: sd .58
    assert abs(agreement.mean()) < 4 * 0.58 / np.sqrt(head.n_voxels)


def test_jitter_of_one_kind_leaves_the_other_draws_as_they_are(built, tiny_head):
    shifted, tilted = built(electrode_jitter=4.0), built(orientation_jitter=10.0)
    assert_array_equal(shifted.orientations, tiny_head.orientations)
    assert_array_equal(shifted.montage.positions, tiny_head.montage.positions)
    assert np.median(topography_difference(shifted, tiny_head)) > 0.03
    both = built(electrode_jitter=4.0, orientation_jitter=10.0)
    assert_array_equal(both.orientations, tilted.orientations)


def test_wrong_head_has_the_same_voxels_and_another_leadfield(
    tiny_settings, head_cache_folder, tiny_head
):
    wrong = build_head(wrong_head(tiny_settings), cache=head_cache_folder)
    assert_array_equal(wrong.brain, tiny_head.brain)
    assert wrong.montage.names == tiny_head.montage.names
    assert np.median(topography_difference(wrong, tiny_head)) > 0.1
    # a thinner skull that conducts better lets more through
    assert np.median(np.abs(wrong.leadfield)) > 1.3 * np.median(np.abs(tiny_head.leadfield))


@pytest.mark.parametrize(
    "changes", [{"free": True}, {"channels": CHANNELS_43_BIPOLAR}, {"electrode_jitter": 4.0}]
)
def test_head_comes_back_from_its_tensors_alone(built, changes):
    head = built(**changes)
    again = head_of_tensors(tensors_of_head(head))
    assert again.montage.names == head.montage.names
    assert again.reference == head.reference
    assert again.grid.matches(head.grid)
    for name in ("brain", "orientations", "grey", "white", "free_leadfield", "electrodes"):
        assert_array_equal(getattr(again, name), getattr(head, name))
    tolerance = 1e-6 * np.abs(head.leadfield).max()  # float32 on disk
    assert_allclose(again.leadfield, head.leadfield, atol=tolerance)


def test_incomplete_tensors_are_refused(tiny_head):
    tensors = tensors_of_head(tiny_head)
    del tensors["shape"], tensors["grey"]
    with pytest.raises(StoreError, match="lacks grey, shape"):
        head_of_tensors(tensors)


def test_range_of_bone_needs_the_least_first():
    with pytest.raises(ValueError, match="need the least thickness first"):
        HeadSettings(skull_range=(7.0, 3.0))
