import shutil
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder import load_study
from neurotranscoder.analyse.trust import trust_map
from neurotranscoder.cli.trust import subject_trust
from neurotranscoder.cli.workspace import Workspace
from neurotranscoder.config import Config
from neurotranscoder.io.movies import load_movie
from neurotranscoder.io.store import read_json, read_table
from neurotranscoder.reconstruct.subject_bold import bold_movie, fused_movie
from neurotranscoder.train.trained import load_trained
from neurotranscoder.train.trained_subject import digest_of_group, load_subject, save_subject
from small_study import bytes_below, command

RUN = "sub-01_task-oddball_run-01"
SUBJECT = (
    "--stage",
    "subject",
    "--set",
    "subject.frames=200",
    "--set",
    "subject.rounds=1",
    "--set",
    "subject.smoothings=[0.1]",
    "--set",
    "subject.loyalties=[1.0]",
)


@pytest.fixture(scope="module")
def fitted(tiny_study, tiny_results, tmp_path_factory):
    """Results with the models of both subjects, fitted by two processes."""
    out = tmp_path_factory.mktemp("subjects") / "out"
    assert command("train", tiny_study, out, "--architecture", "closed_form") == 0
    group = tiny_results / "models" / "closed_form"
    assert command("train", tiny_study, out, *SUBJECT, "--model", group, "--jobs", "2") == 0
    return out


def test_subjects_are_fitted_to_runs_that_are_not_for_testing(fitted):
    for subject in ("01", "02"):
        model = load_subject(fitted / "models" / "subjects" / f"sub-{subject}")
        labels = [f"sub-{subject}_task-oddball_run-0{number}" for number in (1, 2, 3)]
        assert model.runs == tuple(labels)
        assert model.choice("smoothing").scores


def test_a_subject_that_is_fitted_stays_as_it_is(tiny_study, tiny_results, fitted, capsys):
    before = bytes_below(fitted / "models" / "subjects")
    group = tiny_results / "models" / "closed_form"
    words = ("train", tiny_study, fitted, *SUBJECT, "--model", group, "--participant-label", "02")
    assert command(*words) == 0
    assert "sub-02 is complete" in capsys.readouterr().err
    assert bytes_below(fitted / "models" / "subjects") == before


