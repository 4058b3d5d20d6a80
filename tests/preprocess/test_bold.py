from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.axes import VolumeAxis
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.recording import Bold
from neurotranscoder.preprocess.anatomy import Anatomy, Found, with_tissues
from neurotranscoder.preprocess.bold import PreprocessSettings, preprocess_bold
from neurotranscoder.preprocess.confounds import CleanSettings
from neurotranscoder.preprocess.coregister import CoregisterSettings
from neurotranscoder.preprocess.normalise import Normalisation, NormaliseSettings
from neurotranscoder.preprocess.template import Template
from neurotranscoder.preprocess.tissues import TissueSettings
from neurotranscoder.preprocess.warp import linear_warp
from neurotranscoder.signal.rigid import apply_matrix, grid_centre, rigid_matrix
from registration_example import (
    brain_of,
    grid_of_size,
    head_at,
    layers_at,
    mean_error,
    points_of,
)

EPI_GRID, T1_GRID, TARGET = (
    grid_of_size(),
    grid_of_size((46, 50, 40), 2.2),
    grid_of_size((26, 28, 22), 3.5),
)
FINE = grid_of_size((64, 70, 56), 1.5)
EPI_TO_T1 = rigid_matrix(np.array([3.0, -2, 4, 0.05, 0.03, -0.06]), np.zeros(3))
N, TR = 24, 2.0
MOVES = np.cumsum(np.random.default_rng(2).standard_normal((N, 6)), axis=0) * (
    [0.15, 0.15, 0.15, 0.003, 0.003, 0.003]
)
WAVE = np.sin(2 * np.pi * np.arange(N) * TR / 16)
QUICK = PreprocessSettings(
    coregister=CoregisterSettings(n_starts=1, max_iterations=40),
    normalise=NormaliseSettings(iterations=(2, 2, 1)),
    clean=CleanSettings(longest_period=0, confounds=()),
)


def from_ball(points):
    return np.linalg.norm(points - [-14.0, 5.0, 4.0], axis=1)


@cache
def run():
    """Return a run of a head that moves; a ball on its left follows a wave of 2 %."""
    volumes = []
    rng = np.random.default_rng(0)
    for volume in range(N):
        matrix = rigid_matrix(MOVES[volume] - MOVES[0], grid_centre(EPI_GRID))
        there = apply_matrix(EPI_TO_T1 @ np.linalg.inv(matrix), points_of(EPI_GRID))
        active = 1 + 0.02 * WAVE[volume] * (from_ball(there) < 12)
        bright = 1000 * head_at(there) * active
        volumes.append(bright.reshape(EPI_GRID.shape) + 3 * rng.standard_normal(EPI_GRID.shape))
    data = np.stack(volumes, axis=-1)
    mask = data.mean(axis=-1) > 500
    axis = VolumeAxis(TR, N, np.full(EPI_GRID.shape[2], 1.0))
    return Bold(data, EPI_GRID, axis, mask, n_holes=2)


@cache
def found():
    anatomy = Anatomy(head_at(points_of(T1_GRID)).reshape(T1_GRID.shape), T1_GRID)
    image = head_at(points_of(TARGET)).reshape(TARGET.shape)
    target = Template(image, TARGET, brain_of(TARGET))
    return preprocess_bold(run(), anatomy, QUICK, template=target)


def test_an_active_ball_is_where_it_belongs_in_the_template():
    series = found().bold.data[found().bold.mask].astype(np.float64)
    series /= series.mean(axis=1, keepdims=True)
    gain = (series - 1) @ WAVE / (WAVE @ WAVE)
    distance = from_ball(points_of(TARGET)[found().bold.mask.ravel()])
    assert_allclose(gain[distance < 8].mean(), 0.02, rtol=0.1)  # voxels: 4 mm, 12 in radius
    assert_allclose(np.median(gain[distance > 20]), 0.0, atol=0.001)


def test_head_that_moved_is_still_afterwards():
    data, mask = found().bold.data, found().bold.mask
    right = mask & (points_of(TARGET)[:, 0] > 6).reshape(TARGET.shape)
    raw = run().mask & (points_of(EPI_GRID)[:, 0] > 6).reshape(EPI_GRID.shape)
    before = run().data[raw].std(axis=1) / run().data[raw].mean(axis=1)
    after = data[right].std(axis=1) / data[right].mean(axis=1)
    assert np.median(after) < 0.5 * np.median(before)


def test_voxels_that_were_nan_are_a_caution():
    assert [one.partition(":")[0] for one in found().cautions] == [
        "2 voxels amid the brain are NaN"
    ]


def test_motion_is_in_the_table_as_it_was():
    names, values = found().confounds.names, found().confounds.values
    shown = values[:, [names.index("trans_x"), names.index("trans_z")]]
    assert_allclose(shown, MOVES[:, [0, 2]] - MOVES[0, [0, 2]], atol=0.15)


def test_the_run_says_one_time_per_volume_and_all_steps():
    assert set(found().bold.volumes.slice_times) == {1.0}
    assert [step.split(":")[0] for step in found().steps] == [
        "motion", "slice timing", "EPI to T1", "T1 to MNI", "tissues of the T1", "resampling",
    ]  # fmt: skip


def test_nothing_is_outside_the_mask():
    assert not found().bold.data[~found().bold.mask].any()
    assert np.isnan(found().snr[~found().bold.mask]).all()


