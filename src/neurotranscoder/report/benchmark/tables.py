"""The tables of the page: scores with their ratios, differences, measures, read-outs, checks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from neurotranscoder.evaluate.benchmark.rows import CheckRow, SummaryRow, Verdict
from neurotranscoder.evaluate.benchmark.summary import BETTER_SINGLE
from neurotranscoder.report.benchmark.book import Book, Fact, Score
from neurotranscoder.report.tables import MISSING, number
from neurotranscoder.report.words import KINDS, PARTS, QUANTITIES, REFERENCES, name_of

_CLASSES = {"transcoder": "own", "oracle": "limit", "null": "null", "control": "null"}
EMPTY = "\N{EN DASH}"


@dataclass(frozen=True, slots=True)
class Cell:
    """One number, and what stands small below it."""

    value: str
    below: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a table.

    Parameters
    ----------
    name, code : str
        Method in words, and as the TSV tables call it.
    part : str
        What it is compared for, in words; empty where that goes without saying.
    look : str
        CSS class: 'own', 'limit', 'null' or none.
    cells : tuple of Cell
        One for each column.
    """

    name: str
    code: str
    part: str
    look: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: its title, heads of columns (words, small words), and rows."""

    title: str
    columns: tuple[tuple[str, str], ...]
    lines: tuple[Line, ...]

    @property
    def has_ratios(self) -> bool:
        """Whether a column holds ratios."""
        return any(head.startswith("r /") for head, _ in self.columns)


def score_sheet(book: Book, scenario: str, quantity: str) -> Sheet | None:
    """Return all scores of a quantity, with ratios to the best oracle and to the best rival.

    Returns
    -------
    sheet : Sheet or None
        None where nothing was scored.
    """
    found = {kind: book.scores.get(Fact(scenario, quantity, kind), ()) for kind in KINDS}
    found = {kind: scores for kind, scores in found.items() if scores}
    if not found:
        return None
    oracles = {kind: book.best(book.found(scenario, quantity, kind), "oracle") for kind in found}
    columns: list[tuple[str, str]] = []
    for kind, oracle in oracles.items():
        under = kind if kind != "all" else "all sources" * (len(found) > 1)
        over = f"{under}: {name_of(oracle.method)}" if oracle and under else ""
        over = over or (name_of(oracle.method) if oracle else "")
        columns += [("r", under), ("r / best oracle", over), ("r / best rival", under)]
    lines = []
    for method in book.in_order(score.method for scores in found.values() for score in scores):
        cells = []
        for kind, scores in found.items():
            own = next((score for score in scores if score.method == method), None)
            fact, oracle = Fact(scenario, quantity, kind), oracles[kind]
            cells.append(score_cell(own, len(book.seeds(scenario))))
            cells.append(_statistic(book, fact, method, "ratio", oracle.method if oracle else ""))
            cells.append(_statistic(book, fact, method, "ratio", "best_rival"))
        lines.append(
            line_of(book, method, [*cells, Cell(rounded(book.seconds(scenario, method)))])
        )
    title = QUANTITIES.get(quantity, quantity)
    return without_empty(Sheet(title, (*columns, ("fit", "s")), tuple(lines)))


def without_empty(sheet: Sheet) -> Sheet:
    """Return a table without the columns that hold nothing but dashes."""
    kept = [
        column
        for column in range(len(sheet.columns))
        if any(line.cells[column].value != EMPTY for line in sheet.lines)
    ]
    lines = (
        replace(one, cells=tuple(one.cells[column] for column in kept)) for one in sheet.lines
    )
    return replace(sheet, columns=tuple(sheet.columns[k] for k in kept), lines=tuple(lines))


def score_cell(score: Score | None, n_seeds: int) -> Cell:
    """Return r and its interval; what it is over where that is not as in the whole scenario."""
    if score is None or not math.isfinite(score.r):
        return Cell(EMPTY if score is None else MISSING)
    below = [interval_words(score.low, score.high)]
    if score.over == "runs" and n_seeds > 1:
        below.append("over runs of one seed")
    elif score.n != n_seeds:
        below.append(f"{score.n} of {n_seeds} seeds")
    return Cell(_fixed(score.r), tuple(below))


def difference_sheet(book: Book, scenario: str, *, ablations: bool) -> Sheet | None:
    """Return paired differences of r: what ablations lose, or all others.

    Returns
    -------
    sheet : Sheet or None
        None where there are none.
    """
    rows = [
        (fact, one)
        for (fact, method, statistic, reference), one in book.statistics.items()
        if fact.scenario == scenario
        and statistic == "difference"
        and (book.role(method) == "ablation" and reference != BETTER_SINGLE) == ablations
    ]
    facts = _facts(fact for fact, _ in rows)
    methods = book.in_order(one.method for _, one in rows)
    pairs = sorted(
        dict.fromkeys((one.method, one.reference) for _, one in rows),
        key=lambda pair: methods.index(pair[0]),
    )
    lines = [
        line_of(
            book,
            method,
            [_statistic(book, fact, method, "difference", reference) for fact in facts],
            name=_minus(method, reference),
        )
        for method, reference in pairs
    ]
    heads = tuple(_head(fact) for fact in facts)
    return (
        Sheet("Ablations" if ablations else "Paired differences", heads, tuple(lines))
        if lines
        else None
    )


def chosen_sheet(
    book: Book,
    marks: Sequence[tuple[str, Sequence[tuple[str, Score]]]],
    labels: Sequence[str],
    title: str,
) -> Sheet:
    """Return the numbers of a chart: a column for each panel, a row for each mark.

    Parameters
    ----------
    book : Book
        All tables.
    marks : sequence of (str, sequence of (str, Score))
        Title of each panel, and its marks: what they stand for, and whose score it is.
    labels : sequence of str
        What marks stand for, in the order of showing; each has at least one mark.
    title : str
        Of the table.
    """
    lines = []
    for label in labels:
        cells, methods = [], []
        for _, of_panel in marks:
            score = dict(of_panel).get(label)
            cell = score_cell(score, 1)
            if score is not None:
                methods.append(score.method)
                whose = () if name_of(score.method) == label else (name_of(score.method),)
                cell = Cell(cell.value, (*cell.below[:1], *whose))
            cells.append(cell)
        look = _CLASSES.get(book.role(methods[0]), "")
        lines.append(Line(label, "", "", look, tuple(cells)))
    return Sheet(title, tuple((panel, "") for panel, _ in marks), tuple(lines))


def check_sheet(checks: Sequence[CheckRow]) -> Sheet | None:
    """Return how many checks of each oracle hold.

    Returns
    -------
    sheet : Sheet or None
        None where nothing was checked.
    """
    verdicts: tuple[Verdict, ...] = ("holds", "violated", "no interval")
    counts = Counter((check.scenario, check.oracle, check.verdict) for check in checks)
    places = list(dict.fromkeys((check.scenario, check.oracle) for check in checks))
    lines = tuple(
        Line(
            name_of(oracle),
            oracle,
            scenario,
            "",
            tuple(Cell(str(counts[scenario, oracle, verdict])) for verdict in verdicts),
        )
        for scenario, oracle in places
    )
    return Sheet("Checks", tuple((verdict, "") for verdict in verdicts), lines) if lines else None


def line_of(book: Book, method: str, cells: Sequence[Cell], *, name: str = "") -> Line:
    """Return the row of a method."""
    role = book.role(method)
    part = PARTS.get(role, "" if role == "other" else role)
    return Line(name or name_of(method), method, part, _CLASSES.get(role, ""), tuple(cells))


def _statistic(book: Book, fact: Fact, method: str, statistic: str, reference: str) -> Cell:
    """Return a ratio or difference with its interval; a dash where it was not taken."""
    row: SummaryRow | None = book.statistics.get((fact, method, statistic, reference))
    if row is None or not math.isfinite(row.value):
        return Cell(EMPTY)
    sign = "+" if statistic == "difference" and round(row.value, 3) > 0 else ""
    return Cell(sign + _fixed(row.value), (interval_words(row.ci_low, row.ci_high),))


def _facts(facts: Iterable[Fact]) -> list[Fact]:
    """Return distinct facts in the order of showing."""
    known = list(QUANTITIES)
    return sorted(
        dict.fromkeys(facts),
        key=lambda fact: (
            known.index(fact.quantity) if fact.quantity in known else len(known),
            KINDS.index(fact.kind),
        ),
    )


def _minus(method: str, reference: str) -> str:
    """Return a difference in words."""
    return f"{name_of(method)} \N{MINUS SIGN} {REFERENCES.get(reference, name_of(reference))}"


def _head(fact: Fact) -> tuple[str, str]:
    """Return the head of the column of a fact."""
    return QUANTITIES.get(fact.quantity, fact.quantity), "" if fact.kind == "all" else fact.kind


def interval_words(low: float, high: float) -> str:
    """Return a 95 % interval in brackets, on one line; a missing one is said to be missing."""
    if math.isfinite(low) and math.isfinite(high):
        return f"[{_fixed(low)},\N{NO-BREAK SPACE}{_fixed(high)}]"
    return "no interval"


def _fixed(value: float) -> str:
    """Return three digits after the point; what rounds to 0 has no sign."""
    return number(round(value, 3) + 0.0, 3)


def rounded(value: float) -> str:
    """Return three significant digits with a true minus sign."""
    if not math.isfinite(value):
        return MISSING
    return f"{value:.3g}".replace("-", "\N{MINUS SIGN}")
