import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.analyse.identifiability import (
    BOLD_ALONE,
    BOTH,
    NEITHER,
    IdentifiabilitySettings,
    RunSignals,
    from_other_blocks,
    identifiability,
)

SETTINGS = IdentifiabilitySettings(least_shift=20.0, n_shifts=999)


def test_prediction_from_other_blocks_is_the_least_squares_fit_without_the_block(rng):
    maps = np.linalg.qr(rng.standard_normal((9, 3)))[0]
    bold = rng.standard_normal((9, 40))
    around = bold - bold.mean(axis=1, keepdims=True)
    found = from_other_blocks(bold, maps)
    for block in range(9):
        others = np.delete(np.arange(9), block)
        courses = np.linalg.lstsq(maps[others], around[others], rcond=None)[0]
        assert_allclose(found[block], maps[block] @ courses, atol=1e-12)


def test_a_block_that_is_a_map_of_its_own_gets_nothing_from_others(rng):
    assert_allclose(from_other_blocks(rng.standard_normal((3, 20)), np.eye(3)[:, :2]), 0.0)


def run_of(rng, n_times=300):
    """Blocks 0-3 follow a course that EEG has, 4-7 one that it has not, 8-11 none."""
    heard, unheard = rng.standard_normal((2, n_times))
    noise = 0.5 * rng.standard_normal((12, n_times))
    course = np.concatenate([np.tile(heard, (4, 1)), np.tile(unheard, (4, 1)), 0 * noise[:4]])
    from_eeg = np.tile(heard, (12, 1)) + 0.5 * rng.standard_normal((12, n_times))
    from_eeg[4:] = rng.standard_normal((8, n_times))
    return RunSignals(1.0, 1.0, from_eeg, course + noise, course + noise, from_eeg)


def test_blocks_are_told_apart_by_which_modality_sees_them(rng):
    maps = np.zeros((12, 2))
    maps[:4, 0] = maps[4:8, 1] = 0.5
    found = identifiability([run_of(rng) for _ in range(2)], maps, SETTINGS)
    assert_array_equal(found.seen[:4], BOTH)
    assert_array_equal(found.seen[4:8], BOLD_ALONE)
    assert np.sum(found.seen[8:] != NEITHER) <= 1
    assert_array_equal(found.sources.seen()[:8], [True] * 4 + [False] * 4)


def test_equal_seeds_give_equal_maps(rng):
    runs, maps = [run_of(rng)], np.linalg.qr(rng.standard_normal((12, 3)))[0]
    one, two = (identifiability(runs, maps, SETTINGS) for _ in range(2))
    assert_array_equal(one.sources.p, two.sources.p)
    assert_array_equal(one.seen, two.seen)
