import nibabel as nib
import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.analyse.subject_maps import SubjectMaps
from neurotranscoder.io.store import read_json, read_table
from neurotranscoder.preprocess.study import open_study
from neurotranscoder.train.trained_subject import load_subject
from small_study import bytes_below, command

QUICK = ("--set", "analyse.trials.correction=fdr", "--participant-label", "01")
STAGE = ("--stage", "subject")


@pytest.fixture(scope="module")
def fitted(tiny_study, tiny_results, tmp_path_factory):
    """Results with the model and movies of one subject."""
    out = tmp_path_factory.mktemp("subjects") / "out"
    group = tiny_results / "models" / "closed_form"
    words = (tiny_study, out, *STAGE, "--model", group, "--participant-label", "01")
    assert command("train", *words) == 0
    assert command("reconstruct", *words) == 0
    return out


@pytest.fixture(scope="module")
def atlas(tiny_study, tmp_path_factory):
    """An atlas of two halves on the grid of the images, as command-line words."""
    folder = tmp_path_factory.mktemp("atlas")
    image = nib.load(next(tiny_study.glob("sub-01/func/*_bold.nii.gz")))
    labels = np.ones(image.shape[:3], dtype=np.float32)
    labels[image.shape[0] // 2 :] = 2
    nib.Nifti1Image(labels, image.affine).to_filename(folder / "atlas.nii.gz")
    (folder / "atlas.tsv").write_text("index\tname\n1\tone half\n2\tother\n")
    return ("--atlas", folder / "atlas.nii.gz", "--labels", folder / "atlas.tsv")


@pytest.fixture(scope="module")
def readouts(tiny_study, tiny_results, fitted, atlas):
    """What was asked for of the subject, and the words that asked."""
    group = tiny_results / "models" / "closed_form"
    asked = ("--electrode", "Cz", "--place", "-40", "-20", "30", "--place", "30", "-60", "20")
    words = ("analyse", tiny_study, fitted, *STAGE, *QUICK, *atlas, "--model", group)
    words += (*asked, "--region", "one half", "--place-width", "20")
    assert command(*words) == 0
    return words


def test_responses_of_regions_are_written_with_a_picture(fitted, readouts, atlas):
    folder = fitted / "responses" / "sub-01"
    names = {path.name for path in folder.iterdir()}
    stem = "sub-01_res-voxel_hrf"
    tables = {f"{stem}{part}.{kind}" for part in ("", "curves") for kind in ("tsv", "json")}
    assert names == {*tables, f"{stem}.png", "manifest.json"}
    table = read_table(folder / f"{stem}.tsv")
    assert table["region"] == ["one half", "other"]
    assert set(table["seen"]) <= {"0", "1"}
    sidecar = read_json(folder / f"{stem}.json")
    assert len(sidecar["Runs"]) == 5
    assert len(sidecar["RunsThatTheModelWasFittedOn"]) == 3
    assert str(atlas[1]) in sidecar["Sources"]


def test_maps_are_those_of_the_model(tiny_study, fitted, readouts):
    folder = fitted / "maps" / "sub-01"
    trained, study = load_subject(fitted / "models/subjects/sub-01"), open_study(tiny_study)
    runs = [study.load(run) for run in study.runs if run.label in trained.runs]
    maps = SubjectMaps.of(trained, runs)
    image = nib.load(folder / "sub-01_res-voxel_electrode-Cz_desc-forward_map.nii.gz")
    expected = maps.sensitivity("Cz")
    found = np.asarray(image.dataobj)[trained.mask]
    assert_allclose(found, expected, atol=1e-6 * np.abs(expected).max())
    table = read_table(folder / "sub-01_res-voxel_place-R30P60S20_topography.tsv")
    assert table["channel"] == list(trained.montage.names)
    sidecar = read_json(folder / "sub-01_res-voxel_place-onehalf_topography.json")
    assert sidecar["Place"] == "one half"
    assert 0 <= sidecar["SeenShare"] <= 1
    assert len(list(folder.glob("*_topography.png"))) == 3
    assert len(list(folder.glob("*_desc-pointspread_map.nii.gz"))) == 3


def test_readouts_that_are_there_are_not_made_again(fitted, readouts):
    folders = fitted / "responses", fitted / "maps"
    times = [{p: p.stat().st_mtime_ns for p in one.glob("*/*")} for one in folders]
    assert command(*readouts) == 0
    assert [{p: p.stat().st_mtime_ns for p in one.glob("*/*")} for one in folders] == times
    before = bytes_below(fitted / "maps")
    next(fitted.glob("maps/sub-01/*Cz*.nii.gz")).unlink()
    assert command(*readouts) == 0
    assert bytes_below(fitted / "maps") == before


def test_a_place_outside_the_brain_and_an_unknown_electrode_are_said(
    tiny_study, fitted, readouts, capsys
):
    words = ("analyse", tiny_study, fitted, *STAGE, *QUICK)
    before = bytes_below(fitted / "maps")
    assert command(*words, "--place", "500", "0", "0") == 0
    assert "NO MAPS: sub-01: 500 0 0 mm is" in capsys.readouterr().err
    assert command(*words, "--electrode", "XY1") == 2
    assert "the model has no channel 'XY1'; it has" in capsys.readouterr().err
    assert bytes_below(fitted / "maps") == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--electrode", "Cz"), "are of movies; add --stage subject"),
        ((*STAGE, "--region", "V1"), "add --atlas and --labels"),
        ((*STAGE, "--region", "V1", "--atlas"), "the atlas has no region 'V1'; it has one half"),
    ],
)
def test_places_without_what_they_need_are_refused(
    words, message, tiny_study, tmp_path, atlas, capsys
):
    words = (*words[:-1], *atlas) if words[-1] == "--atlas" else words
    assert command("analyse", tiny_study, tmp_path / "out", *words) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
