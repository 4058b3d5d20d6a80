from dataclasses import replace
from pathlib import Path

import pytest

from neurotranscoder.core.errors import StudyError
from neurotranscoder.core.recording import RunId
from neurotranscoder.io.bids import search_runs
from neurotranscoder.io.inheritance import metadata_of
from neurotranscoder.io.store import read_json, write_json, write_text


def find_runs(root, **options):
    """The runs of a data set in which nothing is wrong."""
    found = search_runs(root, **options)
    if found.problems:
        raise StudyError(found.problems)
    return found.runs


def add_run(root, run, *, eeg=True, bold=True):
    folder = root / run.folder
    if eeg:
        write_text(folder / "eeg" / f"{run.label}_eeg.vhdr", "")
        write_json(folder / "eeg" / f"{run.label}_eeg.json", {})
    if bold:
        write_text(folder / "func" / f"{run.label}_bold.nii.gz", "")
    write_json(root / f"task-{run.task}_bold.json", {"RepetitionTime": 2.0, "EchoTime": 0.03})


def test_a_study_of_eeg_alone_is_told_what_can_be_done_with_it(tmp_path):
    add_run(tmp_path, RunId("01", "odd"), bold=False)
    with pytest.raises(StudyError, match=r"with study\.images; with EEG alone there is"):
        find_runs(tmp_path)


def test_images_that_are_named_and_are_nowhere_are_a_problem_of_their_own(tmp_path):
    add_run(tmp_path, RunId("01", "odd"))
    found = search_runs(tmp_path, images=tmp_path / "fmriprep", alone=True)
    assert [(one.where, one.cure) for one in found.problems] == [
        (str(tmp_path / "fmriprep"), "correct study.images")
    ]


def test_files_of_a_run_are_in_the_same_order_wherever_images_lie(tmp_path):
    run = RunId("01", "odd")
    add_run(tmp_path / "m", run)
    (files,) = find_runs(tmp_path / "m")
    first = [path.name for path in replace(files, bold=Path("/a") / files.bold.name).recordings()]
    last = [path.name for path in replace(files, bold=Path("/z") / files.bold.name).recordings()]
    assert first == last


def test_only_runs_with_both_modalities_are_found(tmp_path):
    both = [RunId("02", "rest", "a"), RunId("01", "odd", run="1")]
    for run in both:
        add_run(tmp_path, run)
    add_run(tmp_path, RunId("01", "odd", run="2"), eeg=False)
    add_run(tmp_path, RunId("03", "odd"), bold=False)
    runs = find_runs(tmp_path)
    assert [files.run for files in runs] == sorted(both)
    assert [str(lone) for lone in search_runs(tmp_path).alone] == [
        "sub-03_task-odd: EEG without BOLD",
        "sub-01_task-odd_run-2: BOLD without EEG",
    ]
    assert runs[1].bold == tmp_path / "sub-02/ses-a/func/sub-02_ses-a_task-rest_bold.nii.gz"
    assert [files.run for files in find_runs(tmp_path, participants=("sub-02",))] == [both[0]]


def test_derivatives_sourcedata_and_git_are_not_entered(tmp_path):
    add_run(tmp_path, RunId("01", "odd"))
    for name in ("derivatives", "sourcedata", ".git", "other"):
        add_run(tmp_path / name, RunId("09", "odd"))
    assert [files.run.subject for files in find_runs(tmp_path)] == ["01"]


def test_nearer_and_longer_sidecars_win(tmp_path):
    run = RunId("01", "odd", run="1")
    add_run(tmp_path, run)
    func = tmp_path / "sub-01/func"
    write_json(tmp_path / "sub-01/sub-01_task-odd_bold.json", {"EchoTime": 0.05, "FlipAngle": 70})
    write_json(func / f"{run.label}_bold.json", {"FlipAngle": 80})
    write_json(tmp_path / "task-rest_bold.json", {"RepetitionTime": 9.0})
    merged = metadata_of(func / f"{run.label}_bold.nii.gz", tmp_path)
    assert merged == {"RepetitionTime": 2.0, "EchoTime": 0.05, "FlipAngle": 80}


def test_all_dangling_links_are_named_at_once(tmp_path):
    for subject in ("01", "02"):
        add_run(tmp_path, RunId(subject, "odd"))
        path = tmp_path / f"sub-{subject}/func/sub-{subject}_task-odd_bold.nii.gz"
        path.unlink()
        path.symlink_to("../../.git/annex/objects/absent")
    with pytest.raises(
        StudyError, match=r"2 links .*datalad get \S*sub-01\S* \S*sub-02"
    ) as caught:
        find_runs(tmp_path)
    assert len(caught.value.problems) == 1


def test_links_with_content_are_followed(tmp_path):
    add_run(tmp_path / "store", RunId("01", "odd"))
    (tmp_path / "study").mkdir()
    for name in ("sub-01", "task-odd_bold.json"):
        (tmp_path / "study" / name).symlink_to(tmp_path / "store" / name)
    assert len(find_runs(tmp_path / "study")) == 1


def test_hostile_labels_and_doubled_files_are_problems(tmp_path):
    add_run(tmp_path, RunId("01", "odd"))
    folder = tmp_path / "sub-01/func"
    write_text(folder / "sub-01_task-odd_acq-b_bold.nii.gz", "")
    write_text(folder / "sub-.._task-odd_bold.nii.gz", "")
    with pytest.raises(StudyError, match="2 problems") as caught:
        find_runs(tmp_path)
    assert "sub-.._task-odd_bold.nii.gz: file name: got" in str(caught.value)
    assert "need one bold file" in str(caught.value)


def test_a_damaged_sidecar_is_a_problem(tmp_path):
    add_run(tmp_path, RunId("01", "odd"))
    write_text(tmp_path / "task-odd_bold.json", "{")
    with pytest.raises(StudyError, match=r"task-odd_bold\.json: file: got .*; need a JSON object"):
        find_runs(tmp_path)
    assert read_json(tmp_path / "sub-01/eeg/sub-01_task-odd_eeg.json") == {}
