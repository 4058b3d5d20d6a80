import shutil
from contextlib import redirect_stderr
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.analyse.trials import TrialSettings, cut_trials
from neurotranscoder.analyse.units import UnitSettings, mean_units
from neurotranscoder.analyse.zmaps import z_map
from neurotranscoder.config import Config
from neurotranscoder.io.movies import load_movie
from neurotranscoder.io.nifti import array_of, image_of, open_image
from neurotranscoder.io.store import read_json, read_table
from neurotranscoder.preprocess.listing import events_of, list_study
from neurotranscoder.report.subjects import read_subject_stage
from neurotranscoder.train.trained_subject import load_subject, save_subject
from small_study import command

RUN = "task-oddball_run-0"
QUICK = ("--stage", "subject", "--set", "subject.frames=200", "--set", "subject.rounds=1")
WINDOW = {"start": -0.2, "stop": 0.4, "baseline_start": -0.2}
TRIALS = (
    'conditions=["standard"]', "correction=fdr", "units.trials=4", "window.start=-0.2",
    "window.stop=0.4", "window.baseline_start=-0.2",
)  # fmt: skip
MEAN = (
    *(word for one in TRIALS for word in ("--set", f"analyse.trials.{one}")),
    "--set",
    "analyse.figures.activations=[0.1, 0.3]",
    "--set",
    "analyse.figures.deactivations=[0.1, 0.3]",
)
NAME = "contrast-standard_stat-effect_statmap"


@pytest.fixture(scope="module")
def lone(tiny_study, tmp_path_factory):
    """Another study: subject 01 has EEG alone and a run with both, subject 02 BOLD alone."""
    root = tmp_path_factory.mktemp("lone") / "study"
    keep = shutil.ignore_patterns("derivatives", "*run-01*", "*run-02*", "*run-03*")
    shutil.copytree(tiny_study, root, ignore=keep)
    for path in (root / "sub-01" / "func").glob("*run-04*"):
        path.unlink()
    shutil.rmtree(root / "sub-02" / "eeg")
    return root


@pytest.fixture(scope="module")
def made(tiny_study, tiny_results, lone, tmp_path_factory):
    """Models of subjects that were fitted in the tiny study, and movies of the other one."""
    base = tmp_path_factory.mktemp("lone_results")
    model = ("--model", tiny_results / "models" / "closed_form")
    assert command("train", tiny_study, base / "fit", *QUICK, *model) == 0
    words = (*QUICK, *model, "--subject-models", base / "fit" / "models" / "subjects")
    assert command("reconstruct", lone, base / "out", *words, "--from", "both") == 0
    return base / "out", words


@dataclass(frozen=True)
class Done:
    """Results of an analysis, and what it said."""

    out: Path
    said: str

    def sidecar(self, name):
        return read_json(self.out / "statistics" / name / f"{name}_{NAME}.json")


@pytest.fixture(scope="module")
def analysed(lone, made, tmp_path_factory):
    """Analyses of the other study with each kind of movies; never write to them."""
    found = {}
    for kind in ("eeg", "bold", "any"):
        out = tmp_path_factory.mktemp(kind) / "out"
        shutil.copytree(made[0], out)
        with redirect_stderr(StringIO()) as said:
            words = ("--set", f"analyse.trials.movies={kind}")
            assert command("analyse", lone, out, *made[1], *MEAN, *words) == 0
        found[kind] = Done(out, said.getvalue())
    return found


def test_eeg_alone_is_averaged_with_eeg_beside_bold(analysed):
    found = analysed["eeg"].sidecar("sub-01")
    assert found["Runs"] == [f"sub-01_{RUN}4", f"sub-01_{RUN}5"]
    assert found["RecordedInRuns"] == ["EEG alone", "both"]
    assert found["MoviesFrom"] == "EEG: 1 run with both, 1 run of EEG alone"
    assert found["RunsThatTheModelWasFittedOn"] == []
    assert "Caution" not in found


def test_bold_alone_is_left_out_of_movies_from_eeg_and_that_is_said(analysed):
    words = f"2 runs of BOLD alone (sub-02_{RUN}4, ...) left out: analyse.trials.movies is 'eeg'"
    assert words in analysed["eeg"].said
    assert not (analysed["eeg"].out / "statistics" / "sub-02").exists()


def test_the_page_says_what_movies_are_from(analysed):
    parts = {one.name: one.asked[0] for one in read_subject_stage(analysed["any"].out).parts}
    words = "Movies from EEG: 1 run with both, 1 run of EEG alone"
    assert words in parts["sub-01"].words
    assert f"{words}; BOLD: 2 runs of BOLD alone. Caution: movies from" in parts["group"].words


def test_the_average_is_that_of_movies_at_the_events_of_either_clock(analysed, lone):
    out, study = analysed["eeg"].out, list_study(lone, Config().study, alone=True)
    mine = [one for one in (*study.alone, *study.runs) if one.subject == "01"]
    parts = [
        (load_movie(next(out.rglob(f"{one.label}_*fromeeg*.movie"))), events_of(study, one))
        for one in mine
    ]
    trials = cut_trials(parts, TrialSettings.model_validate(WINDOW)).of("standard")
    expected = z_map(mean_units(trials, UnitSettings(trials=4)))
    path = out / "statistics" / "sub-01" / f"sub-01_{NAME}.nii.gz"
    values = array_of(open_image(path), path)[expected.mask]
    assert_allclose(values, expected.effect, atol=1e-6 * np.abs(values).max())  # single precision