def test_movies_of_all_runs_are_made_once(tiny_study, fitted, capsys):
    words = ("reconstruct", tiny_study, fitted, *SUBJECT, "--participant-label", "01")
    assert command(*words, "--window", "20", "21") == 0
    folder = fitted / "sub-01" / "func"
    movies = sorted(folder.glob("*.movie"))
    assert len(movies) == 5
    assert not list(fitted.glob("sub-02/func/*.movie"))
    movie = load_movie(movies[0])
    assert movie.axis.sfreq == 100
    image = nib.load(folder / f"{RUN}_res-voxel_desc-fromeeg_source.nii.gz")
    assert image.header.get_zooms()[3] == pytest.approx(0.01)
    expected = movie.unmask(movie.window(20, 21))
    assert_allclose(np.asarray(image.dataobj), expected, atol=1e-6 * np.abs(expected).max())
    sidecar = read_json(folder / f"{RUN}_res-voxel_desc-fromeeg_source.json")
    assert sidecar["StartTime"] == pytest.approx(20, abs=0.01)
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*.movie/*")}
    assert command(*words) == 0
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*.movie/*")} == before


def test_a_damaged_movie_is_made_again(tiny_study, fitted, capsys):
    words = ("reconstruct", tiny_study, fitted, *SUBJECT, "--participant-label", "02")
    assert command(*words) == 0
    path = next((fitted / "sub-02" / "func").glob("*.movie"))
    before = bytes_below(path)
    weights = next(path.glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1])
    assert command(*words) == 0
    assert "it is made again" in capsys.readouterr().err
    assert bytes_below(path) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("train", "--stage", "subject", "--architecture", "sparse"), "name one with --model"),
        (("train", "--model", "x"), "--model is for --stage subject"),
        (("reconstruct", "--stage", "subject", "--from", "bold"), "no model of any of these"),
        (("reconstruct", "--window", "1", "2"), "add --stage subject"),
        (("reconstruct", "--stage", "subject"), "no model of any of these subjects"),
        (("reconstruct", "--architecture", "paper"), "add --stage subject"),
        (("analyse", "--stage", "subject"), "no movie of any of these runs"),
        (("analyse", "--stage", "subject", "--model", "x", "y"), "fitted with one group model"),
    ],
)
def test_options_of_the_other_stage_are_refused(words, message, tiny_study, tmp_path, capsys):
    assert command(words[0], tiny_study, tmp_path / "out", *words[1:]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_movies_are_made_from_either_modality_and_from_both(tiny_study, tiny_results, fitted):
    words = ("reconstruct", tiny_study, fitted, *SUBJECT, "--participant-label", "01")
    folder = tiny_results / "models" / "closed_form"
    assert command(*words, "--from", "both", "--model", folder) == 0
    eeg, bold, fused = (
        load_movie(fitted / "sub-01" / "func" / f"{RUN}_res-voxel_desc-{name}_source.movie")
        for name in ("fromeeg", "frombold", "fused")
    )
    assert [one.origin for one in (eeg, bold, fused)] == ["eeg", "bold", "fused"]
    study, group = load_study(tiny_study), load_trained(folder)
    recording = study.load(study.runs[0])
    trained = load_subject(fitted / "models" / "subjects" / "sub-01")
    assert_array_equal(fused.courses, fused_movie(trained, group, recording).courses)
    assert_array_equal(bold.courses, bold_movie(trained, group, recording.bold).courses)
    before = {path: path.stat().st_mtime_ns for path in fitted.glob("sub-01/func/*.movie/*")}
    assert command(*words, "--from", "both") == 0  # the group model is found in OUT as well
    assert {path: path.stat().st_mtime_ns for path in before} == before


TESTS = ("analyse.trials.clusters.n_permutations=39", "analyse.trials.units.trials=4")
FEW = (  # pictures: they take most of the time
    "--set",
    'analyse.figures.conditions=["all"]',
    "--set",
    "analyse.figures.most=1",
)
ONE = (  # question, of one subject, without permutations
    "--set",
    'analyse.trials.conditions=["standard"]',
    "--set",
    "analyse.trials.correction=uncorrected",
    "--set",
    "analyse.figures.most=1",
)


def test_conditions_are_tested_in_movies_once(tiny_study, fitted, capsys):
    assert command("reconstruct", tiny_study, fitted, *SUBJECT) == 0
    settings = [word for one in TESTS for word in ("--set", one)]
    words = ("analyse", tiny_study, fitted, *SUBJECT, *settings, *FEW)
    assert command(*words) == 0
    said = capsys.readouterr().err
    assert "the model was fitted on 3 of these 5 runs" in said
    # two subjects can never reach .05
    assert "NOT TESTED: across subjects, all: 2 samples" in said
    alone = read_json(fitted / "statistics/group/group_contrast-all_stat-effect_statmap.json")
    assert alone["NotTested"].startswith("2 samples")
    assert len(list((fitted / "statistics/group").glob("*contrast-all*.nii.gz"))) == 1
    folder = fitted / "statistics" / "sub-01"
    image = nib.load(folder / "sub-01_contrast-all_stat-z_statmap.nii.gz")
    movie = load_movie(next((fitted / "sub-01" / "func").glob("*.movie")))
    assert_allclose(image.affine, movie.grid.voxel_to_world)
    assert image.shape == (*movie.mask.shape, 350)
    assert image.header.get_zooms()[3] == pytest.approx(0.01)
    assert float(image.header["toffset"]) == pytest.approx(-0.5)
    assert (folder / "sub-01_contrast-all_frames.png").read_bytes().startswith(b"\x89PNG")
    before = bytes_below(fitted / "statistics")
    capsys.readouterr()
    assert command(*words) == 0
    assert "sub-01, all" not in capsys.readouterr().err
    assert bytes_below(fitted / "statistics") == before
    (folder / "sub-01_contrast-all_peaks.tsv").unlink()
    assert command(*words) == 0
    assert bytes_below(fitted / "statistics") == before


def test_other_settings_leave_no_old_statistics(tiny_study, fitted):
    assert command("reconstruct", tiny_study, fitted, *SUBJECT) == 0
    words = ("--set", "analyse.trials.correction=fdr", "--set", "analyse.trials.unseen_runs=true")
    assert command("analyse", tiny_study, fitted, *SUBJECT, *words, *FEW) == 0
    folder = fitted / "statistics" / "sub-02"
    assert list(folder.glob("*desc-fdr*"))
    assert not list(folder.glob("*desc-cluster*"))
    sidecar = read_json(folder / "sub-02_contrast-all_peaks.json")
    assert len(sidecar["Runs"]) == 2
    assert sidecar["RunsThatTheModelWasFittedOn"] == []


@pytest.fixture
def atlas(tiny_study, tmp_path):
    """An atlas of two halves on the grid of the images, as command-line words."""
    image = nib.load(next(tiny_study.glob("sub-01/func/*_bold.nii.gz")))
    labels = np.ones(image.shape[:3], dtype=np.float32)
    labels[image.shape[0] // 2 :] = 2
    nib.Nifti1Image(labels, image.affine).to_filename(tmp_path / "atlas.nii.gz")
    (tmp_path / "atlas.tsv").write_text("index\tname\n1\tone\n2\tother\n")
    return ("--atlas", tmp_path / "atlas.nii.gz", "--labels", tmp_path / "atlas.tsv")


def test_regions_of_an_atlas_are_written_once(tiny_study, fitted, atlas, capsys):
    assert command("reconstruct", tiny_study, fitted, *SUBJECT) == 0
    quick = (*ONE, "--participant-label", "01")
    words = ("analyse", tiny_study, fitted, *SUBJECT, *quick, *atlas)
    assert command(*words) == 0
    folder = fitted / "regions" / "sub-01"
    conditions = {path.name.split("_")[1] for path in folder.glob("*_courses.tsv")}
    assert conditions == {"contrast-standard"}
    name = "sub-01_contrast-standard"
    courses = read_table(folder / f"{name}_courses.tsv")
    assert courses["region"] == ["one"] * 350 + ["other"] * 350
    assert read_table(folder / f"{name}_peaks.tsv")["region"] == ["one", "other"]
    assert len(read_table(folder / f"{name}_correlations.tsv")["r"]) == 4
    sidecar = read_json(folder / f"{name}_courses.json")
    assert str(atlas[1]) in sidecar["Sources"]
    assert len(sidecar["Runs"]) == 5
    before = {path: path.stat().st_mtime_ns for path in fitted.glob("regions/*/*")}
    assert command(*words) == 0
    assert {path: path.stat().st_mtime_ns for path in fitted.glob("regions/*/*")} == before
    atlas[3].write_text("index\tname\n1\tone\n2\tsecond\n")
    assert command(*words) == 0
    assert read_table(folder / f"{name}_peaks.tsv")["region"] == ["one", "second"]


