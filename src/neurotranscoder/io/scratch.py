"""Scratch folders, and what killed processes left of these and of files half written."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from neurotranscoder.io.store import TEMPORARY, disk_errors

_SUBJECT = re.compile(r"(?:^|/)\.?sub-([0-9A-Za-z+]+)(?=[_./]|$)")
_SCRATCH = ".neurotranscoder."
_IN_USE = "in-use.lock"


@contextlib.contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Offer a new folder for intermediate results, gone when the context ends.

    Those that killed processes of the same user left beside it go as well; one that is in use
    stays.

    Parameters
    ----------
    parent : Path
        A folder; processes that work on what is in the new one need to see it as well.
    """
    for left in parent.glob(f"{_SCRATCH}*.partial"):
        _remove_scratch_of_the_dead(left)
    with contextlib.ExitStack() as opened:
        yield _own_scratch(parent, opened)


def _own_scratch(parent: Path, opened: contextlib.ExitStack) -> Path:
    """Return a new scratch folder that others know to be in use."""
    while True:
        with disk_errors(parent):
            made = tempfile.TemporaryDirectory(
                prefix=_SCRATCH, suffix=".partial", dir=parent, ignore_cleanup_errors=True
            )
        folder = Path(opened.enter_context(made))
        with contextlib.suppress(FileNotFoundError):
            opened.enter_context(FileLock(folder / _IN_USE))
        if (folder / _IN_USE).exists():  # else another process took it for one of the dead
            return folder


def _remove_scratch_of_the_dead(folder: Path) -> None:
    """Remove a scratch folder of this user whose process is dead."""
    try:
        if folder.lstat().st_uid == os.getuid() and (folder / _IN_USE).exists():
            with FileLock(folder / _IN_USE, blocking=False):
                shutil.rmtree(folder, ignore_errors=True)
    except OSError:  # it is in use, gone, or not ours to look at
        return


def _in_use(folder: Path) -> bool:
    """Say whether a scratch folder belongs to a process that is alive."""
    lock = folder / _IN_USE
    if not lock.exists():
        return False
    try:
        with FileLock(lock, blocking=False):
            return False
    except Timeout:
        return True


def remove_leftovers(folder: Path, *, of: Sequence[str] = ()) -> int:
    """Remove temporaries that killed writers left below a folder; return how many.

    Parameters
    ----------
    folder : Path
        Where to look.
    of : sequence of str
        Labels of subjects whose leftovers alone go: files named after them, or in folders named
        after them. Empty: all.
    """
    labels = {label.removeprefix("sub-") for label in of}
    found = [path for path in paths_below(folder) if TEMPORARY.fullmatch(path.name)]
    if labels:
        found = [path for path in found if _subject_of(path.relative_to(folder)) in labels]
    leftovers = [path for path in found if not _in_use(path)]
    for path in leftovers:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return len(leftovers)


def paths_below(folder: Path) -> Iterator[Path]:
    """Yield files and folders below a folder; what others remove meanwhile is passed over."""
    for root, folders, files in os.walk(folder):
        yield from (Path(root) / name for name in (*folders, *files))


def _subject_of(path: Path) -> str:
    """Return the label of the subject that a path is named after; empty without one."""
    found = _SUBJECT.search(path.as_posix())
    return "" if found is None else found.group(1)
