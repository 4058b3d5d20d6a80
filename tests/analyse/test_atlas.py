from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.analyse.atlas import region_courses, write_region_courses
from neurotranscoder.analyse.trials import cut_trials
from neurotranscoder.analyse.units import UnitSettings, mean_units
from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import GridError, SettingsError, StudyError
from neurotranscoder.io.atlas import Atlas, read_atlas
from neurotranscoder.io.nifti import image_of, write_nifti
from neurotranscoder.io.store import read_json, read_table
from trial_example import SHORT, noise_run, smooth_maps

SHAPE = (4, 4, 2)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def halves(grid):
    labels = np.ones(grid.shape, dtype=np.int64)
    labels[2:] = 2
    return Atlas(labels, grid, {1: "left", 2: "right", 3: "elsewhere"})


def units_of(rng, n_trials=60):
    run = noise_run(rng, smooth_maps(rng, SHAPE, 3), n_trials=n_trials)
    return mean_units(cut_trials([run], SHORT), UnitSettings(trials=2))


def written(folder, labels, rows="index\tname\n1\tone\n2\ttwo\n"):
    grid = VoxelGrid((4, 4, 2), np.eye(4))
    write_nifti(folder / "atlas.nii.gz", image_of(np.float32(labels), grid))
    (folder / "atlas.tsv").write_text(rows)
    return folder / "atlas.nii.gz", folder / "atlas.tsv"


def test_courses_of_regions_are_means_of_the_dense_average(rng):
    units = units_of(rng)
    found = region_courses(units, halves(units.grid), rng, n_resamples=50)
    dense = units.mean(np.ones(units.n), slice(None)).reshape(*SHAPE, -1)
    assert found.names == ("left", "right")
    assert found.n_voxels == (16, 16)
    assert_allclose(found.courses.value[0], dense[:2].mean(axis=(0, 1, 2)), atol=1e-6)
    assert_allclose(found.courses.value[1], dense[2:].mean(axis=(0, 1, 2)), atol=1e-6)
    after = found.times >= 0
    r = np.corrcoef(found.courses.value[:, after])
    assert_allclose(found.correlation.value, r, atol=1e-9)


def thirds(grid):
    """Regions 'left', half of it seen, 'right', wholly seen, and 'far', not seen at all."""
    labels = np.zeros(grid.shape, dtype=np.int64)
    labels[0], labels[1], labels[2:] = 1, 3, 2
    seen = np.ones(grid.shape, dtype=bool)
    seen[0, :2] = seen[1] = False
    return Atlas(labels, grid, {1: "left", 2: "right", 3: "far", 4: "elsewhere"}), seen


def test_a_region_that_is_seen_in_part_is_the_mean_of_that_part(rng):
    units = units_of(rng)
    atlas, seen = thirds(units.grid)
    found = region_courses(units, atlas, rng, n_resamples=50, seen=seen)
    dense = units.mean(np.ones(units.n), slice(None)).reshape(*SHAPE, -1)
    assert_allclose(found.courses.value[0], dense[0, 2:].mean(axis=(0, 1)), atol=1e-6)
    assert_allclose(found.courses.value[1], dense[2:].mean(axis=(0, 1, 2)), atol=1e-6)


def test_a_region_that_is_not_seen_is_left_out_and_named(rng):
    units = units_of(rng)
    atlas, seen = thirds(units.grid)
    found = region_courses(units, atlas, rng, n_resamples=50, seen=seen)
    assert found.names == ("left", "right")
    assert found.not_seen == ("far",)  # 'elsewhere' has no voxel in the brain: there is no more
    assert (found.n_voxels, found.n_in_brain) == ((4, 16), (8, 16))


def test_all_voxels_are_those_of_a_mask_that_sees_all(rng):
    units = units_of(rng)
    atlas, seen = thirds(units.grid)
    plain, masked = (
        region_courses(units, atlas, np.random.default_rng(1), n_resamples=50, seen=mask)
        for mask in (None, np.ones_like(seen))
    )
    assert_array_equal(masked.courses.low, plain.courses.low)
    assert plain.not_seen == masked.not_seen == ()
    assert plain.n_voxels == plain.n_in_brain == masked.n_voxels == (8, 16, 8)


def test_what_is_outside_of_the_brain_is_no_voxel_of_a_region_seen_or_not(rng):
    units = units_of(rng)
    atlas, seen = thirds(units.grid)
    inside = np.ones(SHAPE, dtype=bool)
    inside[3] = False
    found = region_courses(units.within(inside), atlas, rng, n_resamples=50, seen=seen)
    assert (found.n_voxels, found.n_in_brain) == ((4, 8), (8, 8))


def test_an_atlas_of_which_nothing_is_seen_is_refused(rng):
    units = units_of(rng)
    atlas, seen = thirds(units.grid)
    with pytest.raises(GridError, match=r"none of the 32 voxels of regions in the brain is seen"):
        region_courses(units, atlas, rng, seen=np.zeros_like(seen))


