import os
import subprocess
import sys
from contextlib import contextmanager

import pytest

from neurotranscoder.core.errors import SettingsError, StoreError
from neurotranscoder.io import folder_locks
from neurotranscoder.io.folder_locks import held, others, shared_files
from neurotranscoder.io.output_folder import Sharing, open_output_folder
from neurotranscoder.io.store import write_text

HOLD = """
import sys
from pathlib import Path
from neurotranscoder.io.folder_locks import held
with held(Path(sys.argv[1]), sys.argv[2:]):
    print("held", flush=True)
    sys.stdin.read()
"""
COUNT = """
import sys
from pathlib import Path
from neurotranscoder.io.folder_locks import shared_files
folder = Path(sys.argv[1])
for _ in range(100):
    with shared_files(folder):
        path = folder / "count"
        path.write_text(str(int(path.read_text()) + 1))
"""


@contextmanager
def holder(folder, *subjects):
    """Another process that holds a folder, or subjects in it."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), *subjects],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_each_process_has_subjects_of_its_own_and_the_whole_folder_needs_all(tmp_path):
    out = tmp_path / "out"
    with holder(out, "01", "sub-02") as other:
        with held(out, ["03"]), shared_files(out):
            assert set(others(out, ["03"])) == {"sub-01", "sub-02"}
        who = rf"process {other.pid} on .* since 2\d{{3}}-.* UTC"
        with pytest.raises(StoreError, match=rf"sub-02 \({who}\); need a subject of one"):
            held(out, ["02", "03"]).__enter__()
        with pytest.raises(StoreError, match=rf"sub-01 \({who}\), sub-02 .*; need all subjects"):
            held(out).__enter__()
        assert names(out) == [f".neurotranscoder.sub-0{number}.lock" for number in (1, 2)]
    with held(out):
        assert names(out) == [".neurotranscoder.lock"]


def test_who_has_the_whole_folder_keeps_subjects_out(tmp_path):
    with (
        holder(tmp_path) as other,
        pytest.raises(StoreError, match=f"process {other.pid} on .* is writing there; .* wait"),
    ):
        held(tmp_path, ["01"]).__enter__()


def test_who_lost_its_lock_leaves_that_of_the_next(tmp_path):
    first = held(tmp_path, ["01"])
    first.__enter__()
    (tmp_path / ".neurotranscoder.sub-01.lock").unlink()  # by a user who tidies up
    with holder(tmp_path, "01") as other:
        first.__exit__(None, None, None)
        with pytest.raises(StoreError, match=f"process {other.pid} on"):
            held(tmp_path, ["01"]).__enter__()


@pytest.mark.parametrize("subjects", [(), ("01",)])
def test_a_killed_process_holds_nothing(tmp_path, subjects):
    with holder(tmp_path, *subjects) as other:
        other.kill()
        assert other.wait() == -9
        assert len(names(tmp_path)) == 1  # its lock, which nobody has
        with held(tmp_path):
            assert names(tmp_path) == [".neurotranscoder.lock"]


def test_a_folder_that_nothing_came_into_is_gone_again_with_those_above_it(tmp_path):
    with held(tmp_path / "a" / "b", ["01"]):
        pass
    assert not names(tmp_path)


def test_labels_that_leave_the_folder_are_refused(tmp_path):
    with pytest.raises(SettingsError, match=r"'\.\./x'; need letters, digits"):
        held(tmp_path / "out", ["../x"]).__enter__()
    assert not names(tmp_path)


def test_no_change_of_shared_files_is_lost_between_processes(tmp_path):
    (tmp_path / "count").write_text("0")
    words = [sys.executable, "-c", COUNT, str(tmp_path)]
    counting = [subprocess.Popen(words) for _ in range(3)]
    assert [one.wait() for one in counting] == [0] * 3
    assert (tmp_path / "count").read_text() == "300"
    assert names(tmp_path) == ["count"]


def half_written(out):
    """Write what killed processes of two subjects, and of none, would leave."""
    left = [
        "sub-01/eeg/.group.abcdefgh.partial/sub-01_x_eeg.vhdr",
        "records/.sub-01_x.json.abcdefgh.partial.json",
        "records/.sub-012_x.json.abcdefgh.partial.json",
        "sub-02/eeg/.sub-02_x_eeg.json.abcdefgh.partial.json",
        ".README.abcdefgh.partial",
    ]
    for name in left:
        write_text(out / name, "half")
    return {out / name for name in left}


def test_leftovers_of_subjects_that_others_are_at_stay(tmp_path):
    with open_output_folder(tmp_path, kind="run", identity="1"):
        left = half_written(tmp_path)
    sharing = Sharing(["sub-01"])
    with (
        holder(tmp_path, "02"),
        open_output_folder(tmp_path, kind="run", identity="1", sharing=sharing),
    ):
        assert {path.name for path in left if path.exists()} == {
            ".sub-012_x.json.abcdefgh.partial.json",
            ".sub-02_x_eeg.json.abcdefgh.partial.json",
            ".README.abcdefgh.partial",
        }
    with open_output_folder(tmp_path, kind="run", identity="1", sharing=sharing):
        assert not any(path.exists() for path in left)


def test_a_folder_takes_in_other_work_of_the_kind_where_both_go_together(tmp_path):
    def add(before):
        both = dict(sorted({**before, "b": 2}.items()))
        return None if "c" in before else ("".join(both), both)

    with open_output_folder(tmp_path / "one", kind="run", identity="a", facts={"a": 1}):
        pass
    with open_output_folder(
        tmp_path / "one", kind="run", identity="b", facts={"b": 2}, sharing=Sharing((), add)
    ) as resumed:
        assert resumed
    with open_output_folder(tmp_path / "one", kind="run", identity="ab"):
        pass
    with open_output_folder(tmp_path / "two", kind="run", identity="c", facts={"c": 1}):
        pass
    with (
        pytest.raises(StoreError, match="c was 1 and is not there, b was not there and is 2"),
        open_output_folder(
            tmp_path / "two", kind="run", identity="b", facts={"b": 2}, sharing=Sharing((), add)
        ),
    ):
        pass


def test_who_does_not_end_with_shared_files_is_named_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(folder_locks, "_PATIENCE", 0.0)
    held_up = pytest.raises(StoreError, match=f"process {os.getpid()} on .* share for 0 s")
    with shared_files(tmp_path), held_up, shared_files(tmp_path):
        pass
