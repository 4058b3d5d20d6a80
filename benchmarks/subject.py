"""The subject stage beside its rivals, at full resolution, against the truth.

Subjects of a scenario are simulated at the voxels of the preset. A group model is trained on the
runs of all subjects but the last of each; each subject is fitted on these runs of its own, blind.
Scored are trial averages and whole runs of those that nothing was fitted on. Intervals are over
subjects.

    python benchmarks/subject.py OUT [--scenario cohort] [--subjects 4] [--runs 5] [--own-runs 1]

OUT gets ``subjects.tsv`` (one row for each subject, method and measure), ``subject_stage.tsv``
(means over subjects, and paired differences), ``pareto.tsv`` (which rival is nearer, in space
and in time, over subjects and regions), ``choices.tsv`` (what was chosen, and how each
candidate did) and a model of each subject. Rivals with a leadfield have the true one; their
regularisation is the best of four for the scored runs themselves, which nobody could know.
``--mni`` has the grid of fMRIPrep's ``res-2``; ``--picture`` draws the trial average of the first
subject through time, beside its truth, as ``event.png``.
``--ico 4`` builds finer heads; with ``--own-runs 1`` a subject is fitted on one run alone.
``--paper-steps 60`` adds the paper's second stage, literal, after no step and after so many: its
latent sources from EEG, from BOLD and their sum, with how much they copy their inputs
(``copy_of_input``); its inputs have rows of their own. It is trained on trial averages of the
same runs and scored on those of the held-out ones; ``r_continuous``, localisation and spread are
over every fifth frame of the first minute of these runs, as coders over whole runs take hours.
Inputs are scored as plain averages and corrected for overlap (``paper_corrected_input``); with
``--paper-corrected`` the coders are trained on both.
"""

from __future__ import annotations

import argparse
import base64
import functools
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.recording import Recording, RunId
from neurotranscoder.evaluate.subject_estimates import FactorMovies
from neurotranscoder.evaluate.subject_event import subject_event
from neurotranscoder.evaluate.subject_latents import StageInputs
from neurotranscoder.evaluate.subject_rivals import (
    coloured,
    fir_movies,
    group_movies,
    inverse_movies,
    oracle_movies,
    with_group_maps,
)
from neurotranscoder.evaluate.subject_scores import (
    SubjectScores,
    SubjectTruth,
    score_estimate,
    score_movies,
)
from neurotranscoder.evaluate.subject_table import (
    STAGE,
    ParetoRow,
    SubjectRow,
    means,
    pareto,
    stage_facts,
)
from neurotranscoder.evaluate.table import write_rows
from neurotranscoder.io.scratch import scratch_folder
from neurotranscoder.io.store import write_bytes
from neurotranscoder.io.stored_runs import StoredRuns
from neurotranscoder.physics.head import build_head
from neurotranscoder.preprocess.align import AlignSettings, align, common_blocks
from neurotranscoder.reconstruct.paper_subject import fit_on_averages
from neurotranscoder.reconstruct.subject import subject_movie
from neurotranscoder.reconstruct.subject_bold import bold_movie, fused_movie
from neurotranscoder.reconstruct.trial_averages import trial_averages
from neurotranscoder.report.subject_event import draw_subject_event
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.cohort import Cohort, make_cohort
from neurotranscoder.simulate.draw import DrawnSources, draw_events, draw_sources
from neurotranscoder.simulate.run import simulate_run_of
from neurotranscoder.simulate.scenario import Scenario
from neurotranscoder.simulate.truth import Truth
from neurotranscoder.train.paper_subject import PaperSubjectSettings
from neurotranscoder.train.recipe import fit_transcoder
from neurotranscoder.train.settings import TrainSettings
from neurotranscoder.train.split import Split
from neurotranscoder.train.subject import SubjectSettings, fit_subject
from neurotranscoder.train.trained import TrainedTranscoder
from neurotranscoder.train.trained_subject import TrainedSubject, save_subject

SNRS = (1.0, 3.0, 10.0, 30.0)
TRIALS = 100
COMPARED = slice(0, 6000, 5)  # frames of runs that latent sources are compared at
MNI = {"shape": (97, 115, 97), "voxel_sizes": (2.0, 2.0, 2.0), "centre": (0.0, -18.0, 18.0)}


@dataclass(frozen=True, slots=True)
class ChoiceRow:
    """How one candidate did on held-out BOLD of a subject."""

    scenario: str
    subject: str
    name: str
    candidate: float
    chosen: int
    score: float


@dataclass(frozen=True, slots=True)
class PaperBudget:
    """How long the paper's second stage is trained, and whether on corrected averages as well."""

    steps: int
    on_corrected: bool

    def budgets(self, *, corrected: bool) -> tuple[int, ...]:
        """Return the numbers of steps that are trained on one kind of averages."""
        return () if corrected and not self.on_corrected else tuple(sorted({0, self.steps}))


def record(which: tuple[int, int], cohort: Cohort) -> Recording:
    """Simulate one run."""
    return simulate_run_of(cohort, *which).recording


