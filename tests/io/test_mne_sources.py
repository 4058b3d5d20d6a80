import subprocess
import sys

import mne
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from movie_example import VOXEL_TO_WORLD, random_movie
from neurotranscoder.core.errors import GridError
from neurotranscoder.io.mne_sources import mne_sources
from neurotranscoder.io.movies import window_image


@pytest.fixture
def movie():
    return random_movie(np.random.default_rng(3), shape=(5, 6, 4), n_times=60)


def test_volume_that_mne_makes_is_the_image_of_the_window(movie):
    found = mne_sources(movie, 0.1, 0.2)
    image = found.estimate.as_volume(found.space)
    expected = window_image(movie, 0.1, 0.2)
    assert_allclose(image.affine, VOXEL_TO_WORLD, atol=1e-4)
    assert_allclose(image.get_fdata(), expected.get_fdata(), rtol=1e-6)
    assert image.header.get_zooms()[3] == pytest.approx(10)  # MNE writes ms


def test_vertices_are_where_the_voxels_are(movie):
    found = mne_sources(movie, 0.1, 0.2)
    space = found.space[0]
    (vertices,) = found.estimate.vertices
    assert_array_equal(vertices, space["vertno"])
    voxel = 17
    metres = np.append(space["rr"][vertices[voxel]], 1) * [1e3, 1e3, 1e3, 1]
    place = tuple(int(one) for one in np.rint(np.linalg.inv(VOXEL_TO_WORLD) @ metres)[:3])
    course = movie.voxel(place)[movie.frames(0.1, 0.2)]
    assert_allclose(found.estimate.data[voxel], course, rtol=1e-5, atol=1e-6)


def test_source_estimate_is_read_back_by_mne(movie, tmp_path):
    found = mne_sources(movie, 0.1, 0.2, subject="sub-01")
    found.estimate.save(tmp_path / "one-vl.stc")
    back = mne.read_source_estimate(tmp_path / "one-vl.stc")
    assert isinstance(back, mne.VolSourceEstimate)
    assert_allclose(back.data, found.estimate.data, rtol=1e-6)
    assert_array_equal(back.vertices[0], found.estimate.vertices[0])
    assert_allclose(back.times, movie.axis.times[10:20], atol=1e-6)


def test_source_space_is_read_back_by_mne(movie, tmp_path):
    found = mne_sources(movie, 0.1, 0.2)
    mne.write_source_spaces(tmp_path / "one-src.fif", found.space)
    back = mne.read_source_spaces(tmp_path / "one-src.fif")
    again = found.estimate.as_volume(back)
    assert_allclose(again.get_fdata(), found.estimate.as_volume(found.space).get_fdata())


def test_mne_finds_the_peak_of_a_source(movie):
    found = mne_sources(movie, 0.0, 0.6)
    vertex, time = found.estimate.get_peak()
    row, frame = np.unravel_index(
        np.argmax(np.abs(found.estimate.data)), found.estimate.data.shape
    )
    assert vertex == found.space[0]["vertno"][row]
    assert time == pytest.approx(movie.axis.times[frame])


def test_frames_outside_the_movie_are_refused(movie):
    with pytest.raises(GridError, match="asked for"):
        mne_sources(movie, 0.5, 3.0)


def test_module_is_imported_before_anything_else_of_mne():
    code = "import neurotranscoder.io.mne_sources"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
