"""What an unfinished export has committed: one line of JSON for its plan, one for each batch."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType

from neurotranscoder.core.errors import StoreError
from neurotranscoder.core.manifest import FileEntry


@dataclass(slots=True, eq=False)
class Journal:
    """The journal of one export; as long as it is open, no other process has it.

    Parameters
    ----------
    path : Path
        Its file.
    folder : Path
        Where the export is until it is finished.

    Attributes
    ----------
    plan : dict
        What the export was started with; empty before `start`.
    tiles : set of int
        Tiles that are on the disk.
    files : dict from str to FileEntry
        Their files, by path below the folder.
    """

    path: Path
    folder: Path
    plan: dict[str, object] = field(default_factory=dict)
    tiles: set[int] = field(default_factory=set)
    files: dict[str, FileEntry] = field(default_factory=dict)
    _handle: int = -1

    def __enter__(self) -> Journal:
        """Read what was committed; cut off a line that was not written to its end.

        A batch one of whose files is not there as it was written does not count: a power failure
        may take what a kill leaves.

        Raises
        ------
        StoreError
            When another process has the journal, or its folder cannot be written to.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        except OSError as error:
            raise StoreError(
                f"{self.path}: could not be opened ({error.strerror}); an export needs a folder "
                "with permission to write; choose another path"
            ) from error
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._handle)
            raise StoreError(
                f"{self.path}: another process is writing this export; wait for it, or choose "
                "another path"
            ) from error
        text = self.path.read_bytes()
        whole = text[: text.rfind(b"\n") + 1]
        os.ftruncate(self._handle, len(whole))
        first, *batches = [json.loads(line) for line in whole.splitlines()] or [{}]
        self.plan = first
        for batch in batches:
            entries = [FileEntry(**entry) for entry in batch["files"]]
            if all(self._is_there(entry) for entry in entries):
                self._add(set(batch["tiles"]), entries)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let others have the journal; without a plan there is none."""
        if not self.plan:
            self.path.unlink(missing_ok=True)
        os.close(self._handle)

    def start(self, plan: Mapping[str, object]) -> None:
        """Begin anew."""
        os.ftruncate(self._handle, 0)
        self.plan, self.tiles, self.files = dict(plan), set(), {}
        self._append(self.plan)

    def commit(self, tiles: set[int], files: list[FileEntry]) -> None:
        """Say that tiles are on the disk, their files flushed."""
        self._append({"tiles": sorted(tiles), "files": [asdict(entry) for entry in files]})
        self._add(tiles, files)

    def close_for_good(self) -> None:
        """Remove the file: the export is finished."""
        self.path.unlink(missing_ok=True)

    def _add(self, tiles: set[int], files: list[FileEntry]) -> None:
        self.tiles |= tiles
        self.files |= {entry.path: entry for entry in files}

    def _is_there(self, entry: FileEntry) -> bool:
        path = self.folder / entry.path
        return path.is_file() and path.stat().st_size == entry.size

    def _append(self, line: Mapping[str, object]) -> None:
        """Write one line and wait until it is on the disk."""
        os.write(self._handle, (json.dumps(line) + "\n").encode())
        os.fsync(self._handle)
