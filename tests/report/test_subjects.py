import shutil
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from movie_example import VOXEL_TO_WORLD
from neurotranscoder.analyse.condition_settings import TrialAnalysisSettings
from neurotranscoder.analyse.conditions import Question, answer
from neurotranscoder.analyse.conditions_store import write_answer, write_untested
from neurotranscoder.analyse.trials import cut_trials
from neurotranscoder.analyse.trust import TrustMap
from neurotranscoder.cli.evaluate import report
from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import StoreError
from neurotranscoder.io.manifest import write_manifest
from neurotranscoder.io.store import read_json, write_json, write_table
from neurotranscoder.report.effect_frames import write_frames
from neurotranscoder.report.page import render_report
from neurotranscoder.report.subject_pages import write_subject_page, write_subject_pages
from neurotranscoder.report.subjects import SubjectStage, _rounded, read_subject_stage
from neurotranscoder.report.trust_picture import figure_of_trust, write_trust_picture
from page_reader import HOSTILE, Reader, pictures_of
from trial_example import SHORT, noise_run, smooth_maps

SHAPE = (6, 5, 4)
SETTINGS = TrialAnalysisSettings(window=SHORT, units={"trials": 4}, correction="uncorrected")


def trust_of(seen):
    """A trust map of a brain that fills its grid."""
    r = np.linspace(0.1, 0.5, seen.size)
    q = np.where(seen.ravel(), 0.01, 0.5)
    grid = VoxelGrid(SHAPE, VOXEL_TO_WORLD)
    return TrustMap(r, r, q, grid, np.ones(SHAPE, dtype=bool))


@pytest.fixture
def out(rng, tmp_path):
    """Results of one subject: a question that was tested, one that was not, and a trust map."""
    run, happened = noise_run(rng, smooth_maps(rng, SHAPE, 8), n_trials=64, names=(HOSTILE, "b"))
    trials, question = cut_trials([(run, happened)], SHORT), Question(HOSTILE)
    settings = SETTINGS.model_copy(update={"level": 0.05})
    found = answer(question, question.samples(trials, settings.units), settings, "units")
    folder = tmp_path / "statistics" / "sub-01"
    write_answer(folder, "sub-01", found, sources=[], metadata={})
    path = folder / f"sub-01_contrast-{question.label}_frames.png"
    write_frames(path, found, rng.random(SHAPE), name="sub-01")
    other = Question("b")
    write_untested(
        folder,
        "sub-01",
        other,
        [other.average(trials)],
        reason="3 units",
        sources=[],
        metadata={},
    )
    write_manifest(folder, kind="statistics of trials", settings_hash="")
    folder = tmp_path / "trust" / "sub-01"
    seen = rng.random(SHAPE) < 0.5
    path = folder / "sub-01_res-voxel_desc-trust_r.png"
    write_trust_picture(path, trust_of(seen), rng.random(SHAPE), name="sub-01")
    write_manifest(folder, kind="trust map", settings_hash="")
    return tmp_path


def test_the_page_of_subjects_shows_trust_map_frames_and_strongest_peaks(out):
    report(out)
    page = (out / "report.html").read_text(encoding="utf-8")
    reader = Reader(page)
    stored = {path.read_bytes() for path in out.glob("*/*/*.png")}
    assert set(pictures_of(page)) == stored
    assert len(stored) == 2
    assert "The 8 strongest of" in reader.text
    assert "Not tested: 3 units" in reader.text
    assert (
        "correction 'uncorrected' at 0.05; tested: all voxels, as there is no trust map"
        in reader.text
    )
    assert "script" not in reader.tags
    assert " ".join(HOSTILE.split()) in reader.text
    assert reader.open == []


def test_the_page_of_an_evaluation_has_the_subjects_too(out, findings):
    stage = read_subject_stage(out)
    bare = replace(findings, traces=(), maps=(), topographies=(), curves=(), realism=None)
    page = render_report(bare, stage)
    assert page.count('id="subjects"') == 1
    assert 'href="#subjects"' in page
    assert Reader(page).open == []


