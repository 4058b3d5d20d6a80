import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.physics.template_head import (
    bias_field,
    points_of,
    random_displacement,
    surroundings,
    template_head,
    values_at,
)


def test_tissues_fill_the_brain_of_the_template():
    head = template_head()
    total = (head.grey + head.white + head.fluid)[head.brain]
    # maps of grey and white matter sum to a little more than 1 in a few voxels
    assert np.mean(np.abs(total - 1) < 0.01) > 0.99


def test_values_at_voxels_are_those_of_the_image_and_0_outside(rng):
    grid = VoxelGrid((4, 3, 5), np.diag([2.0, -3.0, 4.0, 1.0]))
    image = rng.standard_normal(grid.shape)
    assert_allclose(values_at(image, grid, points_of(grid)), image.ravel(), atol=1e-12)
    assert values_at(image, grid, np.array([[100.0, 0.0, 0.0]])) == 0


@pytest.mark.parametrize("size", [1.0, 2.0])
def test_bone_and_scalp_lie_around_the_brain_one_after_the_other(size):
    brain = np.zeros((41, 3, 3), dtype=bool)
    brain[20] = True
    bone, scalp = surroundings(brain, size)
    upward = slice(21, None)
    assert bone[upward, 1, 1].sum() * size == 6
    assert scalp[upward, 1, 1].sum() * size == pytest.approx(5, abs=1)  # whole voxels
    assert not np.any((bone & scalp) | (bone & brain) | (scalp & brain))


def test_fields_have_the_size_that_was_asked_for(rng):
    assert np.std(np.log(bias_field((9, 8, 7), rng, 0.2))) == pytest.approx(0.2)
    field = random_displacement((12, 11, 10), rng, smoothness=2.0, size=3.0)
    assert np.linalg.norm(field, axis=0).mean() == pytest.approx(3.0)
