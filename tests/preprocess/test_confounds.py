import numpy as np
import pytest
from nilearn.image import smooth_img
from numpy.testing import assert_allclose

from neurotranscoder.core.errors import GridError, StudyError
from neurotranscoder.io.nifti import image_of
from neurotranscoder.preprocess.confounds import (
    MOTION_CONFOUNDS,
    CleanSettings,
    Confounds,
    clean_run,
    confounds_of,
    read_confounds,
)
from neurotranscoder.preprocess.motion import HeadMotion, estimate_motion
from neurotranscoder.signal.rigid import framewise_displacement, rigid_matrix
from registration_example import brain_of, grid_of_size, head_at, points_of

GRID = grid_of_size((6, 5, 4))
MASK = np.ones(GRID.shape, dtype=bool)
MASK[0] = False
TR, N = 2.0, 200
TIMES = TR * np.arange(N)


def run_of(course, rng):
    weights = rng.uniform(0.5, 1.5, GRID.shape)
    return 1000 + weights[..., np.newaxis] * course


def random_motion(rng, n_volumes=N):
    steps = rng.standard_normal((n_volumes, 6))
    moves = np.cumsum(steps, axis=0) * [0.05, 0.05, 0.05, 1e-3, 1e-3, 1e-3]
    matrices = np.stack([rigid_matrix(row, np.zeros(3)) for row in moves])
    return moves, HeadMotion(matrices, np.zeros(3), np.ones(n_volumes, dtype=bool))


def test_slow_waves_go_and_fast_ones_stay():
    slow, fast = np.sin(2 * np.pi * TIMES / 400), np.sin(2 * np.pi * TIMES / 20)
    run = 1000 + 10 * np.broadcast_to(slow + fast, (*GRID.shape, N))
    cleaned = clean_run(run, GRID, MASK, tr=TR)[1, 0, 0]
    kept = [np.dot(cleaned - 1000, wave) / np.dot(wave, wave) for wave in (slow, fast)]
    assert_allclose(kept, [0.0, 10.0], atol=0.2)  # a sine is no cosine: 2 % of it stay


def test_slow_change_stays_where_that_is_wanted(rng):
    moves, motion = random_motion(rng)
    slow = np.sin(2 * np.pi * TIMES / 400)
    table = confounds_of(motion, run_of(slow, rng), MASK)
    settings = CleanSettings(longest_period=0, confounds=("trans_x",))
    run = 1000 + 10 * np.broadcast_to(slow + 0.1 * moves[:, 0], (*GRID.shape, N))
    cleaned = clean_run(run, GRID, MASK, tr=TR, confounds=table, settings=settings)[1, 0, 0]
    basis = np.column_stack([np.ones(N), moves[:, 0]])
    expected = 10 * (slow - basis @ np.linalg.lstsq(basis, slow)[0])
    assert_allclose(cleaned - cleaned.mean(), expected, atol=0.01)  # single precision of 1000
    assert not settings.does_nothing
    assert CleanSettings(longest_period=0, confounds=()).does_nothing


def test_mean_of_each_voxel_stays(rng):
    run = run_of(rng.standard_normal(N), rng)
    cleaned = clean_run(run, GRID, MASK, tr=TR)
    assert_allclose(cleaned[MASK].mean(axis=-1), run[MASK].mean(axis=-1), rtol=1e-5)
    assert np.all(cleaned[~MASK] == 0)


def test_motion_that_is_in_the_table_goes_when_it_is_asked_for(rng):
    moves, motion = random_motion(rng)
    run = run_of(20 * moves[:, 1], rng)
    table = confounds_of(motion, run, MASK)
    settings = CleanSettings(confounds=("trans_*", "rot_*"))
    cleaned = clean_run(run, GRID, MASK, tr=TR, confounds=table, settings=settings)
    assert np.std(cleaned[MASK], axis=-1).max() < 1e-3 * np.std(run[MASK], axis=-1).max()


def test_activity_of_a_still_head_that_looks_like_motion_stays():
    grid, wave = grid_of_size(), np.sin(2 * np.pi * np.arange(24) * TR / 16)
    points, mask = points_of(grid), brain_of(grid)
    active = (points[:, 0] > 5).reshape(grid.shape) & mask
    head = 1000 * head_at(points).reshape(grid.shape)
    run = head[..., np.newaxis] * (1 + 0.02 * active[..., np.newaxis] * wave)
    table = confounds_of(estimate_motion(run, grid, mask), run, mask)
    cleaned = clean_run(run, grid, mask, tr=TR, confounds=table)[active].astype(np.float64)
    gain = (cleaned / cleaned.mean(axis=-1, keepdims=True)) @ wave / (wave @ wave)
    assert_allclose(gain, 0.02, rtol=0.15)  # the slow cosine takes a tenth of so short a wave


