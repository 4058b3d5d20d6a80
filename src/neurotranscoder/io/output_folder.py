"""Folders that a command writes its results to: ours, and of one process at a time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import platform
from collections.abc import Iterator
from pathlib import Path

from neurotranscoder import __version__
from neurotranscoder.core.errors import StoreError
from neurotranscoder.io.store import (
    FOLDER_LOCK,
    TEMPORARY,
    read_json,
    remove_leftovers,
    write_json,
)

MARKER = "neurotranscoder.json"
_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK)  # of some network file systems


@contextlib.contextmanager
def open_output_folder(folder: Path, *, kind: str, identity: str) -> Iterator[bool]:
    """Make or reopen a folder for results, and keep other processes out of it meanwhile.

    A folder is refused that is not ours, or that another process has open. When a process dies,
    the system opens its folder again.

    Parameters
    ----------
    folder : Path
        Where results are to go.
    kind : str
        What the results are.
    identity : str
        What they belong to, such as the hash of the study and the settings.

    Yields
    ------
    resumed : bool
        Whether an earlier run of the same work is continued; its leftovers are removed.

    Raises
    ------
    StoreError
        When the folder holds something else, the results of other work, or is in use.
    """
    _check(folder, kind, identity)
    with _locked(folder):
        resumed = _check(folder, kind, identity)  # another process may have been faster
        if resumed:
            remove_leftovers(folder)
        else:
            content = {"kind": kind, "identity": identity, "version": __version__}
            write_json(folder / MARKER, content)
        yield resumed


def _check(folder: Path, kind: str, identity: str) -> bool:
    """Return whether a folder holds this very work; refuse one with anything else."""
    marker = folder / MARKER
    if marker.is_file():
        found = read_json(marker)
        if (found.get("kind"), found.get("identity")) != (kind, identity):
            raise StoreError(
                f"{folder}: holds '{found.get('kind')}' of {str(found.get('identity'))[:16]!r}; "
                f"need '{kind}' of {identity[:16]!r}; choose another output folder"
            )
        return True
    if folder.exists() and not folder.is_dir():
        raise StoreError(f"{folder}: is a file; need a folder; choose another output folder")
    names = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
    others = [name for name in names if name != FOLDER_LOCK and not TEMPORARY.fullmatch(name)]
    if others:
        raise StoreError(
            f"{folder}: holds {len(others)} other entries ({', '.join(others[:3])}, ...); need a "
            "new or empty folder, or one that this command made; choose another output folder"
        )
    return False


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock a folder by a file in it that names this process; the file goes when the context ends.

    A file system without locks keeps nobody out.
    """
    path = folder / FOLDER_LOCK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = _acquire(path)
    except BlockingIOError:
        raise StoreError(
            f"{folder}: {_owner(path)} is writing there; need a folder of one command at a time; "
            "wait until that one is done, or choose another output folder"
        ) from None
    except OSError as error:
        raise StoreError(
            f"{path}: could not be written ({error.strerror or error}); need a folder with free "
            "space and permission to write; choose another output folder"
        ) from error
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # before the lock: nobody has the next file yet
        os.close(handle)


def _acquire(path: Path) -> int:
    """Return the handle of a locked file, which stands at its path."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _lock(handle)
            if _stands_at(path, handle):
                os.ftruncate(handle, 0)
                os.write(handle, f"process {os.getpid()} on {platform.node()}".encode())
                return handle
        except OSError:
            os.close(handle)
            raise
        os.close(handle)  # whoever had the lock removed the file meanwhile


def _stands_at(path: Path, handle: int) -> bool:
    """Say whether an open file is the one at a path."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _lock(handle: int) -> None:
    """Lock an open file, or raise BlockingIOError; where there are no locks, do nothing."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise


def _owner(path: Path) -> str:
    """Return what a lock says of its owner."""
    try:
        return path.read_text(encoding="utf-8") or "another process"
    except OSError:
        return "another process"
