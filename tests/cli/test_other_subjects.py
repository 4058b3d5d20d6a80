import pytest

from neurotranscoder.cli.other_subjects import difference, name_the_gone, settle_results
from neurotranscoder.cli.recordings import study_identity
from neurotranscoder.cli.workspace import Workspace
from neurotranscoder.config import Config
from neurotranscoder.core.errors import StoreError
from neurotranscoder.io.output_folder import open_output_folder
from neurotranscoder.io.store import write_json
from neurotranscoder.preprocess.study import Study
from neurotranscoder.preprocess.study_settings import StudySettings


def label(subject, run=1):
    return f"sub-{subject}_task-odd_run-{run}"


def clean_run(clean, subject, run=1, content="x"):
    """Write what stands for the clean EEG of a run."""
    path = clean / f"sub-{subject}/eeg/{label(subject, run)}_desc-preproc_eeg.vhdr"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


@pytest.fixture
def folders(tmp_path):
    """Results of sub-01 to sub-03, and the clean study that they are of."""
    results, clean = tmp_path / "results", tmp_path / "preprocessed"
    for subject in ("01", "02", "03"):
        clean_run(clean, subject)
    with open_output_folder(results, kind="derivative", identity=study_identity(clean)):
        split = {"training": [label("01")], "validation": [label("02")], "test": [label("03")]}
        write_json(results / "models/sparse/split.json", split)
    return results, clean


def test_results_of_the_same_recordings_stay(folders):
    settle_results(*folders, fresh=True)
    assert (folders[0] / "models").is_dir()
    assert not list(folders[0].parent.glob("results-earlier-*"))


def test_where_there_are_no_results_nothing_is_said(tmp_path):
    settle_results(tmp_path / "results", tmp_path, fresh=False)


def test_who_came_and_who_is_gone_is_said_with_the_way_on(folders):
    results, clean = folders
    clean_run(clean, "04")
    clean_run(clean, "04", run=2)
    next(clean.glob("sub-02/eeg/*")).unlink()
    with pytest.raises(StoreError) as caught:
        settle_results(results, clean, fresh=False)
    said = str(caught.value)
    assert "they are of sub-01, sub-02, sub-03 (3 runs)" in said
    assert "added since: sub-04 (2 runs)" in said
    assert "not there any more: sub-02 (1 run)" in said
    assert "add --fresh, which sets these aside (results-earlier-1)" in said
    assert (results / "models/sparse/split.json").is_file()


def test_recordings_that_were_made_anew_are_told_from_new_subjects(folders):
    clean_run(folders[1], "01", content="longer")
    with pytest.raises(StoreError, match="of the same names have other sizes now"):
        settle_results(*folders, fresh=False)


def test_fresh_sets_results_aside_each_time_under_a_name_of_its_own(folders, capsys):
    results, clean = folders
    (results.parent / "results-earlier-1").mkdir()
    clean_run(clean, "04")
    settle_results(results, clean, fresh=True)
    aside = results.parent / "results-earlier-2"
    assert {path.name for path in aside.iterdir()} == {"models", "neurotranscoder.json"}
    assert not results.exists()
    assert (
        f"earlier results are set aside in {aside}: they are of sub-01" in capsys.readouterr().err
    )


def test_results_that_another_process_writes_to_are_not_moved(folders):
    results, clean = folders
    identity = study_identity(clean)
    clean_run(clean, "04")
    with (
        open_output_folder(results, kind="derivative", identity=identity),
        pytest.raises(StoreError, match="is writing there"),
    ):
        settle_results(results, clean, fresh=True)
    assert results.is_dir()


def test_results_without_a_model_are_of_other_recordings(folders):
    results, clean = folders
    (results / "models/sparse/split.json").unlink()
    assert str(difference(results, clean)) == "they are of other recordings"


def test_eeg_without_images_is_not_said_to_be_added_as_no_model_is_made_of_it(folders):
    results, clean = folders
    for subject, clock in (("04", "measured"), ("05", "none")):
        clean_run(clean, subject)
        record = {"facts": {}, "recorded": {"clock": clock}}
        write_json(clean / f"records/{label(subject)}.json", record)
    assert difference(results, clean).added == (label("04"),)


def test_a_folder_of_results_of_other_recordings_says_which_differ(folders):
    results, clean = folders
    study = Study(clean, {}, StudySettings(), {})
    space = Workspace(study, results.with_name("out"), Config())
    with space.started():
        pass
    clean_run(clean, "02", content="longer")
    (clean / f"sub-03/eeg/{label('03')}_desc-preproc_eeg.vhdr").unlink()
    with pytest.raises(StoreError) as caught, space.started():
        pass
    name = "eeg/sub-0{0}_task-odd_run-1_desc-preproc_eeg.vhdr"
    assert f"sub-02/{name.format(2)} was 1 bytes and is 6 bytes" in str(caught.value)
    assert f"sub-03/{name.format(3)} was 1 bytes and is not there)" in str(caught.value)


def test_a_subject_that_left_the_study_is_named(folders, tmp_path, capsys):
    for subject in ("01", "03"):
        (tmp_path / "study" / f"sub-{subject}").mkdir(parents=True)
    name_the_gone(tmp_path / "study", folders[1])
    said = capsys.readouterr().err
    assert "sub-02 is not in" in said
    assert "sub-01" not in said
