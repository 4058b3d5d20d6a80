import numpy as np
import pytest
import SimpleITK as sitk
from numpy.testing import assert_allclose

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import GridError
from neurotranscoder.preprocess.itk import itk_affine, itk_image, itk_rigid, one_thread, ras_matrix
from neurotranscoder.signal.rigid import rigid_matrix
from registration_example import grid_of_size

GRID = grid_of_size((5, 6, 7))
MATRIX = rigid_matrix(np.array([3.0, -2, 5, 0.1, -0.2, 0.3]), np.array([1.0, 2, 3]))


def test_a_voxel_is_where_its_grid_says(rng):
    image = itk_image(rng.standard_normal(GRID.shape), GRID)
    left, back, up = image.TransformIndexToPhysicalPoint((4, 1, 2))
    assert_allclose([-left, -back, up], GRID.world(np.array([[4, 1, 2]]))[0])


def test_a_value_stays_at_its_voxel(rng):
    values = rng.standard_normal(GRID.shape)
    assert_allclose(itk_image(values, GRID)[4, 1, 2], values[4, 1, 2], rtol=1e-6)


@pytest.mark.parametrize("make", [itk_affine, itk_rigid])
def test_a_matrix_comes_back_from_its_transform(make):
    assert_allclose(ras_matrix(make(MATRIX, np.array([9.0, -4, 2]))), MATRIX, atol=1e-12)


def test_a_transform_moves_points_as_its_matrix_does():
    moved = itk_affine(MATRIX, np.zeros(3)).TransformPoint((-1.0, -2.0, 3.0))
    assert_allclose(np.array(moved) * [-1, -1, 1], (MATRIX @ [1, 2, 3, 1])[:3], atol=1e-12)


def test_skewed_voxel_axes_are_refused():
    skewed = np.eye(4)
    skewed[0, 1] = 0.2
    with pytest.raises(GridError, match="right angles"):
        itk_image(np.zeros((2, 2, 2)), VoxelGrid((2, 2, 2), skewed))


def test_a_mask_becomes_bytes():
    kind = itk_image(np.ones((2, 2, 2), dtype=bool), VoxelGrid((2, 2, 2), np.eye(4)))
    assert kind.GetPixelID() == sitk.sitkUInt8


def raise_inside():
    with one_thread():
        assert sitk.ProcessObject.GetGlobalDefaultNumberOfThreads() == 1
        raise ValueError("inside")


def test_number_of_threads_is_that_of_the_caller_again_even_after_an_error():
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    with pytest.raises(ValueError, match="inside"):
        raise_inside()
    assert sitk.ProcessObject.GetGlobalDefaultNumberOfThreads() == before
