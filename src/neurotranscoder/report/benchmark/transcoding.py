"""What the transcoder reaches in each scenario, beside rivals and limits (paper's Fig. 4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from neurotranscoder.report.benchmark.book import Book, Score
from neurotranscoder.report.benchmark.look import BEST, Look, draw_score, key_line, limits, look_of
from neurotranscoder.report.benchmark.tables import Sheet, chosen_sheet
from neurotranscoder.report.figures import Picture, drawing_style, picture_of, wrapped
from neurotranscoder.report.words import QUANTITIES, name_of

_COLUMNS = (
    (("bold_from_eeg", "all"), ("eeg_from_bold", "all")),
    (("source_from_eeg", "evoked"), ("source_from_eeg", "oscillatory")),
    (("source_from_bold", "evoked"), ("source_from_bold", "oscillatory")),
    (("source_fused", "evoked"), ("source_fused", "oscillatory")),
)
_AT_ONCE = 4
_ROW = 0.1
_WIDTH = 7.2


def draw_transcoding(book: Book) -> list[Picture]:
    """Draw r of all quantities, one row for each scenario; at most four scenarios in a picture."""
    names = [name for name in book.scenarios if any(_marks(book, name, *p) for p in _panels())]
    parts = [names[start : start + _AT_ONCE] for start in range(0, len(names), _AT_ONCE)]
    return [_draw(book, part) for part in parts]


def transcoding_sheets(book: Book) -> list[Sheet]:
    """Return the numbers of the charts, and whose they are: one table for each scenario."""
    sheets = []
    for scenario in book.scenarios:
        marks = [
            (_words(quantity, kind), found)
            for quantity, kind in _panels()
            if (found := _marks(book, scenario, quantity, kind))
        ]
        if marks:
            labels = _slots(book, [mark for _, of_panel in marks for mark in of_panel])
            sheets.append(chosen_sheet(book, marks, labels, scenario))
    return sheets


def _words(quantity: str, kind: str) -> str:
    """Return the head of a column."""
    return QUANTITIES[quantity] + ("" if kind == "all" else f", {kind}")


def _panels() -> Iterator[tuple[str, str]]:
    """Yield quantity and kind of all panels."""
    for column in _COLUMNS:
        yield from column


def _marks(book: Book, scenario: str, quantity: str, kind: str) -> list[tuple[str, Score]]:
    """Return what is drawn: ours by name, of all other roles the best."""
    scores = book.found(scenario, quantity, kind)
    marks = [(name_of(one.method), one) for one in book.of_role(scores, "transcoder")]
    best = [(label, book.best(scores, role)) for role, label in BEST.items()]
    return [*marks, *((label, one) for label, one in best if one is not None)]


def _slots(book: Book, marks: Sequence[tuple[str, Score]]) -> list[str]:
    """Return all labels from top to bottom: ours, then the best of each role."""
    labels = [label for label, _ in marks]
    own = book.in_order(score.method for label, score in marks if label not in BEST.values())
    return [*map(name_of, own), *(label for label in BEST.values() if label in labels)]


def _draw(book: Book, scenarios: Sequence[str]) -> Picture:
    """Draw the panels of some scenarios."""
    found = {(s, *p): _marks(book, s, *p) for s in scenarios for p in _panels()}
    slots = _slots(book, [mark for marks in found.values() for mark in marks])
    looks = {label: look_of(book, one.method) for marks in found.values() for label, one in marks}
    band = _ROW * (len(slots) + 1)
    with drawing_style():
        figure = Figure(
            figsize=(_WIDTH, 1.35 + 2 * max(1.0, band * len(scenarios))), layout="constrained"
        )
        grid = figure.subplots(2, len(_COLUMNS), sharex=True, sharey=True)
        for column, panels in enumerate(_COLUMNS):
            for row, (quantity, kind) in enumerate(panels):
                axes = grid[row, column]
                axes.set_title(_title(quantity, kind, "abcdefgh"[row * len(_COLUMNS) + column]))
                _draw_ground(axes, len(scenarios))
                for place, scenario in enumerate(scenarios):
                    _draw_marks(axes, place, found[scenario, quantity, kind], slots, looks)
        everything = [score for marks in found.values() for _, score in marks]
        grid[0, 0].set_xlim(*limits(everything))
        grid[0, 0].set_yticks(range(len(scenarios)), [wrapped(s, 16) for s in scenarios])
        figure.supxlabel("Pearson r over time", fontsize=8)
        keys = [key_line(looks[label], label, 4.2) for label in slots]
        figure.legend(handles=keys, loc="outside upper center", ncols=4)
        return picture_of(figure, alt=_alt(book, scenarios), caption=caption(book))


def _title(quantity: str, kind: str, letter: str) -> str:
    """Return the title of a panel, on two lines."""
    second = f"\n{kind}" if kind != "all" else "\n"
    return f"{letter}  {QUANTITIES[quantity]}{second}"


def _draw_ground(axes: Axes, n_scenarios: int) -> None:
    """Draw what all panels have: a line between scenarios, a line at r = 0."""
    for place in range(1, n_scenarios):
        axes.axhline(place - 0.5, color="#BBBBBB", lw=0.6, zorder=1)
    axes.axvline(0.0, color="#333333", lw=0.7, zorder=1)
    axes.grid(axis="x", color="#DDDDDD", lw=0.4, zorder=0)
    axes.set_ylim(n_scenarios - 0.5, -0.5)
    axes.xaxis.set_major_locator(MultipleLocator(0.5))
    axes.xaxis.set_minor_locator(MultipleLocator(0.25))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.tick_params(axis="y", length=0)


def _draw_marks(
    axes: Axes,
    place: int,
    marks: Sequence[tuple[str, Score]],
    slots: Sequence[str],
    looks: dict[str, Look],
) -> None:
    """Draw the scores of one scenario, each label at its own height."""
    for label, score in marks:
        height = place + (slots.index(label) + 1) / (len(slots) + 1) - 0.5
        draw_score(axes, score, height, looks[label], size=4.2)
    if not marks:
        axes.text(0.5, place, "not scored", ha="center", va="center", color="#6B6B6B", fontsize=7)


def interval_words(book: Book) -> str:
    """Return in words what the intervals of scores are over."""
    over = {score.over for found in book.scores.values() for score in found}
    words = {
        frozenset({"seeds"}): "Bars are 95 % intervals over geometry seeds.",
        frozenset({"runs"}): (
            "There is one geometry seed: bars are 95 % intervals over its held-out runs and say "
            "nothing about other geometries."
        ),
        frozenset(): "There are no intervals.",
    }
    return words.get(
        frozenset(over - {"none"}),
        "Bars are 95 % intervals over geometry seeds; where a method has one seed only, over its "
        "held-out runs.",
    )


def caption(book: Book) -> str:
    """Return what Fig. 1 shows."""
    return (
        "Correlation of what is inferred with what was measured (a, e) or with the true sources "
        f"of one kind (all others), mean over geometry seeds. {interval_words(book)} A mark "
        "without a bar has no interval; a bar that leaves the panel is cut. Of rivals, of methods "
        "that are given part of the truth and of oracles the best is shown, of nulls the highest, "
        "chosen anew in each panel and scenario by these very scores, which favours them; the "
        "tables below name all of them. Open marks are limits and nulls, no rivals."
    )


def _alt(book: Book, scenarios: Sequence[str]) -> str:
    """Return the scores of our method in words."""
    parts = []
    for scenario in scenarios:
        own = book.default(scenario)
        values = [
            f"{QUANTITIES[quantity]} ({kind}) r {score.r:.2f}"
            for quantity, kind in _panels()
            for score in book.found(scenario, quantity, kind)
            if score.method == own
        ]
        parts.append(f"{scenario}, {name_of(own)}: {', '.join(values)}")
    return f"Chart of correlations in each scenario. {'; '.join(parts)}."
