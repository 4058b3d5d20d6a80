import shutil

import pytest

from neurotranscoder.io.store import read_json, read_table
from neurotranscoder.physics.channels import CHANNELS_64
from neurotranscoder.preprocess.study import open_study
from neurotranscoder.preprocess.study_settings import StudySettings
from odd_caps import LACKING, UNKNOWN, retyped, study_of_odd_caps
from small_study import command

STEPS = ("--set", 'clean.steps=["channels", "filters", "reference"]')


@pytest.fixture(scope="module")
def odd_study(tmp_path_factory):
    """Four subjects with other caps, one broken; never write to it."""
    return study_of_odd_caps(tmp_path_factory.mktemp("odd") / "study")


@pytest.fixture(scope="module")
def clean(odd_study, tmp_path_factory):
    """What `preprocess` makes of it, and its exit code."""
    out = tmp_path_factory.mktemp("clean") / "out"
    return out, command("preprocess", odd_study, out, *STEPS, quick=False)


def sidecar(out, subject):
    return read_json(next(out.glob(f"sub-{subject}/eeg/*_desc-preproc_eeg.json")))


def test_other_caps_are_brought_to_one_set_and_listed(clean):
    out, code = clean
    assert code == 1  # sub-04 is broken
    assert sidecar(out, "01")["InterpolatedChannels"] == []
    assert sorted(sidecar(out, "02")["InterpolatedChannels"]) == sorted(LACKING)
    assert sorted(sidecar(out, "03")["InterpolatedChannels"]) == sorted(UNKNOWN)
    assert sidecar(out, "03")["ChannelsLeftOut"] == ["TP9h", "Izh"]
    page = (out / "preprocessing.html").read_text(encoding="utf-8")
    assert "renamed: FP1 (Fp1), T3 (T7), T4 (T8), T5 (P7)" in page
    settings = (out / "settings.toml").read_text(encoding="utf-8")
    assert 'channels = ["Fp1", "Fpz", ' in settings


def test_the_clean_study_has_one_cap_with_places_and_says_what_is_a_guess(clean, odd_study):
    study = open_study(clean[0], StudySettings(images=odd_study, channels="same"))
    assert {recording.eeg.montage.names for recording in study} == {CHANNELS_64}
    assert all(recording.eeg.montage.positions is not None for recording in study)
    notes = study.notes[study.runs[1]]
    assert "EEG channels that cleaning interpolated: F3, CP4" in notes


def test_recordings_of_the_clean_study_know_which_channels_are_guesses(clean, odd_study):
    study = open_study(clean[0], StudySettings(images=odd_study, channels="same"))
    guessed = {one.run.subject: set(one.eeg.interpolated) for one in study}
    assert guessed == {"01": set(), "02": set(LACKING), "03": set(UNKNOWN)}


def test_channels_that_are_guessed_while_a_run_is_read_are_known_as_well(odd_study):
    settings = StudySettings(channels=CHANNELS_64, participants=("02",))
    (recording,) = open_study(odd_study, settings)
    assert set(recording.eeg.interpolated) == set(LACKING)


def test_the_table_of_electrodes_has_those_that_are_guessed(clean):
    table = read_table(next(clean[0].glob("sub-03/eeg/*_electrodes.tsv")))
    assert {"Iz", "Izh"} <= set(table["name"])


def test_a_subject_that_lacks_too_much_is_left_out_before_anything_is_cleaned(
    odd_study, tmp_path, capsys
):
    study = tmp_path / "study"
    shutil.copytree(odd_study, study, ignore=shutil.ignore_patterns("derivatives", "sub-04"))
    retyped(study, "02", CHANNELS_64[:20])
    assert command("preprocess", study, tmp_path / "out", *STEPS, quick=False) == 1
    said = capsys.readouterr().err
    assert "21 of the 64 channels of the study are not in the recording (Fp1, Fpz" in said
    assert "need at most 25% that are interpolated" in said
    assert "study.max_interpolated" in said
    assert sorted(path.name for path in (tmp_path / "out").glob("sub-*")) == ["sub-01", "sub-03"]


def test_same_channels_are_refused_subject_by_subject(odd_study, tmp_path, capsys):
    same = (*STEPS, "--set", "study.channels=same")
    assert command("preprocess", odd_study, tmp_path / "out", *same, quick=False) == 1
    assert "the channels of sub-01_task-oddball_run-01" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out").glob("sub-*")] == ["sub-01"]


def test_names_that_are_nowhere_are_refused_but_those_that_cleaning_left_out_are_not(
    odd_study, tmp_path, capsys
):
    def said(study, out, name, *words):
        exclude = ("--set", f'study.exclude_channels=["{name}"]', "--participant-label", "01")
        return command("preprocess", study, out, *STEPS, *exclude, *words, quick=False)

    assert said(odd_study, tmp_path / "no", "E99") == 2
    assert "study.exclude_channels: got ['E99'], which no EEG file has" in capsys.readouterr().err
    assert said(odd_study, tmp_path / "yes", "Oz") == 0
    images = ("--set", f'study.images="{odd_study}"')
    assert said(tmp_path / "yes", tmp_path / "again", "Oz", *images) == 0


def test_eog_that_no_run_has_is_refused_at_the_start_and_that_of_some_is_said(
    odd_study, tmp_path, capsys
):
    def said(name, steps='["ocular"]'):
        words = (f"clean.steps={steps}", f'clean.ocular.eog=["{name}"]')
        settings = [part for word in words for part in ("--set", word)]
        participant = ("--participant-label", "02")
        code = command("preprocess", odd_study, tmp_path / name, *settings, *participant)
        return code, capsys.readouterr().err

    code, words = said("E25")
    assert (code, "clean.ocular.eog: got ['E25'], which no run has" in words) == (2, True)
    assert not (tmp_path / "E25").exists()
    assert said("E26", '["reference"]')[0] == 0  # blinks are not looked for
    code, words = said("TP9h")  # sub-03 has it
    assert (code, "the recording has no channel TP9h to find blinks in" in words) == (0, True)


def test_one_subject_alone_is_brought_to_the_channels_of_all(clean, odd_study, tmp_path, capsys):
    out = tmp_path / "out"
    one = (*STEPS, "--participant-label", "02")
    assert command("preprocess", odd_study, out, *one, quick=False) == 0
    assert sidecar(out, "02") == sidecar(clean[0], "02")
    other = (*one, "--set", "study.channels=shared")
    assert command("preprocess", odd_study, out, *other, quick=False) == 2
    assert "brought to other channels (study.channels of settings.toml)" in capsys.readouterr().err
