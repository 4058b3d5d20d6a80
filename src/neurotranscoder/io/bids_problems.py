"""What can be wrong with the files of a data set before any of them is read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from neurotranscoder.core.errors import Problem
from neurotranscoder.core.recording import RunId


def unknown_participants(root: Path, participants: tuple[str, ...]) -> list[Problem]:
    """Return a problem when labels were asked for that the data set does not have."""
    known = sorted(path.name.removeprefix("sub-") for path in root.glob("sub-*") if path.is_dir())
    unknown = sorted({label.removeprefix("sub-") for label in participants} - set(known))
    if not unknown:
        return []
    got, needed = f"labels {unknown}", f"some of {known}"
    return [Problem(str(root), "participants", got, needed, "correct the labels")]


def dangling(paths: list[Path]) -> list[Problem]:
    """Return one problem that names all links whose target is absent, or none."""
    beside = [sorted(path.parent.glob(path.name.partition(".")[0] + ".*")) for path in paths]
    found = [path for group in beside for path in group]
    absent = [str(path) for path in found if path.is_symlink() and not path.exists()]
    if not absent:
        return []
    got = f"{len(absent)} links without their content: {', '.join(absent)}"
    cure = f"datalad get {' '.join(absent)}"
    return [Problem(absent[0], "file", got, "the content of every file", cure)]


def nothing_simultaneous(root: Path, eegs: dict[RunId, Path], bolds: dict[RunId, Path]) -> Problem:
    """Say what was found instead of simultaneous runs."""

    def listed(runs: Iterable[RunId]) -> str:
        names = sorted(map(str, runs))
        return f"{len(names)} ({', '.join(names[:5])}{', ...' if len(names) > 5 else ''})"

    got = f"EEG runs {listed(eegs)}, BOLD runs {listed(bolds)}, none with the same labels"
    needed = "the same sub, ses, task and run labels in eeg/ and in func/"
    cure = "rename the files, or check the participants"
    if bool(eegs) != bool(bolds):
        alone = "EEG" if eegs else "BOLD"
        beside = "name the folder that has the images with study.images; " if eegs else ""
        cure = (
            f"{beside}with {alone} alone there is `transcode` and `reconstruct`, of a model that "
            "was trained on others; cleaning, training and scores need both; or check the "
            "participants"
        )
    return Problem(str(root), "runs", got, needed, cure)
