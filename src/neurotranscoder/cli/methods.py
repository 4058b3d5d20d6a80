"""The methods text of a folder of results: facts from records, models and sidecars."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from neurotranscoder.cli.common import say
from neurotranscoder.cli.methods_readouts import of_paper_subjects, of_readouts
from neurotranscoder.cli.places import EVALUATION, MODELS, STATISTICS
from neurotranscoder.cli.preprocess_records import (
    PAGE,
    is_simulated,
    read_records,
    summary_of,
)
from neurotranscoder.cli.run_numbers import read_run_numbers
from neurotranscoder.cli.workspace import load_models
from neurotranscoder.core.errors import InputError
from neurotranscoder.io.manifest import MANIFEST
from neurotranscoder.io.store import read_json
from neurotranscoder.preprocess.clean_study import read_clean_study
from neurotranscoder.report.cleaning_summary import CleaningSummary
from neurotranscoder.report.methods.facts import (
    EegFacts,
    ImageFacts,
    MethodsFacts,
    ModelFacts,
    StepFacts,
    SubjectFacts,
)
from neurotranscoder.report.methods.text import Methods, methods_text
from neurotranscoder.train.linear_transcoder import LinearShape
from neurotranscoder.train.trained import TrainedTranscoder
from neurotranscoder.train.trained_subject import load_subject


def methods_of(out: Path) -> Methods:
    """Return the methods text of a folder of results; parts that cannot be read are left out."""
    facts = MethodsFacts()
    for name, part in _PARTS.items():
        try:
            facts = part(facts, out)
        except (InputError, KeyError, TypeError, ValueError, IndexError) as error:
            say(f"methods: {name} are not described: {error}")
    return methods_text(facts)


def _of_runs(facts: MethodsFacts, out: Path) -> MethodsFacts:
    """Add what `evaluate` kept of the runs."""
    runs, rest = read_run_numbers(out / EVALUATION)
    if not runs:
        return facts
    return replace(
        facts,
        runs=runs,
        labels=tuple(run.label for run in runs),
        simulated=bool(rest["simulated"]),
        derivative=tuple(rest["derivative"]),
        fusion=str(rest["fusion"]),
    )


def _of_models(facts: MethodsFacts, out: Path) -> MethodsFacts:
    """Add the group models, the best known one first."""
    if not any((out / MODELS).glob("*/manifest.json")):
        return facts
    models = [trained for _, trained in load_models((), out)]
    split = models[0].split
    labels = facts.labels or (*split.training, *split.validation, *split.test)
    return replace(facts, models=tuple(map(_model, models)), labels=labels)


def _model(trained: TrainedTranscoder) -> ModelFacts:
    """Return the facts of a group model."""
    split, curve = trained.split, trained.curve
    steps = range(len(curve.step))
    x, y, z = trained.blocks.grid.voxel_sizes
    return ModelFacts(
        architecture=trained.settings.architecture,
        settings=trained.settings.model_dump(mode="json"),
        rate=trained.rate,
        n_channels=len(trained.montage.names),
        n_blocks=trained.blocks.n_blocks,
        n_components=trained.shape.n_components if trained.shape else 0,
        block_mm=(float(x), float(y), float(z)),
        split=(len(split.training), len(split.validation), len(split.test)),
        bands=trained.scaling.bands if trained.reads_power else (),
        parts=frozenset(_parts(trained.shape)),
        steps=curve.step[-1] if curve.step else 0,
        best_step=curve.step[min(steps, key=curve.validation.__getitem__)] if curve.step else 0,
    )


def _parts(shape: LinearShape | None) -> list[str]:
    """Return which optional parts a linear transcoder has."""
    if shape is None:
        return []
    parts = {
        "sparse": shape.sparse_rounds > 0,
        "own": shape.own_responses or shape.own_decoders,
        "noise": shape.bold_mixing,
        "blocks": shape.reads_blocks,
        "joint": shape.joint,
    }
    return [name for name, has in parts.items() if has]


def _of_study(facts: MethodsFacts, out: Path) -> MethodsFacts:
    """Add the study, and what was done to it where it was cleaned here."""
    root = study_of(out)
    if root is None:
        return facts
    known = read_clean_study(root)
    if known is None:
        simulated = facts.simulated or is_simulated(root)
        return replace(facts, name=root.name, simulated=simulated)
    eeg, images = read_records(root)
    wanted = facts.labels or tuple(eeg)
    return replace(
        facts,
        name=known.name,
        simulated=facts.simulated or known.simulated,
        left_out=known.left_out,
        labels=wanted,
        eeg=tuple(_eeg(one) for label, one in eeg.items() if label in wanted),
        images=tuple(_images(one) for label, one in images.items() if label in wanted),
    )


def study_of(out: Path) -> Path | None:
    """Return the study that results are of, where it still is; beside them, if it was moved."""
    path = out / "dataset_description.json"
    sources = read_json(path).get("SourceDatasets") if path.is_file() else None
    if not isinstance(sources, list) or not sources:
        return None
    url = str(sources[0].get("URL") or "")
    if not url:  # as a path it would be that of the results themselves
        return None
    named = Path(url)
    places = (out / named, out.resolve().parent / named.name)
    return next((place for place in places if place.is_dir()), None)


def cleaning_of(out: Path) -> CleaningSummary | None:
    """Return what was done to the raw recordings that results are of; None where nothing was."""
    root = study_of(out)
    known = read_clean_study(root) if root else None
    if root is None or known is None:
        return None
    return summary_of(
        root, known, link=quote(os.path.relpath(root / PAGE, out).replace(os.sep, "/"))
    )


def _eeg(record: dict[str, Any]) -> EegFacts:
    """Return the facts of a run's EEG from its record, of an earlier version as well."""
    steps = tuple(
        StepFacts(one["step"], one["done"], one["said"], one.get("numbers", {}))
        for one in record["steps"]
    )
    return EegFacts(record.get("recorded", {}), steps, record.get("settings", {}))


