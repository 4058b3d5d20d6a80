import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.axes import VolumeAxis
from neurotranscoder.core.errors import StoreError
from neurotranscoder.core.recording import Bold, RunId
from neurotranscoder.preprocess.anatomy import Anatomy, Found
from neurotranscoder.preprocess.bold import PreprocessedBold
from neurotranscoder.preprocess.compcor import TissueSignals
from neurotranscoder.preprocess.confounds import confounds_of
from neurotranscoder.preprocess.coregister import Coregistration
from neurotranscoder.preprocess.image_numbers import image_numbers
from neurotranscoder.preprocess.motion import HeadMotion
from neurotranscoder.preprocess.normalise import Normalisation
from neurotranscoder.preprocess.overlay import epi_on_t1, t1_on_template
from neurotranscoder.preprocess.template import mni_template
from neurotranscoder.preprocess.warp import linear_warp
from neurotranscoder.report.image_pictures import image_pictures, read_pictures, write_pictures
from neurotranscoder.signal.rigid import apply_matrix, rigid_matrix
from registration_example import brain_of, grid_of_size, head_at, points_of, seen_through

EPI, T1 = grid_of_size((22, 24, 18), 4.0), grid_of_size((30, 32, 26), 3.0)
PLACE = rigid_matrix(np.array([4.0, -3.0, 2.0, 0.05, 0.0, 0.1]), np.zeros(3))
RUN = RunId("01", "odd", run="1")


@pytest.fixture(scope="module")
def anatomy():
    """The head as the EPI sees it, moved by the place of the EPI in it."""
    return Anatomy(seen_through(PLACE, T1), T1)


@pytest.fixture(scope="module")
def bold():
    rng = np.random.default_rng(0)
    mean = head_at(points_of(EPI)).reshape(EPI.shape)
    noise = 0.01 * rng.standard_normal((*EPI.shape, 12))
    data = 1000 * (mean[..., np.newaxis] + noise)
    axis = VolumeAxis(2.0, 12, np.full(EPI.shape[2], 1.0))
    return Bold(data.astype(np.float32), EPI, axis, brain_of(EPI))


@pytest.fixture(scope="module")
def result(bold):
    matrices = np.stack([rigid_matrix(0.1 * np.ones(6) * i, np.zeros(3)) for i in range(12)])
    motion = HeadMotion(matrices, np.zeros(3), np.ones(12, dtype=bool))
    return PreprocessedBold(
        bold=bold,
        motion=motion,
        coregistration=Coregistration(PLACE, 1.0, np.ones(1)),
        boundary=None,
        anatomy=Found(Normalisation(linear_warp(np.eye(4)), np.eye(4), "fast")),
        confounds=confounds_of(motion, bold.data, bold.mask),
        signals=TissueSignals(("a_comp_cor_00",), np.ones((12, 1)), (0.3,), (0, 40)),
        snr=np.where(bold.mask, 50.0, np.nan),
        reference=bold.data.mean(axis=-1),
        slice_timing=True,
        steps=("motion",),
    )


def test_the_epi_lies_on_the_anatomy_where_its_place_is_right(anatomy, result):
    found = epi_on_t1(anatomy, result, EPI)
    brain = found.above > 700  # both are the same head, at 1000 times the brightness in the EPI
    assert np.corrcoef(found.below[brain], found.above[brain])[0, 1] > 0.98


def test_axes_of_the_picture_grow_to_the_right_the_front_and_upwards(anatomy, result):
    grid = epi_on_t1(anatomy, result, EPI).grid
    assert_allclose(grid.voxel_to_world[:3, :3], 2 * np.eye(3))
    assert EPI.voxel_to_world[0, 0] < 0  # the scanner stored it the other way round


def test_the_anatomy_is_looked_up_where_the_warp_has_the_template(anatomy, result):
    found = t1_on_template(anatomy, result)
    template = mni_template(2)
    assert found.grid.matches(template.grid)
    index = np.argwhere(template.brain)[::5000]
    points = template.grid.world(index)
    true = head_at(apply_matrix(np.linalg.inv(PLACE), points))
    # linear interpolation between voxels of 3 mm, smoothed by 2 mm
    assert_allclose(found.below[tuple(index.T)], true, atol=0.25)


def test_a_run_has_five_pictures_and_the_same_ones_twice(bold, anatomy, result):
    found = image_pictures(bold, anatomy, result)
    assert list(found) == ["coreg", "norm", "motion", "tsnr", "carpet"]
    assert found == image_pictures(bold, anatomy, result)


def test_pictures_come_back_from_their_files(bold, anatomy, result, tmp_path):
    pictures = image_pictures(bold, anatomy, result)
    kept = write_pictures(tmp_path, RUN, pictures)
    assert read_pictures(tmp_path, kept) == tuple(pictures.values())
    assert (tmp_path / "sub-01/figures/sub-01_task-odd_run-1_desc-motion_bold.svg").is_file()
    (tmp_path / kept[0]["file"]).unlink()
    assert len(read_pictures(tmp_path, kept)) == 4


def test_a_record_that_names_no_picture_says_what_makes_it_anew(tmp_path):
    with pytest.raises(StoreError, match="run `preprocess` again"):
        read_pictures(tmp_path, [{"alt": "x"}])


def test_numbers_of_a_run_are_those_of_its_images_and_motion(bold, result):
    numbers = image_numbers(bold, result)
    moved = result.motion.framewise_displacement[1:]
    assert numbers["volumes"] == 12
    assert numbers["voxel_z"] == 4.0
    assert numbers["displacement_max"] == moved.max()
    assert numbers["snr"] == 50.0
    assert numbers["method"] == "fast"
    assert numbers["boundary"] == numbers["tissues"] == 0
    assert (numbers["components"], numbers["explained"]) == (1, 0.3)