def test_an_atlas_is_named_whole_and_for_subjects(tiny_study, tmp_path, atlas, capsys):
    words = ("analyse", tiny_study, tmp_path / "out")
    assert command(*words, "--stage", "subject", *atlas[:2]) == 2
    assert "name --atlas and --labels both" in capsys.readouterr().err
    assert command(*words, *atlas) == 2
    assert "add --stage subject" in capsys.readouterr().err


def test_trust_maps_are_made_from_runs_outside_of_the_fit(tiny_study, fitted, capsys):
    assert command("reconstruct", tiny_study, fitted, *SUBJECT) == 0
    words = ("analyse", tiny_study, fitted, *SUBJECT, *ONE)
    assert command(*words) == 0
    folder = fitted / "trust" / "sub-01"
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert len(before) == 10  # r, z, q and mask with sidecars, a picture, and the manifest
    sidecar = read_json(folder / "sub-01_res-voxel_desc-trust_q.json")
    runs = {name.split("/")[-1].split("_")[2] for name in sidecar["Sources"]}
    assert runs == {"run-04", "run-05"}
    study, model = load_study(tiny_study), load_subject(fitted / "models/subjects/sub-01")
    group = load_trained(fitted / "models" / "closed_form")
    others = [study.load(run) for run in study.runs if run.subject == "01"][3:]
    trust = trust_map(model, group, others)
    image = nib.load(folder / "sub-01_res-voxel_desc-trust_q.nii.gz")
    assert_allclose(np.asarray(image.dataobj)[model.mask], trust.q, atol=1e-6)
    assert command(*words) == 0
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_a_subject_whose_runs_are_all_in_the_fit_has_no_trust_map(tiny_study, fitted, capsys):
    folder = fitted / "models" / "subjects" / "sub-01"
    study, model = load_study(tiny_study), load_subject(folder)
    labels = tuple(run.label for run in study.runs if run.subject == "01")
    out = fitted.with_name("all_fitted")
    save_subject(out / "models" / "subjects" / "sub-01", replace(model, runs=labels))
    assert subject_trust(Workspace.open(tiny_study, out, Config()), "01", {}).trust is None
    assert (
        "NO TRUST MAP: sub-01: no run of it has both EEG and BOLD and is not in the fit"
        in capsys.readouterr().err
    )
    save_subject(out / "models" / "subjects" / "sub-01", model)
    assert subject_trust(Workspace.open(tiny_study, out, Config()), "01", {}).trust is None
    assert "group model that it was fitted with is not known" in capsys.readouterr().err
    assert not (out / "trust").exists()