def _images(record: dict[str, Any]) -> ImageFacts:
    """Return the facts of a run's images from its record."""
    return ImageFacts(record["numbers"], record["settings"])


def _of_subjects(facts: MethodsFacts, out: Path) -> MethodsFacts:
    """Add the models of single subjects, and how many runs have movies."""
    folders = [path.parent for path in sorted((out / MODELS / "subjects").glob(f"*/{MANIFEST}"))]
    if not folders:
        return facts
    fitted = [load_subject(folder) for folder in folders]
    first = fitted[0]
    voxels = [tuple(map(float, one.grid.voxel_sizes)) for one in fitted]
    subjects = SubjectFacts(
        n_subjects=len(fitted),
        n_runs=tuple(len(one.runs) for one in fitted),
        rate=first.rate,
        voxel_mm=cast(tuple[tuple[float, float, float], ...], tuple(voxels)),
        sparse=first.coder.sparse is not None,
        folds=int(first.settings["folds"]),
        n_movies=len(_movies(out)),
    )
    return replace(facts, subjects=subjects)


def _movies(out: Path) -> Sequence[Path]:
    """Return the movies of voxels that were read from EEG."""
    return sorted(out.glob("sub-*/**/*_res-voxel_desc-fromeeg_source.movie"))


def _of_tests(facts: MethodsFacts, out: Path) -> MethodsFacts:
    """Add the sidecars of finished statistics."""
    folders = [path.parent for path in sorted((out / STATISTICS).glob(f"*/{MANIFEST}"))]
    sidecars = [
        read_json(path)
        for folder in folders
        for path in sorted(folder.glob("*_stat-effect_statmap.json"))
    ]
    return replace(facts, tests=tuple(sidecars))


_PARTS: Mapping[str, Callable[[MethodsFacts, Path], MethodsFacts]] = {
    "runs": _of_runs,
    "models": _of_models,
    "study": _of_study,
    "subjects": _of_subjects,
    "networks of subjects": of_paper_subjects,
    "tests": _of_tests,
    "read-outs": of_readouts,
}
