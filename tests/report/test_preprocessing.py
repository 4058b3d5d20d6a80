import numpy as np

from neurotranscoder.preprocess.motion import HeadMotion
from neurotranscoder.preprocess.quality import carpet
from neurotranscoder.report.preprocessing import (
    draw_carpet,
    draw_motion,
    draw_registration,
    draw_snr,
)
from neurotranscoder.signal.rigid import rigid_matrix
from registration_example import brain_of, grid_of_size, head_at, points_of

GRID = grid_of_size((16, 18, 14), 5.0)


def walk(rng, n_volumes=30):
    moves = np.cumsum(0.01 * rng.standard_normal((n_volumes, 6)), axis=0)
    matrices = np.stack([rigid_matrix(row, np.zeros(3)) for row in moves])
    return HeadMotion(matrices, np.zeros(3), np.ones(n_volumes, dtype=bool))


def test_picture_of_motion_states_the_median_displacement(rng):
    motion = walk(rng)
    median = np.nanmedian(motion.framewise_displacement)
    assert f"{median:.2f} mm" in draw_motion(motion, tr=2.0).alt


def test_same_motion_gives_the_same_picture(rng):
    motion = walk(rng)
    assert draw_motion(motion, tr=2.0) == draw_motion(motion, tr=2.0)


def test_carpet_shows_all_its_rows(rng):
    run = 100 + rng.standard_normal((*GRID.shape, 30))
    rows = carpet(run, {"brain": brain_of(GRID)}, tr=2.0, n_rows=50)
    picture = draw_carpet(rows, walk(rng).framewise_displacement)
    assert "50 rows of voxels over 30 volumes" in picture.alt


def test_snr_of_the_picture_is_that_of_the_brain():
    snr = np.where(brain_of(GRID), 61.0, np.nan)
    assert "median 61" in draw_snr(snr).alt


def test_a_map_without_any_value_is_drawn():
    assert "median nan" in draw_snr(np.full(GRID.shape, np.nan)).alt


def test_registration_names_both_images():
    image = head_at(points_of(GRID)).reshape(GRID.shape)
    picture = draw_registration(image, image, GRID, names=("mean BOLD", "the template"))
    assert picture.alt.startswith("Contours of the template over mean BOLD")
