"""``neurotranscoder train``: fit one transcoder to a study."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from neurotranscoder.api.low_cut import low_cut_of
from neurotranscoder.cli.common import Common, Stage, Workers, progress, say
from neurotranscoder.cli.paper_subjects import train_paper_subject
from neurotranscoder.cli.subjects import train_subjects
from neurotranscoder.cli.workspace import Workspace
from neurotranscoder.cluster.pool import pool
from neurotranscoder.config import Config
from neurotranscoder.core.errors import SettingsError, StoreError
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.io.manifest import MANIFEST, read_manifest
from neurotranscoder.io.scratch import scratch_folder
from neurotranscoder.train.build import network_settings
from neurotranscoder.train.device import Device, resolve_device
from neurotranscoder.train.ranks import Ranks, joined, launched
from neurotranscoder.train.recipe import fit_transcoder
from neurotranscoder.train.scaling import Scaling
from neurotranscoder.train.settings import Architecture, TrainSettings, has_networks
from neurotranscoder.train.split import Split, split_runs
from neurotranscoder.train.trained import load_trained, save_trained


def train(
    bids: Path,
    out: Path,
    /,
    *,
    architecture: Architecture | None = None,
    stage: Stage = "group",
    model: Path | None = None,
    common: Common | None = None,
    workers: Workers | None = None,
) -> None:
    """Fit the group transcoder to the simultaneous runs of a BIDS study, or single subjects.

    Runs are read, aligned and summed up one at a time, by as many processes as there are workers;
    memory does not grow with their number. Started by torchrun, processes share the windows of
    each step (windows_per_step); all read the study, and the first one writes.

    Parameters
    ----------
    bids
        The study.
    out
        Where results go; the model is in models/ARCHITECTURE. A killed training goes on.
    architecture
        transcoder, sparse, closed_form, paper or vanilla; default: what the settings say. Of the
        subject stage: paper, its second stage as in the paper, in models/paper_subjects.
    stage
        group: one model of all subjects, in blocks; subject: one of each subject, at the voxels of
        its images, in models/subjects, with a group model as its prior.
    model
        Group model that subjects start from; default: the best known one in OUT/models.
    workers
        Where runs are read, aligned and summed up, or subjects fitted; networks are trained in
        this process.
    """
    common, workers = common or Common(), workers or Workers()
    config = common.settings()
    if stage == "subject":
        if architecture not in (None, "paper"):
            raise SettingsError(
                f"--architecture {architecture} is for --stage group; the subject stage takes "
                "that of its group model; name one with --model, or ask for --architecture paper, "
                "the paper's second stage"
            )
        fit = partial(train_paper_subject, device=common.device) if architecture else None
        train_subjects(bids, out, config, model, workers, fit=fit)
        return
    if model is not None:
        raise SettingsError("--model is for --stage subject; a group model has no other below it")
    if architecture is not None:
        changed = config.train.model_copy(update={"architecture": architecture})
        config = config.model_copy(update={"train": changed})
    device = resolve_device(common.device)
    if not has_networks(config.train):
        if launched()[0] == 0:  # a fit in closed form has nothing to share
            _train_study(bids, out, config, common.device, workers)
        return
    with joined(device, network_settings(config.train)):
        _train_study(bids, out, config, common.device, workers)


def _train_study(bids: Path, out: Path, config: Config, device: Device, workers: Workers) -> None:
    """Read a study and train on it."""
    space = Workspace.open(bids, out, config)
    split = split_runs(space.study.runs, config.train.split, stated=space.study.test_runs)
    if space.study.test_runs and config.train.split.by == "run":
        say(f"the study sets {len(split.test)} runs aside for testing")
    ranks = Ranks.current()
    folder = space.model_folder(config.train.architecture)
    with contextlib.ExitStack() as opened:
        if ranks.leads:
            opened.enter_context(space.started())
        ranks.from_first(b"started")  # the folder is there
        spread = opened.enter_context(pool(workers.jobs, workers.cluster))
        scratch = opened.enter_context(scratch_folder(out))
        blocks = space.blocks()
        training, validation = (
            space.store_aligned(role, getattr(split, role), blocks, scratch.absolute(), spread)
            for role in ("training", "validation")
        )
        train_model(Parts(training, validation, split), config.train, folder, device=device)


@dataclass(frozen=True, slots=True)
class Parts:
    """Runs to learn from and runs to choose on, and the split that they are of."""

    training: Sequence[AlignedRun]
    validation: Sequence[AlignedRun]
    split: Split


def train_model(parts: Parts, settings: TrainSettings, folder: Path, *, device: Device) -> None:
    """Train on aligned runs unless the finished model is there already, as rank 0 sees it."""
    ranks, split = Ranks.current(), parts.split
    complete = ranks.leads and _is_complete(folder, parts, settings)
    if ranks.from_first(bytes([complete])) == bytes([True]):
        say(f"{folder} is complete")
        return
    if (low_cut := low_cut_of(parts.training)) is not None:
        say(low_cut.words(settings))
    counts = ", ".join(
        f"{len(getattr(split, part))} {part} runs" for part in ("training", "validation", "test")
    )
    say(f"{settings.architecture}: {counts}")
    checkpoint = folder.with_name(f"{folder.name}.checkpoint")
    with progress(f"training {settings.architecture}") as advance:
        trained = fit_transcoder(
            parts.training,
            parts.validation,
            split,
            settings,
            folder=checkpoint,
            device=device,
            progress=advance,
        )
    if not ranks.leads:
        return
    save_trained(folder, trained)
    shutil.rmtree(checkpoint, ignore_errors=True)
    say(f"{settings.architecture} trained in {trained.seconds:.1f} s: {folder}")


def _is_complete(folder: Path, parts: Parts, settings: TrainSettings) -> bool:
    """Return whether a model is there that was trained so on these runs."""
    if not (folder / MANIFEST).is_file():
        return False
    try:
        done = read_manifest(folder, kind="model")
    except StoreError as error:
        say(f"{error}; it is trained again")
        return False
    return done.settings_hash == settings.digest() and _same_data(folder, parts)


def _same_data(folder: Path, parts: Parts) -> bool:
    """Return whether a model was trained on these runs at this resolution."""
    trained, first = load_trained(folder), parts.training[0]
    return (
        trained.split == parts.split
        and trained.blocks.matches(first.blocks)
        and trained.rate == first.axis.sfreq
        and trained.montage.names == first.montage.names
        and trained.scaling == Scaling.fit(parts.training)
    )
