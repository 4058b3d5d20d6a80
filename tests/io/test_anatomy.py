import nibabel as nib
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from neurotranscoder.core.errors import StudyError
from neurotranscoder.io.anatomy import read_t1

AFFINE = np.diag([5.0, 5, 5, 1])


def saved(path, data, *, stated=True):
    image = nib.Nifti1Image(data, AFFINE)
    image.set_qform(AFFINE, code=1 if stated else 0)
    image.set_sform(AFFINE, code=1 if stated else 0)
    nib.save(image, path)
    return path


def test_a_t1_image_of_four_axes_and_one_volume_is_that_volume(tmp_path, rng):
    data = rng.random((12, 11, 13)).astype(np.float32)
    values, grid = read_t1(saved(tmp_path / "x_T1w.nii", data[..., np.newaxis]))
    assert_array_equal(values, data)
    assert grid.shape == data.shape


@pytest.mark.parametrize(
    ("shape", "stated", "message"),
    [
        ((12, 11, 13, 2), True, r"dim: got 4 axes \(12, 11, 13, 2\); need 3 axes"),
        ((12, 11), True, r"dim: got 2 axes \(12, 11\); need 3 axes"),
        ((12, 11, 1), True, r"dim: got 5 mm along one axis; need a head: 50 mm at least"),
        ((12, 11, 13), False, r"sform/qform: got codes 0 and 0; .* which side is left; convert"),
    ],
)
def test_what_is_no_anatomy_is_refused(tmp_path, shape, stated, message):
    path = saved(tmp_path / "x_T1w.nii", np.ones(shape, dtype=np.float32), stated=stated)
    with pytest.raises(StudyError, match=message):
        read_t1(path)
