"""Who works in an output folder: one process has all of it, or several have a subject each.

Locks are files beside the results, locked with ``flock``: the system lets go of them when a
process dies, however it does. They are taken behind a lock that all wait for, and that guards what
subjects share. A file system without locks keeps nobody out.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import platform
import re
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from neurotranscoder.core.errors import SettingsError, StoreError
from neurotranscoder.io.store import FOLDER_LOCK

_SHARED_LOCK = ".neurotranscoder.shared.lock"
_SUBJECT_LOCK = re.compile(r"\.neurotranscoder\.(sub-.+)\.lock")
_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK)  # of some network file systems
_LABEL = re.compile(r"[0-9A-Za-z+]+")
_TOLD = 5  # holders that a message names
_PATIENCE, _PAUSE = 600.0, 0.01  # s: what subjects share is written in moments


def is_lock(name: str) -> bool:
    """Say whether a file of this name is a lock of an output folder."""
    return name in (FOLDER_LOCK, _SHARED_LOCK) or bool(_SUBJECT_LOCK.fullmatch(name))


@contextlib.contextmanager
def held(folder: Path, subjects: Sequence[str] = ()) -> Iterator[None]:
    """Keep other processes out of a folder, or of subjects in it, while the context lasts.

    Parameters
    ----------
    folder : Path
        It is made where it is missing, and goes again where nothing came into it.
    subjects : sequence of str
        Labels, with ``sub-`` or without; other processes may hold others. Empty: the whole folder.

    Raises
    ------
    StoreError
        When another process has some of it; it is named. Or when nothing can be written there.
    SettingsError
        When a label has other characters than letters, digits and '+'.
    """
    wanted = [folder / name for name in _names(subjects)]
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    handles: list[int] = []
    try:
        with shared_files(folder), _writable(folder):
            _refuse(folder, subjects)
            handles.extend(_acquired(path) for path in wanted)
        yield
    finally:
        for path, handle in zip(wanted, handles, strict=False):
            _let_go(path, handle)
        with contextlib.suppress(OSError):
            for path in made:
                path.rmdir()  # if it is empty


@contextlib.contextmanager
def shared_files(folder: Path) -> Iterator[None]:
    """Wait until no other process is at what subjects of a folder share, and have it alone.

    Nobody comes to hold the folder, or subjects in it, meanwhile. It is for moments, and not to
    be nested.

    Raises
    ------
    StoreError
        When nothing can be written there, or another process, such as one that is stopped, does
        not end with it; it is named.
    """
    path = folder / _SHARED_LOCK
    with _writable(path):
        handle = _waited_for(path)
    try:
        yield
    finally:
        _let_go(path, handle)


def others(folder: Path, subjects: Sequence[str] = ()) -> dict[str, str]:
    """Return what other processes hold in a folder, and who they are; within `shared_files`.

    Locks that dead processes left are removed.

    Parameters
    ----------
    folder : Path
        That of `held`.
    subjects : sequence of str
        What this process holds there.

    Returns
    -------
    found : dict from str to str
        By subject (``sub-01``); one who has the whole folder is under an empty name.
    """
    return _busy(folder, own=_names(subjects))


def words_of(found: dict[str, str]) -> str:
    """Say who holds which subjects, the first few by name."""
    told = [f"{name} ({owner})" for name, owner in list(found.items())[:_TOLD]]
    more = [f"and {len(found) - _TOLD} more"] if len(found) > _TOLD else []
    return ", ".join([*told, *more])


def _names(subjects: Sequence[str]) -> list[str]:
    """Return the names of the locks to take, in order."""
    labels = sorted({label.removeprefix("sub-") for label in subjects})
    for label in labels:
        if not _LABEL.fullmatch(label):
            raise SettingsError(
                f"participants has {label!r}; need letters, digits and '+'; correct the label"
            )
    return [f".neurotranscoder.sub-{label}.lock" for label in labels] or [FOLDER_LOCK]


def _busy(folder: Path, *, own: Sequence[str] = ()) -> dict[str, str]:
    """Return what is held and by whom, but for locks of one's own; remove those of the dead."""
    found = {}
    for path in sorted(folder.glob(".neurotranscoder*.lock")):
        named = _SUBJECT_LOCK.fullmatch(path.name)
        if path.name in own or not (named or path.name == FOLDER_LOCK):
            continue
        if _is_locked(path):
            found[named.group(1) if named else ""] = _owner(path)
        else:
            path.unlink(missing_ok=True)
    return found


def _refuse(folder: Path, subjects: Sequence[str]) -> None:
    """Refuse what another process holds."""
    busy = _busy(folder)
    cure = "wait until that one is done, or choose another output folder"
    if "" in busy:
        raise StoreError(
            f"{folder}: {busy['']} is writing there; need a folder of one command at a time; "
            f"{cure}"
        )
    if not busy:
        return
    if not subjects:
        raise StoreError(
            f"{folder}: others are writing there: {words_of(busy)}; need all subjects at once; "
            "wait until these commands are done, or choose another output folder"
        )
    wanted = {f"sub-{label.removeprefix('sub-')}" for label in subjects}
    if mine := {name: owner for name, owner in busy.items() if name in wanted}:
        raise StoreError(
            f"{folder}: others are writing there: {words_of(mine)}; need a subject of one command "
            f"at a time; {cure}; other subjects can be given meanwhile"
        )


@contextlib.contextmanager
def _writable(path: Path) -> Iterator[None]:
    """Say what is needed where a folder cannot be written to."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{path}: could not be written ({error.strerror or error}); need a folder with free "
            "space and permission to write; choose another output folder"
        ) from error


def _waited_for(path: Path) -> int:
    """Return the handle of a locked file as soon as nobody else has it."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            return _acquired(path)
        except BlockingIOError as error:
            if time.monotonic() > end:
                raise StoreError(
                    f"{path.parent}: {_owner(path)} has been at what subjects share for "
                    f"{_PATIENCE:.0f} s or more; need it for a moment; let that process go on, or "
                    "end it, and give the same command again"
                ) from error
            time.sleep(_PAUSE)


def _acquired(path: Path) -> int:
    """Return the handle of a locked file, which stands at its path."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:
            if path.is_symlink():
                raise
            continue  # whoever made the folder took it away again
        try:
            _lock(handle)
            if _stands_at(path, handle):
                os.ftruncate(handle, 0)
                os.write(handle, _myself().encode())
                return handle
        except OSError:
            os.close(handle)
            raise
        os.close(handle)  # whoever had the lock removed the file meanwhile


def _let_go(path: Path, handle: int) -> None:
    """Remove a lock and let go of it; one that another process has at its place stays."""
    if _stands_at(path, handle):
        path.unlink(missing_ok=True)  # before the lock: nobody has the next file yet
    os.close(handle)


def _myself() -> str:
    """Return who this process is."""
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"process {os.getpid()} on {platform.node()} since {now}"


def _stands_at(path: Path, handle: int) -> bool:
    """Say whether an open file is the one at a path."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _is_locked(path: Path) -> bool:
    """Say whether a process that is alive has a lock."""
    try:
        handle = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        _lock(handle)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
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