def test_events_of_a_run_that_lost_its_bold_are_on_the_clock_of_its_eeg(tiny_study, lone):
    both, alone = (list_study(root, Config().study, alone=True) for root in (tiny_study, lone))
    run = next(iter(alone.alone))
    assert run.label == f"sub-01_{RUN}4"
    onset = both.load(run).clock.eeg_start + events_of(alone, run).onset
    # over two minutes the clocks drift apart by some ms
    assert_allclose(onset, events_of(both, run).onset, atol=0.01)


def test_movies_from_bold_come_with_a_caution(analysed):
    done = analysed["bold"]
    slow = "movies from BOLD hold nothing faster than about .2 Hz"
    assert f"SLOW OR MIXED MOVIES: sub-02: {slow}" in done.said
    assert done.sidecar("sub-02")["RecordedInRuns"] == ["BOLD alone", "BOLD alone"]
    assert done.sidecar("sub-02")["Caution"].startswith(slow)
    assert done.sidecar("sub-01")["Runs"] == [f"sub-01_{RUN}5"]
    group = done.sidecar("group")
    assert group["MoviesFrom"] == "BOLD: 1 run with both, 2 runs of BOLD alone"
    assert "in one average" not in group["Caution"]


def test_kinds_are_mixed_where_it_is_asked_for_and_then_that_is_said(analysed):
    done = analysed["any"]
    words = "movies from EEG and movies from BOLD are in one average"
    assert f"SLOW OR MIXED MOVIES: across subjects: {words}" in done.said
    caution = done.sidecar("group")["Caution"]
    assert caution.startswith(words)
    assert "2 subjects: a false discovery rate is not tested" in caution
    assert "Caution" not in done.sidecar("sub-01")


def test_a_movie_of_another_model_is_refused_before_anything_is_written(
    lone, made, tmp_path, capsys
):
    out, place = tmp_path / "out", tmp_path / "subjects"
    shutil.copytree(made[0], out)
    shutil.copytree(made[1][-1], place)
    for path in (place / "sub-01", place / "sub-02"):
        trained = load_subject(path)
        shutil.rmtree(path)
        save_subject(path, replace(trained, maps=2 * trained.maps))
    words = (*made[1][:-1], place)
    assert command("analyse", lone, out, *words, *MEAN) == 2
    said = capsys.readouterr().err
    assert "2 problems found" in said
    assert f"got one of another model; need one of the model in {place / 'sub-01'}" in said
    assert not (out / "statistics").exists()


def test_runs_of_the_names_of_the_fit_count_as_seen(lone, made, tmp_path):
    study, out = shutil.copytree(lone, tmp_path / "study"), tmp_path / "out"
    for path in sorted(study.glob("sub-*/*/*run-04*")):
        content = path.read_bytes().replace(b"run-04", b"run-01")
        path.with_name(path.name.replace("run-04", "run-01")).write_bytes(content)
        path.unlink()
    words = (*made[1], "--participant-label", "01")
    assert command("reconstruct", study, out, *words) == 0
    assert command("analyse", study, out, *words, *MEAN) == 0
    found = Done(out, "").sidecar("sub-01")
    assert found["Runs"] == [f"sub-01_{RUN}1", f"sub-01_{RUN}5"]
    assert found["RunsThatTheModelWasFittedOn"] == [f"sub-01_{RUN}1"]


def test_a_table_that_cannot_be_read_is_not_said_to_have_no_event(lone, made, tmp_path, capsys):
    study = shutil.copytree(lone, tmp_path / "study")
    for table in study.rglob("*_events.tsv"):
        table.write_text("onset\tduration\nsoon\t1\n", encoding="utf-8")
    shutil.copytree(made[0], tmp_path / "out")
    assert command("analyse", study, tmp_path / "out", *made[1], *MEAN) == 2
    said = capsys.readouterr().err
    assert "line 2, onset: got 'soon'" in said
    assert "none of its runs has an event" not in said


def test_a_kind_that_no_run_can_have_names_those_that_are_possible(lone, made, tmp_path, capsys):
    words = ("analyse", lone, tmp_path / "out", *made[1], "--participant-label", "02")
    assert command(*words) == 2
    assert "no run has what such a movie is made from; set it to 'bold'" in capsys.readouterr().err


@pytest.fixture
def of_eeg(lone, tmp_path):
    """A study of one subject without any image, and an atlas of its brain as words."""
    study = shutil.copytree(lone, tmp_path / "study")
    shutil.rmtree(study / "sub-01" / "func")
    shutil.rmtree(study / "sub-02")
    (tmp_path / "atlas.tsv").write_text("index\tname\n1\tbrain\n")
    return study, ("--atlas", tmp_path / "atlas.nii.gz", "--labels", tmp_path / "atlas.tsv")


def test_regions_and_pictures_need_no_image_of_a_subject(of_eeg, made, tmp_path, capsys):
    (study, atlas), out = of_eeg, tmp_path / "out"
    assert command("reconstruct", study, out, *made[1]) == 0
    movie = load_movie(next(out.rglob("*.movie")))
    image_of(movie.mask.astype(np.float32), movie.grid).to_filename(atlas[1])
    assert command("analyse", study, out, *made[1], *MEAN, *atlas) == 0
    said = capsys.readouterr().err
    assert "NO TRUST MAP: sub-01: no run of it has both EEG and BOLD" in said
    assert "NO RESPONSES: sub-01" in said
    stem = "sub-01/sub-01_contrast-standard"
    for picture in (f"statistics/{stem}_frames.png", f"figures/{stem}_moments.png"):
        assert (out / picture).read_bytes().startswith(b"\x89PNG")
    assert read_table(out / f"regions/{stem}_peaks.tsv")["region"] == ["brain"]
