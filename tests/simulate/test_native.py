"""Images in a subject's own space hold what the head has at their places in MNI."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pydantic import ValidationError

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.physics.template_head import points_of, template_head
from neurotranscoder.signal.rigid import grid_centre
from neurotranscoder.simulate.bold import slice_responses
from neurotranscoder.simulate.bold_artefacts import run_motion
from neurotranscoder.simulate.bold_run import BoldRun
from neurotranscoder.simulate.cohort import make_cohort
from neurotranscoder.simulate.draw import draw_events, draw_sources
from neurotranscoder.simulate.motion import MotionSettings
from neurotranscoder.simulate.native import NativeSettings
from neurotranscoder.simulate.native_head import native_head, t1_image
from neurotranscoder.simulate.native_space import draw_space
from neurotranscoder.simulate.rigid import motion_derivatives
from neurotranscoder.simulate.subjects import SubjectSpread

STRAIGHT = NativeSettings(shift=0.0, turn=0.0, warp=0.0, t1_size=4.0)
POSED = NativeSettings(shift=10.0, turn=12.0, warp=4.0, t1_size=4.0)


@pytest.fixture(scope="module")
def straight(noise_free):
    return noise_free.model_copy(update={"native": STRAIGHT})


@pytest.fixture(scope="module")
def posed(noise_free):
    update = {"native": POSED, "subjects": SubjectSpread()}
    return noise_free.model_copy(update=update)


@pytest.fixture(scope="module")
def posed_head(posed, tiny_cohort):
    return native_head(posed, tiny_cohort.regions, 1)


def bold_run_of(cohort):
    drawn = draw_sources(cohort, draw_events(cohort.scenario, 0, 0, given=None), 0, 0)
    return BoldRun(cohort, drawn.hemodynamic, (0, 0))


def test_settings_of_a_study_in_mni_say_nothing_of_native_space(tiny, straight):
    assert "native" not in tiny.model_dump_json()  # the bytes of older studies
    assert "native" in straight.model_dump_json()


def test_head_that_lies_straight_has_the_signal_of_the_voxels_of_mni(
    noise_free, straight, tiny_head
):
    here, there = (
        bold_run_of(make_cohort(one, tiny_head)).signal() for one in (noise_free, straight)
    )
    assert_allclose(there, here, atol=1e-3 * here.std())  # float32; sums in another order


def test_place_of_a_voxel_is_shift_and_turn_undone_then_size_and_warp(posed):
    space = draw_space(posed, 1)
    bare = draw_space(posed.model_copy(update={"native": STRAIGHT, "subjects": None}), 1)
    points = points_of(space.epi_grid)[::50]
    assert_allclose(bare.from_epi(points), points + np.array(posed.head.centre), atol=1e-9)
    turn = space.epi_to_t1[:3, :3]
    assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    far = np.linalg.norm(space.epi_to_t1 - bare.epi_to_t1)
    assert 1 < far < 30
    assert np.linalg.norm(space.displacement, axis=0).mean() == pytest.approx(4.0)
    size = np.diag(space.t1_to_mni)[:3]
    assert np.all(np.abs(size - 1) < 0.1)
    assert np.all(size != 1)


def test_subjects_differ_and_stay_themselves_however_many_there_are(posed):
    more = posed.model_copy(update={"n_subjects": 5})
    assert_array_equal(draw_space(posed, 1).epi_to_t1, draw_space(more, 1).epi_to_t1)
    assert_array_equal(draw_space(posed, 1).displacement, draw_space(more, 1).displacement)
    assert np.abs(draw_space(posed, 0).displacement - draw_space(posed, 1).displacement).max() > 1


def test_voxels_of_a_region_lie_where_the_region_is_in_mni(posed, posed_head, tiny_cohort):
    regions, space = tiny_cohort.regions, draw_space(posed, 1)
    places = space.from_epi(points_of(posed_head.grid)).reshape(*posed_head.grid.shape, 3)
    shares = np.stack([one.toarray() for one in posed_head.mixing])  # slices voxels regions
    weights = np.moveaxis(shares.reshape(-1, *posed_head.grid.shape[:2], regions.n_regions), 0, 2)
    found = np.einsum("xyzr,xyzi->ri", weights, places) / weights.sum((0, 1, 2))[:, np.newaxis]
    # voxels are 12 mm; the scanner does not see the brain where it leaves the voxels
    assert np.median(np.linalg.norm(found - regions.centres, axis=1)) < 3


def test_each_slice_of_the_scanner_has_its_own_time(posed, posed_head, tiny_head):
    cohort = make_cohort(posed.model_copy(update={"subjects": None}), tiny_head)
    run = bold_run_of(cohort)
    head = native_head(cohort.scenario, cohort.regions, 0)
    signal = run.signal()
    responses = slice_responses(run.follows, cohort.hemodynamics(0), cohort.scenario.volumes)
    for z in (2, 5):
        expected = cohort.levels.bold_gain * (head.mixing[z] @ responses[:, z])
        got = signal[:, :, z].reshape(expected.shape)
        assert_allclose(got, expected, atol=1e-5 * expected.std())  # float32


def test_brightness_is_that_of_the_tissue_and_dark_in_bone_and_air(posed, posed_head):
    mostly = {
        "grey": posed_head.grey > 0.8, "white": posed_head.white > 0.9,
    }  # fmt: skip
    bright = posed_head.contrast[posed_head.brain]
    assert bright[mostly["white"]].mean() == pytest.approx(0.8, abs=0.05)
    assert bright[mostly["grey"]].mean() > 0.9
    assert np.median(posed_head.contrast[~posed_head.brain]) < 0.5


def test_images_move_about_the_centre_of_the_scanner_as_the_motion_says(noise_free, tiny_head):
    moves = MotionSettings(spin_history=False)
    moving = noise_free.model_copy(update={"native": POSED, "motion": moves})
    run = bold_run_of(make_cohort(moving, tiny_head))
    grid, z = draw_space(moving, 0).epi_grid, 5
    assert_allclose(grid_centre(grid), 0, atol=1e-9)
    image = run.baseline() + run.signal().mean(axis=-1, dtype=np.float64)
    where = run_motion(moving, 0, 0).parameters(moving.volumes.times(z))
    expected = motion_derivatives(image, grid)[:, :, z] @ where
    assert_allclose(run.part("motion")[:, :, z], expected, atol=0.01)  # float32 at 10,000


def test_t1_image_has_a_dark_rim_of_bone_and_a_bright_scalp_around_the_brain(straight):
    image, grid = t1_image(straight, 0)
    column = image[grid.voxels_at(np.array([[0.0, -20.0, 0.0]]))[0][0, 0], :, :]
    z = np.arange(grid.shape[2]) * 4.0 + grid.voxel_to_world[2, 3]
    y = grid.voxels_at(np.array([[0.0, -20.0, 0.0]]))[0][0, 1]
    profile = column[y]
    top = 74.0  # of the brain in the template, at this place
    bone, scalp = ((z > top + low) & (z < top + high) for low, high in ((2, 7), (8, 14)))
    assert profile[bone].min() < 0.5 * profile[scalp].max()
    assert profile[z > top + 20].mean() < 0.1 * profile[scalp].max()


def test_warp_that_may_fold_space_is_refused():
    with pytest.raises(ValidationError, match=r"smooth over 20 mm may fold space"):
        NativeSettings(warp=5.0, smoothness=20.0)


def test_scenario_in_mni_has_no_native_space(tiny):
    with pytest.raises(SettingsError, match="has no section 'native'"):
        draw_space(tiny, 0)


def test_nodes_of_the_warp_cover_the_template(posed):
    nodes, template = draw_space(posed, 0).nodes, template_head().grid
    corners = np.array([[0, 0, 0], np.array(template.shape) - 1])
    _, inside = nodes.voxels_at(template.world(corners))
    assert inside.all()
