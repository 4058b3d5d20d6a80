from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from moment_example import AXIS, map_of
from neurotranscoder.analyse.condition_settings import TrialAnalysisSettings
from neurotranscoder.analyse.conditions import Question, answer
from neurotranscoder.analyse.conditions_store import write_answer, write_untested
from neurotranscoder.analyse.moments import FigureSettings, moments_of, write_moments_table
from neurotranscoder.analyse.stored_maps import read_map, stored_labels
from neurotranscoder.analyse.trials import cut_trials
from neurotranscoder.analyse.visible import Visible
from neurotranscoder.core.errors import GridError, StoreError
from neurotranscoder.io.store import read_json, read_table, write_json
from trial_example import SHORT, noise_run, smooth_maps

LEFT, RIGHT, MIDDLE = (-45.0, -15.0, 5.0), (45.0, -15.0, 5.0), (5.0, -45.0, 25.0)
CHOSEN = FigureSettings()


def where_and_when(moments):
    return [(one.place, round(one.time, 2)) for one in moments]


def test_each_bump_has_a_moment_at_its_place_and_time_earliest_first():
    found = map_of((8, LEFT, 0.4, 0), (9, RIGHT, 0.2, 0), (-7, MIDDLE, 0.3, 0))
    moments = moments_of(found, "activation", CHOSEN)
    assert where_and_when(moments) == [(RIGHT, 0.2), (LEFT, 0.4)]
    assert_allclose([one.z for one in moments], [9, 8], rtol=1e-4)
    (negative,) = moments_of(found, "deactivation", CHOSEN)
    assert (negative.place, round(negative.time, 2)) == (MIDDLE, 0.3)
    assert_allclose(negative.z, -7, rtol=1e-4)


def test_activity_that_comes_back_has_a_second_moment_and_one_that_lasts_has_one():
    for heights in ((8, 6), (6, 8)):
        back = map_of((heights[0], LEFT, 0.2, 0), (heights[1], LEFT, 0.56, 0))
        assert where_and_when(moments_of(back, "activation", CHOSEN)) == [
            (LEFT, 0.2),
            (LEFT, 0.56),
        ]
    lasting = map_of((8, LEFT, 0.4, 0.5))
    (only,) = moments_of(lasting, "activation", CHOSEN)
    assert only.place == LEFT
    slope = FigureSettings(apart=0.0)  # at half of its height it is still beyond the threshold
    assert len(moments_of(map_of((20, LEFT, 0.4, 0)), "activation", slope)) == 1
    assert 0.14 <= only.time <= 0.66


def test_a_long_region_has_one_moment_and_an_island_beside_it_its_own():
    long = [(8 - 0.1 * k, (-45.0 + 10 * k, -15.0, 5.0), 0.2, 0) for k in range(8)]
    (only,) = moments_of(map_of(*long), "activation", FigureSettings(apart_mm=20.0))
    assert only.place[0] < 5
    island = moments_of(
        map_of(*long, (9, (5.0, 35.0, 5.0), 0.2, 0)), "activation", FigureSettings(apart_mm=20.0)
    )
    assert len(island) == 2


def test_what_is_weak_late_before_the_event_or_beyond_the_number_has_no_moment():
    found = map_of(
        (3, LEFT, 0.2, 0), (9, RIGHT, 0.9, 0), (9, MIDDLE, -0.1, 0), (6, (5, 35, 5), 0.4, 0)
    )
    early = FigureSettings(until=0.8)
    assert where_and_when(moments_of(found, "activation", early)) == [((5.0, 35.0, 5.0), 0.4)]
    one = FigureSettings(most=1)
    assert where_and_when(moments_of(found, "activation", one)) == [(RIGHT, 0.9)]


def test_given_times_are_drawn_at_their_strongest_place_weak_or_not():
    found = map_of((8, LEFT, 0.2, 0), (5, RIGHT, 0.6, 0))
    given = FigureSettings(activations=(0.61, 0.2, 0.9))
    first, second, third = moments_of(found, "activation", given)
    assert where_and_when((first, second)) == [(LEFT, 0.2), (RIGHT, 0.6)]
    assert (third.n_voxels, third.survives) == (0, False)
    assert (first.survives, first.n_voxels > 0) == (True, True)
    with pytest.raises(GridError, match=r"frames at 5 s are to be drawn; the map is of -0\.2 to"):
        moments_of(found, "activation", FigureSettings(activations=(5.0,)))


