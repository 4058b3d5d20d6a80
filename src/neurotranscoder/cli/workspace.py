"""A study and the folder of its results, as the commands use them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from neurotranscoder.cli.common import progress, say
from neurotranscoder.config import Config, to_toml
from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.core.errors import StoreError
from neurotranscoder.core.recording import RunId
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.io.derivatives import start_derivative
from neurotranscoder.io.manifest import open_output_folder
from neurotranscoder.io.store import write_text
from neurotranscoder.preprocess.group import align_runs, study_blocks
from neurotranscoder.preprocess.study import Study, open_study
from neurotranscoder.train.trained import TrainedTranscoder, load_trained

MODELS = "models"
EVALUATION = "evaluation"


@dataclass(frozen=True, slots=True, eq=False)
class Workspace:
    """An open study and where its results go."""

    study: Study
    out: Path
    config: Config

    @classmethod
    def open(cls, bids: Path, out: Path, config: Config) -> Workspace:
        """Check a study, then open its results; nothing is written when the study is faulty."""
        if out.resolve() == bids.resolve() or out.resolve() in bids.resolve().parents:
            raise StoreError(f"{out}: holds the study itself; choose another output folder")
        say(f"checking {bids}")
        study = open_study(bids, config.study)
        for note in grouped_notes(study):
            say(f"  {note}")
        open_output_folder(out, kind="derivative", identity=study_identity(study))
        start_derivative(out, name="neurotranscoder", sources=[str(bids)])
        write_text(
            out / ".bidsignore",
            f"{MODELS}/\n{EVALUATION}/\n*.html\n*.tsv\n*.toml\n*.json\n*_source.*\n",
        )
        write_text(out / "settings.toml", to_toml(config))
        return cls(study, out, config)

    def align(
        self, blocks: BlockMap | None = None, runs: tuple[RunId, ...] | None = None
    ) -> tuple[AlignedRun, ...]:
        """Bring runs (all by default) to the group resolution."""
        if blocks is None:
            say("finding the blocks that all runs share")
            blocks = study_blocks(self.study, self.config.align)
        wanted = self.study.runs if runs is None else runs
        with progress("aligning runs") as advance:
            return align_runs(self.study, wanted, blocks, self.config.align, progress=advance)

    def model_folder(self, architecture: str) -> Path:
        """Return where a model of an architecture goes."""
        return self.out / MODELS / architecture


def grouped_notes(study: Study) -> list[str]:
    """Return what reading the runs brought up, once for all runs that share it.

    How each run was placed on the clock is left out: it stands beside every output.
    """
    runs: dict[str, list[str]] = {}
    for run, notes in study.notes.items():
        for note in notes:
            if not note.startswith("EEG starts at"):
                runs.setdefault(note, []).append(run.label)
    return [
        f"{named[0] if len(named) == 1 else f'{len(named)} runs'}: {note}"
        for note, named in runs.items()
    ]


def study_identity(study: Study) -> str:
    """Return a hash of the runs of a study and the sizes of their files."""
    digest = hashlib.sha256()
    for run in study.runs:
        files = study.files[run]
        sizes = (files.eeg.stat().st_size, files.bold.stat().st_size)
        digest.update(f"{run} {sizes}\n".encode())
    return digest.hexdigest()


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
    rank = {"transcoder": 0, "closed_form": 1}
    return sorted(models, key=lambda model: (rank.get(model[0], 2), model[0]))
