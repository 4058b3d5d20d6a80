import dataclasses

import pytest

from neurotranscoder.train.trained import load_trained, save_trained
from small_study import command

SUBJECT = ("--stage", "subject", "--set", "subject.frames=200", "--set", "subject.rounds=1")


@pytest.fixture(scope="module")
def other_unit(tiny_results, tmp_path_factory):
    """A model that was trained on EEG in microvolts: in V, all runs are far too small."""
    trained = load_trained(tiny_results / "models" / "closed_form")
    scaling = dataclasses.replace(trained.scaling, eeg=trained.scaling.eeg * 1e6)
    folder = tmp_path_factory.mktemp("model") / "microvolts"
    save_trained(folder, dataclasses.replace(trained, scaling=scaling))
    return folder


def lines(capsys):
    return [line for line in capsys.readouterr().err.split("\n") if "OUT OF RANGE" in line]


@pytest.mark.parametrize(
    ("words", "is_said"),
    [
        (("reconstruct",), True),
        (("reconstruct", "--from", "eeg"), True),
        (("reconstruct", "--from", "bold"), False),  # EEG is not looked at
        (("transcode", "--to", "bold"), True),
        (("transcode", "--to", "eeg"), False),
    ],
)
def test_each_run_whose_input_is_out_of_range_is_said(
    tiny_study, tmp_path, other_unit, capsys, words, is_said
):
    first, *rest = words
    subject = ("--model", other_unit, "--participant-label", "02")
    assert command(first, tiny_study, tmp_path / "out", *rest, *subject) == 0
    found = lines(capsys)
    assert len(found) == 5 * is_said  # runs
    assert all("sub-02" in line and "check the unit" in line for line in found)


def test_fitting_a_subject_says_it_of_each_of_its_runs(tiny_study, tmp_path, other_unit, capsys):
    words = (*SUBJECT, "--model", other_unit, "--participant-label", "02")
    assert command("train", tiny_study, tmp_path / "out", *words) == 0
    assert len(lines(capsys)) == 3


def test_movies_say_it_of_what_they_read(tiny_study, tmp_path, other_unit, capsys):
    words = (*SUBJECT, "--model", other_unit, "--participant-label", "02")
    assert command("train", tiny_study, tmp_path / "out", *words) == 0
    lines(capsys)
    for origin, n_runs in (("bold", 0), ("eeg", 5)):
        assert command("reconstruct", tiny_study, tmp_path / "out", *words, "--from", origin) == 0
        found = lines(capsys)
        assert len(found) == n_runs
        assert all("sub-02" in line and "check the unit" in line for line in found)


def test_movies_without_the_group_say_that_nothing_was_looked_at(
    tiny_study, tmp_path, other_unit, capsys
):
    words = (*SUBJECT, "--participant-label", "02")
    assert command("train", tiny_study, tmp_path / "out", *words, "--model", other_unit) == 0
    assert command("reconstruct", tiny_study, tmp_path / "out", *words) == 0
    assert "RANGE NOT CHECKED" in capsys.readouterr().err
    assert command("reconstruct", tiny_study, tmp_path / "out", *words, "--from", "bold") == 2
    assert "its response and scale tie BOLD to sources" in capsys.readouterr().err


def test_nothing_is_said_of_the_runs_of_the_study_itself(tiny_study, results, capsys):
    model = results / "models" / "closed_form"
    assert command("reconstruct", tiny_study, results, "--model", model) == 0
    assert command("train", tiny_study, results, *SUBJECT, "--model", model) == 0
    assert lines(capsys) == []
