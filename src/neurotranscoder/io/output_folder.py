"""Folders that a command writes its results to: ours, and kept from other processes meanwhile."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from neurotranscoder import __version__
from neurotranscoder.core.errors import StoreError
from neurotranscoder.io.folder_locks import held, is_lock, others, shared_files
from neurotranscoder.io.scratch import remove_leftovers
from neurotranscoder.io.store import TEMPORARY, read_json, write_json

MARKER = "neurotranscoder.json"
_GONE = "not there"
_TOLD, _LONGEST = 4, 60  # differences that a message names, and characters of a value


Facts = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Sharing:
    """What of an output folder is opened, and what the folder may become.

    Parameters
    ----------
    subjects : sequence of str
        Labels of those whose files are written; other processes may have others open. Empty: all.
    takes_in : callable, optional
        Called with the facts of a folder that holds other work of the kind; returns identity and
        facts of both together, or None where they do not go together.
    """

    subjects: Sequence[str] = ()
    takes_in: Callable[[Facts], tuple[str, Facts] | None] = lambda _: None


@contextlib.contextmanager
def open_output_folder(
    folder: Path,
    *,
    kind: str,
    identity: str,
    facts: Facts | None = None,
    sharing: Sharing | None = None,
) -> Iterator[bool]:
    """Make or reopen a folder for results, and keep other processes out of it meanwhile.

    A folder is refused that is not ours, or that another process has open (`folder_locks`). When a
    process dies, the system opens its folder again.

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
    sharing : Sharing, optional
        Whether a part is enough; default: the whole folder.

    Yields
    ------
    resumed : bool
        Whether there was something of the same work; leftovers of what is opened are removed.

    Raises
    ------
    StoreError
        When the folder holds something else, the results of other work, or is in use; at the end,
        when it is another one than at the beginning.
    """
    work = _Work(kind, identity, dict(facts or {}), sharing or Sharing())
    work.check(folder)
    with held(folder, work.sharing.subjects):
        with shared_files(folder):
            resumed = work.check(folder)  # another process may have been faster
            work.begin(folder)
        before = folder.stat()
        yield resumed
        _check_place(folder, before)


@dataclass(frozen=True, slots=True)
class _Work:
    """What a folder is to hold."""

    kind: str
    identity: str
    facts: Facts
    sharing: Sharing

    def check(self, folder: Path) -> bool:
        """Return whether a folder holds this very work; refuse one with anything else."""
        marker = folder / MARKER
        if marker.is_file():
            found = read_json(marker)
            if self._together(found) is None:
                words = _other_work(found, self.kind, self.identity, self.facts)
                raise StoreError(f"{folder}: {words}")
            return True
        if folder.exists() and not folder.is_dir():
            raise StoreError(f"{folder}: is a file; need a folder; choose another output folder")
        names = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
        strange = [name for name in names if not (is_lock(name) or TEMPORARY.fullmatch(name))]
        if strange:
            raise StoreError(
                f"{folder}: holds {len(strange)} other entries ({', '.join(strange[:3])}, ...); "
                "need a new or empty folder, or one that this command made; choose another output "
                "folder"
            )
        return False

    def begin(self, folder: Path) -> None:
        """Remove what dead processes left, and state what the folder is of."""
        subjects = self.sharing.subjects
        if (folder / MARKER).is_file():
            at_work = bool(others(folder, subjects))
            remove_leftovers(folder, of=subjects if at_work else ())
            found = read_json(folder / MARKER)
            identity, facts = self._together(found) or (self.identity, self.facts)
            if found.get("identity") == identity:
                return
        else:
            identity, facts = self.identity, self.facts
        content = {"kind": self.kind, "identity": identity, "version": __version__}
        write_json(folder / MARKER, content | ({"facts": dict(facts)} if facts else {}))

    def _together(self, found: Facts) -> tuple[str, Facts] | None:
        """Return what a folder is of when this work has joined it; None where it cannot."""
        if found.get("kind") != self.kind:
            return None
        if found.get("identity") == self.identity:
            return self.identity, self.facts
        facts = found.get("facts")
        return self.sharing.takes_in(facts) if isinstance(facts, dict) else None


def _check_place(folder: Path, before: os.stat_result) -> None:
    """Refuse to call results complete that were written to two folders of one name."""
    if folder.exists() and os.path.samestat(folder.stat(), before):
        return
    raise StoreError(
        f"{folder}: was moved or removed while a command wrote there; need it in one place until "
        "the command is done; what is there now is a part: remove it, put the folder back or "
        "choose another, and give the same command again"
    )


def _other_work(found: Facts, kind: str, identity: str, facts: Facts) -> str:
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


def _differences(before: Facts, now: Facts) -> str:
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
