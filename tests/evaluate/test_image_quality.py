import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.evaluate.image_quality import (
    Images,
    Windows,
    image_quality,
    structural_similarity,
)

GRID = VoxelGrid((6, 5, 4), np.diag([12.0, 12.0, 12.0, 1.0]))


@pytest.fixture
def blocks(rng):
    """Blocks with holes and a ragged border."""
    return BlockMap.from_mask(GRID, rng.random(GRID.shape) < 0.8, factors=(1, 1, 1))


def similarity_by_definition(x, y, places, value_range):
    """Return SSIM of one image, block by block, from the formula of Wang et al. (2004)."""
    offsets = places[:, np.newaxis] - places
    window = np.exp(-np.sum(offsets**2, axis=2) / (2 * 1.5**2))
    window[np.abs(offsets).max(axis=2) > 5] = 0
    c1, c2 = (0.01 * value_range) ** 2, (0.03 * value_range) ** 2
    found = []
    for row in window / window.sum(axis=1, keepdims=True):
        mx, my = row @ x, row @ y
        vx, vy, cov = row @ (x - mx) ** 2, row @ (y - my) ** 2, row @ ((x - mx) * (y - my))
        found.append((2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2)))
    return np.mean(found)


def test_similarity_is_that_of_the_definition_within_the_blocks(blocks, rng):
    x, y = rng.standard_normal((2, blocks.n_blocks, 3))
    windows, ranges = Windows.of(blocks), np.array([1.0, 5.0, 20.0])
    found = structural_similarity(Images.of(x, windows), Images.of(y, windows), ranges)
    places = np.argwhere(blocks.mask)
    expected = [
        similarity_by_definition(*pair, places, size)
        for *pair, size in zip(x.T, y.T, ranges, strict=True)
    ]
    assert_allclose(found, expected, rtol=1e-9)


def test_equal_images_have_similarity_one_and_no_noise(blocks, rng):
    images = rng.standard_normal((blocks.n_blocks, 7))
    found, _ = image_quality(images, images, blocks)
    assert_allclose(found.ssim, 1.0, rtol=1e-12)
    assert found.psnr == np.inf


def test_peak_ratio_is_that_of_the_range_of_each_volume(blocks, rng):
    measured = rng.standard_normal((blocks.n_blocks, 4))
    error = np.tile([0.1, -0.1, 0.1, -0.1], (blocks.n_blocks, 1))
    found, _ = image_quality(measured + error, measured, blocks)
    centred = measured - measured.mean(axis=1, keepdims=True)
    assert_allclose(found.psnr, np.mean(20 * np.log10(np.ptp(centred, axis=0) / 0.1)))


def test_the_mean_image_scores_as_a_run_that_never_changes(blocks, rng):
    measured = 1e4 + rng.standard_normal((blocks.n_blocks, 7))
    level = rng.standard_normal((blocks.n_blocks, 1))
    found, of_mean = image_quality(np.repeat(level, 7, axis=1), measured, blocks)
    assert_allclose([found.ssim, found.psnr], [of_mean.ssim, of_mean.psnr])
    assert of_mean.ssim < 0.1


def test_absolute_bold_and_bold_around_its_mean_score_alike(blocks, rng):
    measured = 1e3 + rng.standard_normal((blocks.n_blocks, 7))
    around = 0.5 * (measured - measured.mean(axis=1, keepdims=True))
    absolute = around + 900.0 + rng.standard_normal((blocks.n_blocks, 1))
    one, two = (image_quality(each, measured, blocks)[0] for each in (around, absolute))
    assert_allclose([one.ssim, one.psnr], [two.ssim, two.psnr])
    assert one.ssim > image_quality(0 * around, measured, blocks)[0].ssim + 0.3
