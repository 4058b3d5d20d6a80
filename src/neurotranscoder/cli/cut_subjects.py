"""Movies of subjects, cut at the events of their runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.analyse.conditions import TrialAnalysisSettings
from neurotranscoder.analyse.trials import Trials, cut_trials
from neurotranscoder.analyse.visible import Visible, visible_voxels
from neurotranscoder.cli.common import say
from neurotranscoder.cli.subjects import subject_folder
from neurotranscoder.cli.trust import TrustInUse
from neurotranscoder.cli.workspace import Workspace
from neurotranscoder.core.recording import Events, RunId
from neurotranscoder.io.manifest import MANIFEST, sha256_of
from neurotranscoder.io.movies import load_movie, movie_path
from neurotranscoder.train.trained_subject import load_subject


@dataclass(frozen=True, slots=True, eq=False)
class CutSubject:
    """The movies of a subject's runs, cut at their events, and the voxels that can be seen."""

    name: str
    trials: Trials
    sources: list[str]
    metadata: Mapping[str, object]
    identity: str
    anatomy: Float[ndarray, "x y z"]
    visible: Visible


def cut_subject(
    space: Workspace, runs: list[RunId], settings: TrialAnalysisSettings, trust: TrustInUse
) -> CutSubject | None:
    """Cut the runs of a subject at their events; say which the model was fitted on."""
    name = runs[0].subject
    fitted = load_subject(subject_folder(space.out, name)).runs
    seen = [run.label for run in runs if run.label in fitted]
    if settings.unseen_runs:
        runs = [run for run in runs if run.label not in fitted]
        seen = []
    if not runs:
        say(f"NOT TESTED: sub-{name}: the model was fitted on all of its runs; left out")
        return None
    if seen:
        say(
            f"sub-{name}: the model was fitted on {len(seen)} of these {len(runs)} runs, on all "
            "conditions pooled; it has seen their BOLD (analyse.trials.unseen_runs=true leaves "
            "them out)"
        )
    paths = [movie_path(space.out, run, "eeg") for run in runs]
    parts, anatomy = [], None
    for path, run in zip(paths, runs, strict=True):
        recording = space.study.load(run)
        parts.append((load_movie(path), _wanted(recording.events, settings.conditions)))
        anatomy = recording.bold.data.mean(axis=-1) if anatomy is None else anatomy
    trials = cut_trials(parts, settings.window)
    say(f"sub-{name}: {trials!r}")
    events = [[e.onset.tolist(), list(e.trial_type)] for _, e in parts]
    movies = [sha256_of(path / MANIFEST) for path in paths]
    facts = [settings.digest(), movies, events, trust.identity]
    metadata: dict[str, object] = {
        "Window": settings.window.model_dump(mode="json"),
        "RunsThatTheModelWasFittedOn": seen,
        "Runs": [run.label for run in runs],
        "RunsOfTheTrustMap": list(trust.runs),
    }
    return CutSubject(
        name,
        trials,
        [path.relative_to(space.out).as_posix() for path in paths],
        metadata,
        hashlib.sha256(json.dumps(facts).encode()).hexdigest(),
        np.asarray(anatomy),
        visible_voxels(trust.trust, settings.trust_q, reason=trust.reason),
    )


def _wanted(events: Events, conditions: tuple[str, ...]) -> Events:
    """Return the events of some conditions; all where none are named."""
    kept = [i for i, name in enumerate(events.trial_type) if not conditions or name in conditions]
    return Events(
        events.onset[kept],
        events.duration[kept],
        tuple(events.trial_type[i] for i in kept),
        events.response_time[kept],
    )
