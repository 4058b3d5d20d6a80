import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.axes import TimeAxis, VolumeAxis, VoxelGrid
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.response import Response
from neurotranscoder.train.subject_signals import SubjectSignals, VolumeFilter
from neurotranscoder.train.voxel_products import VoxelProducts, smooth_in_mask

RATE = 2.5
TIMES = np.arange(0, 20, 1 / RATE)
RESPONSE = Response(TIMES, TIMES**5 * np.exp(-TIMES))
VOLUMES = VolumeAxis(2.0, 80, np.array([0.0, 1.2, 0.7]))
SLICES = np.array([0, 1, 2, 0, 1, 2])
FRAMES = TimeAxis.of_frames(160.0, 20.0)


@pytest.fixture
def courses(rng):
    return np.cumsum(rng.standard_normal((2, FRAMES.n_times)), axis=1)


def run_of(bold=None):
    """Return a run of six voxels in three slices."""
    filtered = VolumeFilter.of(RESPONSE, VOLUMES, 0.1)
    n_kept = VOLUMES.n_volumes - filtered.first
    rows = np.zeros((6, n_kept), np.float32) if bold is None else bold.astype(np.float32)
    eeg = np.zeros((1, FRAMES.n_times), np.float32)
    return SubjectSignals(eeg, FRAMES, rows, SLICES, VOLUMES, filtered)


def followed(courses, maps):
    """Return BOLD of voxels that follow courses at their own slice times."""
    regressors = run_of().regressors(courses, FRAMES, RESPONSE)
    return np.stack([m @ regressors(int(z)) for m, z in zip(maps, SLICES, strict=True)])


def products_of(courses, bold, part=slice(None)):
    return VoxelProducts.of(run_of(bold).regressors(courses, FRAMES, RESPONSE), part)


def test_maps_are_recovered_where_bold_follows_courses_at_the_times_of_each_slice(rng, courses):
    maps = rng.standard_normal((6, 2))
    products = products_of(courses, followed(courses, maps))
    assert_allclose(products.weights(products.cross, 0.0), maps, rtol=1e-4)  # BOLD is float32


def test_slices_see_regressors_at_their_own_times(courses):
    regressors = run_of().regressors(courses, FRAMES, RESPONSE)
    assert np.abs(regressors(0) - regressors(1)).max() > 1e-3 * np.abs(regressors(0)).max()


def test_halves_add_up_to_the_run_and_subtract_from_it(rng, courses):
    bold = rng.standard_normal((6, run_of().bold.shape[1]))
    first, second = (products_of(courses, bold, p) for p in (slice(0, 30), slice(30, None)))
    whole = products_of(courses, bold)
    for found, wanted in ((first + second, whole), (whole - second, first)):
        assert_allclose(found.cross, wanted.cross, atol=1e-9 * np.abs(whole.cross).max())
        assert_allclose(found.gram, wanted.gram, atol=1e-9 * np.abs(whole.gram).max())
        assert_allclose(found.powers, wanted.powers)


def test_explained_power_is_that_of_the_images_less_that_of_the_errors(rng, courses):
    bold = rng.standard_normal((6, run_of().bold.shape[1])).astype(np.float32)
    maps = 1e-3 * rng.standard_normal((6, 2))
    errors = bold - followed(courses, maps)
    found = products_of(courses, bold).explained(maps)
    assert_allclose(found, np.sum(np.float64(bold) ** 2) - np.sum(errors**2), rtol=1e-6)


def test_run_that_is_hardly_longer_than_the_response_is_refused():
    with pytest.raises(GridError, match=r"lasts 30 s.*needs runs of at least 40 s"):
        VolumeFilter.of(RESPONSE, VolumeAxis(2.0, 15, np.zeros(3)), 0.1)


def test_smoothing_keeps_a_constant_and_lets_nothing_in_from_outside(rng):
    mask = rng.random((7, 6, 5)) < 0.6
    grid = VoxelGrid(mask.shape, np.diag([3.0, 3.0, 4.0, 1.0]))
    constant = np.full((int(mask.sum()), 1), 2.5)
    assert_allclose(smooth_in_mask(constant, mask, grid, 8.0), constant)


def test_smoothing_has_the_width_it_is_asked_for():
    mask = np.ones((41, 3, 3), bool)
    grid = VoxelGrid(mask.shape, np.diag([1.0, 50.0, 50.0, 1.0]))
    point = np.zeros((*mask.shape, 1))
    point[20, 1, 1] = 1
    line = smooth_in_mask(point[mask], mask, grid, 8.0).reshape(mask.shape)[:, 1, 1]
    assert_allclose(line[16] / line[20], 0.5, rtol=1e-3)  # 4 mm away: half
