"""Maps of regions in estimates: where they peak, and how far they spread."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.evaluate.point_spread import (
    RegionMaps,
    RegionTruth,
    localisation_errors,
    region_maps,
    spreads,
    spreads_of_truth,
)

SIZE = 12.0
GRID = VoxelGrid((8, 8, 8), np.diag([SIZE, SIZE, SIZE, 1.0]))
BLOCKS = BlockMap.from_mask(GRID, np.ones(GRID.shape, bool), factors=(1, 1, 1))
WHOLE = slice(None)


def truth(courses, shares, *, independent=False):
    return RegionTruth(courses, shares, np.full(len(courses), "evoked"), independent)


def cubes(rng, n_frames=200):
    """Eight regions that are cubes of 4 x 4 x 4 blocks, with courses that resemble each other."""
    x, y, z = np.argwhere(BLOCKS.mask).T // 4
    shares = np.eye(8)[4 * x + 2 * y + z]
    common = rng.standard_normal(n_frames)
    return truth(0.7 * common + rng.standard_normal((8, n_frames)), shares)


def one_map(values, centre):
    """Return a map of one region that is a single block."""
    share = np.zeros((BLOCKS.n_blocks, 1))
    share[centre] = 1.0
    return RegionMaps(values[:, np.newaxis], truth(np.zeros((1, 1)), share), BLOCKS)


def block_at(*place):
    return int(np.ravel_multi_index(place, GRID.shape))


def test_map_of_a_linear_estimate_is_its_resolution_matrix(rng):
    regions, kernel = cubes(rng), rng.standard_normal((BLOCKS.n_blocks, 8))
    found = region_maps(kernel @ regions.courses + 3.0, regions, BLOCKS, WHOLE)
    assert_allclose(found.maps, kernel, atol=1e-9)


def test_a_perfect_estimate_is_localised_within_half_a_block(rng):
    regions = cubes(rng)
    maps = [region_maps(regions.shares @ regions.courses, regions, BLOCKS, WHOLE)]
    assert_allclose(localisation_errors(maps), 0.0, atol=SIZE / 2)
    assert_allclose(spreads(maps), spreads_of_truth(maps[0]), rtol=1e-9)


def test_spread_of_a_cube_is_its_radius_of_gyration(rng):
    regions = cubes(rng)
    per_axis = np.mean((SIZE * (np.arange(4) - 1.5)) ** 2)
    maps = region_maps(regions.shares @ regions.courses, regions, BLOCKS, WHOLE)
    assert_allclose(spreads_of_truth(maps), np.sqrt(3 * per_axis), rtol=1e-12)


def test_blocks_that_a_region_shares_count_in_part():
    shares = np.zeros((BLOCKS.n_blocks, 1))
    shares[[block_at(2, 2, 2), block_at(5, 2, 2)], 0] = 1.0, 0.5
    region = truth(np.zeros((1, 1)), shares)
    away = BLOCKS.centres[block_at(2, 2, 2)]
    assert_allclose(region.centres(BLOCKS), away[np.newaxis] + [SIZE, 0, 0])  # a third of 3 blocks
    energies, squares = np.array([1.0, 0.25]), np.array([1.0, 4.0]) * SIZE**2
    expected = np.sqrt(energies @ squares / energies.sum())
    assert_allclose(spreads_of_truth(RegionMaps(shares, region, BLOCKS)), [expected])


@pytest.mark.parametrize("distance", [0, 1, 3])
def test_a_delta_has_no_spread_of_its_own_and_is_as_far_off_as_it_is_moved(distance):
    values = np.zeros(BLOCKS.n_blocks)
    values[block_at(2 + distance, 2, 2)] = -4.0  # sign and scale are conventions
    maps = [one_map(values, block_at(2, 2, 2))]
    assert_allclose(localisation_errors(maps), [distance * SIZE])
    assert_allclose(spreads(maps), [distance * SIZE])


def test_two_equal_blocks_spread_by_their_root_mean_square_distance():
    values = np.zeros(BLOCKS.n_blocks)
    values[[block_at(2, 2, 2), block_at(2, 6, 2)]] = 1.0
    assert_allclose(spreads([one_map(values, block_at(2, 2, 2))]), [4 * SIZE / np.sqrt(2)])


def test_the_peak_is_the_middle_of_the_connected_part_that_reaches_half_of_it():
    values = np.zeros(BLOCKS.n_blocks)
    for place, value in (((1, 2, 2), 0.4), ((2, 2, 2), -1.0), ((3, 2, 2), 0.6)):
        values[block_at(*place)] = value
    values[block_at(7, 7, 7)] = 0.9  # not connected: does not draw the peak towards it
    found = localisation_errors([one_map(values, block_at(2, 2, 2))])
    assert_allclose(found, [SIZE * 0.6**2 / (1 + 0.6**2)])


def test_what_differs_from_run_to_run_is_no_spread(rng):
    regions = cubes(rng)
    noisy, quiet = (
        [
            RegionMaps(
                regions.shares + sd * rng.standard_normal(regions.shares.shape), regions, BLOCKS
            )
            for _ in range(20)
        ]
        for sd in (0.5, 0.0)
    )
    single = spreads([RegionMaps(np.mean([one.maps for one in noisy], axis=0), regions, BLOCKS)])
    assert np.all(single > spreads(quiet) + 3)  # the noise of the mean of 20 runs counts here
    assert_allclose(spreads(noisy), spreads(quiet), rtol=0.1)


def test_maps_that_no_two_runs_agree_on_have_no_spread_or_one_within_the_grid(rng):
    regions = cubes(rng)
    size = (BLOCKS.n_blocks, 8)
    runs = [RegionMaps(rng.standard_normal(size), regions, BLOCKS) for _ in range(3)]
    found = spreads(runs)
    assert np.isnan(found).sum() >= 2  # by chance half of the energies sum to less than 0
    assert np.nanmax(found, initial=0.0) < np.sqrt(3) * 8 * SIZE


def test_a_region_that_is_never_active_has_no_map(rng):
    regions = cubes(rng)
    regions.courses[3] = 2.0
    maps = [region_maps(regions.shares @ regions.courses, regions, BLOCKS, WHOLE)]
    for values in (localisation_errors(maps), spreads(maps)):
        assert np.flatnonzero(np.isnan(values)).tolist() == [3]


def test_a_region_that_is_in_no_block_has_no_place(rng):
    regions = cubes(rng)
    regions.shares[:, 5] = 0.0
    maps = region_maps(regions.shares @ regions.courses, regions, BLOCKS, WHOLE)
    for values in (localisation_errors([maps]), spreads([maps]), spreads_of_truth(maps)):
        assert np.flatnonzero(np.isnan(values)).tolist() == [5]


def test_independent_sources_are_regressed_on_one_by_one(rng):
    n = BLOCKS.n_blocks
    courses = rng.standard_normal((n, 300))  # fewer frames than sources
    maps = [region_maps(courses, truth(courses, np.eye(n), independent=True), BLOCKS, WHOLE)]
    assert_allclose(np.diag(maps[0].maps), 1.0, rtol=1e-9)
    assert_allclose(localisation_errors(maps), 0.0, atol=1e-9)


def test_too_few_frames_give_no_maps(rng):
    regions = cubes(rng, n_frames=15)
    assert region_maps(regions.shares @ regions.courses, regions, BLOCKS, WHOLE) is None
