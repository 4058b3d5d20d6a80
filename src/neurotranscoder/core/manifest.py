"""The list of files that makes a multi-file result valid."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of a result: its path below the folder, its size and its SHA-256."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a finished result consists of; written last, read first.

    Parameters
    ----------
    kind : str
        What the result is: 'study', 'model', 'evaluation', ...
    settings_hash : str
        SHA-256 of the resolved settings that made it.
    files : tuple of FileEntry
        Every file of the result except the manifest itself, sorted by path.
    version : str
        Version of this package that wrote it.
    """

    kind: str
    settings_hash: str
    files: tuple[FileEntry, ...]
    version: str
