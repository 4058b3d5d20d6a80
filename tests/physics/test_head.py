import logging

import mne
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.physics import head_cache
from neurotranscoder.physics.head import build_head, mne_forward
from neurotranscoder.physics.leadfield import electrodes_on_scalp
from neurotranscoder.physics.skull import icosphere


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
