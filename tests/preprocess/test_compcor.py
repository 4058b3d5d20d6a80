from functools import cache

import numpy as np
from numpy.testing import assert_allclose

from neurotranscoder.core.axes import VolumeAxis
from neurotranscoder.core.recording import Bold
from neurotranscoder.preprocess.compcor import (
    CompcorSettings,
    components,
    deep_voxels,
    tissue_signals,
)
from neurotranscoder.preprocess.tissues import Tissues
from neurotranscoder.preprocess.warp import linear_warp
from neurotranscoder.signal.rigid import rigid_matrix
from registration_example import brain_of, grid_of_size, layers_at, points_of

GRID, T1_GRID = grid_of_size((26, 28, 22), 3.5), grid_of_size((46, 50, 40), 2.2)
TO_T1 = rigid_matrix(np.array([3.0, -2, 4, 0.05, 0.03, -0.06]), np.zeros(3))
N, TR = 120, 2.0
TIMES = TR * np.arange(N)
BREATH = np.sin(2 * np.pi * TIMES / 13)
THOUGHT = np.sin(2 * np.pi * TIMES / 21 + 1)
DRIFT = np.cos(2 * np.pi * (TIMES + TR / 2) / (N * TR))  # once over the run


@cache
def signals(**settings):
    """Return signals of a run in which grey matter alone thinks, and all breathe and drift."""
    fluid, grey, white = layers_at(points_of(GRID))
    brain = fluid + grey + white
    bright = 1000 * brain[:, np.newaxis] + 30 * np.outer(brain, DRIFT)
    bright += 10 * np.outer(grey, THOUGHT) + 10 * np.outer(fluid + white, BREATH)
    data = bright + np.random.default_rng(0).standard_normal(bright.shape)
    axis = VolumeAxis(TR, N, np.full(GRID.shape[2], 1.0))
    run = Bold(data.reshape(*GRID.shape, N), GRID, axis, brain_of(GRID))
    shares = layers_at(np.linalg.solve(TO_T1, _ones(points_of(T1_GRID)))[:3].T)
    fluid, grey, white = (one.reshape(T1_GRID.shape) for one in shares)
    tissues = Tissues(grey, white, fluid, fluid + grey + white > 0.5, np.ones(T1_GRID.shape))
    chosen = CompcorSettings(**settings)
    return tissue_signals(run, linear_warp(TO_T1), tissues, T1_GRID, chosen)


def _ones(points):
    return np.vstack([points.T, np.ones(len(points))])


def column(name, found):
    return found.values[:, found.names.index(name)]


def test_the_first_component_is_what_white_matter_and_fluid_do():
    found = column("a_comp_cor_00", signals())
    assert np.corrcoef(found, BREATH)[0, 1] > 0.98
    assert abs(np.corrcoef(found, THOUGHT)[0, 1]) < 0.2  # fluid is three voxels thin there


def test_the_mean_of_white_matter_keeps_its_unit_and_its_drift():
    found = column("white_matter", signals())
    basis = np.column_stack([np.ones(N), BREATH, DRIFT])
    assert_allclose(np.linalg.lstsq(basis, found)[0], [1000, 10, 30], rtol=0.03)


def test_fluid_that_is_too_thin_is_left_out_and_its_voxels_are_counted():
    found = signals(fluid_depth=6.0)
    assert "csf" not in found.names
    assert found.n_voxels[0] == 0
    assert found.n_voxels[1] > 100


def test_nothing_deep_enough_gives_no_columns():
    found = signals(fluid_depth=60.0, white_depth=60.0)
    assert found.names == ()
    assert found.values.shape == (N, 0)


def test_components_are_orthonormal_and_do_not_drift(rng):
    series = 1000 + 50 * np.outer(rng.standard_normal(60), DRIFT) + rng.standard_normal((60, N))
    found, explained = components(series, TR, CompcorSettings())
    assert_allclose(found.T @ found, np.eye(5), atol=1e-9)
    assert_allclose(found.T @ (DRIFT), 0.0, atol=1e-9)
    assert np.all(np.diff(explained) < 0)


def test_components_end_where_the_variance_does():
    found, explained = components(1000 + np.outer(np.ones(30), BREATH), TR, CompcorSettings())
    assert found.shape == (N, 1)
    assert_allclose(explained, [1.0])


def test_deep_voxels_of_a_ball_are_a_smaller_ball():
    grid = grid_of_size((41, 41, 41), 1.0)
    radius = np.linalg.norm(points_of(grid), axis=1).reshape(grid.shape)
    deep = deep_voxels((radius <= 12).astype(float), grid, 4.0)
    assert deep[radius <= 7.5].all()  # to half a voxel
    assert not deep[radius > 8.5].any()
