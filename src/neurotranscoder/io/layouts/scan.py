"""From files to plans: runs with both modalities, checked one by one, every problem listed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from neurotranscoder.core.errors import GridError, Problem, StudyError
from neurotranscoder.core.recording import RunId
from neurotranscoder.io.layouts.plan import ImagePart, ImportSettings, RunPlan, Scan

Part = TypeVar("Part")
Other = TypeVar("Other")
Found = TypeVar("Found")


def scan_runs(
    source: Path,
    eegs: Mapping[RunId, Found],
    images: Mapping[RunId, Other],
    plan: Callable[[RunId, Found, Other], RunPlan],
    *,
    settings: ImportSettings,
    problems: Iterable[Problem] = (),
) -> Scan:
    """Plan the runs that have both modalities.

    Parameters
    ----------
    source : Path
        The data set.
    eegs, images : mapping from RunId
        What was found of each run, in either modality.
    plan : callable
        Takes a run and what was found of it; raises StudyError when something is wrong.
    settings : ImportSettings
        Which participants are wanted.
    problems : iterable of Problem
        What is wrong so far.

    Returns
    -------
    scan : Scan
        Plans, problems, and runs that have one modality alone.
    """
    wanted = {label.removeprefix("sub-") for label in settings.participants}
    known = {run.subject for run in (*eegs, *images)}
    found = [*problems]
    if unknown := sorted(wanted - known):
        got, needed = f"labels {unknown}", f"some of {sorted(known)}"
        found.append(Problem(str(source), "participants", got, needed, "correct the labels"))
    chosen = wanted & known or known
    eeg_runs, image_runs = (
        {run for run in runs if run.subject in chosen} for runs in (eegs, images)
    )
    both = sorted(eeg_runs & image_runs)
    plans: list[RunPlan] = []
    faulty: list[Problem] = []
    for run in both:
        try:
            plans.append(plan(run, eegs[run], images[run]))
        except StudyError as error:
            faulty += error.problems
    alone = [f"{run}: EEG without BOLD; left out" for run in sorted(eeg_runs - image_runs)]
    alone += [f"{run}: BOLD without EEG; left out" for run in sorted(image_runs - eeg_runs)]
    if not both:
        found.append(_nothing(source, len(eegs), len(images)))
    return Scan(tuple(plans), tuple(found), tuple(dict.fromkeys(faulty)), tuple(alone))


def pair(first: Callable[[], Part], second: Callable[[], Other]) -> tuple[Part, Other]:
    """Return what two functions return; StudyError with the problems of both when they fail."""
    problems: list[Problem] = []
    try:
        one = first()
    except StudyError as error:
        problems += error.problems
    try:
        other = second()
    except StudyError as error:
        problems += error.problems
    if problems:
        raise StudyError(problems)
    return one, other


def check_length(path: Path, eeg_seconds: float, images: ImagePart) -> None:
    """Refuse EEG that lasts more than one TR less than the images, and images of no length."""
    if images.n_volumes - images.first < 2:
        got = f"{images.n_volumes} volumes, {images.first} of them before the EEG"
        needed, cure = "at least 2 within the EEG", "restore or download the file"
        raise StudyError([Problem(str(images.path), "dim", got, needed, cure)])
    if eeg_seconds >= images.duration - images.tr:
        return
    got = f"{eeg_seconds:.3f} s of EEG"
    needed = f"{images.duration:.3f} s, as long as {images.path.name} ({images.n_volumes} volumes)"
    problem = Problem(str(path), "duration", got, needed, "restore or download both files")
    raise StudyError([problem])


def run_of(
    where: Path, problems: list[Problem], subject: str, task: str, *, session: str = "",
    run: str = "",
) -> RunId | None:  # fmt: skip
    """Return the labels of a run, or None and a problem when one is no label."""
    try:
        if not (subject and task):
            raise GridError("no label for sub or task")
        return RunId(subject, task, session, run)
    except GridError as error:
        needed = "sub and task, with letters, digits and '+' in each label"
        problems.append(Problem(str(where), "name", str(error), needed, "rename it in a copy"))
        return None


def check_folder(source: Path) -> None:
    """Refuse a data set that is no folder."""
    if not source.is_dir():
        got = "a file" if source.exists() else "nothing"
        needed, cure = "the folder of the data set", "check the path, or unpack the archives there"
        raise StudyError([Problem(str(source), "folder", got, needed, cure)])


def _nothing(source: Path, n_eeg: int, n_images: int) -> Problem:
    """Say that no run has both modalities."""
    got = f"{n_eeg} EEG runs and {n_images} BOLD runs, none with the same labels"
    needed = "runs with both"
    cure = "check path and layout, and download both modalities"
    return Problem(str(source), "runs", got, needed, cure)
