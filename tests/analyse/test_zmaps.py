from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from movie_example import random_movie
from neurotranscoder.analyse.subjects import SubjectMeans, difference
from neurotranscoder.analyse.trials import TrialSettings, cut_trials
from neurotranscoder.analyse.units import Units, UnitSettings, contrast_units, mean_units
from neurotranscoder.analyse.zmaps import z_map, z_of_t
from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import GridError
from trial_example import SHORT, noise_run, smooth_maps

WHOLE = slice(0, 10)


def some_trials(rng, n_trials=21):
    """Trials without effect of two conditions; voxel 5 has no map."""
    movie = smooth_maps(rng, (3, 3, 2), 4)
    movie.maps[5] = 0
    return cut_trials([noise_run(rng, movie, n_trials=n_trials, names=("a", "b", "b"))], SHORT)


def dense(samples):
    return np.einsum("vk,nkt->nvt", samples.movie.maps.astype(np.float64), samples.courses)


def pairs(trials):
    return mean_units(trials, UnitSettings(trials=2))


def same_p(z, p):
    varies = np.isfinite(p)
    assert_allclose(2 * stats.norm.sf(np.abs(z[varies])), p[varies], rtol=1e-4)
    assert_array_equal(z[~varies], 0)


def test_z_over_units_of_equal_size_has_the_p_of_a_t_test(rng):
    trials = some_trials(rng, 20)
    found = z_map(pairs(trials))
    with np.errstate(invalid="ignore"):
        expected = stats.ttest_1samp(dense(trials).reshape(10, 2, 18, 10).mean(axis=1), 0)
    same_p(found.z, expected.pvalue)
    assert_array_equal(np.flatnonzero(~found.tested), [5])
    assert_allclose(found.effect, trials.average().at(WHOLE), atol=1e-6)


def test_z_over_units_of_unequal_size_is_that_of_weighted_least_squares(rng):
    trials = some_trials(rng, 20)
    units = mean_units(trials, UnitSettings(trials=3))
    assert_allclose(units.weights, np.array([4, 4, 3, 3, 3, 3]) / (20 / 6))
    found = z_map(units)
    assert_allclose(found.effect, trials.average().at(WHOLE), atol=1e-6)
    scaled = np.sqrt(units.weights)
    values = scaled[:, np.newaxis] * dense(units)[:, 2, :]  # a regression on sqrt(weights)
    slope = scaled @ values / (scaled @ scaled)
    rest = values - scaled[:, np.newaxis] * slope
    t = slope / np.sqrt(np.sum(rest**2, axis=0) / 5 / (scaled @ scaled))
    assert_allclose(found.z[2], z_of_t(t, 5.0), rtol=1e-4, atol=1e-5)


def test_contrast_is_within_units(rng):
    trials = some_trials(rng, 24)  # a b b in turn
    units = contrast_units(trials, "a", "b", UnitSettings(trials=4))
    assert (units.n, units.n_trials, units.n_dropped) == (4, 24, 0)
    parts = dense(trials).reshape(4, 6, 18, 10)
    expected = parts[:, [0, 3]].mean(axis=1) - parts[:, [1, 2, 4, 5]].mean(axis=1)
    assert_allclose(dense(units), expected, atol=1e-6)
    live = z_map(units).tested
    same_p(z_map(units).z[live], stats.ttest_1samp(expected[:, live], 0).pvalue)


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
    assert_allclose(z_of_t(np.array([-1e9, 0.0, 1e9]), 200.0), [-37.5, 0, 37.5], rtol=0.01)
    # with many degrees of freedom t is z
    assert_allclose(z_of_t(np.array([-2.0, 3.0]), 1e9), [-2, 3], rtol=1e-6)


def test_identical_samples_have_no_z(rng):
    movie = subjects(rng, 1)[0]
    assert_array_equal(z_map(SubjectMeans.of([movie] * 3)).z, 0)


