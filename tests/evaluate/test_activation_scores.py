"""Scores of maps that are the truth, or that are wrong in one known way."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from experiment_example import benchmark_module
from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import GridError
from neurotranscoder.evaluate.activation_scores import StatisticalMap, score_map, without_lag
from neurotranscoder.evaluate.activation_truth import TaskTruth, task_truth
from neurotranscoder.physics.head import build_head
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.cohort import make_cohort

courses = benchmark_module("experiment_courses")

TIMES = -0.5 + 0.01 * np.arange(350)
GRID = VoxelGrid((12, 12, 4), np.diag([3.0, 3.0, 3.0, 1.0]))


def bump(time, width=0.08):
    return np.exp(-0.5 * ((TIMES - time) / width) ** 2)


@pytest.fixture(scope="module")
def truth():
    """A region that is active twice, one that is deactivated, and silence between them."""
    scenario = named_scenario("faces", preset="tiny")
    cohort = make_cohort(scenario, build_head(scenario.head))
    real = task_truth(cohort, [scenario.task.condition("face_low")], [], TIMES)
    two = next(one for one in real.activations if one.region == "MT")
    labels = np.full(GRID.shape, -1)
    labels[1:3, 1:3, 1:3], labels[9:11, 9:11, 1:3] = 0, 1
    courses = np.stack([bump(0.4) + 0.7 * bump(0.9), -bump(0.6)])
    one = replace(two, index=0, time=0.4, size=1.0, start=0.0, stop=0.65)
    second = replace(two, index=0, time=0.9, size=0.7, start=0.65, stop=1.49)
    down = replace(two, region="angular", index=1, time=0.6, size=-1.0, start=0.0, stop=1.49)
    return TaskTruth(courses, TIMES, labels, np.ones(GRID.shape), GRID, (one, second, down))


def map_of(values, *, z=10.0, threshold=3.0):
    mask = np.ones(GRID.shape, dtype=bool)
    return StatisticalMap(values, z * values, np.abs(z * values) > threshold, mask, GRID, TIMES)


def test_the_truth_itself_is_found_in_place_and_in_time(truth):
    score = score_map(map_of(truth.at(np.ones(GRID.shape, dtype=bool))), truth)
    assert_allclose(score.cosine, 1.0)
    assert (score.false_uncorrected, score.false_corrected, score.lag) == (0.0, 0.0, 0.0)
    for one in score.activations:
        assert one.uncorrected
        assert one.corrected
        assert_allclose((one.place, one.place_z, one.latency, one.lag), 0.0, atol=1e-9)
        assert one.chance > 5


def test_truth_on_other_voxels_is_that_of_the_voxel_that_their_centre_lies_in(truth):
    corner = np.diag([1.5, 3.0, 3.0, 1.0])  # halves along x, from the sixth voxel on
    corner[0, 3] = 5 * 3.0 - 0.75
    fine = truth.on(VoxelGrid((16, 12, 4), corner))
    whole = np.ones(fine.grid.shape, dtype=bool)
    values = fine.at(whole).reshape(*fine.grid.shape, -1)
    coarse = truth.at(np.ones(GRID.shape, dtype=bool)).reshape(*GRID.shape, -1)
    assert_allclose(values[:14], np.repeat(coarse[5:], 2, axis=0))
    assert not values[14:].any()  # beyond
    assert truth.on(GRID) is truth


def test_a_late_map_is_late_and_its_common_lag_can_be_taken_off(truth):
    values = np.roll(truth.at(np.ones(GRID.shape, dtype=bool)), 7, axis=1)
    score = score_map(map_of(values), truth)
    assert_allclose([one.lag for one in score.activations], 70.0)
    assert_allclose([one.latency for one in score.activations], 70.0)
    later = without_lag(score.activations, score.lag)
    assert_allclose([one.latency for one in later], 0.0, atol=1e-9)


def test_a_displaced_map_is_as_far_off_as_it_was_moved(truth):
    values = truth.at(np.ones(GRID.shape, dtype=bool)).reshape(*GRID.shape, -1)
    moved = np.roll(values, 3, axis=0).reshape(GRID.shape[0] * 12 * 4, -1)
    first = score_map(map_of(moved), truth).activations[0]
    assert_allclose(first.place, 6.0)  # 3 voxels on, of a region 2 wide: the nearest is 2 away
    assert not first.uncorrected


def test_a_map_of_the_wrong_sign_finds_nothing(truth):
    score = score_map(map_of(-truth.at(np.ones(GRID.shape, dtype=bool))), truth)
    assert not any(one.uncorrected or one.corrected for one in score.activations)
    assert_allclose(score.cosine, -1.0)


def test_activity_of_silent_voxels_is_counted(truth):
    everywhere = np.ones(GRID.shape, dtype=bool)
    values = truth.at(everywhere)
    rows = np.flatnonzero(truth.silent(everywhere))
    values[rows[: len(rows) // 4], 50:125] = 1.0  # a quarter of them, in half of the frames
    score = score_map(map_of(values), truth)
    assert_allclose(score.false_uncorrected, 0.125, rtol=0.01)
    assert score.leakage > 1  # the truth is active for shorter


def test_a_region_without_a_voxel_in_the_map_is_not_covered_and_the_others_are_scored(truth):
    found = map_of(truth.at(np.ones(GRID.shape, dtype=bool)))
    kept = (truth.labels != 1).ravel()
    part = StatisticalMap(
        found.effect[kept], found.z[kept], found.seen[kept], truth.labels != 1, GRID, TIMES
    )
    score = score_map(part, truth)
    assert [one.covered for one in score.activations] == [True, True, False]
    assert [one.uncorrected for one in score.activations] == [True, True, False]
    assert np.isnan(score.activations[2].z)
    assert score.lag == 0.0


def test_maps_at_other_times_are_refused(truth):
    found = map_of(truth.at(np.ones(GRID.shape, dtype=bool)))
    with pytest.raises(GridError, match="make the truth at the map's times"):
        score_map(replace(found, times=TIMES + 0.1), truth)


def test_regions_that_are_active_twice_have_two_extrema():
    scenario = named_scenario("faces", preset="tiny")
    cohort = make_cohort(scenario, build_head(scenario.head))
    found = task_truth(cohort, [scenario.task.condition("face_low")], [], TIMES)
    times = {one.region: [] for one in found.activations}
    for one in found.activations:
        times[one.region].append(one.time)
    assert_allclose(times["MT"], [0.52, 0.87], atol=0.02)  # .2 and .55 s, and .32 s of d
    assert_allclose(times["fusiform"], [0.52], atol=0.02)
    assert all(one.sign < 0 for one in found.activations if one.region == "angular")


def test_a_contrast_has_only_what_differs():
    scenario = named_scenario("oddball", preset="tiny")
    cohort = make_cohort(scenario, build_head(scenario.head))
    pair = [scenario.task.condition(name) for name in ("oddball", "standard")]
    found = task_truth(cohort, pair[:1], pair[1:], TIMES)
    names = {one.region for one in found.activations}
    assert names == {"occipital", "primary_motor_left", "primary_somatosensory_left"}
    assert found.silent(np.ones(found.grid.shape, dtype=bool)).mean() > 0.5


def test_whose_course_a_region_shows_is_named(truth):
    everywhere = np.ones(GRID.shape, dtype=bool)
    values = truth.at(everywhere)
    values[truth.labels[everywhere] == 0] = -truth.courses[1]
    first, second = courses.likenesses(map_of(values), truth)
    assert (first.region, first.other, second.region, second.other) == (
        *("MT", "angular", "angular", "MT"),
    )
    assert_allclose((first.r, second.own), (-1.0, 1.0))
    assert abs(first.own) < 0.9
    assert "| face | MT |" in courses.likeness_table({"face": [first]})


def test_a_region_alone_has_no_other_course_to_be_like(truth):
    alone = replace(truth, activations=truth.activations[:2])
    [only] = courses.likenesses(map_of(truth.at(np.ones(GRID.shape, dtype=bool))), alone)
    assert (only.region, only.other) == ("MT", "")
    assert_allclose(only.own, 1.0)
