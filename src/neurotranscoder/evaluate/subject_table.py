"""Tables of the subject stage and its rivals: means over subjects, and who is better in both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.evaluate.group_products import PAIRS, ProductScores
from neurotranscoder.evaluate.subject_scores import SubjectScores
from neurotranscoder.signal.correlation import mean_interval

STAGE = "subject_stage"
PAIRED = (
    "r_time",
    "r_movie",
    "r_continuous",
    "false_activity",
    "localisation_median",
    "localisation_mean",
    "latency_median",
)


@dataclass(frozen=True, slots=True)
class SubjectRow:
    """One measure of one method in one subject."""

    scenario: str
    subject: str
    method: str
    measure: str
    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class StageRow:
    """Its mean over subjects with a 95 % interval."""

    scenario: str
    method: str
    measure: str
    value: float
    unit: str
    ci_low: float
    ci_high: float
    n: int


@runtime_checkable
class RegionErrors(Protocol):
    """Errors of a movie in each region."""

    @property
    def localisation(self) -> Float[ndarray, " regions"]:
        """Distance of the peak from the centre, in mm."""

    @property
    def latency(self) -> Float[ndarray, " regions"]:
        """Difference of the times of the largest value, in ms."""


@dataclass(frozen=True, slots=True)
class ParetoRow:
    """By how much a rival is nearer than a method in space and in time, region by region.

    Parameters
    ----------
    scenario, method, rival : str
        Who is compared.
    mm, mm_low, mm_high : float
        Localisation error of the method less that of the rival: mean over subjects and regions,
        95 % interval clustered by subject. Above 0 the rival is nearer.
    ms, ms_low, ms_high : float
        The same of the latency error.
    n : int
        Subjects times regions.
    verdict : str
        'rival better in both' when both intervals are above 0, 'nearer in both means' when both
        means are, else 'not better in both'.
    """

    scenario: str
    method: str
    rival: str
    mm: float
    mm_low: float
    mm_high: float
    ms: float
    ms_low: float
    ms_high: float
    n: int
    verdict: str


def stage_facts(scores: SubjectScores) -> Iterator[tuple[str, float, str]]:
    """Yield measure, value and unit of scores."""
    yield "r_time", scores.r_time, ""
    yield "r_movie", scores.r_movie, ""
    yield "r_continuous", scores.r_continuous, ""
    yield "false_activity", scores.false_activity, ""
    yield "copy_r", scores.copy_r, ""
    for name, unit in (("localisation", "mm"), ("spread", "mm"), ("latency", "ms")):
        values = getattr(scores, name)
        yield f"{name}_median", float(np.nanmedian(values)), unit
        yield f"{name}_mean", float(np.nanmean(values)), unit


def product_facts(scores: ProductScores) -> Iterator[tuple[str, float, str]]:
    """Yield measure, value and unit of a group product."""
    yield "product_r", scores.r, ""
    yield "product_leakage", scores.leakage, ""
    yield "product_spread", scores.spread, "mm"
    yield "product_localisation", scores.localisation, "mm"


def means(rows: list[SubjectRow]) -> list[StageRow]:
    """Return means over subjects with intervals; paired differences last.

    Differences are those of the stage from its rivals, of what is made of it from the stage
    (fused, from BOLD, causal), and of finer group products from interpolated ones.
    """
    values: dict[tuple[str, str, str, str], dict[str, float]] = {}
    for row in rows:
        key = row.scenario, row.method, row.measure, row.unit
        values.setdefault(key, {})[row.subject] = row.value
    for (scenario, method, measure, unit), own in [*values.items()]:
        first, second = _pair(method, measure)
        other = values.get((scenario, first if second == method else second, measure, unit))
        if first and other is not None:
            sign = 1.0 if first == method else -1.0
            paired = {subject: sign * (value - other[subject]) for subject, value in own.items()}
            values[scenario, f"{first} - {second}", measure, unit] = paired
    found = []
    for (scenario, method, measure, unit), own in values.items():
        interval = mean_interval([*own.values()], [*own])
        limits = interval.low, interval.high, interval.n
        found.append(StageRow(scenario, method, measure, interval.mean, unit, *limits))
    return found


def pareto(
    scenario: str, scores: Mapping[tuple[str, str], RegionErrors], *, method: str = STAGE
) -> list[ParetoRow]:
    """Return, for every rival of a method, whether it is better in both space and time.

    Parameters
    ----------
    scenario : str
        Where.
    scores : mapping
        From subject and method to errors in regions. Oracles, which know the truth, are no
        rivals, nor are movies made of the same model.
    method : str
        Compared with all others.
    """
    subjects = sorted({subject for subject, _ in scores})
    rivals = dict.fromkeys(name for _, name in scores if not name.startswith((STAGE, "oracle")))
    found = []
    for rival in rivals:
        names: list[str] = []
        differences: dict[str, list[float]] = {"localisation": [], "latency": []}
        for subject in subjects:
            one, two = scores[subject, method], scores[subject, rival]
            for what, values in differences.items():
                values += (getattr(one, what) - getattr(two, what)).tolist()
            names += [subject] * len(one.localisation)
        space, time = (mean_interval(values, names) for values in differences.values())
        if space.low > 0 and time.low > 0:
            verdict = "rival better in both"
        elif space.mean > 0 and time.mean > 0:
            verdict = "nearer in both means"
        else:
            verdict = "not better in both"
        limits = (space.mean, space.low, space.high, time.mean, time.low, time.high)
        found.append(ParetoRow(scenario, method, rival, *limits, len(names), verdict))
    return found


def _pair(method: str, measure: str) -> tuple[str, str]:
    """Return whose difference a row is one side of, once for each pair; empty names for none."""
    for fine, coarse in PAIRS:
        if method == fine:
            return fine, coarse
    if measure not in PAIRED or method == STAGE or " - " in method:
        return "", ""
    return (method, STAGE) if method.startswith(STAGE) else (STAGE, method)
