from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage, stats
from scipy.ndimage import gaussian_filter1d

from neurotranscoder.analyse.clusters import ClusterSettings, cluster_test
from neurotranscoder.analyse.subjects import SubjectMeans
from neurotranscoder.analyse.trials import TrialSettings, cut_trials
from neurotranscoder.analyse.units import Units, UnitSettings, contrast_units, mean_units
from neurotranscoder.core.axes import TimeAxis
from neurotranscoder.core.errors import GridError
from trial_example import SHORT, noise_run, smooth_maps

QUICK = ClusterSettings(forming_p=0.02, n_permutations=39)
SHAPE = (6, 6, 4)


LONG = TrialSettings(start=-0.5, stop=1.3)
"""A window that reaches into the baseline of the next trial, 1.1-1.6 s later."""


def null_trials(rng, *, window=SHORT, n_trials=64, shape=SHAPE):
    """Trials of a run without effect, of two conditions in turn, cut at its events."""
    movie = smooth_maps(rng, shape, 12)
    return cut_trials([noise_run(rng, movie, n_trials=n_trials, names=("a", "b"))], window)


def voxel_samples(rng, mask, *, n=20, n_frames=8):
    """Samples of white noise; each voxel has a course of its own."""
    movie = smooth_maps(rng, mask.shape, 1)
    n_voxels = int(mask.sum())
    empty = np.zeros((n_voxels, 1), dtype=np.float32)
    movie = replace(movie, maps=np.eye(n_voxels, dtype=np.float32), courses=empty, mask=mask)
    courses = rng.standard_normal((n, n_voxels, n_frames))
    axis = TimeAxis(-0.2, 10.0, n_frames)
    return Units(courses, np.ones(n), n, 0, movie, axis)


def t_on_grid(trials, t):
    full = np.zeros((*trials.mask.shape, t.shape[1]))
    full[trials.mask] = t
    return full


@pytest.mark.parametrize("neighbours", [6, 26])
def test_clusters_are_those_of_scipy_on_the_dense_grid(rng, neighbours):
    mask = rng.random((5, 4, 3)) < 0.8
    trials = voxel_samples(rng, mask)
    settings = ClusterSettings(forming_p=0.4, neighbours=neighbours, n_permutations=19)
    found = cluster_test(trials, settings, rng)
    full = t_on_grid(trials, stats.ttest_1samp(trials.courses, 0).statistic)
    threshold = stats.t.isf(0.2, trials.n - 1)
    near = np.zeros((3, 3, 3, 3), dtype=bool)
    near[..., 1] = ndimage.generate_binary_structure(3, 1 if neighbours == 6 else 3)
    near[1, 1, 1] = True
    masses = []
    for sign in (1, -1):
        labels, count = ndimage.label(sign * full >= threshold, near)
        masses += list(ndimage.sum(full, labels, np.arange(1, count + 1)))
    # squares are kept in single precision
    assert_allclose(sorted(c.mass for c in found.clusters), sorted(masses), rtol=1e-5)
    assert sum(c.size for c in found.clusters) == np.sum(np.abs(full) >= threshold)
    sizes = np.bincount(found.labels)
    assert_array_equal(sizes, [c.size for c in found.clusters])


@pytest.mark.parametrize("window", [SHORT, LONG])
@pytest.mark.parametrize("contrast", [False, True])
def test_about_one_null_map_in_twenty_holds_a_cluster(rng, contrast, window):
    hits = 0
    for _ in range(200):
        trials = null_trials(rng, window=window)
        units = (
            contrast_units(trials, "a", "b", UnitSettings())
            if contrast
            else mean_units(trials, UnitSettings())
        )
        hits += cluster_test(units, QUICK, rng).significant.seen.any()
    # 3 to 19 of 200: the 99 % interval of a binomial count whose mean is 10
    low, high = stats.binom.interval(0.99, 200, 0.05)
    assert low <= hits <= high


def test_trials_one_by_one_would_find_far_too_much(rng):
    hits = 0
    for _ in range(100):
        trials = null_trials(rng, window=LONG)
        assert trials.overlaps[:-1].mean() > 0.9
        signs = np.where(trials.which("a"), 1.0, -1.0)[:, np.newaxis, np.newaxis]
        alone = Units(
            signs * trials.courses, np.ones(trials.n), trials.n, 0, trials.movie, trials.axis
        )
        hits += cluster_test(alone, QUICK, rng).significant.seen.any()
    assert hits > stats.binom.isf(0.001, 100, 0.05)


def null_group(rng, n, *, shape=(4, 4, 3)):
    """Averages of subjects whose maps differ."""
    movies = (smooth_maps(rng, shape, 12) for _ in range(n))
    courses = gaussian_filter1d(rng.standard_normal((n, 12, 10)), 1.0, axis=2).astype(np.float32)
    axis = TimeAxis(-0.5, 10.0, 10)
    return SubjectMeans.of(
        [replace(m, courses=c, axis=axis) for m, c in zip(movies, courses, strict=True)]
    )


