import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.axes import TimeAxis, VoxelGrid
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.movie import SourceMovie

GRID = VoxelGrid((5, 4, 3), np.diag([3.0, 3.0, 4.0, 1.0]))
AXIS = TimeAxis(0.005, 100.0, 250)
ROUNDING = 1e-6
"""Of float32, over sums of six products; values are of the order of one."""


@pytest.fixture
def movie(rng):
    mask = rng.random(GRID.shape) < 0.6
    maps = rng.standard_normal((int(mask.sum()), 6)).astype(np.float32)
    courses = rng.standard_normal((6, AXIS.n_times)).astype(np.float32)
    return SourceMovie(maps, courses, GRID, mask, AXIS, "eeg")


@pytest.fixture
def dense(movie):
    """The whole product on the grid, zero outside the mask."""
    full = np.zeros((*GRID.shape, AXIS.n_times))
    full[movie.mask] = movie.maps.astype(float) @ movie.courses.astype(float)
    return full


def test_window_is_that_part_of_the_product(movie, dense):
    window = movie.window(0.5, 0.75)
    assert window.dtype == np.float32
    assert_allclose(window, dense[movie.mask][:, 50:75], atol=5 * ROUNDING)


def test_frame_belongs_to_one_of_two_windows_that_touch(movie):
    parts = [movie.window(start, start + 0.25) for start in np.arange(10) * 0.25]
    assert [part.shape[1] for part in parts] == [25] * 10
    assert_allclose(np.hstack(parts), movie.at(slice(None)), atol=5 * ROUNDING)


def test_volume_is_the_closest_frame_on_the_grid(movie, dense):
    assert_allclose(movie.volume(1.0749), dense[..., 107], atol=5 * ROUNDING)
    assert_allclose(movie.volume(0.0), dense[..., 0], atol=5 * ROUNDING)


def test_voxel_is_one_row_of_the_product(movie, dense):
    for index in map(tuple, np.argwhere(movie.mask).tolist()):
        assert_allclose(movie.voxel(index), dense[index], atol=5 * ROUNDING)


def test_region_is_the_mean_of_its_voxels_in_the_mask(movie, dense):
    labels = np.zeros(GRID.shape, int)
    labels[1:3], labels[3:, 2:] = 7, 4
    numbers, courses = movie.regions(labels)
    assert numbers.tolist() == [4, 7]
    for number, course in zip(numbers, courses, strict=True):
        inside = (labels == number) & movie.mask
        assert_allclose(course, dense[inside].mean(axis=0), atol=5 * ROUNDING)
    assert_allclose(movie.region(labels == 7), courses[1], atol=ROUNDING)


def test_voxels_outside_the_mask_are_zero_not_nan(movie):
    assert_array_equal(movie.unmask(movie.at(slice(0, 3)))[~movie.mask], 0)


@pytest.mark.parametrize(
    ("start", "stop"), [(-0.1, 1), (2.0, 2.6), (1, 1), (1, 0.5), (0.0, 0.001)]
)
def test_window_without_frames_or_outside_is_refused(movie, start, stop):
    with pytest.raises(GridError, match=r"has frames from 0\.005 to 2\.495 s"):
        movie.window(start, stop)


@pytest.mark.parametrize("time", [-0.01, 2.51])
def test_volume_outside_the_run_is_refused(movie, time):
    with pytest.raises(GridError, match="the frame at"):
        movie.volume(time)


@pytest.mark.parametrize("index", [(5, 0, 0), (-1, 0, 0)])
def test_voxel_outside_the_grid_is_refused(movie, index):
    with pytest.raises(GridError, match="not in the mask"):
        movie.voxel(index)


def test_voxel_outside_the_mask_is_refused(movie):
    outside = tuple(np.argwhere(~movie.mask)[0].tolist())
    with pytest.raises(GridError, match="not in the mask"):
        movie.voxel(outside)


def test_region_elsewhere_is_refused(movie):
    with pytest.raises(GridError, match="no region has a voxel"):
        movie.region(~movie.mask)
    with pytest.raises(GridError, match="resample the atlas"):
        movie.regions(np.ones((5, 4, 2), int))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"maps": lambda m: m.maps[1:]}, "in its mask"),
        ({"maps": lambda m: m.maps.astype(float)}, "need to be float32"),
        ({"courses": lambda m: m.courses[:, 1:]}, "in its mask"),
        ({"courses": lambda m: np.where(m.courses > 1, np.nan, m.courses)}, "courses .* NaN"),
        ({"maps": lambda m: m.maps * np.float32(np.inf)}, "maps .* infinite"),
        ({"mask": lambda m: m.mask[1:]}, "its grid is"),
    ],
)
def test_factors_that_do_not_fit_are_refused(movie, change, message):
    changed = {name: make(movie) for name, make in change.items()}
    with pytest.raises(GridError, match=message):
        dataclasses.replace(movie, **changed)
