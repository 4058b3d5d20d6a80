"""Which sidecars apply to a file of a BIDS data set: the inheritance principle."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from neurotranscoder.core.errors import Problem, StoreError, StudyError
from neurotranscoder.io.store import read_json

_SPATIAL = ("electrodes", "coordsystem")


def metadata_of(path: Path, root: Path) -> dict[str, object]:
    """Return the JSON metadata of a file by the BIDS inheritance principle.

    JSON files from the root down to the folder of the file apply when their suffix is the same
    and all their entities occur in the name of the file; nearer and longer names win.
    """
    merged: dict[str, object] = {}
    found = list(_inherited(path, root, ".json"))
    problems = []
    for sidecar in found:
        try:
            merged |= read_json(sidecar)
        except StoreError as error:
            needed, cure = "a JSON object", "restore the sidecar"
            problems.append(Problem(str(sidecar), "file", str(error), needed, cure))
    if problems:
        raise StudyError(problems)
    if not found:
        needed = f"{path.name.removesuffix('.gz').rpartition('.')[0]}.json, or one above"
        raise StudyError([Problem(str(path), "sidecar", "none", needed, "add the JSON file")])
    return merged


def nearest(path: Path, root: Path, suffix: str, ending: str) -> Path | None:
    """Return the sidecar of another suffix that applies to a file, the nearest one."""
    found = list(_inherited(path, root, ending, suffix))
    return found[-1] if found else None


def _inherited(path: Path, root: Path, ending: str, suffix: str | None = None) -> Iterator[Path]:
    """Yield sidecars that apply to a file, the farthest and shortest first."""
    *pairs, own = path.name.partition(".")[0].split("_")
    wanted = suffix or own
    entities = set(pairs)
    folders = [root, *reversed([p for p in path.parents if p.is_relative_to(root) and p != root])]
    for folder in folders:
        if not folder.is_dir():
            continue
        names = [n for n in os.listdir(folder) if n.endswith(f"{wanted}{ending}")]  # noqa: PTH208
        for name in sorted(names, key=lambda n: (n.count("_"), n)):
            *theirs, last = name.removesuffix(ending).split("_")
            if last in _SPATIAL:
                theirs = [pair for pair in theirs if not pair.startswith("space-")]
            if last == wanted and set(theirs) <= entities:
                yield folder / name
