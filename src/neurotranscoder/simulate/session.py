"""A simulated study on disk: a BIDS data set of simultaneous EEG-fMRI, and its truth."""

from __future__ import annotations

import functools
import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from neurotranscoder.core.errors import StoreError
from neurotranscoder.core.recording import Events
from neurotranscoder.core.spread import Map
from neurotranscoder.io.anatomy import write_t1
from neurotranscoder.io.manifest import MANIFEST, read_manifest, write_manifest
from neurotranscoder.io.output_folder import open_output_folder
from neurotranscoder.io.scans import write_split
from neurotranscoder.io.study_writer import start_study, write_recording
from neurotranscoder.physics.head import Head, build_head, tensors_of_head
from neurotranscoder.simulate import truth_store
from neurotranscoder.simulate.activations import check_conditions
from neurotranscoder.simulate.bold_artefacts import run_bold_noise, run_motion
from neurotranscoder.simulate.cohort import Cohort, make_cohort
from neurotranscoder.simulate.design import stimulus_labels
from neurotranscoder.simulate.draw import draw_events, draw_sources
from neurotranscoder.simulate.native_head import t1_image
from neurotranscoder.simulate.run import SimulatedRun, simulate_run, simulate_run_of
from neurotranscoder.simulate.scenario import Scenario
from neurotranscoder.simulate.study_readme import readme_of

_LOG = logging.getLogger(__name__)
KIND = "study"


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """One run to simulate, and the events that drive it."""

    subject: int
    run: int
    events: Events | None


def study_identity(
    scenario: Scenario, events: Sequence[Events] = (), head: Head | None = None
) -> str:
    """Return the SHA-256 of everything that determines the bytes of a study."""
    digest = hashlib.sha256(scenario.digest().encode())
    for table in events:
        for column in (table.onset, table.duration, table.response_time):
            digest.update(np.ascontiguousarray(column, dtype=np.float64).tobytes())
        digest.update("\n".join(table.trial_type).encode())
    for name, tensor in sorted(tensors_of_head(head).items() if head else ()):
        digest.update(name.encode() + np.ascontiguousarray(tensor).tobytes())
    return digest.hexdigest()


def simulate_study(
    scenario: Scenario,
    root: Path,
    *,
    events: Sequence[Events] = (),
    head: Head | None = None,
    progress: Callable[[int, int], None] | None = None,
    map: Map = map,
) -> None:
    """Simulate a study and write it as BIDS, with its truth below ``derivatives/truth``.

    ``manifest.json`` is written last: a study without one is incomplete. An interrupted
    simulation of the same scenario and events goes on where it stopped; the bytes are the same.

    Parameters
    ----------
    scenario : Scenario
        What is simulated.
    root : Path
        New or empty folder, or one with this very study.
    events : sequence of Events
        Tables that drive the runs, in order, from the start again when they are used up; by
        default each run draws its own, of the scenario's task.
    head : Head, optional
        A head of one's own on the voxels of ``scenario.head``; that of the scenario by default.
    progress : callable, optional
        Called with the number of runs that are done and of all runs.
    map : callable
        Like the built-in; may spread the heads of subjects and the runs over processes.

    Raises
    ------
    StoreError
        When the folder holds something else, or another process has it open.
    GridError
        When a head of one's own lies on another grid than the scenario's.
    SettingsError
        When none of the events of a table is of a condition that the scenario knows.
    """
    for table in events:
        check_conditions(scenario.regions.activations, stimulus_labels(table))
    identity = study_identity(scenario, events, head)
    begun = (root / MANIFEST).is_file()
    # what is impossible is refused here, before anything is written
    cohort = None if begun else make_cohort(scenario, head or build_head(scenario.head), map=map)
    if cohort is not None:
        _draw_once(cohort, events)
    facts = {
        **scenario.by_name(),
        "tables of events": len(events),
        "a head of one's own": head is not None,
    }
    with open_output_folder(root, kind=KIND, identity=identity, facts=facts):
        if _is_complete(root):
            _LOG.info("%s: the study is complete already", root)
            return
        cohort = cohort or make_cohort(scenario, head or build_head(scenario.head), map=map)
        _write(cohort, root, events, identity, progress, map)