def test_intervals_hold_the_mean_of_other_trials_at_their_rate(rng):
    """True means are zero: 95 % lie inside, of 40 data sets whose courses are smooth."""
    inside = []
    for _ in range(40):
        units = units_of(rng, n_trials=60)
        found = region_courses(units, halves(units.grid), rng, n_resamples=200).courses
        inside.append(((found.low <= 0) & (found.high >= 0)).mean())
    assert 0.88 < np.mean(inside) < 0.99


def test_peak_of_a_region_is_found_with_its_interval(rng):
    units = units_of(rng)
    bump = np.exp(-(((units.axis.times - 0.2) / 0.1) ** 2))
    clear = replace(units, courses=0.1 * units.courses + 5 * bump)
    found = region_courses(clear, halves(units.grid), rng, n_resamples=50).latency
    assert_allclose(found.value, 0.2, atol=1e-9)
    assert np.all((found.low <= 0.2 + 1e-9) & (found.high >= 0.2 - 1e-9))


def test_an_atlas_on_a_finer_grid_gives_each_voxel_the_label_at_its_centre(rng):
    coarse = VoxelGrid(SHAPE, np.diag([4.0, 4, 4, 1]))
    shift = np.diag([2.0, 2, 2, 1])
    shift[:3, 3] = -1
    fine = halves(VoxelGrid((8, 8, 4), shift))
    fine.labels[:] = 1
    fine.labels[4:] = 2
    assert_array_equal(fine.on(coarse).labels, halves(coarse).labels)


def test_an_atlas_elsewhere_is_refused(rng):
    units = units_of(rng)
    away = units.grid.voxel_to_world.copy()
    away[0, 3] += 500
    with pytest.raises(GridError, match="no region of the atlas is on the grid"):
        region_courses(units, halves(VoxelGrid(SHAPE, away)), rng)
    with pytest.raises(SettingsError, match="need 5 or more"):
        region_courses(units_of(rng, n_trials=8), halves(units.grid), rng)


def test_atlas_is_read_with_its_names(tmp_path):
    labels = np.zeros((4, 4, 2))
    labels[0], labels[1] = 1, 2
    atlas = read_atlas(*written(tmp_path, labels))
    assert_array_equal(atlas.labels, labels)
    assert atlas.names == {1: "one", 2: "two"}


@pytest.mark.parametrize(
    ("value", "rows", "message"),
    [
        (7, "index\tname\n1\tone\n", "no row for 1 labels"),
        (0.5, "index\tname\n1\tone\n", "no whole numbers"),
        (1, "number\tname\n1\tone\n", "add index"),
        (1, "index\tname\nx\tone\n", "need whole numbers"),
        (1, "index\tname\n1\tone\n1\ttwo\n", "a number twice"),
    ],
)
def test_a_wrong_atlas_is_refused(value, rows, message, tmp_path):
    with pytest.raises(StudyError, match=message):
        read_atlas(*written(tmp_path, np.full((4, 4, 2), value), rows))


def test_two_regions_of_one_name_are_refused(tmp_path):
    labels = np.arange(32).reshape(4, 4, 2) % 3
    rows = "index\tname\n1\thippocampus\n2\thippocampus\n7\tthalamus\n8\tthalamus\n"
    with pytest.raises(StudyError, match=r"name: got 1 names of several regions \(hippocampus\)"):
        read_atlas(*written(tmp_path, labels, rows))


def test_an_atlas_of_several_volumes_is_refused(tmp_path):
    path = tmp_path / "many.nii.gz"
    nib.Nifti1Image(np.zeros((2, 2, 2, 3), np.float32), np.eye(4)).to_filename(path)
    with pytest.raises(StudyError, match="3 axes"):
        read_atlas(path, tmp_path / "none.tsv")


def test_tables_are_written_with_sidecars(rng, tmp_path):
    units = units_of(rng)
    found = region_courses(units, halves(units.grid), rng, n_resamples=20)
    write_region_courses(tmp_path, "sub-01_desc-atlas", found, sources=["bids:raw:one"])
    courses = read_table(tmp_path / "sub-01_desc-atlas_courses.tsv")
    assert_allclose(np.float64(courses["value"]), found.courses.value.ravel())
    assert read_table(tmp_path / "sub-01_desc-atlas_peaks.tsv")["region"] == ["left", "right"]
    assert len(read_table(tmp_path / "sub-01_desc-atlas_correlations.tsv")["r"]) == 4
    sidecar = read_json(tmp_path / "sub-01_desc-atlas_peaks.json")
    assert f"over {units.n} units of {units.n_trials} trials" in sidecar["Intervals"]


@pytest.mark.parametrize("name", ["courses", "peaks", "correlations"])
def test_sidecars_say_what_every_column_is(rng, tmp_path, name):
    units = units_of(rng)
    found = region_courses(units, halves(units.grid), rng, n_resamples=20)
    write_region_courses(tmp_path, "a", found)
    sidecar = read_json(tmp_path / f"a_{name}.json")
    for column in read_table(tmp_path / f"a_{name}.tsv"):
        assert sidecar[column]["Description"]
