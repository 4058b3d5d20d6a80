"""A study and the folder of its results, as the commands use them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from neurotranscoder.cli.common import progress, say
from neurotranscoder.cli.places import MODELS, NOT_BIDS, SUBJECTS
from neurotranscoder.cli.recordings import identity_of_recordings, joined, recordings_of
from neurotranscoder.config import Config, to_toml
from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.core.errors import StoreError
from neurotranscoder.core.recording import RunId
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.core.spread import Map
from neurotranscoder.io.derivatives import path_from, start_derivative
from neurotranscoder.io.folder_locks import shared_files
from neurotranscoder.io.manifest import MANIFEST, read_manifest
from neurotranscoder.io.output_folder import Sharing, open_output_folder
from neurotranscoder.io.store import write_text
from neurotranscoder.io.stored_runs import StoredRuns
from neurotranscoder.preprocess.align import align
from neurotranscoder.preprocess.group import align_runs, store_aligned_runs, study_blocks
from neurotranscoder.preprocess.listing import list_study
from neurotranscoder.preprocess.study import Study, open_study
from neurotranscoder.reconstruct.one_modality import check_alone
from neurotranscoder.reconstruct.range_check import InputRange, Modality, range_of_run
from neurotranscoder.train.trained import TrainedTranscoder, load_trained
from neurotranscoder.train.trained_subject import digest_of_group


@dataclass(frozen=True, slots=True, eq=False)
class Workspace:
    """An open study and where its results go.

    Parameters
    ----------
    study : Study
        What is read.
    out : Path
        Where results go.
    config : Config
        All settings.
    models_of_subjects : Path or None
        Folder with the model of each subject, where it is not that of the results.
    """

    study: Study
    out: Path
    config: Config
    models_of_subjects: Path | None = None

    @classmethod
    def open(cls, bids: Path, out: Path, config: Config, *, alone: bool = False) -> Workspace:
        """Check a study, runs of one modality as well if wanted; nothing is written yet."""
        refuse_folder(bids, out)
        say(f"checking {bids}")
        study = open_study(bids, config.study, alone=alone)
        for note in [] if alone else [f"{lone}; left out" for lone in study.alone.values()]:
            say(f"  {note}")
        for note in grouped_notes(study):
            say(f"  {note}")
        return cls(study, out, config)

    @classmethod
    def list(
        cls, bids: Path, out: Path, config: Config, models_of_subjects: Path | None = None
    ) -> Workspace:
        """Find the runs of a study, with one modality or both, unread; nothing is written yet."""
        refuse_folder(bids, out)
        return cls(list_study(bids, config.study, alone=True), out, config, models_of_subjects)

    def model_of(self, subject: str) -> Path:
        """Return the folder of the model of a subject."""
        return (self.models_of_subjects or self.out / MODELS / SUBJECTS) / f"sub-{subject}"

    @contextmanager
    def started(self, *, each: bool = False) -> Iterator[None]:
        """Open the folder of results, or go on in it, once nothing is left to refuse.

        Other processes are kept out of it while the context lasts.

        Parameters
        ----------
        each : bool
            Whether every file is of a single subject: others may have other subjects then.
        """
        root, config = self.study.root, self.config
        subjects = config.study.participants if each else ()
        if each:
            config = of_all_subjects(config)
        takes_in = partial(joined, root=root, results=self.out, subjects=subjects)
        facts = recordings_of(root, subjects)
        with open_output_folder(
            self.out,
            kind="derivative",
            identity=identity_of_recordings(facts),
            facts=facts,
            sharing=Sharing(subjects, takes_in),
        ):
            with shared_files(self.out):
                source = path_from(self.out, root)
                start_derivative(self.out, name="neurotranscoder", sources=[source])
                write_text(self.out / ".bidsignore", "\n".join(NOT_BIDS) + "\n")
                write_text(self.out / "settings.toml", to_toml(config))
            yield

    def check(self, model: TrainedTranscoder) -> None:
        """Refuse a model that does not fit the study, by its first run (of each modality).

        Raises
        ------
        GridError, WeightsError
            When voxels, channels or rate differ.
        """
        study, alone = self.study, self.study.alone.values()
        if study.runs:
            model.check(align(study.load(study.runs[0]), model.blocks, self.config.align))
            return
        for modality in ("eeg", "bold"):
            first = next((lone.run for lone in alone if lone.modality == modality), None)
            if first is not None:
                check_alone(model, study.load_alone(first))

    def align(
        self, blocks: BlockMap | None = None, runs: tuple[RunId, ...] | None = None
    ) -> tuple[AlignedRun, ...]:
        """Bring runs (all by default) to the group resolution."""
        blocks = self.blocks() if blocks is None else blocks
        wanted = self.study.runs if runs is None else runs
        with progress("aligning runs") as advance:
            return align_runs(self.study, wanted, blocks, self.config.align, progress=advance)

    def blocks(self) -> BlockMap:
        """Return the source blocks that all runs share."""
        say("finding the blocks that all runs share")
        return study_blocks(self.study, self.config.align)

    def store_aligned(
        self, role: str, labels: Sequence[str], blocks: BlockMap, folder: Path, spread: Map
    ) -> StoredRuns[AlignedRun]:
        """Bring the runs of a role to the group resolution, each in a file of its own."""
        runs = [run for run in self.study.runs if run.label in labels]
        with progress(f"aligning {role} runs") as advance:
            return store_aligned_runs(
                self.study,
                runs,
                blocks,
                self.config.align,
                folder,
                spread=spread,
                progress=advance,
            )

    def model_folder(self, architecture: str) -> Path:
        """Return where a model of an architecture goes."""
        return self.out / MODELS / architecture


def of_all_subjects(config: Config) -> Config:
    """Return settings as they are kept where several commands have a part of the subjects each."""
    study = config.study.model_copy(update={"participants": ()})
    return config.model_copy(update={"study": study})


def refuse_folder(bids: Path, out: Path) -> None:
    """Refuse results that hold the study or lie in it, and paths that are no UTF-8.

    The derivatives of a study are a place for results.

    Raises
    ------
    StoreError
        When it is refused.
    """
    study, folder = bids.resolve(), out.resolve()
    for path in (study, folder):
        if str(path).encode(errors="ignore").decode() != str(path):
            raise StoreError(
                f"{str(path)!a}: holds bytes that are no UTF-8, and results name their "
                "sources; need a path in UTF-8; rename it, or set LC_ALL=C.UTF-8"
            )
    inside = study in (folder, *folder.parents) and study / "derivatives" not in folder.parents
    if inside or folder in study.parents:
        raise StoreError(
            f"{out}: holds the study itself, or lies in it; choose another output folder, or one "
            f"in {bids / 'derivatives'}"
        )


def grouped_notes(study: Study) -> list[str]:
    """Return what reading the runs brought up, once for all alike.

    How each run was placed on the clock is left out: it stands beside every output.
    """
    runs: dict[str, list[str]] = {}
    for run, notes in study.notes.items():
        for note in notes:
            if not note.startswith("EEG starts at"):
                runs.setdefault(note, []).append(run.label)
    shared = [
        f"{named[0] if len(named) == 1 else f'{len(named)} runs'}: {note}"
        for note, named in runs.items()
    ]
    return shared


def out_of_range(
    trained: TrainedTranscoder,
    run: AlignedRun,
    modalities: Sequence[Modality] = ("EEG", "BOLD"),
) -> list[str]:
    """Return what of a run lies outside what a model was trained on, one line for each finding."""
    found = [part for part in range_of_run(trained, run) if part.modality in modalities]
    return range_lines(run.run, found)


def range_lines(run: RunId, ranges: Sequence[InputRange]) -> list[str]:
    """Return one line for each finding about a run."""
    return [f"OUT OF RANGE: {run}: {finding}" for part in ranges for finding in part.findings]


def is_complete(folder: Path, *, kind: str, identity: str) -> bool:
    """Return whether this very result is there, whole."""
    if not (folder / MANIFEST).is_file():
        return False
    try:
        return read_manifest(folder, kind=kind).settings_hash == identity
    except StoreError as error:
        say(f"{error}; it is made again")
        return False


def clear(folder: Path, pattern: str) -> None:
    """Remove an earlier result, the manifest first: other settings give other files."""
    (folder / MANIFEST).unlink(missing_ok=True)
    for path in sorted(folder.glob(pattern)):
        path.unlink()


def load_models(folders: tuple[Path, ...], out: Path) -> list[tuple[str, TrainedTranscoder]]:
    """Read the named models, or all models of a results folder.

    Raises
    ------
    StoreError
        When there is none.
    """
    found = folders or tuple(
        path.parent for path in sorted((out / MODELS).glob("*/manifest.json"))
    )
    if not found:
        raise StoreError(
            f"{out / MODELS}: no trained model; run `neurotranscoder train` first or name one "
            "with --model"
        )
    models = [(folder.name, load_trained(folder)) for folder in found]
    rank = {"transcoder": 0, "sparse": 1, "closed_form": 2}
    return sorted(models, key=lambda model: (rank.get(model[0], len(rank)), model[0]))


def group_models(out: Path, model: Path | None = None) -> dict[str, TrainedTranscoder]:
    """Return the named group model, or all of a results folder if any, by their digests.

    Raises
    ------
    StoreError
        When the named one cannot be read.
    """
    if model is None and not any((out / MODELS).glob("*/manifest.json")):
        return {}
    named = () if model is None else (model,)
    return {digest_of_group(group): group for _, group in load_models(named, out)}
