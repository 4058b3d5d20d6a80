import dataclasses
import shutil
from pathlib import Path

import nibabel as nib
import pytest
from nilearn.image import load_img, math_img
from numpy.testing import assert_allclose, assert_array_equal

from movie_example import VOXEL_TO_WORLD, random_movie
from neurotranscoder.core.errors import GridError, SettingsError, StoreError
from neurotranscoder.core.recording import RunId
from neurotranscoder.io import limits
from neurotranscoder.io.movies import (
    load_movie,
    movie_path,
    save_movie,
    window_image,
    write_window,
)
from neurotranscoder.io.store import read_json

SHAPE = (6, 5, 4)


@pytest.fixture
def movie(rng):
    return random_movie(rng, shape=SHAPE, n_times=200)


def contents(folder):
    """Return the bytes of every file below a folder."""
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_movie_comes_back_as_it_was(movie, tmp_path):
    path = tmp_path / "one.movie"
    save_movie(path, movie, sources=["bids:raw:a_eeg.vhdr"])
    found = load_movie(path)
    for name in ("maps", "courses", "mask"):
        assert_array_equal(getattr(found, name), getattr(movie, name), strict=True)
    assert found.grid.matches(movie.grid)
    assert (found.axis, found.origin) == (movie.axis, movie.origin)
    assert read_json(path / "factors.json")["metadata"]["Sources"] == ["bids:raw:a_eeg.vhdr"]


def test_a_run_of_600_s_at_full_resolution_takes_no_more_than_50_mb(rng, tmp_path):
    movie = random_movie(rng, shape=(64, 64, 20), n_times=60_000, n_components=64)
    assert movie.n_voxels > 48_000  # as many as a brain has of 64 x 64 x 35
    save_movie(tmp_path / "long.movie", movie)
    assert sum(map(len, contents(tmp_path).values())) < 30e6


def test_equal_movies_give_equal_bytes_and_the_last_one_saved_is_found(movie, tmp_path):
    other = dataclasses.replace(movie, courses=-movie.courses)
    save_movie(tmp_path / "a.movie", movie)
    save_movie(tmp_path / "b.movie", other)
    save_movie(tmp_path / "b.movie", movie)
    assert contents(tmp_path / "a.movie") == contents(tmp_path / "b.movie")


def test_a_movie_without_its_manifest_is_refused(movie, tmp_path):
    save_movie(tmp_path / "one.movie", movie)
    (tmp_path / "one.movie" / "manifest.json").unlink()
    with pytest.raises(StoreError, match="need a finished result"):
        load_movie(tmp_path / "one.movie")


def test_every_flipped_bit_is_refused_or_harmless(movie, tmp_path, rng):
    path = tmp_path / "one.movie"
    save_movie(path, movie)
    for name, good in contents(path).items():
        for position in rng.choice(8 * len(good), size=40, replace=False):
            bad = bytearray(good)
            bad[position // 8] ^= 1 << position % 8
            (path / name).write_bytes(bad)
            try:
                found = load_movie(path)
            except StoreError:
                continue
            assert_array_equal(found.maps, movie.maps)
            assert_array_equal(found.courses, movie.courses)
        (path / name).write_bytes(good)
    load_movie(path)


def test_a_folder_of_other_things_is_not_written_to(movie, tmp_path):
    (tmp_path / "one.movie").mkdir()
    (tmp_path / "one.movie" / "precious.txt").write_text("mine")
    with pytest.raises(StoreError, match="need a new or empty folder"):
        save_movie(tmp_path / "one.movie", movie)
    with pytest.raises(StoreError, match=r"needs '\.movie'"):
        save_movie(tmp_path / "one", movie)


def test_a_moved_movie_is_still_the_movie(movie, tmp_path):
    save_movie(tmp_path / "one.movie", movie)
    shutil.move(tmp_path / "one.movie", tmp_path / "two.movie")
    assert_array_equal(load_movie(tmp_path / "two.movie").maps, movie.maps)
    save_movie(tmp_path / "two.movie", movie)


def test_name_of_a_movie_is_of_bids():
    run = RunId("01", "odd", session="a", run="02")
    expected = "sub-01/ses-a/func/sub-01_ses-a_task-odd_run-02_res-voxel_desc-fused_source.movie"
    assert movie_path(Path("out"), run, "fused") == Path("out") / expected


def test_window_opens_in_nibabel_with_affine_units_rate_and_start(movie, tmp_path):
    path = tmp_path / "sub-01_task-odd_source.nii.gz"
    write_window(path, movie, 0.5, 1.0, sources=["bids:raw:a_eeg.vhdr"])
    image = nib.load(path)
    assert image.shape == (*SHAPE, 50)
    assert_array_equal(image.affine, VOXEL_TO_WORLD)
    assert image.header.get_xyzt_units() == ("mm", "sec")
    assert_allclose(image.header.get_zooms(), (3, 3, 4, 0.01))
    assert_allclose(image.header["toffset"], 0.505)
    assert_allclose(image.get_fdata()[movie.mask], movie.window(0.5, 1.0), atol=1e-6)
    sidecar = read_json(tmp_path / "sub-01_task-odd_source.json")
    assert (sidecar["RepetitionTime"], sidecar["StartTime"]) == (0.01, 0.505)
    assert sidecar["EstimatedFrom"] == "eeg"


def test_window_is_an_image_for_nilearn(movie, tmp_path):
    path = tmp_path / "sub-01_source.nii.gz"
    write_window(path, movie, 0.0, 0.2)
    mean = math_img("image.mean(axis=-1)", image=load_img(path))
    assert_allclose(mean.get_fdata()[movie.mask], movie.window(0, 0.2).mean(axis=1), atol=1e-6)


def test_window_outside_the_movie_is_refused(movie):
    with pytest.raises(GridError, match="has frames from"):
        window_image(movie, 1.5, 2.5)


def test_windows_that_no_image_or_memory_holds_are_refused(rng, monkeypatch):
    movie = random_movie(rng, shape=(2, 2, 2), n_times=40_000)
    with pytest.raises(GridError, match="holds 32767; ask for a shorter window"):
        window_image(movie, 0.0, 400.0)
    monkeypatch.setattr(limits, "memory_left", lambda _: 2**20)
    with pytest.raises(SettingsError, match=r"30000 frames needs 0\.001.* GiB"):
        window_image(movie, 0.0, 300.0)