def test_about_one_null_group_in_twenty_holds_a_cluster(rng):
    found = (cluster_test(null_group(rng, 8), QUICK, rng) for _ in range(200))
    hits = sum(test.significant.seen.any() for test in found)
    low, high = stats.binom.interval(0.99, 200, 0.05)
    assert low <= hits <= high


def test_an_effect_is_found_in_its_place_at_its_time_and_not_elsewhere(rng):
    trials = voxel_samples(rng, np.ones((6, 6, 4), dtype=bool))
    where = np.zeros((6, 6, 4, 8), dtype=bool)
    where[2:4, 1:3, 1:3, 3:6] = True
    effect = where.reshape(-1, 8)
    trials.courses[:] -= 1.5 * effect
    found = cluster_test(trials, ClusterSettings(n_permutations=99), rng)
    seen = found.significant.seen
    # t of an effect of 1.5 sd in 20 trials is 6.7 +- 1.5, the threshold 3.9: few points are missed
    assert seen[effect].mean() > 0.9
    assert seen[~effect].mean() < 0.005
    best = found.clusters[0]
    assert best.mass < 0
    assert best.p == 0.01
    assert_allclose([best.start, best.stop], [0.1, 0.3])
    voxel = np.linalg.solve(trials.grid.voxel_to_world, [*best.peak, 1])[:3].round().astype(int)
    assert where[(*voxel, round((best.peak_time + 0.2) * 10))]
    assert all(c.p > 0.05 for c in found.clusters[1:])


def largest_masses(samples, settings, rng):
    """The largest |mass| of each permutation, from t at every voxel and frame."""
    every, n = slice(0, samples.axis.n_times), samples.n
    squares, threshold = samples.squares(every, centred=False), stats.t.isf(0.01, n - 1)
    found = []
    for _ in range(settings.n_permutations):
        effect = samples.mean(rng.choice([-1.0, 1.0], n), every)
        t = t_on_grid(samples, effect / np.sqrt((squares / n - effect**2) / (n - 1)))
        masses = [0.0]
        for sign in (1, -1):
            labels, count = ndimage.label(sign * t >= threshold)  # faces, in space and time
            masses += list(np.abs(ndimage.sum(t, labels, np.arange(1, count + 1))))
        found.append(max(masses))
    return found


@pytest.mark.parametrize("kind", ["units", "subjects"])
def test_permutations_have_the_masses_of_the_dense_map(rng, kind):
    samples = some_units(rng) if kind == "units" else null_group(rng, 8, shape=SHAPE)
    settings = ClusterSettings(forming_p=0.02, n_permutations=39)
    found = cluster_test(samples, settings, np.random.default_rng(3)).largest
    # squares are kept in single precision
    assert_allclose(found, largest_masses(samples, settings, np.random.default_rng(3)), rtol=1e-5)


def test_points_at_the_threshold_survive_maps_that_nearly_cancel(rng):
    samples = some_units(rng)
    large = 1e6 * np.ones((len(samples.movie.maps), 2), dtype=np.float32) * [1, -1]
    maps = np.hstack([samples.movie.maps, large.astype(np.float32)])
    same = np.repeat(rng.standard_normal((samples.n, 1, samples.axis.n_times)), 2, axis=1)
    courses = np.zeros((14, samples.movie.axis.n_times), dtype=np.float32)
    movie = replace(samples.movie, maps=maps, courses=courses)
    cancelled = replace(samples, movie=movie, courses=np.hstack([samples.courses, same]))
    plain, other = (
        cluster_test(one, QUICK, np.random.default_rng(3)) for one in (samples, cancelled)
    )
    assert_allclose(other.largest, plain.largest, rtol=1e-5)  # squares in single precision
    assert [one.size for one in other.clusters] == [one.size for one in plain.clusters]


def some_units(rng):
    return mean_units(null_trials(rng), UnitSettings())


def test_voxels_without_a_map_never_join_a_cluster(rng):
    samples = some_units(rng)
    samples.movie.maps[40:] = 0
    settings = ClusterSettings(forming_p=0.5, n_permutations=19)
    found = cluster_test(samples, settings, rng)
    assert found.rows.max() < 40
    assert len(found.clusters) > 1


def test_nothing_above_the_threshold_is_no_cluster(rng):
    settings = ClusterSettings(forming_p=1e-12, n_permutations=19)
    found = cluster_test(some_units(rng), settings, rng)
    assert found.clusters == ()
    assert not found.significant.seen.any()


def test_same_generator_same_clusters(rng):
    samples = some_units(rng)
    one, two = (cluster_test(samples, QUICK, np.random.default_rng(3)) for _ in range(2))
    assert one.clusters == two.clusters
    assert_array_equal(one.largest, two.largest)


def test_tests_that_can_find_nothing_are_refused(rng):
    with pytest.raises(GridError, match=r"5 samples and 39 permutations give no p below 0.062"):
        cluster_test(null_group(rng, 5), QUICK, rng)