def train_group(
    cohort: Cohort, n_fit: int, architecture: str
) -> tuple[TrainedTranscoder, dict[int, list[RunId]]]:
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
    model = fit_transcoder(
        training,
        validation,
        Split(*labels, tests),
        TrainSettings(architecture=architecture),
        device="cpu",
    )
    test = {
        s: [one for one in scenario.test_ids if scenario.numbers_of(one)[0] == s] for s in runs
    }
    return model, test


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


def score_subject(
    cohort: Cohort,
    group: TrainedTranscoder,
    trained: TrainedSubject,
    fitted: StoredRuns[Recording],
    tests: list[RunId],
    recordings: list[Recording],
) -> Iterator[tuple[str, SubjectScores]]:
    """Yield the scores of the subject stage, of what is made of it, and of each rival."""
    movies = [subject_movie(trained, one) for one in recordings]
    truth = truth_of_subject(cohort, tests, movies)
    of_group = group_movies(group, trained, recordings)
    score = functools.partial(score_movies, truth=truth, other=of_group)
    yield STAGE, score(movies)
    yield f"{STAGE}_fused", score([fused_movie(trained, group, one) for one in recordings])
    yield f"{STAGE}_from_bold", score([bold_movie(trained, group, one.bold) for one in recordings])
    causal = replace(trained, coder=replace(trained.coder, causal=True))
    yield f"{STAGE}_causal", score([subject_movie(causal, one) for one in recordings])
    yield "group_stage", score(of_group)
    yield "group_maps_subject_courses", score(with_group_maps(of_group, movies))
    brain = cohort.subjects[cohort.scenario.numbers_of(tests[0])[0]]
    leadfield = brain.head.leadfield[:, trained.mask[brain.head.brain]]
    for name, standardised in (("minimum_norm", False), ("sloreta", True)):
        found = [
            score(
                inverse_movies(leadfield, trained, recordings, snr=snr, standardised=standardised)
            )
            for snr in SNRS
        ]
        yield f"{name}_true_leadfield", max(found, key=lambda one: one.r_movie)
    of_bold = fir_movies(group, trained, fitted, recordings)
    yield "fir_glm", score(of_bold)
    yield "eeg_course_x_bold_map", score(coloured(of_group, of_bold))
    oracle = functools.partial(
        oracle_movies, brain.leadfield, truth.maps, truth.courses, trained, recordings
    )
    yield "oracle_on_eeg", score(oracle())
    yield f"oracle_on_averages_of_{TRIALS}", score(oracle(n_trials=TRIALS))


def score_paper(
    cohort: Cohort,
    group: TrainedTranscoder,
    trained: TrainedSubject,
    fitted: StoredRuns[Recording],
    tests: list[RunId],
    recordings: list[Recording],
    paper: PaperBudget,
) -> Iterator[tuple[str, list[tuple[str, float, str]]]]:
    """Yield the facts about the paper's second stage and its inputs."""
    of_group = group_movies(group, trained, recordings)
    truth = truth_of_subject(cohort, tests, of_group)
    for corrected in (False, True):
        settings = PaperSubjectSettings(
            rate=trained.rate, steps=paper.steps, overlap_correction=corrected
        )
        name = "paper_corrected" if corrected else "paper"
        inputs = StageInputs.of(recordings, group, settings, mask=trained.mask, compared=COMPARED)
        other = FactorMovies(of_group, seconds=settings.stop)
        score = functools.partial(score_estimate, truth=truth, other=other)
        for origin, estimate in inputs.estimates().items():
            yield f"{name}_input_{origin}", [*stage_facts(score(estimate))]
        budgets = paper.budgets(corrected=corrected)
        averages = trial_averages(fitted, group, settings) if budgets else None
        for n_steps in budgets:
            budget = settings.model_copy(update={"steps": n_steps})
            model = fit_on_averages(averages, group, budget, device="cpu")
            print(f"{model}: {model.seconds:.0f} s", flush=True)
            copies = {"from_eeg": model.copies.from_eeg, "from_bold": model.copies.from_bold}
            for origin, estimate in inputs.estimates(model).items():
                facts = [*stage_facts(score(estimate))]
                facts += [("copy_of_input", copies[origin], "")] if origin in copies else []
                yield f"{name}_{n_steps}_steps_{origin}", facts


def draw_event(
    cohort: Cohort,
    group: TrainedTranscoder,
    trained: TrainedSubject,
    tests: list[RunId],
    recordings: list[Recording],
) -> bytes:
    """Return the picture of the trial average through time, as PNG."""
    movies = [subject_movie(trained, one) for one in recordings]
    truth = truth_of_subject(cohort, tests, movies)
    brain = cohort.subjects[cohort.scenario.numbers_of(tests[0])[0]]
    leadfield = brain.head.leadfield[:, trained.mask[brain.head.brain]]
    inverse = [
        inverse_movies(leadfield, trained, recordings, snr=snr, standardised=False) for snr in SNRS
    ]
    estimates = {
        "subject stage": movies,
        "group stage, interpolated": group_movies(group, trained, recordings),
        "minimum norm, true leadfield": max(
            inverse, key=lambda one: score_movies(one, truth).r_movie
        ),
    }
    event = subject_event(estimates, truth)
    title = f"trial average of held-out runs, subject {tests[0].subject} of {cohort.scenario.name}"
    picture = draw_subject_event(event, title=title)
    return base64.b64decode(picture.source.partition(",")[2])


