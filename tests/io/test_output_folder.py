import subprocess
import sys

import pytest

from folder_race import race
from neurotranscoder.core.errors import StoreError
from neurotranscoder.io.manifest import read_manifest, write_manifest
from neurotranscoder.io.output_folder import open_output_folder
from neurotranscoder.io.store import write_text

AT_WORK = """
import sys
from pathlib import Path
from neurotranscoder.io.output_folder import open_output_folder
from neurotranscoder.io.store import atomic_path
out = Path(sys.argv[1])
with open_output_folder(out, kind="run", identity="1"), atomic_path(out / "result") as temporary:
    temporary.write_text("half of the new fi")
    print("at work", flush=True)
    sys.stdin.read()
    temporary.write_text("whole")
"""


def opened(folder, *, kind="run", identity="1"):
    with open_output_folder(folder, kind=kind, identity=identity) as resumed:
        return resumed


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def worker(out):
    """Another process that has a half-written file in the folder."""
    with subprocess.Popen(
        [sys.executable, "-c", AT_WORK, str(out)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "at work\n"
        yield process
        process.kill()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_output_folder_is_made_then_resumed_and_its_leftovers_are_removed(out):
    assert not opened(out)
    write_text(out / "sub" / ".w.txt.abcdefgh.partial.txt", "half")
    assert opened(out)
    assert names(out) == ["neurotranscoder.json", "sub"]
    assert not any((out / "sub").iterdir())


def test_output_folder_of_another_study_or_other_content_is_refused(out, tmp_path):
    opened(out, identity="study-1")
    with pytest.raises(StoreError, match="need 'run' of 'study-2'; choose another"):
        opened(out, identity="study-2")
    write_text(tmp_path / "photos" / "cat.png", "")
    with pytest.raises(StoreError, match=r"holds 1 other entries \(cat\.png"):
        opened(tmp_path / "photos")
    assert names(tmp_path / "photos") == ["cat.png"]


def test_folder_that_another_process_has_open_is_refused_and_its_files_stay(out, worker):
    before = names(out)
    with pytest.raises(StoreError, match=f"process {worker.pid} on .* is writing there; .* wait"):
        opened(out)
    assert names(out) == before
    worker.communicate()  # its input ends, and so does its work
    assert names(out) == ["neurotranscoder.json", "result"]
    assert (out / "result").read_text() == "whole"
    assert opened(out)


def test_folder_of_a_killed_process_is_free_and_its_half_file_goes(out, worker):
    worker.kill()
    assert worker.wait() == -9
    assert len(names(out)) == 3  # marker, lock, and the half-written file
    assert opened(out)
    assert names(out) == ["neurotranscoder.json"]


def test_folder_whose_first_process_died_before_it_wrote_anything_is_new(out):
    write_text(out / ".neurotranscoder.lock", "process 1 on elsewhere")
    assert not opened(out)
    assert names(out) == ["neurotranscoder.json"]


def test_result_that_is_finished_while_its_folder_is_open_does_not_list_the_lock(out):
    with open_output_folder(out, kind="run", identity="1"):
        write_manifest(out, kind="run", settings_hash="1")
    listed = [entry.path for entry in read_manifest(out, kind="run").files]
    assert listed == ["neurotranscoder.json"]


def test_of_two_processes_exactly_one_gets_a_folder(tmp_path):
    assert race([tmp_path / str(number) for number in range(100)]) == [1] * 100