def test_statistics_follow_a_trust_map_that_sees_less(tiny_study, fitted, monkeypatch):
    assert command("reconstruct", tiny_study, fitted, *SUBJECT) == 0
    words = ("analyse", tiny_study, fitted, *SUBJECT, *ONE, "--participant-label", "01")
    assert command(*words) == 0
    folder, name = fitted / "statistics" / "sub-01", "sub-01_contrast-standard"
    whole = (folder / f"{name}_stat-z_statmap.nii.gz").read_bytes()
    shutil.rmtree(fitted / "trust")

    def half_seen(*given):
        trust = trust_map(*given)
        return replace(trust, q=np.where(np.arange(len(trust.q)) % 2, trust.q, 1.0))

    with monkeypatch.context() as patched:
        patched.setattr("neurotranscoder.cli.trust.trust_map", half_seen)
        assert command(*words) == 0
    assert (folder / f"{name}_stat-z_statmap.nii.gz").read_bytes() == whole
    sidecar = read_json(folder / f"{name}_peaks.json")
    assert "voxels that the model sees (trust map, q <= 0.05)" in sidecar["Voxels"]
    assert sidecar["RunsOfTheTrustMap"] == [f"{RUN[:-1]}4", f"{RUN[:-1]}5"]
    found, mask = (
        np.asarray(nib.load(folder / f"{name}_{part}.nii.gz").dataobj)
        for part in ("stat-z_desc-uncorrected_statmap", "desc-trust_mask")
    )
    assert 0 < mask.sum() <= load_subject(fitted / "models/subjects/sub-01").mask.sum() / 2
    assert not found[mask == 0].any()
    assert command(*words, "--set", "analyse.trials.trust_q=none") == 0
    sidecar = read_json(folder / f"{name}_peaks.json")
    assert sidecar["Voxels"] == "all voxels, as analyse.trials.trust_q is none"
    assert not list(folder.glob("*_mask.nii.gz"))
    shutil.rmtree(fitted / "trust")  # other tests make it anew


