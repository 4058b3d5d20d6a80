import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.axes import Montage, TimeAxis, VolumeAxis, VoxelGrid
from neurotranscoder.core.errors import GridError


def interleaved(n_slices, step, tr):
    order = np.concatenate([np.arange(first, n_slices, step) for first in range(step)])
    times = np.empty(n_slices)
    times[order] = np.arange(n_slices) * tr / n_slices
    return times


def test_frame_centres_lie_half_a_frame_after_their_start():
    axis = TimeAxis.of_frames(2.0, 2.5)
    assert_allclose(axis.times, [0.2, 0.6, 1.0, 1.4, 1.8], atol=1e-12)


def test_interleaved_scan_has_as_many_passes_as_its_step():
    assert VolumeAxis(2.0, 10, interleaved(35, 5, 2.0)).n_passes == 5


@pytest.mark.parametrize("times", [np.zeros(30), np.linspace(0, 1.9, 32)])
def test_sequential_or_resampled_scan_has_one_pass(times):
    assert VolumeAxis(2.0, 10, times).n_passes == 1


def test_unequal_passes_do_not_count():
    assert VolumeAxis(2.0, 10, interleaved(32, 5, 2.0)).n_passes == 1


def test_slice_time_beyond_the_tr_is_refused():
    with pytest.raises(GridError, match="check SliceTiming"):
        VolumeAxis(2.0, 10, np.array([0.0, 2.5]))


def test_tr_in_milliseconds_is_refused():
    with pytest.raises(GridError, match="check the unit"):
        VolumeAxis(2000.0, 10, np.zeros(3))


def test_block_centres_are_the_mean_of_their_voxels():
    affine = np.array([[3.0, 0, 0, -90], [0, 3, 0, -120], [0, 0, 4, -60], [0, 0, 0, 1]])
    grid = VoxelGrid((64, 64, 35), affine)
    coarse = grid.coarsen((4, 4, 3))
    assert coarse.shape == (16, 16, 12)
    inside = np.argwhere(np.ones((4, 4, 3), bool))
    assert_allclose(coarse.world(np.zeros((1, 3), int))[0], grid.world(inside).mean(axis=0))


def test_points_lie_in_the_voxel_whose_centre_is_nearest_and_outside_in_none():
    affine = np.diag([-3.0, 2.0, 4.0, 1.0])
    affine[:3, 3] = [10.0, -5.0, 1.0]
    grid = VoxelGrid((4, 5, 6), affine)
    centres = np.array([[0, 0, 0], [3, 4, 5], [4, 4, 5]])
    indices, inside = grid.voxels_at(grid.world(centres) + np.array([1.4, -0.9, 1.9]))
    assert indices.tolist() == centres.tolist()
    assert inside.tolist() == [True, True, False]


def test_non_finite_affine_is_refused():
    affine = np.eye(4)
    affine[0, 0] = np.nan
    with pytest.raises(GridError, match="repair the sform"):
        VoxelGrid((2, 2, 2), affine)


def test_double_channel_names_are_refused():
    with pytest.raises(GridError, match="'Cz'"):
        Montage(("Cz", "Cz"))
