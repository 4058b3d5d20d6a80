from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from movie_example import random_movie
from neurotranscoder.analyse.subjects import SubjectMeans, difference
from neurotranscoder.analyse.trials import cut_trials
from neurotranscoder.analyse.zmaps import z_contrast, z_map, z_of_t
from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import GridError
from trial_example import SHORT, noise_run, smooth_maps

WHOLE = slice(0, 10)


def some_trials(rng, n_trials=21):
    """Trials without effect of two conditions; voxel 5 has no map."""
    movie = smooth_maps(rng, (3, 3, 2), 4)
    movie.maps[5] = 0
    return cut_trials([noise_run(rng, movie, n_trials=n_trials, names=("a", "b", "b"))], SHORT)


def dense(trials):
    return np.einsum("vk,nkt->nvt", trials.movie.maps.astype(np.float64), trials.courses)


def same_p(z, p):
    varies = np.isfinite(p)
    assert_allclose(2 * stats.norm.sf(np.abs(z[varies])), p[varies], rtol=1e-4)
    assert_array_equal(z[~varies], 0)


def test_z_over_trials_has_the_p_of_a_t_test(rng):
    trials = some_trials(rng)
    found = z_map(trials)
    with np.errstate(invalid="ignore"):
        expected = stats.ttest_1samp(dense(trials), 0)
    same_p(found.z, expected.pvalue)
    assert_array_equal(np.flatnonzero(~found.tested), [5])
    assert_allclose(found.effect, trials.average().at(WHOLE), atol=1e-6)


def test_contrast_has_the_p_of_welch(rng):
    trials = some_trials(rng)
    one, two = trials.of("a"), trials.of("b")
    found = z_contrast(one, two)
    live = found.tested
    expected = stats.ttest_ind(dense(one)[:, live], dense(two)[:, live], equal_var=False)
    same_p(found.z[live], expected.pvalue)
    assert_array_equal(np.sign(found.z[live]), np.sign(expected.statistic))
    assert_array_equal(found.z[~live], 0)


def subjects(rng, n):
    """Averages of subjects with maps and masks of their own."""
    movies = [random_movie(rng, shape=(4, 4, 3), n_times=10, start=-0.5) for _ in range(n)]
    return [replace(m, axis=movies[0].axis) for m in movies]


def test_across_subjects_z_is_that_of_their_means_at_common_voxels(rng):
    movies = subjects(rng, 5)
    found = z_map(SubjectMeans.of(movies))
    assert_array_equal(found.mask, np.all([m.mask for m in movies], axis=0))
    values = np.stack([m.unmask(m.at(WHOLE))[found.mask] for m in movies]).astype(np.float64)
    same_p(found.z, stats.ttest_1samp(values, 0).pvalue)


def test_difference_of_averages_is_that_of_their_products(rng):
    trials = some_trials(rng)
    one, two = trials.of("a").average(), trials.of("b").average()
    expected = one.at(WHOLE) - two.at(WHOLE)
    assert_allclose(difference(one, two).at(WHOLE), expected, atol=1e-6)
    with pytest.raises(GridError, match="both need the maps"):
        difference(one, replace(two, maps=2 * two.maps))


def test_z_of_large_t_stays_finite_and_keeps_its_sign():
    assert_allclose(
        z_of_t(np.array([-1e9, 0.0, 1e9]), np.array(200.0)), [-37.5, 0, 37.5], rtol=0.01
    )
    # with many degrees of freedom t is z
    assert_allclose(z_of_t(np.array([-2.0, 3.0]), np.array(1e9)), [-2, 3], rtol=1e-6)


def test_identical_samples_have_no_z(rng):
    movie = subjects(rng, 1)[0]
    assert_array_equal(z_map(SubjectMeans.of([movie] * 3)).z, 0)


def test_fdr_finds_the_effect_and_few_others(rng):
    movie = smooth_maps(rng, (5, 5, 4), 100)
    movie = replace(movie, maps=np.eye(100, dtype=np.float32))  # voxels are independent
    run, happened = noise_run(rng, movie, n_trials=40)
    for onset in np.rint((happened.onset - 0.05) * 10).astype(int):
        run.courses[:10, onset + 2] += 2.0
    found = z_map(cut_trials([(run, happened)], SHORT))
    seen = found.fdr(0.05)
    assert seen.seen[:10, 7].all()
    effect = np.zeros_like(seen.seen)
    effect[:10, 7] = True
    assert seen.seen[~effect].sum() <= 4
    assert "(fdr)" in str(seen)
    # without correction a share of the level is found by chance: 990 tests, 5 frames of baseline
    chance = found.uncorrected(0.05)
    assert 0.02 < chance.seen[~effect].mean() < 0.08
    assert str(chance).startswith("p <= 0.05 (uncorrected)")


def test_untested_voxels_do_not_weaken_fdr(rng):
    trials = some_trials(rng)
    movie = replace(trials.movie, maps=np.where(trials.movie.maps, 1.0, 0).astype(np.float32))
    found = z_map(replace(trials, movie=movie))
    live = found.tested
    expected = stats.false_discovery_control(found.p[live], axis=None) <= 0.5
    assert_array_equal(found.fdr(0.5).seen[live].ravel(), expected)
    assert not found.fdr(1.0).seen[~live].any()


def test_what_has_no_error_or_no_common_voxel_is_refused(rng):
    movies = subjects(rng, 2)
    with pytest.raises(GridError, match="got 1 sample; a standard error needs at least 2"):
        z_map(SubjectMeans.of(movies[:1]))
    with pytest.raises(GridError, match="got no average"):
        SubjectMeans.of([])
    moved = VoxelGrid(movies[0].grid.shape, np.diag([2.0, 2, 2, 1]))
    with pytest.raises(GridError, match=r"average 1 .* has another grid"):
        SubjectMeans.of([movies[0], replace(movies[1], grid=moved)])
    elsewhere = replace(movies[0], mask=~movies[0].mask, maps=movies[0].maps[:19])
    with pytest.raises(GridError, match="share no voxel"):
        SubjectMeans.of([movies[0], elsewhere])
    trials = some_trials(rng)
    with pytest.raises(GridError, match="other voxels or other times"):
        z_contrast(trials, replace(trials, axis=movies[0].axis))
