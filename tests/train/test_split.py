import random

import pytest

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.recording import RunId
from neurotranscoder.train.split import Split, SplitSettings, split_runs


def runs_of(n_subjects, n_runs):
    return [
        RunId(f"{subject + 1:02d}", "rest", run=f"{run + 1:02d}")
        for subject in range(n_subjects)
        for run in range(n_runs)
    ]


def test_the_last_runs_of_each_subject_are_held_out():
    split = split_runs(runs_of(2, 5), SplitSettings())
    assert split.test == tuple(run.label for run in runs_of(2, 5) if run.run in ("04", "05"))
    assert split.validation == tuple(run.label for run in runs_of(2, 5) if run.run == "03")
    assert len(split.training) == 4


def test_whole_subjects_are_held_out_when_asked():
    split = split_runs(runs_of(4, 2), SplitSettings(by="subject", test=1, validation=1))
    assert {label[:6] for label in split.test} == {"sub-04"}
    assert {label[:6] for label in split.validation} == {"sub-03"}
    assert {label[:6] for label in split.training} == {"sub-01", "sub-02"}


def test_every_run_is_in_exactly_one_part_whatever_the_order():
    runs = runs_of(3, 7)
    shuffled = random.Random(0).sample(runs, len(runs))
    split = split_runs(shuffled, SplitSettings(test=3, validation=2))
    assert split == split_runs(runs, SplitSettings(test=3, validation=2))
    parts = [*split.training, *split.validation, *split.test]
    assert sorted(parts) == sorted(run.label for run in runs)


def test_an_empty_part_is_refused():
    with pytest.raises(SettingsError, match=r"0 training, 2 validation and 4 test runs; .* add"):
        split_runs(runs_of(2, 3), SplitSettings())
    with pytest.raises(SettingsError, match="0 training, 0 validation and 1 test"):
        split_runs(runs_of(1, 1), SplitSettings())


def test_a_run_in_two_parts_is_refused():
    with pytest.raises(SettingsError, match=r"runs \['a'\] are in two parts of the split"):
        Split(("a", "b"), ("a",), ("c",))


def test_a_study_without_a_run_of_the_split_is_refused():
    split = split_runs(runs_of(2, 5), SplitSettings())
    split.check(runs_of(2, 6))
    with pytest.raises(SettingsError, match="no run sub-02_task-rest_run-03, sub-02"):
        split.check(runs_of(1, 5) + runs_of(2, 2)[2:])


def test_runs_that_a_study_states_are_its_test_runs_and_never_train():
    runs = runs_of(2, 6)
    stated = {runs[0].label, runs[3].label, runs[7].label}
    split = split_runs(runs, SplitSettings(test=2, validation=1), stated=stated)
    assert set(split.test) == stated
    assert split.validation == (runs[5].label, runs[11].label)
    assert len(split.training) == 12 - 3 - 2


def test_leaving_subjects_out_does_not_ask_which_runs_are_for_testing():
    runs = runs_of(3, 2)
    settings = SplitSettings(by="subject", test=1, validation=1)
    assert split_runs(runs, settings, stated={runs[0].label}) == split_runs(runs, settings)
