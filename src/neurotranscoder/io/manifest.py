"""Folders of results: what they hold, and that they are complete."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from neurotranscoder import __version__
from neurotranscoder.core.errors import StoreError
from neurotranscoder.core.manifest import FileEntry, Manifest
from neurotranscoder.io.folder_locks import is_lock
from neurotranscoder.io.scratch import remove_leftovers
from neurotranscoder.io.store import read_json, write_json

MANIFEST = "manifest.json"


def write_manifest(
    folder: Path,
    *,
    kind: str,
    settings_hash: str,
    names: Sequence[str] | None = None,
    known: Iterable[FileEntry] = (),
) -> Manifest:
    """List files below a folder with their SHA-256; the result is valid from then on.

    Parameters
    ----------
    folder : Path
        The finished result; no symbolic link in it is followed.
    kind : str
        What the result is.
    settings_hash : str
        SHA-256 of the settings that made it.
    names : sequence of str, optional
        Files that are listed; all by default.
    known : iterable of FileEntry
        Files whose SHA-256 was taken when they were written; they are not read again.

    Returns
    -------
    manifest : Manifest
        What was written to ``manifest.json``.
    """
    remove_leftovers(folder)
    wanted = folder.rglob("*") if names is None else (folder / name for name in names)
    entries = {entry.path: entry for entry in known}
    files = tuple(
        entries.get(path.relative_to(folder).as_posix()) or _entry(folder, path)
        for path in sorted(wanted)
        if path.is_file() and path != folder / MANIFEST and not is_lock(path.name)
    )
    manifest = Manifest(kind, settings_hash, files, __version__)
    write_json(folder / MANIFEST, dataclasses.asdict(manifest))
    return manifest


def _entry(folder: Path, path: Path) -> FileEntry:
    """Return a file as it is now."""
    return FileEntry(path.relative_to(folder).as_posix(), path.stat().st_size, sha256_of(path))


def read_manifest(folder: Path, *, kind: str, verify: bool = True) -> Manifest:
    """Read the manifest of a finished result.

    Parameters
    ----------
    folder : Path
        Where the result is.
    kind : str
        What the result has to be.
    verify : bool
        Read every file and compare its SHA-256; else compare sizes only.

    Returns
    -------
    manifest : Manifest
        What the result consists of.

    Raises
    ------
    StoreError
        When the result is incomplete, damaged, or of another kind.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise StoreError(
            f"{folder}: got no {MANIFEST}; need a finished result of kind '{kind}'; the step that "
            "makes it did not finish, run it again"
        )
    manifest = _parse_manifest(path)
    if manifest.kind != kind:
        raise StoreError(f"{folder}: holds a '{manifest.kind}'; need a '{kind}'; give that folder")
    for entry in manifest.files:
        _check_entry(folder, entry, verify=verify)
    return manifest


def _parse_manifest(path: Path) -> Manifest:
    """Turn the JSON of a manifest into the object, strictly."""
    content = read_json(path)
    try:
        entries = [FileEntry(**entry) for entry in content["files"]]  # type: ignore[attr-defined]
        texts = [content[key] for key in ("kind", "settings_hash", "version")]
        inside = all(not Path(e.path).is_absolute() and ".." not in e.path for e in entries)
        typed = all(isinstance(e.size, int) and isinstance(e.sha256, str) for e in entries)
        if not (inside and typed and all(isinstance(text, str) for text in texts)):
            raise TypeError("a field has the wrong type or leaves the folder")
    except (KeyError, TypeError, AttributeError) as error:
        raise StoreError(
            f"{path}: is no manifest of this package ({error}); need kind, settings_hash, files "
            "and version; run the step that makes it again"
        ) from error
    return Manifest(str(texts[0]), str(texts[1]), tuple(entries), str(texts[2]))


def _check_entry(folder: Path, entry: FileEntry, *, verify: bool) -> None:
    """Refuse a result one of whose files is missing or has changed."""
    path = folder / entry.path
    size = path.stat().st_size if path.is_file() else None
    if size != entry.size:
        found = "no such file" if size is None else f"{size} bytes"
        raise StoreError(
            f"{path}: got {found}; need {entry.size} bytes; restore it or remake the result"
        )
    if verify and (digest := sha256_of(path)) != entry.sha256:
        raise StoreError(
            f"{path}: damaged, got SHA-256 {digest[:16]}...; need {entry.sha256[:16]}...; "
            "restore it or remake the result"
        )


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
