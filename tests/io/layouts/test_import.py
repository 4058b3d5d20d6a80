import os
import shutil

import pytest
from numpy.testing import assert_allclose

import neurotranscoder as nt
from layout_example import write_ds000116, write_noddi
from neurotranscoder.core.errors import SettingsError, StoreError, StudyError
from neurotranscoder.io.layouts import run as runs
from neurotranscoder.io.layouts.slices import slice_times_of
from small_study import bytes_below, command


@pytest.fixture
def source(tmp_path):
    """Two subjects of NODDI that a test may break."""
    write_noddi(tmp_path / "source")
    return tmp_path / "source"


def stamps(folder):
    """Return size and time of every file below a folder."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in found}


def names_of_files(folder):
    """Return how many names (hard links) the files below a folder have."""
    return {path.stat().st_nlink for path in folder.rglob("*") if path.is_file()}


def test_importing_twice_changes_no_file(source, tmp_path):
    nt.import_study("noddi", source, tmp_path / "out")
    before = stamps(tmp_path / "out")
    nt.import_study("noddi", source, tmp_path / "out")
    assert stamps(tmp_path / "out") == before


def test_the_data_set_keeps_every_byte_and_time(source, tmp_path):
    before, written = bytes_below(source), stamps(source)
    nt.import_study("noddi", source, tmp_path / "out")
    assert (bytes_below(source), stamps(source)) == (before, written)


def test_copies_do_not_share_their_bytes_with_the_data_set(source, tmp_path):
    settings = nt.ImportSettings(images="copy")
    nt.import_study("noddi", source, tmp_path / "out", settings=settings)
    assert names_of_files(tmp_path / "out") == {1}


def test_a_disk_without_hard_links_gets_copies(source, tmp_path, monkeypatch):
    nt.import_study("noddi", source, tmp_path / "links")

    def refuse(*_, **__):
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    nt.import_study("noddi", source, tmp_path / "copies")
    assert (names_of_files(tmp_path / "copies"), names_of_files(tmp_path / "links")) == (
        {1},
        {1, 2},
    )
    assert bytes_below(tmp_path / "copies") == bytes_below(tmp_path / "links")


def test_an_interrupted_import_goes_on_to_the_same_bytes(source, tmp_path, monkeypatch):
    nt.import_study("noddi", source, tmp_path / "whole")
    write = runs.write_run

    def die(out, plan, placing):
        if plan.run.subject == "36":
            raise KeyboardInterrupt
        write(out, plan, placing)

    with monkeypatch.context() as patch:
        patch.setattr("neurotranscoder.io.layouts.study.write_run", die)
        with pytest.raises(KeyboardInterrupt):
            nt.import_study("noddi", source, tmp_path / "out")
    nt.import_study("noddi", source, tmp_path / "out")
    assert bytes_below(tmp_path / "out") == bytes_below(tmp_path / "whole")


def test_a_run_that_lost_a_file_is_written_again(source, tmp_path):
    nt.import_study("noddi", source, tmp_path / "out")
    before = bytes_below(tmp_path / "out")
    (tmp_path / "out/sub-32/eeg/sub-32_task-rest_eeg.vmrk").unlink()
    nt.import_study("noddi", source, tmp_path / "out")
    assert bytes_below(tmp_path / "out") == before


def test_subjects_can_be_added_one_after_the_other(source, tmp_path):
    nt.import_study("noddi", source, tmp_path / "both")
    for label in ("36", "32"):
        settings = nt.ImportSettings(participants=(label,))
        done = nt.import_study("noddi", source, tmp_path / "out", settings=settings)
        assert [run.subject for run in done.runs] == [label]
    assert bytes_below(tmp_path / "out") == bytes_below(tmp_path / "both")


def test_a_study_of_other_settings_is_refused(source, tmp_path):
    nt.import_study("noddi", source, tmp_path / "out")
    with pytest.raises(StoreError, match=r"\(eeg was cleaned and is raw\)"):
        nt.import_study("noddi", source, tmp_path / "out", settings=nt.ImportSettings(eeg="raw"))


def test_a_dry_run_says_what_it_would_import_and_writes_nothing(source, tmp_path):
    done = nt.import_study("noddi", source, tmp_path / "out", dry_run=True)
    assert [str(run) for run in done.runs] == ["sub-32_task-rest", "sub-36_task-rest"]
    assert not (tmp_path / "out").exists()


def test_problems_of_all_subjects_are_listed_at_once(source, tmp_path):
    for subject in ("EEG1/32", "EEG2/36"):
        shutil.rmtree(source / subject / "export")
    with pytest.raises(StudyError, match="2 problems") as caught:
        nt.import_study("noddi", source, tmp_path / "out")
    assert all(f"EEG{i}/{label}" in str(caught.value) for i, label in ((1, 32), (2, 36)))


def test_faulty_runs_can_be_left_out_and_are_named(source, tmp_path):
    shutil.rmtree(source / "EEG1" / "32" / "export")
    settings = nt.ImportSettings(faulty="skip")
    done = nt.import_study("noddi", source, tmp_path / "out", settings=settings)
    assert [str(run) for run in done.runs] == ["sub-36_task-rest"]
    assert "EEG1/32" in done.faulty[0].where
    assert len(nt.load_study(tmp_path / "out")) == 1


@pytest.mark.parametrize("out", ["source/out", "."])
def test_an_output_folder_in_or_around_the_data_set_is_refused(source, tmp_path, out):
    with pytest.raises(SettingsError, match="choose another output folder"):
        nt.import_study("noddi", source, tmp_path / out)


def test_unknown_layouts_kinds_and_subjects_are_refused(source, tmp_path):
    with pytest.raises(SettingsError, match="need one of ds000116, noddi, ds002336, natview"):
        nt.import_study("nodi", source, tmp_path / "out")
    with pytest.raises(SettingsError, match="noddi has no eeg 'noGA'; need one of cleaned, raw"):
        nt.import_study("noddi", source, tmp_path / "out", settings=nt.ImportSettings(eeg="noGA"))
    settings = nt.ImportSettings(participants=("99",))
    with pytest.raises(StudyError, match=r"got labels \['99'\]; need some of \['32', '36'\]"):
        nt.import_study("noddi", source, tmp_path / "out", settings=settings)


@pytest.mark.parametrize("layout", ["ds000116", "noddi", "ds002336", "natview"])
def test_folders_of_another_layout_or_none_are_refused(tmp_path, layout):
    with pytest.raises(StudyError, match="got nothing; need the folder of the data set"):
        nt.import_study(layout, tmp_path / "absent", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(StudyError, match="0 EEG runs and 0 BOLD runs"):
        nt.import_study(layout, tmp_path / "empty", tmp_path / "out")


def test_links_that_go_round_in_circles_end(source, tmp_path):
    (source / "fMRI" / "loop").symlink_to(source / "fMRI")
    done = nt.import_study("noddi", source, tmp_path / "out")
    assert done.alone == ("sub-loop_task-rest: BOLD without EEG; left out",)


@pytest.mark.parametrize(
    ("order", "times"),
    [
        ("ascending", [0, 1, 2, 3, 4]),
        ("descending", [4, 3, 2, 1, 0]),
        ("odd-first", [0, 3, 1, 4, 2]),
        ("even-first", [2, 0, 3, 1, 4]),
    ],
)
def test_named_orders_count_slices_from_1(order, times):
    assert_allclose(slice_times_of(order, n_slices=5, tr=5.0), times)


def test_command_imports_and_exits_with_2_when_it_cannot(tmp_path, capsys):
    write_ds000116(tmp_path / "source", subjects=(1,))
    words = ("import", "ds000116", tmp_path / "source", tmp_path / "out")
    assert command(*words, "--participant-label", "01", "--eeg", "noGA", quick=False) == 0
    assert "assumed: Volume markers are not measured" in capsys.readouterr().err
    assert len(nt.load_study(tmp_path / "out")) == 1
    assert command(*words, "--participant-label", "07", quick=False) == 2
    assert "need some of ['01']" in capsys.readouterr().err
    assert command(*words, "--participant-label", quick=False) == 2  # as of an empty variable
    assert "requires at least 1" in capsys.readouterr().err
    assert command(*words, "--dry-run", quick=False) == 0
    assert "would import" in capsys.readouterr().err