def said_rows(
    key: tuple[str, str], method: str, facts: list[tuple[str, float, str]]
) -> list[SubjectRow]:
    """Return the rows of a method, and print them as a line."""
    said = " ".join(f"{name} {value:.3f}" for name, value, _ in facts)
    print(f"sub-{key[1]} {method:28s} {said}", flush=True)
    return [SubjectRow(*key, method, *fact) for fact in facts]


def run_scenario(
    scenario: Scenario,
    out: Path,
    architecture: str,
    own_runs: int | None,
    *,
    picture: bool,
    paper: PaperBudget | None = None,
) -> tuple[list[SubjectRow], list[ChoiceRow], list[ParetoRow]]:
    """Simulate, train, fit and score all subjects of a scenario."""
    cohort = make_cohort(scenario, build_head(scenario.head))
    n_fit = scenario.runs_per_subject - scenario.test_runs
    group, tests = train_group(cohort, n_fit, architecture)
    print(f"group model: {group.seconds:.0f} s", flush=True)
    rows: list[SubjectRow] = []
    choices: list[ChoiceRow] = []
    by_region: dict[tuple[str, str], SubjectScores] = {}
    for subject, own in tests.items():
        label = own[0].subject
        with scratch_folder(out) as scratch:
            which = [(subject, k) for k in range(own_runs or n_fit)]
            runs = StoredRuns.of(functools.partial(record, cohort=cohort), which, scratch)
            wall, work = time.perf_counter(), time.process_time()
            trained = fit_subject(runs, group, SubjectSettings())
            wall, work = time.perf_counter() - wall, time.process_time() - work
            save_subject(out / f"sub-{label}", trained)
            key = scenario.name, label
            choices += [
                ChoiceRow(*key, one.name, value, int(value == one.value), score)
                for one in trained.choices
                for value, score in zip(one.candidates, one.scores, strict=bool(one.scores))
            ]
            rows.append(SubjectRow(*key, STAGE, "fit_seconds", wall, "s"))
            rows.append(SubjectRow(*key, STAGE, "fit_cpu_seconds", work, "s"))
            tested = [record(scenario.numbers_of(run), cohort) for run in own]
            if picture and subject == 0:
                write_bytes(out / "event.png", draw_event(cohort, group, trained, own, tested))
            for method, scores in score_subject(cohort, group, trained, runs, own, tested):
                by_region[label, method] = scores
                rows += said_rows(key, method, [*stage_facts(scores)])
            if paper is not None:
                of_paper = score_paper(cohort, group, trained, runs, own, tested, paper)
                for method, facts in of_paper:
                    rows += said_rows(key, method, facts)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    rows.append(SubjectRow(scenario.name, "all", "all", "peak_memory", peak, "GiB"))
    return rows, choices, pareto(scenario.name, by_region)


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


def main() -> None:
    """Write the tables and print the means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    add_world(parser)
    parser.add_argument("--own-runs", type=int, help="runs of a subject that its fit sees; all")
    parser.add_argument("--architecture", default="sparse", help="of the group model")
    parser.add_argument("--picture", action="store_true", help="draw the first subject's event")
    parser.add_argument("--paper-steps", type=int, help="train the paper's second stage as well")
    parser.add_argument("--paper-corrected", action="store_true", help="on both kinds of averages")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    scenario = scenario_of(arguments)
    start, steps = time.perf_counter(), arguments.paper_steps
    rows, choices, compared = run_scenario(
        scenario,
        arguments.out,
        arguments.architecture,
        arguments.own_runs,
        picture=arguments.picture,
        paper=None if steps is None else PaperBudget(steps, arguments.paper_corrected),
    )
    table = means(rows)
    write_rows(arguments.out / "subjects.tsv", rows)
    write_rows(arguments.out / "choices.tsv", choices)
    write_rows(arguments.out / "subject_stage.tsv", table)
    write_rows(arguments.out / "pareto.tsv", compared)
    for row in table:
        interval = f"[{row.ci_low:.3f}, {row.ci_high:.3f}]"
        print(f"{row.method:46s} {row.measure:20s} {row.value:8.3f} {interval} {row.unit}")
    for one in compared:
        print(
            f"{one.rival:30s} nearer by {one.mm:7.2f} mm [{one.mm_low:.2f}, {one.mm_high:.2f}] "
            f"and {one.ms:7.1f} ms [{one.ms_low:.1f}, {one.ms_high:.1f}]: {one.verdict}"
        )
    print(f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
