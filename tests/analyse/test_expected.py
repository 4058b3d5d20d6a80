from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import t as student
from scipy.stats import ttest_1samp

from neurotranscoder.analyse.expected import (
    ExpectedRegion,
    RegionMeans,
    group_means,
    region_rows,
    subject_means,
)
from neurotranscoder.analyse.expected_store import read_region_means, write_region_means
from neurotranscoder.analyse.jackknife import Banded
from neurotranscoder.analyse.trials import cut_trials
from neurotranscoder.analyse.units import UnitSettings, mean_units
from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import GridError
from neurotranscoder.io.store import read_json, read_table
from trial_example import SHORT, noise_run, smooth_maps

TIMES = np.arange(-5, 10) / 10
BOTH = ExpectedRegion(region="auditory", sign="activation", start=0.1, stop=0.3)


@pytest.fixture
def units(rng):
    """Units of 4 trials; voxels 0 to 2 are active .2 s after events, 1 to 3 after .4 s."""
    movie = replace(smooth_maps(rng, (4, 3, 2), 24), maps=np.eye(24, dtype=np.float32))
    run, happened = noise_run(rng, movie, n_trials=64)
    frames = np.rint((happened.onset - 0.05) * 10).astype(int)
    run.courses[:3, frames + 2] += 4.0
    run.courses[1:4, frames + 4] -= 4.0
    return mean_units(cut_trials([(run, happened)], SHORT), UnitSettings(trials=4))


def rows_of(**voxels):
    return {name: np.isin(np.arange(24), own) for name, own in voxels.items()}


def test_regions_that_overlap_have_the_mean_of_their_own_voxels_and_their_latency(units, rng):
    found = subject_means(units, rows_of(first=[0, 1], second=[1, 3], rest=[9]), None, rng)
    assert found.names == ("first", "second", "rest")
    each = np.tensordot(units.weights / units.n, units.courses, 1)  # maps are the identity
    assert_allclose(found.courses.value[1], each[[1, 3]].mean(axis=0), atol=1e-6)
    assert_allclose(found.latency.value[:2], [0.2, 0.4], atol=1e-9)
    assert found.latency.low[0] < 0.21 > found.latency.high[0] > 0.19
    assert found.z[0, 7] > 4 > abs(found.z[2]).max()
    assert found.n == (units.n,) * 3


def test_nothing_after_the_last_time_counts(units, rng):
    found = subject_means(units, rows_of(second=[3]), 0.3, rng)
    assert found.times[-1] == pytest.approx(0.3)
    assert found.latency.value[0] <= 0.3


def test_few_units_have_a_mean_without_an_interval(units, rng):
    few = replace(units, courses=units.courses[:3], weights=np.ones(3))
    found = subject_means(few, rows_of(first=[0]), None, rng)
    assert_allclose(found.courses.value[0], units.courses[:3, 0].mean(axis=0), atol=1e-6)
    assert np.isnan([found.courses.low, found.courses.high]).all()
    assert np.isnan(found.latency.low).all()
    with pytest.raises(GridError, match="no region has a voxel that is seen"):
        subject_means(units, {}, None, rng)


def test_regions_are_the_seen_voxels_in_their_spheres_and_those_without_one_are_left_out():
    affine = np.diag([10.0, 10.0, 10.0, 1.0])
    affine[:3, 3] = -45.0, -19.0, 10.0  # centres are -42 -19 10 and 46 -17 10, radius 11
    grid, mask = VoxelGrid((10, 1, 1), affine), np.ones((10, 1, 1), dtype=bool)
    mask[4] = False
    seen = mask.copy()
    seen[1] = False
    rows = region_rows(["auditory_left", "auditory_right", "fusiform"], grid, mask, seen)
    places = grid.world(np.argwhere(mask))[:, 0]
    assert {name: places[one].tolist() for name, one in rows.items()} == {
        "auditory_left": [-45.0], "auditory_right": [45.0],
    }  # fmt: skip


def subject(course, names=("auditory",)):
    course = np.asarray(course, dtype=np.float64)[np.newaxis].repeat(len(names), axis=0)
    band, late = Banded(course, course, course), np.zeros(len(names))
    return RegionMeans(names, TIMES, band, Banded(late, late, late), course, (9,) * len(names))


def test_across_subjects_z_and_interval_are_those_of_a_t_test(rng):
    courses = rng.standard_normal((7, len(TIMES))) + 5 * (np.abs(TIMES - 0.3) < 0.01)
    found = group_means([subject(one) for one in courses], rng)
    test = ttest_1samp(courses, 0)
    interval = test.confidence_interval(0.95)
    assert_allclose(found.courses.low[0], interval.low)
    assert_allclose(found.courses.high[0], interval.high)
    assert_allclose(student.sf(np.abs(test.statistic), 6) * 2, test.pvalue)
    assert found.latency.value[0] == pytest.approx(0.3)
    assert found.n == (7,)


def test_a_region_counts_in_the_subjects_that_have_it_two_at_least(rng):
    course = np.sin(TIMES)
    both = ("auditory", "occipital")
    found = group_means([subject(course), subject(course, both), subject(-course)], rng)
    assert found.names == ("auditory",)
    assert_allclose(found.courses.value[0], course / 3)
    assert np.isnan(found.latency.low).all()
    with pytest.raises(GridError, match="no region was seen in two subjects"):
        group_means([subject(course)], rng)


def test_courses_are_read_as_written_and_peaks_stand_beside_what_is_expected(units, rng, tmp_path):
    found = subject_means(units, rows_of(auditory=[0], occipital=[3]), None, rng)
    expected = [BOTH, BOTH.model_copy(update={"region": "occipital", "conditions": ("b",)})]
    write_region_means(
        tmp_path,
        "x",
        {"a": found, "b": found},
        expected,
        sources=["s"],
        metadata={"Over": "units"},
    )
    read = read_region_means(tmp_path, "x")["b"]
    assert read.names == found.names
    assert_array_equal(read.courses.value, found.courses.value)
    assert_allclose(read.times, found.times, atol=1e-6)
    table = read_table(tmp_path / "x_peaks.tsv")
    assert "are not shifted" in read_json(tmp_path / "x_peaks.json")["Timing"]
    words = "activation 0.1-0.3 s"
    assert table["expected"] == [words, "n/a", words, words]
    assert float(table["latency"][0]) == pytest.approx(0.2)
    assert read_json(tmp_path / "x_peaks.json")["Over"] == "units"


def test_a_region_without_a_place_or_with_times_the_wrong_way_round_is_refused():
    with pytest.raises(ValueError, match="region 'audtory' is unknown; known regions are"):
        ExpectedRegion(region="audtory", sign="activation", start=0, stop=1)
    with pytest.raises(ValueError, match=r"auditory is expected from 1 to 0\.5 s"):
        ExpectedRegion(region="auditory", sign="activation", start=1, stop=0.5)
