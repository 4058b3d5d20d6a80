"""What this process may take of memory, and a disk of files."""

from __future__ import annotations

import os
import resource
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from neurotranscoder.core.errors import SettingsError, StoreError

SHARE = 0.8
"""Of the memory that the control group gives: the default ceiling."""

_PROCESS = Path("/proc/self/cgroup")
_GROUPS = Path("/sys/fs/cgroup")


def memory_limit(process: Path = _PROCESS, groups: Path = _GROUPS) -> int:
    """Return how many bytes the control group of this process, or the machine, has.

    Parameters
    ----------
    process : Path
        Names the control groups, of version 1 or 2.
    groups : Path
        Where they are mounted; a group cannot have more than those it is part of.
    """
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    limits += [int(text) for text in _limits(process, groups) if text.isdigit()]
    return min(limits)


def memory_left(memory: int | None) -> int:
    """Return how many bytes a process may take beyond those it holds.

    Parameters
    ----------
    memory : int or None
        Ceiling of the whole process, in bytes; default: 80 % of `memory_limit`.

    Raises
    ------
    SettingsError
        When it holds as much already.
    """
    ceiling = int(SHARE * memory_limit()) if memory is None else memory
    held = _held()
    if held >= ceiling:
        raise SettingsError(
            f"memory is {in_gib(ceiling)}; this process holds {in_gib(held)} already; allow more, "
            "or start a new process"
        )
    return ceiling - held


def check_memory(needed: int, *, what: str) -> None:
    """Refuse work that takes more memory than is left by default (see `memory_left`).

    Parameters
    ----------
    needed : int
        Bytes that it takes.
    what : str
        What takes them.

    Raises
    ------
    SettingsError
        When fewer are left.
    """
    left = memory_left(None)
    if needed > left:
        raise SettingsError(
            f"memory leaves {in_gib(left)}; {what} needs {in_gib(needed)}; ask for a shorter part"
        )


def check_disk(folder: Path, needed: int, *, what: str) -> None:
    """Refuse work for which a disk has no room.

    Parameters
    ----------
    folder : Path
        An existing folder on that disk.
    needed : int
        Bytes that are to be written.
    what : str
        What they are.

    Raises
    ------
    StoreError
        When fewer bytes are free.
    """
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise StoreError(
            f"{folder}: has {in_gib(free)} free; {what} needs {in_gib(needed)}; choose another "
            "disk or a shorter part"
        )


def in_gib(n_bytes: int) -> str:
    """Return a number of bytes as words."""
    return f"{n_bytes / 2**30:.3g} GiB"


def _limits(process: Path, groups: Path) -> Iterator[str]:
    """Yield what the files of limits say, from the group itself up to the root."""
    lines = process.read_text().splitlines() if process.is_file() else []
    for line in lines:
        _, controllers, name = line.split(":", 2)
        root = groups if not controllers else groups / "memory"
        if controllers not in ("", "memory"):
            continue
        file = "memory.limit_in_bytes" if controllers else "memory.max"
        own = root / name.lstrip("/")
        for folder in (own, *own.parents):
            if folder.is_relative_to(root) and (folder / file).is_file():
                yield (folder / file).read_text().strip()


def _held() -> int:
    """Return the memory that this process holds, in bytes."""
    pages = Path("/proc/self/statm")
    if pages.is_file():
        return int(pages.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
