"""Files that are whole or absent: beside, fsync, rename, fsync the folder."""

from __future__ import annotations

import contextlib
import json
import math
import numbers
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from neurotranscoder.core.errors import DiskError, Problem, StoreError, StudyError

TEMPORARY = re.compile(r"\..+\.[a-z0-9_]{8}\.partial(\.nii\.gz|\.[A-Za-z0-9]+)?")
FOLDER_LOCK = ".neurotranscoder.lock"  # of an output folder that is open


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; it becomes ``path`` when the block succeeds.

    Parameters
    ----------
    path : Path
        Where the file is to be; its folder is made when it is missing.

    Yields
    ------
    temporary : Path
        Where to write; it has the suffix of ``path``.

    Raises
    ------
    DiskError
        When the disk refuses to write; the file that stood at ``path`` is untouched.
    """
    temporary: Path | None = None
    try:
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = _new_temporary(path)
            yield temporary
            flush(temporary, os.O_RDWR)
            temporary.replace(path)
            flush(path.parent, os.O_RDONLY)
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Raise DiskError, which names a path and the cause, when the disk refuses to write there."""
    try:
        yield
    except OSError as error:
        raise DiskError(
            f"{path}: could not be written ({error.strerror or error}); need a folder with free "
            "space and permission to write; what was there before is unchanged; make room and "
            "give the same command again"
        ) from error


@contextlib.contextmanager
def atomic_group(folder: Path, *, last: str) -> Iterator[Path]:
    """Give a temporary folder inside ``folder``; its files move up when the block succeeds.

    Each file is replaced as a whole; the one whose name ends in ``last`` comes last, so readers
    that start there (a header that names its data) find everything.

    Raises
    ------
    DiskError
        When the disk refuses to write.
    """
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".group.", suffix=".partial", dir=folder))
    try:
        with disk_errors(folder):
            yield temporary
        for path in sorted(temporary.iterdir(), key=lambda p: (p.name.endswith(last), p.name)):
            with atomic_path(folder / path.name) as target:
                path.replace(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _new_temporary(path: Path) -> Path:
    """Make an empty file beside ``path`` that keeps its suffix and the usual permissions."""
    suffix = ".nii.gz" if path.name.endswith(".nii.gz") else path.suffix
    handle, name = tempfile.mkstemp(
        prefix=f".{path.name}.", suffix=f".partial{suffix}", dir=path.parent
    )
    umask = os.umask(0)
    os.umask(umask)
    os.fchmod(handle, 0o666 & ~umask)
    os.close(handle)
    return Path(name)


def flush(path: Path, flags: int) -> None:
    """Wait until a file or folder is on the disk."""
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes; the file holds either all of them or what it held before."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Write text as UTF-8 with Unix line ends."""
    write_bytes(path, content.encode())


def write_json(path: Path, content: Mapping[str, object] | Sequence[object]) -> None:
    """Write JSON, indented; NaN and infinite numbers are refused with StoreError."""
    try:
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    except ValueError as error:
        raise StoreError(
            f"{path}: JSON got NaN or an infinite number; it needs finite numbers; "
            "write null, or leave the field out"
        ) from error
    write_text(path, text + "\n")


def write_table(path: Path, columns: Mapping[str, Sequence[object]]) -> None:
    """Write a table as tab-separated text.

    Parameters
    ----------
    path : Path
        Where it goes.
    columns : mapping from name to values
        Columns of equal length; NaN and None become ``n/a``, floats keep every digit.
    """
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise StoreError(f"{path}: columns have lengths {lengths}; they need to be equal")
    rows = zip(*columns.values(), strict=True)
    lines = ["\t".join(columns), *("\t".join(map(_cell, row)) for row in rows)]
    write_text(path, "\n".join(lines) + "\n")


def _cell(value: object) -> str:
    """Return one value as a cell of a table."""
    if value is None:
        return "n/a"
    if isinstance(value, numbers.Real) and not isinstance(value, numbers.Integral):
        number = float(value)
        return repr(number) if math.isfinite(number) else "n/a"
    return str(value).replace("\t", " ").replace("\n", " ") or "n/a"


def read_json(path: Path) -> dict[str, object]:
    """Read a JSON object.

    Raises
    ------
    StoreError
        When the file is missing, is no JSON, or holds something other than an object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(
            f"{path}: got {type(error).__name__} ({error}); need a readable JSON file; "
            "restore or remake it"
        ) from error
    if not isinstance(content, dict):
        raise StoreError(f"{path}: got a JSON {type(content).__name__}; need an object {{...}}")
    return content


def read_table(path: Path) -> dict[str, list[str]]:
    """Read tab-separated text with a header line.

    Parameters
    ----------
    path : Path
        Table to read.

    Returns
    -------
    columns : dict from name to list of str
        Cells as they stand in the file, spaces around them removed.

    Raises
    ------
    StudyError
        When the file cannot be read, or a line has another number of fields than the first.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        problem = Problem(str(path), "file", f"{error}", "a readable UTF-8 table", "restore it")
        raise StudyError([problem]) from error
    rows = [[cell.strip() for cell in line.split("\t")] for line in lines if line.strip()]
    names = rows[0] if rows else []
    if len(set(names)) != len(names) or not names:
        got = f"columns {names}" if names else "an empty file"
        needed = "a first line of distinct column names"
        raise StudyError([Problem(str(path), "line 1", got, needed, "repair the file")])
    problems = [
        Problem(
            str(path),
            f"line {number}",
            f"{len(row)} fields",
            f"{len(names)} fields, separated by tabs",
            "write n/a where a value is missing",
        )
        for number, row in enumerate(rows[1:], start=2)
        if len(row) != len(names)
    ]
    if problems:
        raise StudyError(problems)
    return {name: [row[i] for row in rows[1:]] for i, name in enumerate(names)}