def test_a_trust_map_is_made_again_when_the_eeg_of_its_runs_changes(tiny_study, fitted, tmp_path):
    study, group = tmp_path / "study", load_trained(fitted / "models" / "closed_form")
    shutil.copytree(tiny_study, study)
    out = tmp_path / "out"
    shutil.copytree(fitted / "models", out / "models")
    space = Workspace.open(study, out, Config())
    first = subject_trust(space, "01", {digest_of_group(group): group})
    assert subject_trust(space, "01", {}).identity == first.identity  # it is there
    path = next(study.glob("sub-01/eeg/*run-04_eeg.eeg"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    again = subject_trust(space, "01", {digest_of_group(group): group})
    assert again.identity != first.identity
    assert subject_trust(space, "02", {}).trust is None


@pytest.fixture
def movies(tiny_study, fitted, tmp_path):
    """Results with models and movies that a test may write to."""
    assert command("reconstruct", tiny_study, fitted, *SUBJECT) == 0
    kept = shutil.ignore_patterns("statistics", "trust", "regions", "figures", "expected")
    return shutil.copytree(fitted, tmp_path / "movies", ignore=kept)


def test_processes_make_the_bytes_of_one_from_any_folder(
    tiny_study, movies, tmp_path, monkeypatch, capsys
):
    other = shutil.copytree(movies, tmp_path / "other")
    words = (*SUBJECT, *ONE)
    assert command("analyse", tiny_study, movies, *words) == 0
    said = capsys.readouterr().err
    monkeypatch.chdir(tmp_path)
    assert command("analyse", tiny_study, "other", *words, "--jobs", "2") == 0
    for part in ("statistics", "trust"):
        assert bytes_below(other / part) == bytes_below(movies / part)
    assert "FEW SUBJECTS: 2 subjects: p holds only" in said
    sidecar = read_json(movies / "statistics/group/group_contrast-standard_peaks.json")
    assert sidecar["Caution"].startswith("2 subjects: p holds only")
    assert capsys.readouterr().err.replace("other/", f"{movies}/") == said


def test_moments_are_drawn_again_for_other_frames_and_nothing_is_tested_again(
    tiny_study, movies, capsys
):
    words = ("analyse", tiny_study, movies, *SUBJECT, *ONE, "--set", "analyse.space=mni")
    frames = ("--set", "analyse.figures.activations=[0.3]")
    assert command(*words) == 0
    folder = movies / "figures" / "group"
    name = "group_contrast-standard_moments"
    assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    chosen = (folder / f"{name}.svg").read_bytes()
    before, drawn = bytes_below(movies / "statistics"), bytes_below(movies / "figures")
    assert command(*words) == 0
    assert bytes_below(movies / "figures") == drawn
    assert command(*words, *frames) == 0
    assert bytes_below(movies / "statistics") == before
    assert (folder / f"{name}.svg").read_bytes() != chosen
    table = read_table(folder / f"{name}.tsv")
    times = [t for t, sign in zip(table["time"], table["sign"], strict=True) if sign[0] == "a"]
    assert times == ["0.3"]


def test_figures_that_can_never_be_drawn_are_refused_all_at_once(tiny_study, movies, capsys):
    wrong = ('conditions=["face", "oddball less face"]', "deactivations=[7.0]")
    settings = [word for one in wrong for word in ("--set", f"analyse.figures.{one}")]
    assert command("analyse", tiny_study, movies, *SUBJECT, *ONE, *settings) == 2
    said = capsys.readouterr().err
    assert "2 problems found" in said
    assert "conditions: got 'face', 'oddball less face'; need some of 'standard'" in said
    assert "got a frame at 7 s; need times in the window of trials, -0.5 to 3 s" in said
    assert not (movies / "statistics").exists()


def test_figures_of_conditions_that_are_not_looked_at_are_left_out_and_that_is_said(
    tiny_study, movies, capsys
):
    drawn = ("--set", 'analyse.figures.conditions=["oddball"]', "--participant-label", "01")
    assert command("analyse", tiny_study, movies, *SUBJECT, *ONE, *drawn) == 0
    assert (
        "NOT DRAWN: analyse.figures.conditions has 'oddball'; the means and contrasts are "
        "'standard'; choose among these"
    ) in capsys.readouterr().err
    assert list((movies / "statistics" / "sub-01").glob("*contrast-standard*"))
    assert not list(movies.glob("figures/*/*_moments*"))


def test_expected_regions_have_courses_in_mni_space_alone(tiny_study, movies, capsys):
    region = '{region="frontal", sign="activation", start=0.1, stop=0.2}'
    words = (
        "analyse",
        tiny_study,
        movies,
        *SUBJECT,
        *ONE,
        "--set",
        f"analyse.expected=[{region}]",
    )
    assert command(*words) == 0
    assert "NO EXPECTED REGIONS: images are not named as in MNI" in capsys.readouterr().err
    assert not (movies / "expected").exists()
    assert command(*words, "--set", "analyse.space=mni") == 0
    folder = movies / "expected"
    table = read_table(folder / "group" / "group_desc-expected_peaks.tsv")
    assert [table[key] for key in ("condition", "region", "n", "expected")] == [
        ["standard"], ["frontal"], ["2"], ["activation 0.1-0.2 s"],
    ]  # fmt: skip
    assert (folder / "group" / "group_desc-expected_courses.png").is_file()
    subject = read_table(folder / "sub-01" / "sub-01_desc-expected_courses.tsv")
    assert len(subject["time"]) == 350
    before = bytes_below(folder)
    assert command(*words, "--set", "analyse.space=mni") == 0
    assert bytes_below(folder) == before


def damaged(study, out, labels):
    """Break many things at once; return what is to be said of each, and the words of a command."""
    func = study / "sub-01" / "func"
    (func / f"{RUN}_events.tsv").write_text("onset\tduration\ttrial_type\n")
    late = (study / "sub-01/func" / f"{RUN[:-1]}2_events.tsv").read_text().splitlines()
    rows = [line.split("\t") for line in late[1:]]
    moved = ["\t".join([str(float(row[0]) * 1000), *row[1:]]) for row in rows[5:]]
    (func / f"{RUN[:-1]}2_events.tsv").write_text("\n".join([late[0], *moved]) + "\n")
    func = out / "sub-01" / "func"
    shutil.rmtree(func / f"{RUN[:-1]}3_res-voxel_desc-fromeeg_source.movie")
    movie = func / f"{RUN[:-1]}4_res-voxel_desc-fromeeg_source.movie"
    weights = next(movie.glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1])
    shutil.rmtree(out / "models" / "subjects" / "sub-02")
    image = nib.load(labels[1])
    far = image.affine + np.array([[0, 0, 0, 1e4]] * 3 + [[0] * 4])
    nib.Nifti1Image(np.asarray(image.dataobj), far).to_filename(labels[1])
    words = ("--set", 'analyse.trials.conditions=["face"]', *labels)
    return (
        f"{RUN}_events.tsv: rows: got no event; need events, as the other runs of this task",
        "none with its window (-0.5 to 3 s) inside; need onsets in s on the scanner clock",
        "run-03_res-voxel_desc-fromeeg_source.movie: movie: got none; need a movie of each run",
        "bytes; need ",
        "sub-02: model: got no manifest.json; need the model of this subject; name the folder",
        "no region of the atlas is on the grid of the movie",
        "trials: got the conditions 'face'; need some of 'oddball', 'standard', which events.tsv",
    ), words


def test_everything_that_is_wrong_with_the_inputs_is_said_at_once(
    tiny_study, movies, tmp_path, atlas, capsys
):
    study = shutil.copytree(tiny_study, tmp_path / "study")
    expected, words = damaged(study, movies, atlas)
    before = bytes_below(movies)
    assert command("analyse", study, movies, *SUBJECT, *words) == 2
    said = capsys.readouterr().err
    for text in expected:
        assert text in said
    assert f"{len(expected)} problems found" in said
    assert bytes_below(movies) == before


def test_a_group_model_that_subjects_were_not_fitted_with_is_refused(
    tiny_study, tiny_results, movies, capsys
):
    wrong = tiny_results / "models" / "transcoder"
    assert command("analyse", tiny_study, movies, *SUBJECT, "--model", wrong) == 2
    said = capsys.readouterr().err
    assert "2 problems found" in said
    assert f"{wrong}: model: got a group model" in said
    assert "need that which sub-02 was fitted with" in said


def test_rest_and_subjects_without_movies_are_left_out_and_that_is_said(
    tiny_study, movies, tmp_path, capsys
):
    study = shutil.copytree(tiny_study, tmp_path / "study")
    for path in study.glob("sub-01/*/*_events.tsv"):
        path.write_text("onset\tduration\ttrial_type\n")
    shutil.rmtree(movies / "sub-02")
    assert command("analyse", study, movies, *SUBJECT, *ONE) == 2
    said = capsys.readouterr().err
    assert "sub-01: task-oddball: none of its runs has an event; left out" in said
    assert "sub-02: NO MOVIES: left out" in said
    assert "got no run with events that is left to analyse" in said
    assert command("analyse", study, movies, *SUBJECT, "--participant-label", "02") == 2
    assert "no movie of any of these runs of sub-02" in capsys.readouterr().err