def test_smoothing_is_that_of_nilearn(rng):
    run = run_of(np.ones(N), rng)
    settings = CleanSettings(fwhm=8.0, confounds=())
    cleaned = clean_run(run, GRID, MASK, tr=TR, settings=settings)
    expected = smooth_img(image_of(run.astype(np.float32), GRID, tr=TR), 8.0).get_fdata()
    assert_allclose(cleaned[MASK].mean(axis=-1), expected[MASK].mean(axis=-1), rtol=1e-5)


def test_table_has_motion_its_steps_and_displacement(rng):
    moves, motion = random_motion(rng, 5)
    table = confounds_of(motion, 1000 + rng.standard_normal((*GRID.shape, 5)), MASK)
    assert table.names[:12] == MOTION_CONFOUNDS
    assert_allclose(table.values[:, :6], moves, atol=1e-9)
    assert_allclose(table.values[1:, 6:12], np.diff(moves, axis=0), atol=1e-9)
    shown = table.values[:, table.names.index("framewise_displacement")]
    assert_allclose(shown, framewise_displacement(moves), atol=1e-9)


def test_a_name_that_is_not_in_the_table_is_refused(rng):
    with pytest.raises(GridError, match="'trans_q'"):
        Confounds(("trans_x",), np.zeros((3, 1))).select(("trans_q",))


def test_a_star_stands_for_all_columns_of_a_kind():
    table = Confounds(
        ("csf", "a_comp_cor_00", "a_comp_cor_01"), np.array([[1.0, 2, 3], [4, 5, 6]])
    )
    assert_allclose(table.select(("a_comp_cor_*", "a_comp_cor_00")), [[2, 3], [5, 6]])
    with pytest.raises(GridError, match=r"'w_\*'"):
        table.select(("w_*",))


def test_further_columns_stand_beside_those_of_a_table():
    table = Confounds(("csf",), np.ones((3, 1))).beside(("dvars",), np.zeros((3, 1)))
    assert table.names == ("csf", "dvars")
    assert_allclose(table.values, [[1, 0]] * 3)


def test_a_value_that_is_missing_within_a_run_is_refused():
    values = np.array([[np.nan], [1.0], [np.nan]])
    with pytest.raises(GridError, match="the confounds holds 1 samples"):
        Confounds(("csf",), values).select(("csf",))


def test_a_table_of_another_run_is_refused(rng):
    table = Confounds(MOTION_CONFOUNDS, np.zeros((N - 1, 12)))
    run, settings = run_of(np.ones(N), rng), CleanSettings(confounds=MOTION_CONFOUNDS)
    with pytest.raises(GridError, match="the table has 199 rows"):
        clean_run(run, GRID, MASK, tr=TR, confounds=table, settings=settings)


def test_a_file_that_is_no_table_is_refused(tmp_path):
    path = tmp_path / "sub-01_desc-confounds_timeseries.tsv"
    path.write_text("trans_x\ttrans_y\nmuch\tlittle\n", encoding="utf-8")
    with pytest.raises(StudyError, match="numbers, or n/a"):
        read_confounds(path)


def test_displacement_of_real_motion_is_that_of_fmriprep(real_data):
    files = sorted((real_data / "confounds").glob("*_desc-confounds_timeseries.tsv"))
    assert len(files) == 6
    for path in files:
        table = read_confounds(path)
        ours = framewise_displacement(table.select(MOTION_CONFOUNDS[:6]))
        theirs = table.values[:, table.names.index("framewise_displacement")]
        assert_allclose(ours[1:], theirs[1:], atol=1e-6)


def test_real_confound_tables_are_regressed_out(real_data, rng):
    files = sorted((real_data / "confounds").glob("*_desc-confounds_timeseries.tsv"))
    for path in files:
        table = read_confounds(path)
        columns = table.select(MOTION_CONFOUNDS)
        sizes = columns.std(axis=0)
        noise = rng.standard_normal((*GRID.shape, len(columns)))
        weights = rng.standard_normal((*GRID.shape, 12))
        moved = weights @ ((columns - columns.mean(axis=0)) / sizes).T
        run = 1000 + 10 * moved + noise
        settings = CleanSettings(longest_period=0, confounds=MOTION_CONFOUNDS)
        cleaned = clean_run(run, GRID, MASK, tr=TR, confounds=table, settings=settings)[MASK]
        basis = np.column_stack([np.ones(len(columns)), columns / sizes])
        residual = noise[MASK] - (basis @ np.linalg.lstsq(basis, noise[MASK].T)[0]).T
        centred = cleaned - cleaned.mean(axis=-1, keepdims=True)
        assert_allclose(centred, residual, atol=2e-3)  # single precision of 1000