def test_fdr_finds_the_effect_and_few_others(rng):
    movie = smooth_maps(rng, (5, 5, 4), 100)
    movie = replace(movie, maps=np.eye(100, dtype=np.float32))  # voxels are independent
    run, happened = noise_run(rng, movie, n_trials=40)
    for onset in np.rint((happened.onset - 0.05) * 10).astype(int):
        run.courses[:10, onset + 2] += 2.0
    found = z_map(pairs(cut_trials([(run, happened)], SHORT)))
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


def test_a_false_discovery_rate_over_four_samples_is_refused_and_over_five_is_not(rng):
    found = z_map(SubjectMeans.of(subjects(rng, 5)))
    with pytest.raises(GridError, match=r"got 4 samples, so t has 3 degrees .*needs 5 samples"):
        found.fdr(n=4)
    assert found.fdr(n=5).correction == "fdr"


def test_untested_voxels_do_not_weaken_fdr(rng):
    trials = some_trials(rng)
    movie = replace(trials.movie, maps=np.where(trials.movie.maps, 1.0, 0).astype(np.float32))
    found = z_map(pairs(replace(trials, movie=movie)))
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


def test_conditions_that_cannot_be_contrasted_are_refused(rng):
    trials = some_trials(rng)
    with pytest.raises(GridError, match="the contrast of 'a' with itself"):
        contrast_units(trials, "a", "a", UnitSettings())
    with pytest.raises(GridError, match="no trial of 'c'"):
        contrast_units(trials, "a", "c", UnitSettings())
    apart = replace(trials, run=np.array([name == "a" for name in trials.trial_type]).astype(int))
    with pytest.raises(
        GridError, match="no unit of 8 trials of 21 holds what it needs of 'a' and 'b'"
    ):
        contrast_units(apart, "a", "b", UnitSettings())


def test_units_are_neighbours_in_time_of_one_run(rng):
    movie = smooth_maps(rng, (2, 2, 1), 2)
    runs = [noise_run(rng, movie, n_trials=n, names=("a", "b")) for n in (5, 9)]
    trials = cut_trials(runs, SHORT)
    mixed = rng.permutation(trials.n)
    shuffled = replace(
        trials,
        courses=trials.courses[mixed],
        trial_type=tuple(trials.trial_type[i] for i in mixed),
        run=trials.run[mixed],
        onset=trials.onset[mixed],
    )
    found = mean_units(shuffled, UnitSettings(trials=3))
    sizes = [slice(0, 5), slice(5, 8), slice(8, 11), slice(11, 14)]
    assert_allclose(found.courses, [trials.courses[one].mean(axis=0) for one in sizes])


def test_units_share_no_frame(rng):
    movie = smooth_maps(rng, (2, 2, 1), 2)
    run = noise_run(rng, movie, n_trials=12)
    long = TrialSettings(start=-0.5, stop=1.3)  # events are 1.1 to 1.6 s apart
    trials = cut_trials([run], long)
    units = mean_units(trials, UnitSettings(trials=4))
    assert_allclose(units.courses[0], trials.courses[:3].mean(axis=0))
    assert_allclose(units.courses[-1], trials.courses[8:].mean(axis=0))
    assert (units.n, units.n_trials, units.n_dropped) == (3, 10, 2)
    assert mean_units(cut_trials([run], SHORT), UnitSettings(trials=4)).n_dropped == 0


def test_squares_of_units_are_those_of_the_dense_movie(rng):
    trials = some_trials(rng)
    units = Units(trials.courses, rng.uniform(0.5, 1.5, 21), 21, 0, trials.movie, trials.axis)
    values, weights = dense(units), units.weights[:, np.newaxis, np.newaxis]
    assert_allclose(units.squares(WHOLE, centred=False), np.sum(weights * values**2, axis=0))
    signs = rng.choice([-1.0, 1.0], 21)
    expected = np.tensordot(signs * units.weights, values, 1) / 21
    assert_allclose(units.mean(signs, WHOLE), expected, atol=1e-12)
