"""Find simultaneous runs in a BIDS data set: the same entities in eeg/ and in func/."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from mne_bids import get_entities_from_fname

from neurotranscoder.core.errors import GridError, Problem, StudyError
from neurotranscoder.core.recording import RunId
from neurotranscoder.io.eeg import EEG_SUFFIXES
from neurotranscoder.io.electrodes import EegSidecars
from neurotranscoder.io.inheritance import metadata_of, nearest

ASSUMPTIONS = "Assumptions"  # field of our own: what an import assumed, a list of sentences
_IMAGES = (".nii", ".nii.gz")


@dataclass(frozen=True, slots=True)
class RunFiles:
    """Files of one simultaneous run.

    Parameters
    ----------
    run : RunId
        Which run it is.
    eeg, bold : Path
        The recordings.
    eeg_sidecars : EegSidecars
        What lies beside the EEG.
    bold_metadata : dict
        JSON of the images, inheritance resolved.
    mask : Path or None
        Brain mask beside the images.
    bold_events, eeg_events : Path or None
        Events on the scanner clock and on the EEG clock.
    """

    run: RunId
    eeg: Path
    bold: Path
    eeg_sidecars: EegSidecars
    bold_metadata: dict[str, object]
    mask: Path | None = None
    bold_events: Path | None = None
    eeg_events: Path | None = None

    def recordings(self) -> tuple[Path, ...]:
        """Return the files that hold signals, images, and names and places of channels; sorted.

        Header, markers and samples of BrainVision share a stem. What JSON files say is in the
        metadata.
        """
        stem = self.eeg.name.partition(".")[0]
        beside = [path for path in self.eeg.parent.glob(f"{stem}.*") if path.is_file()]
        sidecars = self.eeg_sidecars
        others = (self.bold, self.mask, sidecars.channels, sidecars.electrodes)
        return tuple(sorted({*beside, *(path for path in others if path is not None)}))


@dataclass(frozen=True, slots=True)
class LoneFiles:
    """Files of a run that has one modality alone.

    Parameters
    ----------
    run : RunId
        Which run it is.
    modality : {'eeg', 'bold'}
        What it has.
    path : Path
        The recording.
    root : Path
        The data set that it is of, where sidecars are looked for.
    """

    run: RunId
    modality: Literal["eeg", "bold"]
    path: Path
    root: Path

    def __str__(self) -> str:
        has, lacks = ("EEG", "BOLD") if self.modality == "eeg" else ("BOLD", "EEG")
        return f"{self.run}: {has} without {lacks}"


class Search(NamedTuple):
    """What was found in a data set.

    Parameters
    ----------
    runs : tuple of RunFiles
        Simultaneous runs whose files are all there, sorted.
    problems : list of Problem
        What is wrong with others: links whose target is absent, sidecars that cannot be read,
        doubled files, or that nothing is simultaneous.
    alone : tuple of LoneFiles
        Runs of one modality, those of EEG first, each sorted.
    """

    runs: tuple[RunFiles, ...]
    problems: list[Problem]
    alone: tuple[LoneFiles, ...] = ()


def search_runs(
    root: Path,
    *,
    participants: tuple[str, ...] = (),
    images: Path | None = None,
    space: str = "",
    alone: bool = False,
) -> Search:
    """Find the runs that have both EEG and BOLD, and those that have one alone.

    Parameters
    ----------
    root : Path
        The data set; only ``sub-*`` folders are entered, symbolic links are followed.
    participants : tuple of str
        Labels to restrict to, without ``sub-``; empty for all.
    images : Path, optional
        Derivative data set that holds the images (fMRIPrep); ``root`` when absent.
    space : str
        Space of the images, where a derivative holds several.
    alone : bool
        Whether runs of one modality will do; where not, at least one needs to have both.
    """
    if not root.is_dir():
        found = "a file" if root.exists() else "nothing"
        problem = Problem(str(root), "folder", found, "a BIDS data set", "check the path")
        return Search((), [problem])
    bold_root = images or root
    files = list(_data_files(root, participants))
    image_files = files if bold_root == root else list(_data_files(bold_root, participants))
    problems = _unknown_participants(root, participants)
    eegs = _by_run(files, "eeg", EEG_SUFFIXES, problems)
    candidates = [f for f in image_files if not space or f"_space-{space}_" in f.name]
    bolds = _by_run(candidates, "bold", _IMAGES, problems)
    problems += _dangling([*eegs.values(), *bolds.values()])
    if not (set(eegs) | set(bolds) if alone else set(eegs) & set(bolds)):
        problems.append(_nothing_simultaneous(root, eegs, bolds))
    runs = []
    for run in sorted(set(eegs) & set(bolds)):
        if not (eegs[run].exists() and bolds[run].exists()):
            continue
        try:
            runs.append(_collect(run, eegs[run], bolds[run], (root, bold_root)))
        except StudyError as error:
            problems += error.problems
    lone_eegs = [LoneFiles(run, "eeg", eegs[run], root) for run in sorted(set(eegs) - set(bolds))]
    lone_bolds = [
        LoneFiles(run, "bold", bolds[run], bold_root) for run in sorted(set(bolds) - set(eegs))
    ]
    return Search(tuple(runs), problems, (*lone_eegs, *lone_bolds))


def sidecars_of_eeg(eeg: Path, root: Path, metadata: dict[str, object]) -> EegSidecars:
    """Return what lies beside an EEG file."""
    return EegSidecars(
        metadata,
        nearest(eeg, root, "channels", ".tsv"),
        nearest(eeg, root, "electrodes", ".tsv"),
        nearest(eeg, root, "coordsystem", ".json"),
    )


def mask_of(bold: Path) -> Path | None:
    """Return the brain mask beside images, as fMRIPrep names it, if there is one."""
    stem = bold.name.removesuffix(".gz").removesuffix(".nii").removesuffix("_bold")
    mask = bold.with_name(stem.replace("_desc-preproc", "") + "_desc-brain_mask.nii.gz")
    return mask if mask.exists() else None


def _unknown_participants(root: Path, participants: tuple[str, ...]) -> list[Problem]:
    """Return a problem when labels were asked for that the data set does not have."""
    known = sorted(path.name.removeprefix("sub-") for path in root.glob("sub-*") if path.is_dir())
    unknown = sorted({label.removeprefix("sub-") for label in participants} - set(known))
    if not unknown:
        return []
    got, needed = f"labels {unknown}", f"some of {known}"
    return [Problem(str(root), "participants", got, needed, "correct the labels")]


def _data_files(root: Path, participants: tuple[str, ...]) -> Iterator[Path]:
    """Yield the files in eeg/ and func/ of the subjects (and sessions), sorted."""
    wanted = {f"sub-{label.removeprefix('sub-')}" for label in participants}
    for subject in sorted(root.glob("sub-*")):
        if subject.is_dir() and (not wanted or subject.name in wanted):
            for base in (subject, *sorted(subject.glob("ses-*"))):
                for kind in ("eeg", "func"):
                    if (base / kind).is_dir():
                        yield from sorted((base / kind).iterdir())


def _by_run(
    files: Iterable[Path], suffix: str, endings: tuple[str, ...], problems: list[Problem]
) -> dict[RunId, Path]:
    """Return one file per run; a label that is none, or a second file, is a problem."""
    found: dict[RunId, list[Path]] = defaultdict(list)
    for path in files:
        if path.name.endswith(tuple(f"_{suffix}{ending}" for ending in endings)):
            run = _run_of(path, problems)
            if run is not None:
                found[run].append(path)
    for run, paths in found.items():
        if len(paths) > 1:
            got = ", ".join(path.name for path in paths)
            cure = "move the others away, or choose with 'space'"
            problems.append(Problem(str(run), suffix, got, f"one {suffix} file", cure))
    return {run: paths[0] for run, paths in found.items()}


def _run_of(path: Path, problems: list[Problem]) -> RunId | None:
    """Return the run that a file name states."""
    entities = get_entities_from_fname(path.name, on_error="ignore", verbose="error")
    subject, task, session, run = (
        str(entities.get(key) or "") for key in ("subject", "task", "session", "run")
    )
    try:
        if not (subject and task):
            raise GridError("no label for sub or task")
        return RunId(subject, task, session, run)
    except GridError as error:
        needed = "sub and task, with letters, digits and '+' in each label"
        problems.append(Problem(str(path), "file name", str(error), needed, "rename the file"))
        return None


def _dangling(paths: list[Path]) -> list[Problem]:
    """Return one problem that names all links whose target is absent, or none."""
    beside = [sorted(path.parent.glob(path.name.partition(".")[0] + ".*")) for path in paths]
    found = [path for group in beside for path in group]
    absent = [str(path) for path in found if path.is_symlink() and not path.exists()]
    if not absent:
        return []
    got = f"{len(absent)} links without their content: {', '.join(absent)}"
    cure = f"datalad get {' '.join(absent)}"
    return [Problem(absent[0], "file", got, "the content of every file", cure)]


def _nothing_simultaneous(
    root: Path, eegs: dict[RunId, Path], bolds: dict[RunId, Path]
) -> Problem:
    """Say what was found instead of simultaneous runs."""

    def listed(runs: Iterable[RunId]) -> str:
        names = sorted(map(str, runs))
        return f"{len(names)} ({', '.join(names[:5])}{', ...' if len(names) > 5 else ''})"

    got = f"EEG runs {listed(eegs)}, BOLD runs {listed(bolds)}, none with the same labels"
    needed = "the same sub, ses, task and run labels in eeg/ and in func/"
    return Problem(str(root), "runs", got, needed, "rename the files, or check the participants")


def _collect(run: RunId, eeg: Path, bold: Path, roots: tuple[Path, Path]) -> RunFiles:
    """Gather the files beside an EEG file and an image file."""
    root, bold_root = roots
    problems: list[Problem] = []
    metadata: list[dict[str, object]] = []
    for path, top in ((eeg, root), (bold, bold_root)):
        try:
            metadata.append(metadata_of(path, top))
        except StudyError as error:
            problems += error.problems
    if problems:
        raise StudyError(problems)
    native = root / run.folder / "func" / f"{run.label}_bold.nii.gz"
    return RunFiles(
        run=run,
        eeg=eeg,
        bold=bold,
        eeg_sidecars=sidecars_of_eeg(eeg, root, metadata[0]),
        bold_metadata=metadata[1],
        mask=mask_of(bold),
        bold_events=nearest(bold, bold_root, "events", ".tsv")
        or nearest(native, root, "events", ".tsv"),
        eeg_events=nearest(eeg, root, "events", ".tsv"),
    )