def _write(
    cohort: Cohort,
    root: Path,
    events: Sequence[Events],
    identity: str,
    progress: Callable[[int, int], None] | None,
    map: Map,
) -> None:
    """Write the study but for the runs that are there; the manifests come last."""
    folder = truth_store.truth_folder(root)
    for manifest in (root / MANIFEST, folder / MANIFEST):
        manifest.unlink(missing_ok=True)
    _start(root, cohort.scenario)
    truth_store.write_cohort(folder, cohort)
    if cohort.scenario.native is not None:
        for _ in map(functools.partial(_write_anatomy, root, cohort.scenario),
                     range(cohort.scenario.n_subjects)):  # fmt: skip
            pass
    jobs = _jobs(cohort.scenario, events)
    work = functools.partial(_simulate_one, cohort, root, identity)
    for done, _ in enumerate(map(work, jobs), start=1):
        if progress is not None:
            progress(done, len(jobs))
    write_manifest(folder, kind=truth_store.KIND, settings_hash=identity)
    write_manifest(root, kind=KIND, settings_hash=identity)


def _write_anatomy(root: Path, scenario: Scenario, subject: int) -> None:
    """Write the T1 image of a subject."""
    with threadpool_limits(limits=1):
        write_t1(root, scenario.run_id(subject, 0).subject, *t1_image(scenario, subject))


def _draw_once(cohort: Cohort, events: Sequence[Events]) -> None:
    """Draw what a run is made from, so that what cannot be drawn is refused early.

    Every table of events is drawn once, and what the first run has besides.
    """
    scenario = cohort.scenario
    for table in events or (None,):
        drawn = draw_events(scenario, 0, 0, given=table)
    draw_sources(cohort, drawn, 0, 0)
    run_motion(scenario, 0, 0)
    run_bold_noise(scenario, cohort.subjects[0].head, 0, 0)


def _is_complete(root: Path) -> bool:
    """Return whether a study was finished and nothing of it was lost or changed since."""
    if not (root / MANIFEST).is_file():
        return False
    try:
        read_manifest(root, kind=KIND)
    except StoreError as error:
        _LOG.warning("the study is damaged and is simulated again: %s", error)
        for path in truth_store.run_files(truth_store.truth_folder(root)):
            path.unlink()
        return False
    return True


def _jobs(scenario: Scenario, events: Sequence[Events]) -> list[_Job]:
    """Return all runs of a scenario with the events that drive them."""
    n_runs = scenario.runs_per_subject
    return [
        _Job(k // n_runs, k % n_runs, events[k % len(events)] if events else None)
        for k in range(scenario.n_subjects * n_runs)
    ]


def _simulate_one(cohort: Cohort, root: Path, identity: str, job: _Job) -> None:
    """Simulate and write one run, unless an earlier process has done so."""
    folder = truth_store.truth_folder(root)
    run = cohort.scenario.run_id(job.subject, job.run)
    if truth_store.has_run(folder, run, identity=identity):
        return
    with threadpool_limits(limits=1):  # the same bytes in whatever process
        simulated = simulate_run_of(cohort, job.subject, job.run, events=job.events)
    recording = simulated.recording
    write_recording(
        root,
        recording,
        task_description=cohort.scenario.task.description,
        eeg_reference=cohort.template.head.reference,
        triggers=simulated.triggers,
    )
    truth_store.write_run(folder, run, simulated.drawn, recording.events, identity=identity)


def _start(root: Path, scenario: Scenario) -> None:
    """Write the root of the data set."""
    subjects = tuple(scenario.run_id(subject, 0).subject for subject in range(scenario.n_subjects))
    start_study(
        root,
        name=f"Simulated EEG-fMRI '{scenario.name}'",
        authors=("neurotranscoder developers",),
        readme=readme_of(scenario),
        subjects=subjects,
    )
    write_split(root, scenario.run_ids, scenario.test_ids)


__all__ = ["SimulatedRun", "simulate_run", "simulate_study", "study_identity"]
