"""The subject stage beside its rivals, at full resolution, against the truth.

Subjects of a scenario are simulated at the voxels of the preset. A group model is trained on the
runs of all subjects but the last of each; each subject is fitted on these runs of its own, blind.
Scored are trial averages and whole runs of those that nothing was fitted on. Intervals are over
subjects.

    python benchmarks/subject.py OUT [--scenario cohort] [--subjects 4] [--runs 5] [--own-runs 1]

OUT gets ``subjects.tsv`` (one row for each subject, method and measure), ``subject_stage.tsv``
(means over subjects, and paired differences), ``pareto.tsv`` (which rival is nearer, in space
and in time, over subjects and regions), ``regions.tsv`` (errors in each region), ``choices.tsv``
(what was chosen, and how each candidate did), the group model and a model of each subject. Rivals
with a leadfield have the true one; their regularisation is the best of four for the scored runs
themselves, which nobody could know. A command that was stopped keeps the subjects that are done;
given again, it goes on with the next. With ``--only 03 04`` it does these and leaves the tables to
the command that finds all subjects done.
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
from dataclasses import replace
from pathlib import Path

import torch
from subject_done import (
    CHOICES,
    REGIONS,
    ROWS,
    ChoiceRow,
    Done,
    RegionRow,
    check_asked,
    load_done,
    region_rows,
    save_done,
)
from subject_paper import PaperBudget, score_paper
from subject_world import (
    add_world,
    record,
    scenario_of,
    tests_of,
    train_group,
    truth_of_subject,
)

from neurotranscoder.core.recording import Recording, RunId
from neurotranscoder.evaluate.subject_event import subject_event
from neurotranscoder.evaluate.subject_rivals import (
    coloured,
    fir_movies,
    group_movies,
    inverse_movies,
    oracle_movies,
    with_group_maps,
)
from neurotranscoder.evaluate.subject_scores import SubjectScores, score_movies
from neurotranscoder.evaluate.subject_table import STAGE, SubjectRow, means, pareto, stage_facts
from neurotranscoder.evaluate.table import write_rows
from neurotranscoder.io.manifest import MANIFEST
from neurotranscoder.io.scratch import scratch_folder
from neurotranscoder.io.store import write_bytes
from neurotranscoder.io.stored_runs import StoredRuns
from neurotranscoder.physics.head import build_head
from neurotranscoder.reconstruct.subject import subject_movie
from neurotranscoder.reconstruct.subject_bold import bold_movie, fused_movie
from neurotranscoder.report.subject_event import draw_subject_event
from neurotranscoder.simulate.cohort import Cohort, make_cohort
from neurotranscoder.simulate.scenario import Scenario
from neurotranscoder.train.subject import SubjectSettings, fit_subject
from neurotranscoder.train.trained import TrainedTranscoder, load_trained, save_trained
from neurotranscoder.train.trained_subject import TrainedSubject, save_subject

SNRS = (1.0, 3.0, 10.0, 30.0)
TRIALS = 100
HOW = ("out", "only")  # arguments that make no difference to results


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


def of_subject(
    cohort: Cohort,
    group: TrainedTranscoder,
    tests: list[RunId],
    runs: StoredRuns[Recording],
    out: Path,
    *,
    picture: bool,
    paper: PaperBudget | None,
) -> Done:
    """Fit a subject on runs and score it on others."""
    key = cohort.scenario.name, tests[0].subject
    wall, work = time.perf_counter(), time.process_time()
    trained = fit_subject(runs, group, SubjectSettings())
    wall, work = time.perf_counter() - wall, time.process_time() - work
    save_subject(out / f"sub-{key[1]}", trained)
    choices = [
        ChoiceRow(*key, one.name, value, int(value == one.value), score)
        for one in trained.choices
        for value, score in zip(one.candidates, one.scores, strict=bool(one.scores))
    ]
    rows = [
        SubjectRow(*key, STAGE, "fit_seconds", wall, "s"),
        SubjectRow(*key, STAGE, "fit_cpu_seconds", work, "s"),
    ]
    regions: list[RegionRow] = []
    tested = [record(cohort.scenario.numbers_of(run), cohort) for run in tests]
    if picture:
        write_bytes(out / "event.png", draw_event(cohort, group, trained, tests, tested))
    for method, scores in score_subject(cohort, group, trained, runs, tests, tested):
        regions += region_rows(key, method, scores)
        rows += said_rows(key, method, [*stage_facts(scores)])
    if paper is not None:
        of_paper = score_paper(cohort, group, trained, runs, tests, tested, paper)
        for method, facts in of_paper:
            rows += said_rows(key, method, facts)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    rows.append(SubjectRow(*key, "all", "peak_memory", peak, "GiB"))
    return Done(tuple(rows), tuple(choices), tuple(regions))


def run_scenario(
    scenario: Scenario,
    out: Path,
    architecture: str,
    own_runs: int | None,
    *,
    only: list[str] | None,
    picture: bool,
    paper: PaperBudget | None = None,
) -> Done | None:
    """Simulate, train, fit and score subjects of a scenario; None while some are left to do."""
    cohort = make_cohort(scenario, build_head(scenario.head))
    n_fit = scenario.runs_per_subject - scenario.test_runs
    kept = out / "group"
    if not (kept / MANIFEST).is_file():
        save_trained(kept, train_group(cohort, n_fit, architecture))
    group = load_trained(kept)
    print(f"group model: {group.seconds:.0f} s", flush=True)
    total, left = Done(), []
    for subject, own in tests_of(scenario).items():
        folder = out / "done" / f"sub-{own[0].subject}"
        if (done := load_done(folder)) is None and only and own[0].subject not in only:
            left.append(own[0].subject)
            continue
        if done is None:
            with scratch_folder(out) as scratch:
                which = [(subject, k) for k in range(own_runs or n_fit)]
                runs = StoredRuns.of(functools.partial(record, cohort=cohort), which, scratch)
                first = picture and subject == 0
                done = of_subject(cohort, group, own, runs, out, picture=first, paper=paper)
            save_done(folder, done)
        total += done
    for one in left:
        print(f"sub-{one} is left to do")
    return None if left else total


def write_tables(out: Path, name: str, done: Done) -> None:
    """Write the tables of all subjects of a scenario, and print the means."""
    table, compared = means([*done.rows]), pareto(name, done.errors())
    write_rows(out / ROWS, done.rows)
    write_rows(out / REGIONS, done.regions)
    write_rows(out / CHOICES, done.choices)
    write_rows(out / "subject_stage.tsv", table)
    write_rows(out / "pareto.tsv", compared)
    for row in table:
        interval = f"[{row.ci_low:.3f}, {row.ci_high:.3f}]"
        print(f"{row.method:46s} {row.measure:20s} {row.value:8.3f} {interval} {row.unit}")
    for one in compared:
        print(
            f"{one.rival:30s} nearer by {one.mm:7.2f} mm [{one.mm_low:.2f}, {one.mm_high:.2f}] "
            f"and {one.ms:7.1f} ms [{one.ms_low:.1f}, {one.ms_high:.1f}]: {one.verdict}"
        )


def main() -> None:
    """Do what is left to do."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    add_world(parser)
    parser.add_argument("--own-runs", type=int, help="runs of a subject that its fit sees; all")
    parser.add_argument("--architecture", default="sparse", help="of the group model")
    parser.add_argument("--picture", action="store_true", help="draw the first subject's event")
    parser.add_argument("--paper-steps", type=int, help="train the paper's second stage as well")
    parser.add_argument("--paper-corrected", action="store_true", help="on both kinds of averages")
    parser.add_argument("--only", nargs="+", metavar="SUBJECT", help="do these subjects now")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    asked = {name: value for name, value in vars(arguments).items() if name not in HOW}
    check_asked(arguments.out, asked)
    scenario = scenario_of(arguments)
    known = [own[0].subject for own in tests_of(scenario).values()]
    if strange := sorted(set(arguments.only or ()) - set(known)):
        parser.error(f"--only got {', '.join(strange)}; subjects are {', '.join(known)}")
    start, steps = time.perf_counter(), arguments.paper_steps
    done = run_scenario(
        scenario,
        arguments.out,
        arguments.architecture,
        arguments.own_runs,
        only=arguments.only,
        picture=arguments.picture,
        paper=None if steps is None else PaperBudget(steps, arguments.paper_corrected),
    )
    if done is None:
        return
    write_tables(arguments.out, scenario.name, done)
    print(f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
