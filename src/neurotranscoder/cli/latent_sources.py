"""Latent sources of the paper's second stage on the command line, as dense stores."""

from __future__ import annotations

from pathlib import Path

from neurotranscoder.cli.common import progress, say
from neurotranscoder.cli.estimates import ORIGINS, READ, From
from neurotranscoder.cli.movies import Movies
from neurotranscoder.cli.places import MODELS, PAPER_SUBJECTS
from neurotranscoder.cli.subjects import by_subject
from neurotranscoder.cli.workspace import Workspace, group_models, range_lines
from neurotranscoder.config import Config
from neurotranscoder.core.errors import SettingsError, StoreError
from neurotranscoder.core.recording import RunId
from neurotranscoder.core.source import Origin
from neurotranscoder.core.tiles import TileSource
from neurotranscoder.io.dense import export_movie
from neurotranscoder.io.manifest import MANIFEST
from neurotranscoder.io.movies import DESCRIPTIONS
from neurotranscoder.reconstruct.paper_subject import LatentTiles, latent_sources
from neurotranscoder.reconstruct.range_check import range_of_recording
from neurotranscoder.train.trained_paper_subject import PaperSubject, load_paper_subject


def latent_path(out: Path, run: RunId, origin: Origin) -> Path:
    """Return where the latent source of a run goes."""
    name = f"{run.label}_res-voxel_desc-paper{DESCRIPTIONS[origin]}_source.zarr"
    return out / run.folder / "func" / name


def reconstruct_latent(
    bids: Path, out: Path, config: Config, wanted: Movies, *, from_: From, model: Path | None
) -> None:
    """Write the latent sources of every run of the subjects that have coders.

    Exports that were killed go on; stores that are there already are left as they are.

    Raises
    ------
    SettingsError
        When a window was asked for.
    StoreError
        When no subject has coders, or the group model of a subject is missing.
    """
    if wanted.window is not None:
        raise SettingsError(
            "--window is of movies in factors; the latent sources of --architecture paper are "
            "written whole; leave it out, and read a window with `nt.open_export`"
        )
    space = Workspace.open(bids, out, config)
    place = wanted.subject_models or out / MODELS / PAPER_SUBJECTS
    folders = {subject: place / f"sub-{subject}" for subject in by_subject(space.study.runs)}
    models = {
        subject: load_paper_subject(folder)
        for subject, folder in folders.items()
        if (folder / MANIFEST).is_file()
    }
    runs = [run for run in space.study.runs if run.subject in models]
    if not runs:
        raise StoreError(
            f"{place}: no model of any of these subjects; run "
            "`neurotranscoder train BIDS OUT --stage subject --architecture paper` first"
        )
    for subject in sorted(folders.keys() - models.keys()):
        say(f"sub-{subject}: no model of the paper's second stage; left out")
    by_digest = group_models(out, model)
    missing = sorted(s for s, trained in models.items() if trained.group not in by_digest)
    if missing:
        raise StoreError(
            f"the group model that sub-{missing[0]} was fitted with is not "
            f"{model or f'in {out / MODELS}'}; its estimates are what the coders read; name it "
            "with --model"
        )
    with space.started(each=True):
        for run in runs:
            trained = models[run.subject]
            recording = space.study.load(run)
            group = by_digest[trained.group]
            for line in range_lines(run, range_of_recording(group, recording, READ["both"])):
                say(line)
            _export(space, run, latent_sources(trained, group, recording), from_)
            say(_said(run, trained))
    say(f"latent sources in {out}")


def _export(space: Workspace, run: RunId, latent: LatentTiles, from_: From) -> None:
    """Write what was asked for of one run."""
    tiles: dict[Origin, TileSource] = {
        "eeg": latent.from_eeg,
        "bold": latent.from_bold,
        "fused": latent.fused,
    }
    for origin in ORIGINS[from_]:
        path = latent_path(space.out, run, origin)
        path.parent.mkdir(parents=True, exist_ok=True)
        with progress(f"exporting {path.name}") as advance:
            export_movie(path, tiles[origin], progress=advance)


def _said(run: RunId, trained: PaperSubject) -> str:
    """Return how far the latent sources of a run can be told from their inputs."""
    copies = trained.copies
    return (
        f"{run}: latent sources; those of the averages have r {copies.from_eeg:.2f} (EEG) and "
        f"{copies.from_bold:.2f} (BOLD) with their inputs"
    )
