import errno
import json
import subprocess
import sys

import numpy as np
import pytest

from neurotranscoder.core.errors import DiskError, StoreError, StudyError
from neurotranscoder.io.manifest import read_manifest, write_manifest
from neurotranscoder.io.scratch import remove_leftovers, scratch_folder
from neurotranscoder.io.store import (
    atomic_group,
    atomic_path,
    read_json,
    read_table,
    write_json,
    write_table,
    write_text,
)
from small_study import bytes_below

KILLED_WRITER = """
import os, signal, sys
from pathlib import Path
from neurotranscoder.io.store import atomic_path
with atomic_path(Path(sys.argv[1])) as temporary:
    temporary.write_text("half of the new fi")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_kill_during_a_write_leaves_the_old_file_and_one_leftover_that_is_cleaned(tmp_path):
    path = tmp_path / "result.txt"
    write_text(path, "old")
    done = subprocess.run([sys.executable, "-c", KILLED_WRITER, str(path)], check=False)
    assert done.returncode == -9
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 2
    assert remove_leftovers(tmp_path) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["result.txt"]


KILLED_AT_WORK = """
import os, signal, sys
from pathlib import Path
from neurotranscoder.io.scratch import scratch_folder
with scratch_folder(Path(sys.argv[1])) as folder:
    (folder / "half").touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_scratch_is_gone_whatever_happens(tmp_path):
    def stop():
        with scratch_folder(tmp_path) as folder:
            (folder / "half").touch()
            raise KeyError

    with pytest.raises(KeyError):
        stop()
    assert not any(tmp_path.iterdir())


@pytest.fixture
def left_scratch(tmp_path):
    done = subprocess.run([sys.executable, "-c", KILLED_AT_WORK, str(tmp_path)], check=False)
    assert done.returncode == -9
    (folder,) = tmp_path.iterdir()
    return folder


def test_scratch_of_a_killed_process_goes_with_the_next(tmp_path, left_scratch):
    with scratch_folder(tmp_path) as folder:
        assert [*tmp_path.iterdir()] == [folder] != [left_scratch]


def test_scratch_of_a_killed_process_is_removed_as_other_leftovers_are(tmp_path, left_scratch):
    assert remove_leftovers(tmp_path) == 1
    assert not left_scratch.exists()


def test_scratch_that_is_in_use_stays(tmp_path):
    with scratch_folder(tmp_path) as one, scratch_folder(tmp_path) as other:
        assert remove_leftovers(tmp_path) == 0
        assert one.is_dir()
        assert other.is_dir()


def test_error_during_a_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "result.nii.gz"
    path.write_bytes(b"old")
    with pytest.raises(KeyError, match="cause"):
        write_half(path)
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def write_half(path):
    with atomic_path(path) as temporary:
        assert temporary.name.endswith(".nii.gz")
        temporary.write_bytes(b"half")
        raise KeyError("cause")


def test_unwritable_path_is_a_disk_error_that_names_path_and_cause(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskError, match=r"file/x\.json: could not be written .*xists"):
        write_json(tmp_path / "file" / "x.json", {})


def test_a_full_disk_names_the_folder_and_leaves_nothing_of_a_group_of_files(tmp_path):
    (tmp_path / "one.vhdr").write_text("old")

    def write_group():
        with atomic_group(tmp_path, last=".vhdr") as folder:
            (folder / "one.vhdr").write_text("new")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(DiskError, match=rf"{tmp_path}: could not be written \(No space left"):
        write_group()
    assert bytes_below(tmp_path) == {"one.vhdr": b"old"}


def test_table_keeps_every_digit_and_writes_missing_values_as_na(tmp_path):
    path = tmp_path / "t.tsv"
    write_table(path, {"a": [1 / 3, np.float64("nan"), None], "b": ["x", 2, np.int64(3)]})
    assert path.read_text() == f"a\tb\n{1 / 3!r}\tx\nn/a\t2\nn/a\t3\n"
    assert float(read_table(path)["a"][0]) == 1 / 3


def test_table_with_a_short_line_is_refused_with_its_number(tmp_path):
    (tmp_path / "t.tsv").write_text("a\tb\n1\t2\n3\n")
    with pytest.raises(StudyError, match=r"t\.tsv: line 3: got 1 fields; need 2 fields"):
        read_table(tmp_path / "t.tsv")


def test_json_refuses_nan_and_what_is_no_object(tmp_path):
    with pytest.raises(StoreError, match="needs finite numbers"):
        write_json(tmp_path / "x.json", {"a": float("nan")})
    (tmp_path / "x.json").write_text("[1")
    with pytest.raises(StoreError, match="need a readable JSON file"):
        read_json(tmp_path / "x.json")
    (tmp_path / "x.json").write_text("[1]")
    with pytest.raises(StoreError, match="need an object"):
        read_json(tmp_path / "x.json")


@pytest.fixture
def result(tmp_path):
    folder = tmp_path / "model"
    write_text(folder / "deep" / "b.txt", "content")
    write_text(folder / "a.txt", "more")
    write_manifest(folder, kind="model", settings_hash="abc")
    return folder


def test_manifest_lists_every_file_in_order(result):
    manifest = read_manifest(result, kind="model")
    assert [(entry.path, entry.size) for entry in manifest.files] == [
        ("a.txt", 4),
        ("deep/b.txt", 7),
    ]
    assert manifest.settings_hash == "abc"


def test_manifest_detects_one_flipped_bit(result):
    (result / "a.txt").write_text("mord")
    with pytest.raises(StoreError, match=r"a\.txt: damaged, got SHA-256"):
        read_manifest(result, kind="model")
    read_manifest(result, kind="model", verify=False)  # sizes only


def test_manifest_refuses_missing_cut_foreign_and_unfinished_results(result, tmp_path):
    with pytest.raises(StoreError, match="holds a 'model'; need a 'study'"):
        read_manifest(result, kind="study")
    (result / "a.txt").write_text("m")
    with pytest.raises(StoreError, match="got 1 bytes; need 4 bytes"):
        read_manifest(result, kind="model", verify=False)
    (result / "a.txt").unlink()
    with pytest.raises(StoreError, match="got no such file; need 4 bytes"):
        read_manifest(result, kind="model")
    with pytest.raises(StoreError, match=r"got no manifest\.json.* run it again"):
        read_manifest(tmp_path, kind="model")


def test_manifest_that_points_outside_the_folder_is_refused(result):
    content = json.loads((result / "manifest.json").read_text())
    content["files"][0]["path"] = "../../etc/passwd"
    (result / "manifest.json").write_text(json.dumps(content))
    with pytest.raises(StoreError, match="is no manifest of this package"):
        read_manifest(result, kind="model")