def test_scores_of_movies_stand_on_the_page(out):
    write_table(out / "subject_stage.tsv", {"method": ["oracle"], "value": [0.941234]})
    report(out)
    text = Reader((out / "report.html").read_text(encoding="utf-8")).text
    assert "method value oracle 0.9412" in text


@pytest.fixture
def crowded(out):
    """Results of two subjects."""
    shutil.copytree(out / "statistics" / "sub-01", out / "statistics" / "sub-02")
    return out


def test_subjects_that_are_too_much_for_one_page_have_pages_of_their_own(crowded, findings):
    stage = read_subject_stage(crowded, most_bytes=10)
    assert (stage.parts, stage.pages) == ((), ("sub-01", "sub-02"))
    write_subject_pages(crowded, stage)
    bare = replace(findings, traces=(), maps=(), topographies=(), curves=(), realism=None)
    links = Reader(render_report(bare, stage)).values("href")
    for name in stage.pages:
        page = (crowded / f"report_{name}.html").read_text(encoding="utf-8")
        assert f"report_{name}.html" in links
        assert set(pictures_of(page)) == {
            one.read_bytes() for one in crowded.glob(f"*/{name}/*.png")
        }
        assert "report.html" in Reader(page).values("href")


def test_subjects_that_fit_are_on_the_report_alone(crowded):
    write_subject_pages(crowded, read_subject_stage(crowded, most_bytes=10))
    report(crowded)
    page = (crowded / "report.html").read_text(encoding="utf-8")
    assert len(pictures_of(page)) == 3
    assert not list(crowded.glob("report_*"))


def test_pictures_that_a_page_has_no_room_for_are_linked(out):
    (part,) = read_subject_stage(out, most_bytes=10).parts
    assert [one.source for one in part.pictures] == ["", ""]
    page = out / "page.html"
    write_subject_page(SubjectStage((part,), ()), page)
    links = Reader(page.read_text(encoding="utf-8")).values("href")
    assert {one.path for one in part.pictures} <= set(links)
    assert all((out / one.path).is_file() for one in part.pictures)


def test_conditions_stand_on_the_page_as_they_were_asked(out):
    folder, ending = out / "statistics" / "sub-01", "_stat-effect_statmap.json"
    assert [one.name for one in read_subject_stage(out).parts[0].asked] == ["b", HOSTILE]
    for number, label in enumerate((Question(HOSTILE).label, "b"), 1):
        path = folder / f"sub-01_contrast-{label}{ending}"
        write_json(path, {**read_json(path), "QuestionNumber": number})
    write_manifest(folder, kind="statistics of trials", settings_hash="")
    assert [one.name for one in read_subject_stage(out).parts[0].asked] == [HOSTILE, "b"]


def test_results_that_were_not_finished_are_left_out_and_damaged_ones_refused(out):
    (out / "trust" / "sub-01" / "manifest.json").unlink()
    (part,) = read_subject_stage(out).parts
    assert part.trust is None
    assert len(part.asked) == 2
    path = next((out / "statistics" / "sub-01").glob("*.png"))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(StoreError, match=r"_frames.png: got \d+ bytes"):
        read_subject_stage(out)


def test_a_trust_picture_has_colours_where_voxels_are_seen_and_a_veil_elsewhere(rng):
    seen = np.zeros(SHAPE, dtype=bool)
    seen[1:3, 2, 1] = True
    figure = figure_of_trust(trust_of(seen), rng.random(SHAPE), name="sub-01")
    assert "the model sees 2 of 120 voxels" in figure.get_suptitle()
    slices = [one for one in figure.axes if one.get_images()]
    assert [one.get_title() for one in slices][1] == "z = -56 mm"
    _, veil, values = slices[1].get_images()
    assert_array_equal(np.ma.getmaskarray(values.get_array()), ~seen[:, :, 1].T)
    assert_array_equal(np.ma.getmaskarray(veil.get_array()), seen[:, :, 1].T)


def test_counts_in_tables_are_whole_and_other_numbers_have_four_digits():
    assert [_rounded(cell) for cell in ("19013", "-0.123456", "n/a")] == [
        "19013",
        "\N{MINUS SIGN}0.1235",
        "n/a",
    ]
