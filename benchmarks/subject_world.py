"""Worlds of `benchmarks/subject.py`: simulated subjects at voxels, and the group model."""

from __future__ import annotations

import argparse
import functools

from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.recording import Recording, RunId
from neurotranscoder.evaluate.subject_scores import SubjectTruth
from neurotranscoder.preprocess.align import AlignSettings, align, common_blocks
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.cohort import Cohort
from neurotranscoder.simulate.draw import DrawnSources, draw_events, draw_sources
from neurotranscoder.simulate.run import simulate_run_of
from neurotranscoder.simulate.scenario import Scenario
from neurotranscoder.simulate.truth import Truth
from neurotranscoder.train.recipe import fit_transcoder
from neurotranscoder.train.settings import TrainSettings
from neurotranscoder.train.split import Split
from neurotranscoder.train.trained import TrainedTranscoder

MNI = {"shape": (97, 115, 97), "voxel_sizes": (2.0, 2.0, 2.0), "centre": (0.0, -18.0, 18.0)}


def record(which: tuple[int, int], cohort: Cohort) -> Recording:
    """Simulate one run."""
    return simulate_run_of(cohort, *which).recording


def train_group(cohort: Cohort, n_fit: int, architecture: str) -> TrainedTranscoder:
    """Train on the runs that subjects are fitted on; the last of each subject validates."""
    scenario, settings = cohort.scenario, AlignSettings()
    blocks = common_blocks([record((0, 0), cohort).bold], settings)
    runs = {
        subject: [align(record((subject, k), cohort), blocks, settings) for k in range(n_fit)]
        for subject in range(scenario.n_subjects)
    }
    training = [run for own in runs.values() for run in own[:-1]]
    validation = [own[-1] for own in runs.values()]
    labels = [tuple(run.run.label for run in part) for part in (training, validation)]
    tests = tuple(run.label for run in scenario.test_ids)
    return fit_transcoder(
        training,
        validation,
        Split(*labels, tests),
        TrainSettings(architecture=architecture),
        device="cpu",
    )


def tests_of(scenario: Scenario) -> dict[int, list[RunId]]:
    """Return the runs of each subject that are scored."""
    found: dict[int, list[RunId]] = {}
    for run in scenario.test_ids:
        found.setdefault(scenario.numbers_of(run)[0], []).append(run)
    return found


def truth_of_runs(cohort: Cohort, runs: list[RunId]) -> Truth:
    """Return the true sources of runs."""

    def draw(run: RunId) -> DrawnSources:
        subject, number = cohort.scenario.numbers_of(run)
        return draw_sources(cohort, draw_events(cohort.scenario, subject, number), subject, number)

    return Truth(cohort, tuple(runs), functools.cache(draw))


def truth_of_subject(cohort: Cohort, runs: list[RunId], movies: list[SourceMovie]) -> SubjectTruth:
    """Return the true sources of runs, over the frames of movies."""
    axes = tuple(movie.axis for movie in movies)
    return SubjectTruth(truth_of_runs(cohort, runs), tuple(runs), axes, movies[0].mask)


def scenario_of(arguments: argparse.Namespace) -> Scenario:
    """Return the scenario that was asked for."""
    base = named_scenario(arguments.scenario, preset=arguments.preset)
    head = base.head.model_dump() | {"ico": arguments.ico} | (MNI if arguments.mni else {})
    return named_scenario(
        arguments.scenario,
        preset=arguments.preset,
        seed=arguments.geometry_seed,
        n_subjects=arguments.subjects,
        runs_per_subject=arguments.runs + arguments.test_runs,
        test_runs=arguments.test_runs,
        head=head,
        duration=arguments.seconds or base.duration,
    )


def add_world(parser: argparse.ArgumentParser, *, preset: str = "paper") -> None:
    """Add what `scenario_of` reads."""
    parser.add_argument("--scenario", default="cohort")
    parser.add_argument("--preset", default=preset)
    parser.add_argument("--geometry-seed", type=int, default=100)
    parser.add_argument("--subjects", type=int, default=4)
    parser.add_argument("--runs", type=int, default=5, help="of each subject, to be fitted on")
    parser.add_argument("--test-runs", type=int, default=2, help="of each subject, to be scored")
    parser.add_argument("--seconds", type=float, help="of a run; those of the scenario")
    parser.add_argument("--mni", action="store_true", help="2 mm in MNI space, 97 x 115 x 97")
    parser.add_argument("--ico", type=int, default=3, help="how fine the heads are")