def test_cleaning_takes_out_what_the_table_holds():
    anatomy = Anatomy(head_at(points_of(T1_GRID)).reshape(T1_GRID.shape), T1_GRID)
    target = Template(np.ones(TARGET.shape), TARGET, brain_of(TARGET))
    full = QUICK.model_copy(update={"clean": CleanSettings(confounds=("trans_*", "rot_*"))})
    cleaned = preprocess_bold(run(), anatomy, full, template=target, found=found().anatomy)
    table = np.nan_to_num(cleaned.confounds.select(("trans_x", "rot_z")))
    series = cleaned.bold.data[cleaned.bold.mask][:200].astype(np.float64)
    centred = series - series.mean(axis=1, keepdims=True)
    left = np.abs(centred @ (table - table.mean(axis=0)))
    assert left.max() < 1e-3 * np.linalg.norm(series, axis=1).max()


def test_a_run_elsewhere_is_refused():
    far = np.eye(4)
    far[0, 3] = 400.0
    warp = replace(found().normalisation.template_to_t1, matrix=far)
    elsewhere = Found(replace(found().normalisation, template_to_t1=warp))
    anatomy = Anatomy(head_at(points_of(T1_GRID)).reshape(T1_GRID.shape), T1_GRID)
    target = Template(np.ones(TARGET.shape), TARGET, brain_of(TARGET))
    with pytest.raises(GridError, match="registration has failed"):
        preprocess_bold(run(), anatomy, QUICK, template=target, found=elsewhere)


def test_white_matter_of_another_grid_is_refused():
    with pytest.raises(GridError, match="white matter has"):
        Anatomy(np.zeros(T1_GRID.shape), T1_GRID, np.zeros((2, 2, 2)))


def test_same_run_gives_same_bytes():
    anatomy = Anatomy(head_at(points_of(T1_GRID)).reshape(T1_GRID.shape), T1_GRID)
    target = Template(np.ones(TARGET.shape), TARGET, brain_of(TARGET))
    again = preprocess_bold(run(), anatomy, QUICK, template=target, found=found().anatomy)
    assert_array_equal(again.bold.data, found().bold.data)


@cache
def layered_run(lumps=0.0):
    """Return a run of a head of three layers, as T2* sees them."""
    there = apply_matrix(EPI_TO_T1, points_of(EPI_GRID))
    bright = 1000 * np.tensordot([1.2, 0.75, 0.6], layers_at(there, lumps), 1).reshape(
        EPI_GRID.shape
    )
    noise = np.random.default_rng(1).standard_normal((*EPI_GRID.shape, N))
    data = bright[..., np.newaxis] + 3 * noise
    return Bold(data, EPI_GRID, VolumeAxis(TR, N, np.full(EPI_GRID.shape[2], 1.0)), bright > 300)


@cache
def layered(*, lumps=0.0, **changes):
    shades = [0.4, 0.7, 0.9]
    t1 = np.tensordot(shades, layers_at(points_of(FINE), lumps), 1).reshape(FINE.shape)
    fluid, grey, white = (one.reshape(TARGET.shape) for one in layers_at(points_of(TARGET), lumps))
    image = np.tensordot(shades, [fluid, grey, white], 1)
    target = Template(image, TARGET, brain_of(TARGET), grey, white)
    rough = CoregisterSettings(n_starts=1, max_iterations=4)
    quick = {"tissues": TissueSettings(spacing=6.0), "coregister": rough}
    settings = QUICK.model_copy(update={**quick, **changes})
    known = Found(Normalisation(linear_warp(np.eye(4)), np.eye(4), "fast"))
    if settings.segment:
        known = with_tissues(Anatomy(t1, FINE), known.normalisation, target, settings.tissues)
    return preprocess_bold(
        layered_run(lumps), Anatomy(t1, FINE), settings, template=target, found=known
    )


def test_place_follows_the_boundary_of_the_white_matter_found_only_if_it_says_so():
    boundary = layered().boundary
    better = boundary.cost_after < boundary.cost_before < 1
    assert better == (boundary.why_not == "")
    one = boundary if better else layered().coregistration
    assert_allclose(layered().epi_to_t1, one.epi_to_t1)
    assert any("by the boundary of white matter" in step for step in layered().steps)


def test_white_matter_found_in_the_t1_brings_a_rough_place_to_the_true_one():
    result = layered(lumps=0.2)
    assert result.boundary.why_not == ""
    assert_array_equal(result.epi_to_t1, result.boundary.epi_to_t1)
    rough = mean_error(result.coregistration.epi_to_t1, EPI_TO_T1, EPI_GRID)
    assert rough > 1.0  # mm; else there is nothing to refine
    assert mean_error(result.epi_to_t1, EPI_TO_T1, EPI_GRID) < 0.5  # an eighth of a voxel


def test_the_table_has_signals_of_the_tissues():
    assert {"white_matter", "a_comp_cor_00"} < set(layered().confounds.names)
    assert len(layered().confounds.values) == N


def test_refinement_and_tissues_can_be_left_out():
    assert layered(refine=False).boundary is None
    bare = layered(segment=False)
    assert bare.boundary is None
    assert bare.signals is None
    assert not any("tissue" in step for step in bare.steps)


def test_why_there_are_no_tissues_is_said():
    assert "tissues of the T1: left out: the template has no tissues" in found().steps
