from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from movie_example import VOXEL_TO_WORLD
from neurotranscoder.analyse.condition_settings import TrialAnalysisSettings
from neurotranscoder.analyse.conditions import Question, answer
from neurotranscoder.analyse.trials import cut_trials
from neurotranscoder.analyse.visible import Visible
from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import GridError
from neurotranscoder.report.effect_frames import draw_frames, figure_of_frames
from trial_example import SHORT, noise_run, smooth_maps

SHAPE = (6, 5, 12)
SETTINGS = TrialAnalysisSettings(window=SHORT, units={"trials": 4}, correction="fdr", level=0.001)


@pytest.fixture
def found(rng):
    """An effect at voxel (1, 2, 8) .2 s after events, voxels 3 x 6 x 4 mm; slice 0 is empty."""
    mask = np.ones(SHAPE, dtype=bool)
    mask[..., 0] = False
    affine = VOXEL_TO_WORLD @ np.diag([1.0, 2.0, 1.0, 1.0])
    maps = np.eye(int(mask.sum()), dtype=np.float32)
    movie = replace(
        smooth_maps(rng, SHAPE, len(maps)), grid=VoxelGrid(SHAPE, affine), mask=mask,
        maps=maps,
    )  # fmt: skip
    run, happened = noise_run(rng, movie, n_trials=64)
    place = int(np.flatnonzero((np.argwhere(mask) == (1, 2, 8)).all(axis=1))[0])
    run.courses[place, np.rint((happened.onset - 0.05) * 10).astype(int) + 2] += 5.0
    question, trials = Question("a"), cut_trials([(run, happened)], SHORT)
    return answer(question, question.samples(trials, SETTINGS.units), SETTINGS, "units")


def test_frames_follow_the_event_and_show_the_peak_where_it_is(found, rng):
    anatomy = rng.uniform(100, 200, SHAPE)
    anatomy[0, 0, 0] = 1e6
    figure = figure_of_frames(found, anatomy, name="sub-01")
    axes = [one for one in figure.axes if one.get_images()]
    labels = [one.get_ylabel() for one in axes if one.get_ylabel()]
    times = [float(one.get_title().split()[0]) for one in axes if one.get_title()]
    assert times[0] == 0.0
    assert 0.2 in times
    assert "z = -28 mm\nL" in labels
    assert "z = -60 mm\nL" not in labels
    assert len(labels) == 3
    row = labels.index("z = -28 mm\nL")
    anatomical, effect = axes[row * len(times) + times.index(0.2)].get_images()
    drawn = effect.get_array()
    assert np.unravel_index(np.argmax(np.abs(drawn.filled(0))), drawn.shape) == (2, 1)
    assert 100 < anatomical.norm.vmin < anatomical.norm.vmax < 200
    assert_allclose([one.get_aspect() for one in axes], 2.0)
    assert "sub-01, a: " in figure.get_suptitle()


@pytest.mark.parametrize(("flips", "place"), [((-1, 1), (2, 4)), ((1, -1), (2, 1))])
def test_left_is_left_and_front_is_up_whatever_the_grid(found, flips, place):
    """Voxel (1, 2) of 6 x 5: mirrored along x it is column 4, along y it stays in row 2."""
    affine = found.found.grid.voxel_to_world @ np.diag([*flips, 1, 1])
    mirrored = replace(found.found, grid=VoxelGrid(SHAPE, affine))
    anatomy = np.zeros(SHAPE)
    anatomy[1, 0] = 1.0
    figure = figure_of_frames(replace(found, found=mirrored), anatomy, name="sub-01")
    shown = [one.get_images() for one in figure.axes if one.get_images()]
    strongest = max((effect.get_array().filled(0) for _, effect in shown), key=np.ptp)
    assert np.unravel_index(np.argmax(np.abs(strongest)), strongest.shape) == place
    row, column = np.argwhere(shown[0][0].get_array() == 1.0)[0]
    assert (row, column) == ((4 if flips[1] < 0 else 0), (4 if flips[0] < 0 else 1))


def test_a_picture_is_of_the_grid_of_its_effect(found, rng):
    picture = draw_frames(found, rng.random(SHAPE), name="sub-01")
    assert picture.source.startswith("data:image/png;base64,")
    with pytest.raises(GridError, match="the anatomy is"):
        draw_frames(found, rng.random((2, 2, 2)), name="sub-01")


def test_voxels_that_are_not_seen_lie_under_a_veil_that_the_legend_names(found, rng):
    mask = found.found.mask.copy()
    mask[3:] = False
    half = replace(found, visible=Visible(mask, "half of the voxels", "not seen by the model"))
    figure = figure_of_frames(half, rng.uniform(100, 200, SHAPE), name="sub-01")
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["not seen by the model"]
    _, veil, _ = next(one for one in figure.axes if one.get_images()).get_images()
    assert_array_equal(np.ma.getmaskarray(veil.get_array()), np.arange(6) < 3 + np.zeros((5, 1)))
    assert "tested: half of the voxels" in figure.get_suptitle().replace("\n", " ")
