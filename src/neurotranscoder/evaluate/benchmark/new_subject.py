"""What a subject without simultaneous recordings gets: its runs held out, or all of it.

Both designs are scored on the same test runs, the last ones of each subject. In the first a model
has seen other runs of that subject; in the second none, as with a subject who brings EEG alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.benchmark.plan import WorldPlan
from neurotranscoder.evaluate.benchmark.world import World, open_world
from neurotranscoder.evaluate.methods.protocol import Knowledge, Method, predict_blindly
from neurotranscoder.evaluate.methods.registry import MethodSpec
from neurotranscoder.evaluate.scoring import Prediction, Scorer
from neurotranscoder.preprocess.align import AlignSettings
from neurotranscoder.signal.correlation import (
    Interval,
    correlation_interval,
    mean_interval,
)
from neurotranscoder.simulate.scenario import Scenario
from neurotranscoder.train.split import Split

Design = Literal["leave_runs_out", "leave_subject_out"]
DESIGNS: tuple[Design, ...] = get_args(Design)
_LOCALISATION = "localisation_error"
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class SubjectScore:
    """One number about one subject.

    Parameters
    ----------
    design : {'leave_runs_out', 'leave_subject_out'}
        What the method had not seen: the subject's test runs, or any run of the subject.
    method, subject : str
        What was scored, on whom.
    quantity : str
        'source_from_eeg' or 'bold_from_eeg'.
    measure, unit : str
        'r' without a unit, or 'localisation_error' in mm.
    value : float
        Mean over the subject's test runs, of localisation over regions.
    n_training : int
        Runs that the method was fitted to.
    """

    design: Design
    method: str
    subject: str
    quantity: str
    measure: str
    unit: str
    value: float
    n_training: int


@dataclass(frozen=True, slots=True)
class DesignRow:
    """A mean over subjects, or of the paired difference of the designs, with its 95 % interval."""

    design: str
    method: str
    quantity: str
    measure: str
    unit: str
    value: float
    ci_low: float
    ci_high: float
    n_subjects: int


def subjects_plan(scenario: Scenario, *, n_validation: int = 1, n_test: int = 1) -> WorldPlan:
    """Return a plan in which each subject has runs of every part.

    Raises
    ------
    SettingsError
        When there are fewer than three subjects, or no run is left to train on.
    """
    n_runs = scenario.runs_per_subject
    n_training = n_runs - n_validation - n_test
    if scenario.n_subjects < 3 or n_training < 1:
        raise SettingsError(
            f"{scenario.n_subjects} subjects with {n_runs} runs each; leaving subjects out needs "
            f"3 or more, with {n_validation + n_test + 1} runs; raise n_subjects or "
            "runs_per_subject of the scenario"
        )
    bounds = (0, n_training, n_training + n_validation, n_runs)
    parts = [
        tuple(
            scenario.run_id(subject, run).label
            for subject in range(scenario.n_subjects)
            for run in range(*part)
        )
        for part in itertools.pairwise(bounds)
    ]
    return WorldPlan(scenario, Split(*parts))


def compare_designs(
    plan: WorldPlan,
    specs: Sequence[MethodSpec],
    folder: Path,
    *,
    settings: AlignSettings | None = None,
    report: Report = lambda _: None,
) -> list[SubjectScore]:
    """Score methods on each subject, with and without other runs of that subject.

    Methods that are given truth are scored in the first design alone: they know the subject.

    Parameters
    ----------
    plan : WorldPlan
        From `subjects_plan`.
    specs : sequence of MethodSpec
        What is compared.
    folder : Path
        Where files of a large world are put while it is open.
    settings : AlignSettings, optional
        The group resolution.
    report : callable
        Called with what is being done.
    """
    out: list[SubjectScore] = []
    report(f"simulating {len(plan.split.training)} training runs and the others")
    with open_world(plan, settings or AlignSettings(), folder) as world:
        subjects = sorted({run.aligned.run.subject for run in world.test})
        for spec in specs:
            report(f"{spec.name}: leave runs out")
            knowledge = world.knowledge() if spec.informed else None
            method = _fitted(spec, knowledge, world, ())
            for subject in subjects:
                out += _scores("leave_runs_out", spec.name, method, world, subject)
            for subject in () if spec.informed else subjects:
                report(f"{spec.name}: leave subject {subject} out")
                method = _fitted(spec, None, world, (subject,))
                out += _scores("leave_subject_out", spec.name, method, world, subject)
    return out


def design_rows(scores: Sequence[SubjectScore]) -> list[DesignRow]:
    """Return means over subjects, and of paired differences (subject out minus runs out)."""
    rows = []
    for key, group in _grouped(scores):
        by_design = {
            design: {one.subject: one.value for one in group if one.design == design}
            for design in DESIGNS
        }
        for design, values in by_design.items():
            if values:
                mean = correlation_interval if key[2] == "r" else mean_interval
                rows.append(_row(design, key, mean(list(values.values()), list(values))))
        both = sorted(set(by_design[DESIGNS[0]]) & set(by_design[DESIGNS[1]]))
        if both:
            apart = [by_design[DESIGNS[1]][s] - by_design[DESIGNS[0]][s] for s in both]
            rows.append(_row("difference", key, mean_interval(apart, both)))
    return rows


def _fitted(
    spec: MethodSpec, knowledge: Knowledge | None, world: World, without: tuple[str, ...]
) -> Method:
    """Return a method that was fitted to all subjects but some."""
    method = spec.make(knowledge, world.plan.seed)
    method.fit(*(_others(runs, without) for runs in (world.training, world.validation)))
    return method


def _others(runs: Sequence[AlignedRun], without: tuple[str, ...]) -> list[AlignedRun]:
    """Return the runs of all subjects but some."""
    return [run for run in runs if run.run.subject not in without]


def _scores(
    design: Design, name: str, method: Method, world: World, subject: str
) -> Iterator[SubjectScore]:
    """Yield the scores of a fitted method on the test runs of a subject."""
    scorer = Scorer(world.plan.scenario.name)
    runs = [run for run in world.test if run.aligned.run.subject == subject]
    left_out = (subject,) if design == "leave_subject_out" else ()
    n_training = len(_others(world.training, left_out))
    predictions = [_of_eeg(predict_blindly(method, run.aligned)) for run in runs]
    for row in scorer.score(name, predictions, runs, 0.0):
        if row.source_kind == "all":
            yield SubjectScore(design, name, subject, row.quantity, "r", "", row.r, n_training)
    for fact in scorer.measures(name, predictions, runs):
        if fact.measure == _LOCALISATION and fact.source_kind == "all":
            yield SubjectScore(
                design,
                name,
                subject,
                fact.quantity,
                fact.measure,
                fact.unit,
                fact.value,
                n_training,
            )


def _of_eeg(prediction: Prediction) -> Prediction:
    """Return what EEG alone gives."""
    return Prediction(
        bold_from_eeg=prediction.bold_from_eeg, source_from_eeg=prediction.source_from_eeg
    )


Key = tuple[str, str, str, str]


def _grouped(scores: Sequence[SubjectScore]) -> Iterator[tuple[Key, list[SubjectScore]]]:
    """Yield the scores of each method, quantity and measure, in the order of their first."""

    def key_of(one: SubjectScore) -> Key:
        return one.method, one.quantity, one.measure, one.unit

    for key in dict.fromkeys(map(key_of, scores)):
        yield key, [one for one in scores if key_of(one) == key]


def _row(design: str, key: Key, found: Interval) -> DesignRow:
    """Return one row of the summary."""
    return DesignRow(design, *key, found.mean, found.low, found.high, found.n)
