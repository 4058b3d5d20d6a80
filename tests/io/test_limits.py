import pytest

from neurotranscoder.core.errors import SettingsError, StoreError
from neurotranscoder.io.limits import check_disk, memory_left, memory_limit


def groups(tmp_path, lines, files):
    """Return the two places where the kernel says what a process may take."""
    (tmp_path / "cgroup").write_text("\n".join(lines) + "\n")
    for name, text in files.items():
        path = tmp_path / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "cgroup", tmp_path / "groups"


def test_limit_of_the_machine_holds_without_a_group(tmp_path):
    machine = memory_limit(*groups(tmp_path, ["0::/"], {"memory.max": "max\n"}))
    assert machine == memory_limit(tmp_path / "none", tmp_path / "none")
    assert machine > 2**28


@pytest.mark.parametrize("name", ["job/memory.max", "job/step/memory.max"])
def test_smallest_limit_of_a_group_and_its_parents_holds(tmp_path, name):
    files = {"job/memory.max": "max", "job/step/memory.max": "max", name: "12345678\n"}
    assert memory_limit(*groups(tmp_path, ["0::/job/step"], files)) == 12_345_678


def test_limit_of_the_first_version_of_groups_is_read(tmp_path):
    lines = ["5:cpu:/x", "4:memory:/job", "0::/"]
    files = {"memory/job/memory.limit_in_bytes": "9000000", "memory.max": "max"}
    assert memory_limit(*groups(tmp_path, lines, files)) == 9_000_000


def test_a_group_that_is_mounted_as_the_root_is_read(tmp_path):
    lines = ["4:memory:/outside/of/the/container"]
    files = {"memory/memory.limit_in_bytes": "9000000"}
    assert memory_limit(*groups(tmp_path, lines, files)) == 9_000_000


def test_what_the_process_holds_counts():
    before = memory_left(2**40)
    held = bytearray(64 * 2**20)
    held[::4096] = b"x" * len(held[::4096])
    assert 60 * 2**20 < before - memory_left(2**40) < 80 * 2**20
    with pytest.raises(SettingsError, match=r"holds .* already"):
        memory_left(2**20)


def test_disk_without_room_is_refused_with_both_numbers(tmp_path):
    check_disk(tmp_path, 1, what="it")
    with pytest.raises(StoreError, match=r"free; it needs 1\.07e\+09 GiB"):
        check_disk(tmp_path, 2**60, what="it")
