"""Which recordings results are of, and when results take in those of more subjects."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from neurotranscoder.cli.places import MODELS, PAPER_SUBJECTS, SUBJECTS
from neurotranscoder.io.output_folder import MARKER
from neurotranscoder.io.scratch import paths_below

_ABOUT = (MARKER, "dataset_description.json", "README", "settings.toml")

Recordings = Mapping[str, object]


def recordings_of(root: Path, subjects: Sequence[str] = ()) -> dict[str, str]:
    """Return the sizes of recordings of a data set, in words, by their names.

    Parameters
    ----------
    root : Path
        The data set.
    subjects : sequence of str
        Labels of those whose recordings are wanted; empty for all.
    """
    labels = {label.removeprefix("sub-") for label in subjects}
    folders = [root / f"sub-{label}" for label in labels] or root.glob("sub-*")
    sizes: dict[Path, str] = {}
    for path in (path for folder in folders for path in paths_below(folder)):
        name = path.relative_to(root)
        half_written = any(part.startswith(".") for part in name.parts)
        if path.stem.removesuffix(".nii").endswith(("_eeg", "_bold")) and not half_written:
            with suppress(FileNotFoundError):  # of a subject that another process is at
                sizes[name] = f"{path.lstat().st_size} bytes"
    return {name.as_posix(): size for name, size in sorted(sizes.items())}


def identity_of_recordings(recordings: Recordings) -> str:
    """Return a hash of names and sizes of recordings."""
    digest = hashlib.sha256()
    for name, size in recordings.items():
        digest.update(f"{name} {str(size).removesuffix(' bytes')}\n".encode())
    return digest.hexdigest()


def study_identity(root: Path) -> str:
    """Return a hash of the names and sizes of all recordings of a data set.

    Which participants are read makes no difference: results of a part of a study go beside
    those of the whole.
    """
    return identity_of_recordings(recordings_of(root))


def joined(
    before: Recordings, *, root: Path, results: Path, subjects: Sequence[str] = ()
) -> tuple[str, Recordings] | None:
    """Return what results are of once they have taken in the recordings of a data set.

    Results of single subjects take in others; a group model, and what is made of it, does not.

    Parameters
    ----------
    before : mapping
        Recordings that the results are of.
    root, results : Path
        The data set, and the results.
    subjects : sequence of str
        Labels of those that are looked at; empty for all.

    Returns
    -------
    both : tuple of identity and recordings, or None
        None where recordings have changed or are gone, or others have come that cannot join.
    """
    now = recordings_of(root, subjects)
    labels = {f"sub-{label.removeprefix('sub-')}" for label in subjects}
    mine = [name for name in before if not labels or name.partition("/")[0] in labels]
    if any(now.get(name) != before[name] for name in mine):
        return None
    if now.keys() - before.keys() and not is_of_single_subjects(results):
        return None
    both = {**before, **now}
    both = {name: both[name] for name in sorted(both, key=lambda one: PurePosixPath(one).parts)}
    return identity_of_recordings(both), both


def is_of_single_subjects(results: Path) -> bool:
    """Return whether nothing in a folder of results is made of several subjects."""
    names = {path.name for path in results.glob("*") if not path.name.startswith((".", "sub-"))}
    models = {path.name for path in (results / MODELS).glob("*")}
    return names <= {MODELS, *_ABOUT} and models <= {SUBJECTS, PAPER_SUBJECTS}
