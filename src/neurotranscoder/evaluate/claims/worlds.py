"""Worlds that differ in one thing: a noise of one modality, or what the EEG can see."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.benchmark.plan import WorldPlan
from neurotranscoder.evaluate.benchmark.world import World
from neurotranscoder.preprocess.align import AlignSettings, align
from neurotranscoder.simulate.cohort import Cohort, cohort_of
from neurotranscoder.simulate.run import simulate_run_of
from neurotranscoder.simulate.scenario import Scenario
from neurotranscoder.train.split import Split

Noise = Literal["cardiac", "respiratory", "blinks"]
MODALITY: dict[Noise, Literal["bold", "eeg"]] = {
    "cardiac": "bold",
    "respiratory": "bold",
    "blinks": "eeg",
}
"""The one modality that each noise is in."""


def world_plan(scenario: Scenario, training: int, validation: int, test: int) -> WorldPlan:
    """Return a plan whose one subject has as many runs as are needed.

    Parameters
    ----------
    scenario : Scenario
        What is simulated; its numbers of subjects and runs are replaced.
    training, validation, test : int
        Number of runs.
    """
    n_runs = training + validation + test
    known = scenario.model_copy(update={"n_subjects": 1, "runs_per_subject": n_runs})
    labels = tuple(run.label for run in known.run_ids)
    bounds = training, training + validation
    return WorldPlan(
        known, Split(labels[: bounds[0]], labels[slice(*bounds)], labels[bounds[1] :])
    )


def without_noise(scenario: Scenario, noise: Noise) -> Scenario:
    """Return a scenario that differs in one noise alone: it is not there.

    All other random streams are the same, so what two recordings differ by is that noise.

    Raises
    ------
    SettingsError
        When there is no such noise, or its level is tied to that of others.
    """
    if noise == "blinks":
        if scenario.blinks is None:
            raise _missing(scenario, noise)
        return scenario.model_copy(update={"blinks": None})
    parts = scenario.bold_noise
    if parts is None or getattr(parts, noise) == 0:
        raise _missing(scenario, noise)
    if scenario.bold_snr_db is not None:
        raise SettingsError(
            f"scenario {scenario.name!r} has BOLD noise at {scenario.bold_snr_db:g} dB, so that "
            f"its parts would grow without {noise} noise; set bold_snr_db to none"
        )
    return scenario.model_copy(update={"bold_noise": parts.model_copy(update={noise: 0.0})})


def _missing(scenario: Scenario, noise: Noise) -> SettingsError:
    """Say that there is nothing to take away."""
    setting = "[blinks]" if noise == "blinks" else f"bold_noise.{noise}"
    return SettingsError(
        f"scenario {scenario.name!r} has no {noise} noise to take away; set {setting}"
    )


def runs_without(world: World, noise: Noise, settings: AlignSettings) -> tuple[AlignedRun, ...]:
    """Return the test runs of a world as they would be without one noise.

    Parameters
    ----------
    world : World
        Its blocks are used.
    noise : str
        What is taken away.
    settings : AlignSettings
        The group resolution of the world.
    """
    scenario = without_noise(world.plan.scenario, noise)
    cohort = replace(world.truth.cohort, scenario=scenario)
    runs = [held.aligned for held in world.test]
    return tuple(
        align(
            simulate_run_of(cohort, *scenario.numbers_of(run.run)).recording, run.blocks, settings
        )
        for run in runs
    )


def hidden_from_eeg(cohort: Cohort, region: int) -> Cohort:
    """Return a cohort in which the EEG sees nothing of one region, and BOLD all of it.

    Such are closed fields: cells that point to all sides.

    Parameters
    ----------
    cohort : Cohort
        Brains of one head, the template's.
    region : int
        Whose leadfield becomes zero.

    Raises
    ------
    SettingsError
        When subjects differ.
    """
    if cohort.scenario.subjects is not None:
        raise SettingsError(
            f"subjects of scenario {cohort.scenario.name!r} differ; a region is hidden in one "
            "head alone: leave out its `subjects`"
        )
    head = cohort.template.head
    seen = cohort.regions.labels[head.brain] != region
    hidden = replace(head, leadfield=head.leadfield * seen, free_leadfield=None)
    return cohort_of(cohort.scenario, head, cohort.regions, [hidden] * cohort.scenario.n_subjects)


def least_seen(cohort: Cohort) -> int:
    """Return the region whose source has the smallest potential between channels."""
    leadfield = cohort.template.leadfield
    return int(np.argmin(np.linalg.norm(leadfield - leadfield.mean(axis=0), axis=0)))
