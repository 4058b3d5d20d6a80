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
from neurotranscoder.io.bids_problems import (
    dangling,
    nothing_simultaneous,
    unknown_participants,
)
from neurotranscoder.io.eeg import EEG_SUFFIXES
from neurotranscoder.io.electrodes import EegSidecars
from neurotranscoder.io.inheritance import metadata_of, nearest
from neurotranscoder.io.shared_eeg import BoldFile, in_order, shared_eegs

ASSUMPTIONS = "Assumptions"  # field of our own: what an import assumed, a list of sentences
_IMAGES = (".nii", ".nii.gz")


@dataclass(frozen=True, slots=True, kw_only=True)
class EegFiles:
    """Files of the EEG of one run.

    Parameters
    ----------
    run : RunId
        Which run it is.
    eeg : Path
        The recording.
    eeg_sidecars : EegSidecars
        What lies beside it.
    eeg_events : Path or None
        Events on the EEG clock.
    shared : tuple of BoldFile
        The images of all runs that the EEG file holds, in their order; empty where it is of this
        run alone.
    """

    run: RunId
    eeg: Path
    eeg_sidecars: EegSidecars
    eeg_events: Path | None = None
    shared: tuple[BoldFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFiles(EegFiles):
    """Files of one simultaneous run; those of its EEG are `EegFiles`.

    Parameters
    ----------
    bold : Path
        The images.
    bold_metadata : dict
        Their JSON, inheritance resolved.
    mask : Path or None
        Brain mask beside them.
    bold_events : Path or None
        Events on the scanner clock.
    """

    bold: Path
    bold_metadata: dict[str, object]
    mask: Path | None = None
    bold_events: Path | None = None

    def recordings(self) -> tuple[Path, ...]:
        """Return the files that hold signals, images, and names and places of channels.

        In the order of their names, wherever a study lies and however its path was given. Header,
        markers and samples of BrainVision share a stem. What JSON files say is in the metadata.
        """
        stem = self.eeg.name.partition(".")[0]
        beside = [path for path in self.eeg.parent.glob(f"{stem}.*") if path.is_file()]
        sidecars = self.eeg_sidecars
        others = (self.bold, self.mask, sidecars.channels, sidecars.electrodes)
        found = {*beside, *(path for path in others if path is not None)}
        return tuple(sorted(found, key=lambda path: (path.name, path)))


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
    blocks: tuple[str, ...] = (),
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
    blocks : tuple of str
        The run of each scan block of EEG files that several runs share, where it is stated.
    alone : bool
        Whether runs of one modality will do; where not, at least one needs to have both.
    """
    for folder, cure in ((root, "check the path"), (images or root, "correct study.images")):
        if not folder.is_dir():
            found = "a file" if folder.exists() else "nothing"
            return Search((), [Problem(str(folder), "folder", found, "a BIDS data set", cure)])
    bold_root = images or root
    files = list(_data_files(root, participants))
    image_files = files if bold_root == root else list(_data_files(bold_root, participants))
    problems = unknown_participants(root, participants)
    eegs = _by_run(files, "eeg", EEG_SUFFIXES, problems)
    candidates = [f for f in image_files if not space or f"_space-{space}_" in f.name]
    bolds = _by_run(candidates, "bold", _IMAGES, problems)
    problems += dangling([*eegs.values(), *bolds.values()])
    shared = shared_eegs(eegs.keys(), bolds.keys(), stated=bool(blocks))
    eeg_of = {run: run for run in set(eegs) & set(bolds)} | shared
    unknown = bool(problems) and not (eegs or bolds)  # labels that are wrong are all there is
    if not unknown and not (set(eegs) | set(bolds) if alone else eeg_of):
        problems.append(nothing_simultaneous(root, eegs, bolds))
    runs = []
    for run, eeg in sorted(eeg_of.items()):
        if not (eegs[eeg].exists() and bolds[run].exists()):
            continue
        together = in_order([one for one in shared if shared[one] == eeg] if run in shared else [])
        beside = {one: bolds[one] for one in together}
        try:
            runs.append(_collect(run, eegs[eeg], bolds[run], beside, (root, bold_root)))
        except StudyError as error:
            problems += error.problems
    used = {*eeg_of, *eeg_of.values()}
    lone_eegs = [LoneFiles(run, "eeg", eegs[run], root) for run in sorted(set(eegs) - used)]
    lone_bolds = [
        LoneFiles(run, "bold", bolds[run], bold_root) for run in sorted(set(bolds) - set(eeg_of))
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


def eeg_files(lone: LoneFiles) -> EegFiles:
    """Return an EEG recording without images, with what lies beside it.

    Raises
    ------
    StudyError
        When its metadata cannot be read.
    """
    metadata = metadata_of(lone.path, lone.root)
    return EegFiles(
        run=lone.run,
        eeg=lone.path,
        eeg_sidecars=sidecars_of_eeg(lone.path, lone.root, metadata),
        eeg_events=nearest(lone.path, lone.root, "events", ".tsv"),
    )


def mask_of(bold: Path) -> Path | None:
    """Return the brain mask beside images, as fMRIPrep names it, if there is one."""
    stem = bold.name.removesuffix(".gz").removesuffix(".nii").removesuffix("_bold")
    mask = bold.with_name(stem.replace("_desc-preproc", "") + "_desc-brain_mask.nii.gz")
    return mask if mask.exists() else None


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


def _collect(
    run: RunId, eeg: Path, bold: Path, together: dict[RunId, Path], roots: tuple[Path, Path]
) -> RunFiles:
    """Gather the files beside an EEG file, an image file, and those that share the EEG."""
    root, bold_root = roots
    problems: list[Problem] = []
    metadata: dict[Path, dict[str, object]] = {}
    for path in dict.fromkeys((eeg, bold, *together.values())):
        try:
            metadata[path] = metadata_of(path, root if path == eeg else bold_root)
        except StudyError as error:
            problems += error.problems
    if problems:
        raise StudyError(problems)
    native = root / run.folder / "func" / f"{run.label}_bold.nii.gz"
    return RunFiles(
        run=run,
        eeg=eeg,
        bold=bold,
        eeg_sidecars=sidecars_of_eeg(eeg, root, metadata[eeg]),
        bold_metadata=metadata[bold],
        mask=mask_of(bold),
        bold_events=nearest(bold, bold_root, "events", ".tsv")
        or nearest(native, root, "events", ".tsv"),
        eeg_events=nearest(eeg, root, "events", ".tsv"),
        shared=tuple(BoldFile(one, path, metadata[path]) for one, path in together.items()),
    )