def test_the_largest_effect_is_strongest_where_z_is_beyond_the_threshold_unless_z_is_asked_for():
    found = map_of((8, LEFT, 0.2, 0), (5, RIGHT, 0.4, 0))
    effect = map_of((1, LEFT, 0.2, 0), (9, RIGHT, 0.4, 0), (20, MIDDLE, 0.4, 0)).effect
    other = replace(found, effect=effect)
    one = {"most": 1}
    by_effect, by_z = (
        moments_of(other, "activation", FigureSettings(strongest=what, **one))
        for what in ("effect", "z")
    )
    assert where_and_when(by_effect) == [(RIGHT, 0.4)]  # in the middle z is small
    assert_allclose((by_effect[0].z, by_effect[0].effect), (5, 4.5), rtol=1e-4)
    assert where_and_when(by_z) == [(LEFT, 0.2)]


def test_voxels_that_were_not_tested_have_no_moment():
    found = map_of((8, LEFT, 0.2, 0), (7, RIGHT, 0.2, 0))
    places = found.grid.world(np.indices(found.grid.shape).reshape(3, -1).T)
    right = (places[:, 0] > 0).reshape(found.grid.shape)
    half = replace(found, tested=found.brain & right)
    assert where_and_when(moments_of(half, "activation", CHOSEN)) == [(RIGHT, 0.2)]
    nothing = replace(found, tested=np.zeros_like(right))
    assert moments_of(nothing, "activation", CHOSEN) == ()


def test_a_table_of_moments_says_what_the_picture_shows(tmp_path):
    moments = moments_of(map_of((8, LEFT, 0.2, 0)), "activation", CHOSEN)
    path = tmp_path / "group_contrast-a_moments.tsv"
    write_moments_table(path, moments, sources=["a"], metadata={"Correction": "q"})
    table = read_table(path)
    assert [table[key][0] for key in ("sign", "time", "x", "survives")] == [
        "activation", "0.2", "-45.0", "True",
    ]  # fmt: skip
    assert read_json(path.with_suffix(".json"))["Correction"] == "q"


@pytest.fixture
def stored(rng, tmp_path):
    """A folder of statistics with one answer and one question that was not tested."""
    run = noise_run(rng, smooth_maps(rng, (4, 3, 2), 8), n_trials=64, names=("a", "b"))
    trials, question = cut_trials([run], SHORT), Question("a", "b")
    settings = TrialAnalysisSettings(
        window=SHORT, units={"trials": 4}, correction="fdr", level=0.9
    )
    mask = np.zeros((4, 3, 2), dtype=bool)
    mask[:2] = True
    seen = Visible(mask, "half of them", "others")
    found = answer(question, question.samples(trials, settings.units), settings, "units", seen)
    folder = tmp_path / "sub-01"
    write_answer(folder, "sub-01", found, sources=[], metadata={})
    average = [Question("b").average(trials)]
    write_untested(
        folder, "sub-01", Question("b"), average, reason="3 units", sources=[], metadata={}
    )
    return folder, found


def test_a_map_is_read_as_it_was_found(stored):
    folder, found = stored
    assert stored_labels(folder) == ("aMinusb",)
    read = read_map(folder, "aMinusb")
    assert_array_equal(read.z[read.brain], found.found.z)
    assert_array_equal(read.effect[read.brain], found.found.effect)
    assert_array_equal(read.found[read.brain], found.seen.seen)
    assert_array_equal(read.tested, found.visible.mask)
    assert (read.name, read.over, read.standard) == ("a less b", "16 units", "q <= 0.9 (fdr)")
    assert_allclose(read.axis.times, found.found.axis.times, atol=1e-9)
    assert AXIS.n_times != read.axis.n_times


def test_a_map_whose_sidecar_lacks_something_is_refused(stored):
    folder, _ = stored
    path = folder / "sub-01_contrast-aMinusb_stat-z_statmap.json"
    facts = read_json(path)
    del facts["Voxels"]
    write_json(path, facts)
    with pytest.raises(StoreError, match="its sidecar lacks 'Voxels'"):
        read_map(folder, "aMinusb")
