"""Numeric matrices of MATLAB files, version 5 to 7; nothing in a damaged file is trusted.

Written after the published format ("MAT-File Format"), because `scipy.io` can crash the whole
process on a damaged file.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.errors import Problem, StudyError

_HEAD = 128
_MATRIX, _COMPRESSED = 14, 15
_STORED = {
    1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8",
}  # fmt: skip
_NUMERIC_CLASSES = range(6, 16)
_COMPLEX = 0x0800
_PREFIX = 4096  # bytes that hold flags, dimensions and name of a matrix
_MAX_VALUES = 2**29
_FAULTS = (struct.error, zlib.error, UnicodeDecodeError, OSError, ValueError, OverflowError)


@dataclass(frozen=True, slots=True)
class Matrix:
    """A real matrix in a file: its name, rows, columns, and where it stands.

    Parameters
    ----------
    name : str
        Its name.
    n_rows, n_columns : int
        Its size.
    start, size : int
        Where its element begins in the file, behind the tag, and how long it is, in bytes.
    packed : bool
        Whether the element is compressed.
    order : {'<', '>'}
        Order of bytes.
    """

    name: str
    n_rows: int
    n_columns: int
    start: int
    size: int
    packed: bool
    order: str


class _Element(NamedTuple):
    """A part of a matrix: what it holds, and where its bytes begin, end, and the next begins."""

    kind: int
    start: int
    end: int
    following: int


def matrices_in(path: Path) -> tuple[Matrix, ...]:
    """Return the real two-dimensional numeric matrices of a file, their values unread.

    Raises
    ------
    StudyError
        When the file is no MATLAB file of version 5 to 7, or is damaged.
    """
    try:
        with path.open("rb") as file:
            order = _byte_order(file.read(_HEAD))
            found = (_described(*element, order) for element in _top_level(file, order))
            return tuple(matrix for matrix in found if matrix is not None)
    except _FAULTS as error:
        raise _fault(path, error) from error


def read_matrix(path: Path, matrix: Matrix) -> Float[ndarray, "rows columns"]:
    """Return the values of a matrix of `matrices_in`.

    Raises
    ------
    StudyError
        When fewer values are stored than its size says, or they cannot be unpacked.
    """
    n_values = matrix.n_rows * matrix.n_columns
    try:
        if n_values > _MAX_VALUES:
            raise ValueError(f"{matrix.n_rows} x {matrix.n_columns} values are too many")
        with path.open("rb") as file:
            file.seek(matrix.start)
            content = file.read(matrix.size)
        if matrix.packed:
            whole = _unpacked(content, 8 * n_values + _PREFIX, whole=True)
            content = _inner(whole, matrix.order)
        *_, values = _parts(content, matrix.order)
        stored = np.frombuffer(
            content[values.start : values.end], dtype=matrix.order + _STORED[values.kind]
        )
        return stored.reshape(matrix.n_rows, matrix.n_columns, order="F").astype(np.float64)
    except (*_FAULTS, KeyError) as error:
        raise _fault(path, error) from error


def _byte_order(head: bytes) -> str:
    """Return the order of bytes; refuse other versions."""
    order = {b"IM": "<", b"MI": ">"}.get(head[126:128])
    if order is None or struct.unpack(f"{order}H", head[124:126])[0] != 0x0100:
        raise ValueError(f"the file begins with {head[:24]!r}")
    return order


def _top_level(file: BinaryIO, order: str) -> Iterator[tuple[bytes, int, int, bool]]:
    """Yield the first bytes of each matrix, where it stands, its size, and if it is packed."""
    while tag := file.read(8):
        kind, size = struct.unpack(f"{order}II", tag)
        start = file.tell()
        first = file.read(min(size, _PREFIX))
        file.seek(0, 2)
        if start + size > file.tell():
            raise ValueError(f"an element of {size} bytes goes on behind the end of the file")
        if kind == _COMPRESSED:
            yield _inner(_unpacked(first, _PREFIX), order), start, size, True
        elif kind == _MATRIX:
            yield first, start, size, False
        file.seek(start + size)


def _described(first: bytes, start: int, size: int, packed: bool, order: str) -> Matrix | None:
    """Return what the first bytes of a matrix say; None when it is no real numeric matrix."""
    flags_part, shape_part, name_part = _take(first, order, 3)
    flags = struct.unpack_from(f"{order}I", first, flags_part.start)[0]
    shape = np.frombuffer(first[shape_part.start : shape_part.end], dtype=f"{order}i4")
    name = first[name_part.start : name_part.end].decode("ascii")
    numeric = (flags & 0xFF) in _NUMERIC_CLASSES and not flags & _COMPLEX
    if not numeric or len(shape) != 2 or shape.min() < 1:
        return None
    return Matrix(name, int(shape[0]), int(shape[1]), start, size, packed, order)


def _take(content: bytes, order: str, count: int) -> list[_Element]:
    """Return the first parts of a matrix."""
    parts: list[_Element] = []
    at = 0
    while len(parts) < count:
        parts.append(_part(content, at, order))
        at = parts[-1].following
    return parts


def _parts(content: bytes, order: str) -> list[_Element]:
    """Return flags, dimensions, name and values of a real matrix."""
    parts = _take(content, order, 4)
    if parts[-1].end > len(content):
        raise ValueError(f"values end at byte {parts[-1].end} of {len(content)}")
    return parts


def _part(content: bytes, at: int, order: str) -> _Element:
    """Return the part of a matrix that begins at a byte; small ones share 8 bytes with the tag."""
    kind, size = struct.unpack_from(f"{order}II", content, at)
    if kind >> 16:
        kind, size = kind & 0xFFFF, kind >> 16
        return _Element(kind, at + 4, at + 4 + size, at + 8)
    return _Element(kind, at + 8, at + 8 + size, at + 8 + 8 * math.ceil(size / 8))


def _unpacked(content: bytes, most: int, *, whole: bool = False) -> bytes:
    """Return the first bytes of packed content, whatever more it holds unless it must end."""
    stream = zlib.decompressobj()
    unpacked = stream.decompress(content, most)
    if whole and not stream.eof:
        raise ValueError("packed values are cut, or more than the size of their matrix")
    return unpacked


def _inner(content: bytes, order: str) -> bytes:
    """Return the matrix in an unpacked element."""
    kind, size = struct.unpack_from(f"{order}II", content)
    if kind != _MATRIX:
        return b"\0" * 64  # of class 0: no numeric matrix
    return content[8 : 8 + size]


def _fault(path: Path, error: Exception) -> StudyError:
    """Return what is wrong with a file as an error."""
    got = f"{type(error).__name__}: {' '.join(str(error).split())}"
    needed = "a whole MATLAB file of version 5 to 7"
    cure = "restore it; a file of version 7.3 has to be saved again with -v7"
    return StudyError([Problem(str(path), "file", got, needed, cure)])
