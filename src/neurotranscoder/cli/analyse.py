"""``neurotranscoder analyse``: what a trained transcoder has learnt, and what it cannot know."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from neurotranscoder.analyse.models import ModelFacts, compare_models
from neurotranscoder.analyse.store import write_readouts
from neurotranscoder.analyse.transcoder import AnalyseSettings, read_out_transcoder
from neurotranscoder.cli.backgrounds import background
from neurotranscoder.cli.common import Common, Stage, Workers, progress, say
from neurotranscoder.cli.places import READOUTS
from neurotranscoder.cli.subject_readouts import PlacesAsked, read_out_subjects
from neurotranscoder.cli.trials import analyse_trials
from neurotranscoder.cli.workspace import Workspace, load_models
from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.io.manifest import MANIFEST, write_manifest
from neurotranscoder.io.store import write_table
from neurotranscoder.report.readouts import write_readouts_page
from neurotranscoder.train.trained import TrainedTranscoder

HERE, NOTHING = Workers(), PlacesAsked()
Models = list[tuple[str, TrainedTranscoder]]


def analyse(
    bids: Path,
    out: Path,
    /,
    *,
    model: Annotated[tuple[Path, ...], Parameter(negative="", consume_multiple=True)] = (),
    stage: Stage = "group",
    asked: PlacesAsked = NOTHING,
    common: Common | None = None,
    workers: Workers = HERE,
) -> None:
    """Read out a trained transcoder, or test what conditions do in the movies of subjects.

    Parameters
    ----------
    bids
        The study that the model was trained on.
    out
        Where results go: readouts/MODEL with tables, images to mask by and readouts.html, or
        statistics/sub-* and statistics/group with 4-D images and tables.
    model
        Folders of models; several, such as training seeds, are compared as well. Default: the
        best known one in OUT/models; for subjects that which they were fitted with.
    stage
        group: responses, leadfields, agreement, identifiability; or subject: means and contrasts
        of conditions at every voxel and frame (settings analyse.trials), once `reconstruct
        --stage subject` has made movies. Given an atlas, courses, peak latencies and correlations
        of its regions go to regions/sub-*, their hemodynamic responses to responses/sub-*. Where
        a model was fitted, maps of the voxels that it sees in other runs go to trust/sub-*, and
        tests, pictures and tables are of these alone. Forward and inverse maps of an electrode,
        place or region go to maps/sub-*.
    workers
        Where subjects are done; their trials are read from events.tsv and movies.
    """
    config = (common or Common()).settings()
    if stage == "subject":
        if len(model) > 1:
            raise SettingsError(
                f"got {len(model)} models; subjects were fitted with one group model; name that"
            )
        known = model[0] if model else None
        if asked.region:  # before anything is computed
            asked.check_regions(asked.files.read())
        analyse_trials(bids, out, config, asked=asked, model=known, workers=workers)
        read_out_subjects(bids, out, config, asked=asked, model=known)
        return
    if asked != NOTHING:
        raise SettingsError(
            "--atlas, --labels, --electrode, --place, --region and --subject-models are of "
            "movies; add --stage subject"
        )
    space = Workspace.open(bids, out, config)
    models = load_models(model, out)
    models = models if model else models[:1]
    _check_names(models)
    for _, trained in models:
        trained.split.check(space.study.runs)
        space.check(trained)
    with space.started():
        parts = _runs_of(space, models)
        compared = compare_models(models, parts[1]) if len(models) > 1 else ()
        for name, trained in models:
            _read_out(space, name, trained, parts, compared)


def _read_out(
    space: Workspace,
    name: str,
    trained: TrainedTranscoder,
    parts: tuple[list[AlignedRun], list[AlignedRun]],
    compared: tuple[ModelFacts, ...],
) -> None:
    """Read out one model; its manifest comes last."""
    folder = space.out / READOUTS / name
    (folder / MANIFEST).unlink(missing_ok=True)
    settings: AnalyseSettings = space.config.analyse
    with progress(f"reading out {name}") as advance:
        readouts = read_out_transcoder(trained, *parts, settings, progress=advance)
    write_readouts(folder, readouts)
    if compared:
        rows = [asdict(one) for one in compared]
        write_table(folder / "models.tsv", {key: [row[key] for row in rows] for key in rows[0]})
    page, anatomy = folder / "readouts.html", background(space, parts[0][0])
    write_readouts_page(name, readouts, page, anatomy=anatomy, models=compared)
    write_manifest(folder, kind="readouts", settings_hash=settings.digest())
    say(f"read-outs in {folder}")


def _runs_of(space: Workspace, models: Models) -> tuple[list[AlignedRun], list[AlignedRun]]:
    """Return the training and validation runs that models share, aligned.

    Raises
    ------
    SettingsError
        When models have different blocks, or were trained on different splits.
    """
    (first, reference), *others = models
    for name, trained in others:
        if trained.split != reference.split or not trained.blocks.matches(reference.blocks):
            raise SettingsError(
                f"{name} and {first} have different splits or source blocks; read them out one "
                "by one, or train them with the same settings"
            )
    known = {*reference.split.training, *reference.split.validation}
    wanted = tuple(run for run in space.study.runs if run.label in known)
    runs = space.align(reference.blocks, wanted)
    training, validation = (
        [run for run in runs if run.run.label in part]
        for part in (reference.split.training, reference.split.validation)
    )
    return training, validation


def _check_names(models: Models) -> None:
    """Refuse models whose folders have one name: their read-outs would have one place."""
    names = [name for name, _ in models]
    if double := sorted({name for name in names if names.count(name) > 1}):
        raise SettingsError(
            f"two models are in folders called {double[0]!r}; read-outs are kept by that name; "
            "rename one of the folders, or read them out into different OUT folders"
        )
