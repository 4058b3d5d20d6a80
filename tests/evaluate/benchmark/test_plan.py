import pytest

from benchmark_example import tiny_plan
from neurotranscoder.core.errors import SettingsError
from neurotranscoder.evaluate.benchmark.plan import keep_split, shared_out
from neurotranscoder.simulate.catalogue import scenario_names


def counts(plan):
    split = plan.worlds()[0].split
    return len(split.training), len(split.validation), len(split.test)


def test_default_counts_are_30_and_5_and_those_of_the_paper_for_its_preset():
    free = {"train_runs": None, "test_runs": None, "duration": 600.0}
    assert counts(tiny_plan(**free)) == (27, 3, 5)
    assert counts(tiny_plan(**free, preset="paper")) == (270, 30, 19)


def test_every_world_has_the_same_head_and_a_geometry_of_its_own():
    plan = tiny_plan(scenarios=("sparse", "power"), geometry_seeds=(100, 101))
    worlds = plan.worlds()
    assert [world.name.split("-")[-1] for world in worlds] == ["100", "101"] * 2
    assert len({world.scenario.head for world in worlds}) == 1
    assert len({world.scenario.digest() for world in worlds}) == 4


def test_every_scenario_is_possible_at_whole_repetition_times():
    worlds = tiny_plan(scenarios=scenario_names(), duration=600.0).worlds()
    tr = {world.scenario.tr for world in worlds}
    assert tr == {2.0, 2.1}
    for world in worlds:
        assert abs(world.scenario.duration - 600.0) <= 0.5 * world.scenario.tr


def test_runs_of_which_nothing_would_be_scored_are_refused_before_any_is_simulated():
    assert tiny_plan(scenarios=("sparse",), duration=68.0).worlds()  # 32 + 30 + 3 x 2 s
    with pytest.raises(SettingsError, match=r"runs last 66 s; .* need runs of 68 s or more"):
        tiny_plan(scenarios=("sparse",), duration=66.0).worlds()


def test_subjects_take_turns_and_their_test_runs_come_last():
    assert shared_out(2, 3, 2) == [(0, 0), (1, 0), (0, 1), (0, 2), (1, 1)]


def test_subjects_are_those_of_a_scenario_that_spreads_them_and_else_one():
    spread, same = (tiny_plan(scenarios=(name,)).worlds()[0] for name in ("cohort", "sparse"))
    assert spread.scenario.n_subjects == 6
    assert same.scenario.n_subjects == 1
    assert same.scenario.runs_per_subject == 7


def test_another_split_is_refused_where_one_was_kept(tmp_path):
    keep_split(tmp_path, tiny_plan().worlds()[0].split)
    keep_split(tmp_path, tiny_plan().worlds()[0].split)
    with pytest.raises(SettingsError, match=r"2/2/3 .* benchmark has 3/2/3, or others"):
        keep_split(tmp_path, tiny_plan(train_runs=5).worlds()[0].split)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train_runs": 2}, "leave none to fit on"),
        ({"scenarios": ("nowhere",)}, "scenario is 'nowhere'"),
        ({"scenarios": ()}, "scenarios: Tuple should have at least 1 item"),
        ({"test_runs": -1}, "test_runs: Input should be greater than 0"),
    ],
)
def test_an_impossible_plan_is_refused(changes, message):
    with pytest.raises(SettingsError, match=message):
        tiny_plan(**changes).worlds()


def test_two_scenarios_of_one_name_are_refused(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.toml").write_text('base = "sparse"\n')
    files = tuple(str(tmp_path / folder / "mine.toml") for folder in ("a", "b"))
    with pytest.raises(SettingsError, match="two scenarios are called 'mine'"):
        tiny_plan(scenarios=files).worlds()
    (tmp_path / "a" / "mine.toml").write_text('base = "sparse"\nname = "../up"\n')
    with pytest.raises(SettingsError, match=r"is called '\.\./up'"):
        tiny_plan(scenarios=files[:1]).worlds()


def test_images_in_native_space_are_refused(tmp_path):
    path = tmp_path / "native.toml"
    path.write_text('base = "oddball"\n[native]\n', encoding="utf-8")
    plan = tiny_plan(scenarios=(str(path),))
    with pytest.raises(SettingsError, match="images in each subject's own space"):
        plan.worlds()
