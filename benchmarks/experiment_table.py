"""Scores of maps as rows and as a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from neurotranscoder.evaluate.activation_scores import ActivationScore, MapScore
from neurotranscoder.signal.correlation import mean_interval

_MEASURES = ("covered", "z", "uncorrected", "corrected", "place", "place_z", "chance", "latency")
_TESTED = ("z", "uncorrected", "corrected", "place_z", "false_uncorrected", "false_corrected")
_TWO_DIGITS = ("z", "cosine", "uncorrected", "corrected", "truth", "leakage")


@dataclass(frozen=True, slots=True)
class Row:
    """One number of the table."""

    experiment: str
    of: str
    question: str
    activation: str
    measure: str
    value: float
    ci_low: float = float("nan")
    ci_high: float = float("nan")
    n: int = 0


def rows_of(experiment: str, of: str, question: str, scores: Sequence[MapScore]) -> Iterator[Row]:
    """Yield what is said of one map, or of one map of each subject."""
    key = experiment, of, question
    names = [str(number) for number in range(len(scores))]
    for measure in ("cosine", "false_uncorrected", "false_corrected", "leakage", "lag"):
        values = [getattr(one, measure) for one in scores]
        yield Row(*key, "all", measure, *_mean(values, names))
    for number, one in enumerate(scores[0].activations):
        name = f"{one.activation.region} {1e3 * one.activation.time:.0f} ms"
        yield Row(*key, name, "truth", one.activation.size)
        each = [score.activations[number] for score in scores]
        for measure in _MEASURES:
            values = [_value(part, measure) for part in each]
            yield Row(*key, name, measure, *_mean(values, names))
        for measure, raw in (("lag", 0.0), ("lag_less_common", 1.0)):
            values = [part.lag - raw * score.lag for part, score in zip(each, scores, strict=True)]
            yield Row(*key, name, measure, *_mean(values, names))


def _value(part: ActivationScore, measure: str) -> float:
    """Return a measure; NaN where the region is not covered, which is not 'not found'."""
    known = part.covered or measure == "covered"
    return float(getattr(part, measure)) if known else float("nan")


def untested(rows: Iterable[Row]) -> Iterator[Row]:
    """Yield the rows of a map that was not tested, without what only a test says."""
    for row in rows:
        yield replace(row, value=float("nan")) if row.measure in _TESTED else row


def _mean(values: Sequence[float], names: Sequence[str]) -> tuple[float, float, float, int]:
    """Return a mean, its 95 % interval and how many it is of."""
    known = [(v, n) for v, n in zip(values, names, strict=True) if np.isfinite(v)]
    if len(known) < 2:
        value = known[0][0] if known else float("nan")
        return value, float("nan"), float("nan"), len(known)
    found = mean_interval([v for v, _ in known], [n for _, n in known])
    return found.mean, found.low, found.high, found.n


def table(rows: Sequence[Row]) -> str:
    """Return one line for each activation of each map, in Markdown."""
    lines = [
        "| map | question | activation | P, 1/s | z | p < .001 | corrected | mm, effect | "
        "mm, z | mm, chance | ms, largest | ms, lag (less common) |",
        "|" + "---|" * 12,
    ]
    facts: dict[tuple[str, str, str], dict[str, Row]] = {}
    for row in rows:
        facts.setdefault((row.of, row.question, row.activation), {})[row.measure] = row
    for (of, question, name), own in facts.items():
        value = {measure: _said(row) for measure, row in own.items()}
        if name != "all" and not own["covered"].value:
            told = f"| {of} | {question} | {name} | {value['truth']} | not covered |"
            lines.append(told + " |" * 7)
            continue
        if name == "all":
            false, left = (own[f"false_{one}"].value for one in ("uncorrected", "corrected"))
            said = f"false {100 * false:.2f} % (corrected {100 * left:.2f} %)"
            lines.append(
                f"| {of} | {question} | cosine {value['cosine']}, "
                f"{'not tested' if np.isnan(false) else said}, common lag {value['lag']} ms |"
                + " |"
                * 7
            )
            continue
        lines.append(
            f"| {of} | {question} | {name} | {value['truth']} | {value['z']} | "
            f"{value['uncorrected']} | {value['corrected']} | {value['place']} | "
            f"{value['place_z']} | {value['chance']} | {value['latency']} | {value['lag']} "
            f"({value['lag_less_common']}) |"
        )
    return "\n".join(lines)


def _said(row: Row) -> str:
    """Return a number with its interval, if it has one."""
    if np.isnan(row.value):
        return "-"
    digits = 2 if row.measure in _TWO_DIGITS else 0
    text = f"{row.value:.{digits}f}"
    if np.isfinite(row.ci_low):
        text += f" [{row.ci_low:.{digits}f}, {row.ci_high:.{digits}f}]"
    return text


def summary(rows: Sequence[Row]) -> str:
    """Return one line for each question and map, in Markdown.

    Found are sums over activations that are covered, all else medians over them.
    """
    lines = [
        "| question | map | found, p < .001 | corrected | mm, effect (chance) | ms, largest | "
        "ms, lag | cosine | leakage | false, % |",
        "|" + "---|" * 10,
    ]
    facts: dict[tuple[str, str], dict[str, list[float]]] = {}
    for row in rows:
        facts.setdefault((row.question, row.of), {}).setdefault(row.measure, []).append(row.value)
    for (question, of), own in sorted(facts.items()):
        found, corrected = (_counted(own, name) for name in ("uncorrected", "corrected"))
        missing = own.get("covered", []).count(0.0)
        left_out = f" ({missing} not covered)" if missing else ""
        place, chance = (_median(own, name) for name in ("place", "chance"))
        # the first lag is that of the whole map
        latency, lag = (
            float(np.median(np.abs(values))) if values else float("nan")
            for values in map(_known, (own.get("latency", []), own["lag"][1:]))
        )
        lines.append(
            f"| {question} | {of} | {found}{left_out} | {corrected} | "
            f"{place:.0f} ({chance:.0f}) | {latency:.0f} | {lag:.0f} | {own['cosine'][0]:.2f} | "
            f"{own['leakage'][0]:.2f} | {_share(own['false_uncorrected'][0])} |"
        )
    return "\n".join(lines)


def _counted(own: dict[str, list[float]], name: str) -> str:
    """Return how many activations were found, of those that are covered."""
    values = _known(own.get(name, []))
    return f"{sum(values):.1f} of {len(values)}" if values else "not tested"


def _share(value: float) -> str:
    """Return a share in %, where there is one."""
    return "-" if np.isnan(value) else f"{100 * value:.1f}"


def _median(own: dict[str, list[float]], name: str) -> float:
    """Return the median over activations."""
    values = _known(own.get(name, []))
    return float(np.median(values)) if values else float("nan")


def _known(values: Sequence[float]) -> list[float]:
    """Return the values of activations that are covered."""
    return [one for one in values if np.isfinite(one)]
