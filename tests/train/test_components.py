import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.train.components import bold_components, regional

REGIONS = np.kron(np.eye(5), np.full((4, 1), 0.5))


def turned(maps, rng):
    """Return other orthonormal columns of the same span."""
    turn, _ = np.linalg.qr(rng.standard_normal((maps.shape[1],) * 2))
    return maps @ turn


def overlap(found, maps):
    """Return how much each of the maps resembles the found one that does so most."""
    return np.abs(maps.T @ found).max(axis=1)


def test_regions_are_recovered_from_any_turn_of_them(rng):
    found = regional(turned(REGIONS, rng))
    # steps of the iteration end at 1e-6
    assert_allclose(overlap(found, REGIONS), 1.0, atol=1e-6)
    assert_allclose(np.sort(found.max(axis=0)), 0.5, atol=1e-5)


def test_overlapping_regions_are_recovered_nearly(rng):
    smooth = np.exp(-0.5 * ((np.arange(30)[:, np.newaxis] - np.arange(2, 30, 5)) / 1.2) ** 2)
    smooth /= np.linalg.norm(smooth, axis=0)
    span, _ = np.linalg.qr(smooth)
    mixed = turned(span, rng)
    assert overlap(mixed, smooth).max() < 0.9
    assert overlap(regional(mixed), smooth).min() > 0.99


def test_regions_of_bold_are_found_among_its_components(rng):
    bold = REGIONS @ rng.standard_normal((5, 2000)) + 0.1 * rng.standard_normal((20, 2000))
    components = bold_components([bold], 5)
    assert overlap(components, REGIONS).min() < 0.9  # powers are equal: any mixture is as good
    assert overlap(regional(components), REGIONS).min() > 0.99


@pytest.mark.parametrize("n_components", [1, 2, 6, 20])
def test_regional_maps_are_orthonormal_and_span_the_same(rng, n_components):
    maps, _ = np.linalg.qr(rng.standard_normal((20, n_components)))
    found = regional(maps)
    assert_allclose(found.T @ found, np.eye(n_components), atol=1e-12)
    assert_allclose(found @ found.T, maps @ maps.T, atol=1e-12)


def test_regional_maps_are_larger_in_few_blocks_than_any_turn(rng):
    maps, _ = np.linalg.qr(rng.standard_normal((20, 4)))
    found = np.sum(regional(maps) ** 4)
    assert all(np.sum(turned(maps, rng) ** 4) < found + 1e-9 for _ in range(50))


def test_the_largest_entry_of_each_region_is_positive(rng):
    found = regional(-turned(REGIONS, rng))
    peaks = found[np.abs(found).argmax(axis=0), np.arange(5)]
    assert (peaks > 0).all()


def test_one_component_keeps_its_map(rng):
    maps = rng.standard_normal((8, 1))
    maps *= np.sign(maps[np.abs(maps).argmax()]) / np.linalg.norm(maps)
    assert_allclose(regional(maps), maps, atol=1e-12)
