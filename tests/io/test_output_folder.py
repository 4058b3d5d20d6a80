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


def opened(folder, *, kind="run", identity="1", facts=None):
    with open_output_folder(folder, kind=kind, identity=identity, facts=facts) as resumed:
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
    with pytest.raises(StoreError, match="need that of 'study-2'; choose another"):
        opened(out, identity="study-2")
    with pytest.raises(StoreError, match="a result of the kind 'run'; need one of the kind 'x'"):
        opened(out, kind="x")
    write_text(tmp_path / "photos" / "cat.png", "")
    with pytest.raises(StoreError, match=r"holds 1 other entries \(cat\.png"):
        opened(tmp_path / "photos")
    assert names(tmp_path / "photos") == ["cat.png"]


def test_refusal_says_which_settings_and_data_differ_and_shows_no_hash(out):
    before = {"seed": 1, "band": [1, 4], "sub-01_eeg.edf": "9 bytes", "same": None}
    now = {"seed": 2, "band": [1, 5], "same": None, "sub-02_eeg.edf": "7 bytes"}
    opened(out, identity="a3f", facts=before)
    with pytest.raises(StoreError) as caught:
        opened(out, identity="b77", facts=now)
    assert str(caught.value) == (
        f"{out}: holds 'run' of other data or settings (seed was 1 and is 2, band was [1, 4] and "
        "is [1, 5], sub-01_eeg.edf was 9 bytes and is not there, sub-02_eeg.edf was not there and "
        "is 7 bytes); need the same; choose another output folder, or remove this one to make it "
        "anew"
    )


def test_refusal_names_a_few_of_many_differences_and_shortens_long_values(out):
    opened(out, identity="a", facts={str(number): "x" * 100 for number in range(10)})
    with pytest.raises(StoreError, match=r"0 was x{60}\.\.\. and is y, .* and 6 more\)"):
        opened(out, identity="b", facts=dict.fromkeys(map(str, range(10)), "y"))


def test_refusal_of_a_folder_of_an_earlier_version_says_that_nothing_more_is_known(out):
    opened(out, identity="a")
    with pytest.raises(StoreError, match="an earlier version did not note which"):
        opened(out, identity="b", facts={"seed": 1})
    assert opened(out, identity="a", facts={"seed": 1})  # still read


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


@pytest.mark.parametrize("again", [False, True], ids=["gone", "made again"])
def test_a_folder_that_was_moved_meanwhile_is_not_called_complete(tmp_path, again):
    out = tmp_path / "out"

    def work():
        with open_output_folder(out, kind="run", identity="1"):
            out.rename(tmp_path / "moved")
            if again:
                write_text(out / "sub-02.tsv", "half of the results")

    with pytest.raises(StoreError, match="was moved or removed while"):
        work()
    with open_output_folder(tmp_path / "moved", kind="run", identity="1") as resumed:
        assert resumed
