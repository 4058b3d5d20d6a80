"""Movies of subjects, cut at the events of their runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.analyse.condition_settings import TrialAnalysisSettings
from neurotranscoder.analyse.trials import Trials, cut_trials
from neurotranscoder.analyse.visible import Visible, visible_voxels
from neurotranscoder.cli.common import say
from neurotranscoder.cli.run_movies import RunMovie, caution_of, words_of
from neurotranscoder.cli.trust import TrustInUse
from neurotranscoder.cli.usable_events import chosen_events
from neurotranscoder.cli.workspace import Workspace
from neurotranscoder.core.recording import BoldRun, Events, RunId
from neurotranscoder.io.manifest import MANIFEST, sha256_of
from neurotranscoder.io.movies import load_movie
from neurotranscoder.io.nifti import read_bold


@dataclass(frozen=True, slots=True, eq=False)
class SubjectRuns:
    """The runs of a subject that are looked at.

    Parameters
    ----------
    name : str
        Label, without ``sub-``.
    movies : tuple of RunMovie
        Of the runs that have events.
    events : tuple of Events
        Of each run.
    fitted : tuple of str
        Labels of all runs that the model was fitted on.
    """

    name: str
    movies: tuple[RunMovie, ...]
    events: tuple[Events, ...]
    fitted: tuple[str, ...]

    @property
    def runs(self) -> tuple[RunId, ...]:
        """The runs."""
        return tuple(one.run for one in self.movies)


@dataclass(frozen=True, eq=False)
class CutSubject:
    """What statistics of a subject are made of; large things are read when first asked for.

    Parameters
    ----------
    of : SubjectRuns
        The runs, and what happened in them.
    visible : Visible
        Voxels that can be seen.
    sources : list of str
        Movies, relative to the results.
    metadata : mapping
        What sidecars say of them.
    identity : str
        SHA-256 of all that the statistics of the subject depend on.
    space : Workspace
        Study and results.
    """

    of: SubjectRuns
    visible: Visible
    sources: list[str]
    metadata: Mapping[str, object]
    identity: str
    space: Workspace

    @property
    def name(self) -> str:
        """Label, without ``sub-``."""
        return self.of.name

    @cached_property
    def trials(self) -> Trials:
        """Trials of all runs, less their baselines."""
        settings = self.space.config.analyse.trials
        parts = [
            (load_movie(path), _wanted(events, settings.trial_types))
            for path, events in zip(_movies(self.space, self.of), self.of.events, strict=True)
        ]
        trials = cut_trials(parts, settings.window, pools=settings.pools)
        say(f"sub-{self.name}: {trials!r}")
        return trials

    @property
    def imaged(self) -> bool:
        """Whether the study has a BOLD image of the subject."""
        return self._run_with_bold is not None

    @property
    def _run_with_bold(self) -> RunId | None:
        """A run that has BOLD, one of those that are looked at if there is such."""
        study = self.space.study
        lone = [run for run, one in study.alone.items() if one.modality == "bold"]
        own = [run for run in sorted([*study.runs, *lone]) if run.subject == self.name]
        return next((run for run in own if run in self.of.runs), own[0] if own else None)

    @cached_property
    def anatomy(self) -> Float[ndarray, "x y z"]:
        """The mean BOLD image of the first run that has one; the brain mask where none has."""
        study, run = self.space.study, self._run_with_bold
        if run is None:
            return self.trials.mask.astype(np.float64)
        if run in study.alone:
            lone = study.load_alone(run)
            assert isinstance(lone, BoldRun)
            return np.asarray(lone.bold.data.mean(axis=-1))
        files = study.files[run]
        bold = read_bold(
            files.bold,
            files.bold_metadata,
            mask_path=files.mask,
            max_bytes=study.settings.max_image_bytes,
        )
        return np.asarray(bold.data.mean(axis=-1))


def cut_subject(space: Workspace, of: SubjectRuns, trust: TrustInUse) -> CutSubject:
    """Return what statistics of a subject are made of; say which runs the model was fitted on."""
    settings: TrialAnalysisSettings = space.config.analyse.trials
    labels = [run.label for run in of.runs]
    seen = [label for label in labels if label in of.fitted]
    if seen:
        say(
            f"sub-{of.name}: the model was fitted on {len(seen)} of these {len(labels)} runs, on "
            "all conditions pooled; it has seen their BOLD (analyse.trials.unseen_runs=true "
            "leaves them out)"
        )
    caution = caution_of(of.movies)
    if caution:
        say(f"SLOW OR MIXED MOVIES: sub-{of.name}: {caution}")
    paths = _movies(space, of)
    events = [[one.onset.tolist(), list(one.trial_type)] for one in of.events]
    movies = [sha256_of(path / MANIFEST) for path in paths]
    facts = [settings.digest(), movies, events, trust.identity, words_of(of.movies)]
    metadata: dict[str, object] = {
        **settings.described(),
        "TrialsPerUnit": settings.units.trials,
        "RunsThatTheModelWasFittedOn": seen,
        "Runs": labels,
        "RecordedInRuns": [one.recorded for one in of.movies],
        "MoviesFrom": words_of(of.movies),
        "RunsOfTheTrustMap": list(trust.runs),
    }
    if caution:
        metadata["Caution"] = caution
    return CutSubject(
        of,
        visible_voxels(trust.trust, settings.trust_q, reason=trust.reason),
        [path.relative_to(space.out).as_posix() for path in paths],
        metadata,
        hashlib.sha256(json.dumps(facts).encode()).hexdigest(),
        space,
    )


def _movies(space: Workspace, of: SubjectRuns) -> list[Path]:
    """Return where the movies are."""
    return [one.path(space.out) for one in of.movies]


def mean_anatomy(
    parts: Sequence[tuple[Float[ndarray, "x y z"], bool]],
) -> Float[ndarray, "x y z"]:
    """Return the mean of the anatomies of subjects that are images; of all masks if none is."""
    images = [one for one, imaged in parts if imaged] or [one for one, _ in parts]
    return np.asarray(np.mean(images, axis=0))


def _wanted(events: Events, types: tuple[str, ...]) -> Events:
    """Return the events of some values of ``trial_type``; all where none are named."""
    kept = [i for i, name in enumerate(events.trial_type) if not types or name in types]
    return chosen_events(events, kept)
