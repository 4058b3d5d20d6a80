"""Folders that a command writes its results to: ours, and of one process at a time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import platform
from collections.abc import Iterator, Mapping
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
_GONE = "not there"
_TOLD, _LONGEST = 4, 60  # differences that a message names, and characters of a value
_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK)  # of some network file systems


@contextlib.contextmanager
def open_output_folder(
    folder: Path, *, kind: str, identity: str, facts: Mapping[str, object] | None = None
) -> Iterator[bool]:
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
    facts : mapping, optional
        What the identity is made of, by names that a user knows, such as those of settings and
        recordings, with values as JSON holds them. They are kept, and those that differ are named
        where the folder is refused; without any, the identity is.

    Yields
    ------
    resumed : bool
        Whether an earlier run of the same work is continued; its leftovers are removed.

    Raises
    ------
    StoreError
        When the folder holds something else, the results of other work, or is in use.
    """
    known = dict(facts or {})
    _check(folder, kind, identity, known)
    with _locked(folder):
        resumed = _check(folder, kind, identity, known)  # another process may have been faster
        if resumed:
            remove_leftovers(folder)
        else:
            content = {"kind": kind, "identity": identity, "version": __version__}
            write_json(folder / MARKER, content | ({"facts": known} if known else {}))
        yield resumed


def _check(folder: Path, kind: str, identity: str, facts: Mapping[str, object]) -> bool:
    """Return whether a folder holds this very work; refuse one with anything else."""
    marker = folder / MARKER
    if marker.is_file():
        found = read_json(marker)
        if (found.get("kind"), found.get("identity")) != (kind, identity):
            raise StoreError(f"{folder}: {_other_work(found, kind, identity, facts)}")
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


def _other_work(
    found: Mapping[str, object], kind: str, identity: str, facts: Mapping[str, object]
) -> str:
    """Say how the work that a folder is of differs from that which is wanted."""
    cure = "choose another output folder, or remove this one to make it anew"
    if found.get("kind") != kind:
        there = f"holds a result of the kind '{found.get('kind')}'"
        return f"{there}; need one of the kind '{kind}'; choose another output folder"
    if not facts:
        there = f"holds '{kind}' of {str(found.get('identity'))!r}"
        return f"{there}; need that of {identity!r}; {cure}"
    before = found.get("facts")
    if not isinstance(before, dict):
        differs = "an earlier version did not note which"
    else:
        differs = _differences(before, facts) or "all names are the same, contents are not"
    return f"holds '{kind}' of other data or settings ({differs}); need the same; {cure}"


def _differences(before: Mapping[str, object], now: Mapping[str, object]) -> str:
    """Return what differs between facts, the first few by name."""
    names = [name for name in {**before, **now} if before.get(name, _GONE) != now.get(name, _GONE)]
    told = [
        f"{name} was {_short(before.get(name, _GONE))} and is {_short(now.get(name, _GONE))}"
        for name in names[:_TOLD]
    ]
    more = [f"and {len(names) - _TOLD} more"] if len(names) > _TOLD else []
    return ", ".join([*told, *more])


def _short(value: object) -> str:
    """Return a value for a message."""
    words = value if isinstance(value, str) else json.dumps(value)
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}..."


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
