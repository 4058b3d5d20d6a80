"""All methods side by side: r and interval of one quantity, by role (paper's Fig. 5)."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from neurotranscoder.report.benchmark.book import OTHER, Book, Score
from neurotranscoder.report.benchmark.look import draw_score, limits, look_of, short_name
from neurotranscoder.report.benchmark.transcoding import interval_words
from neurotranscoder.report.figures import GREEN, GREY, Picture, drawing_style, picture_of
from neurotranscoder.report.words import PARTS, QUANTITIES, name_of

_WIDTH, _ROW = 7.2, 0.185


def draw_methods(book: Book, scenario: str, quantity: str) -> Picture | None:
    """Draw every method that was scored on a quantity, ablations left out.

    Parameters
    ----------
    book : Book
        All tables.
    scenario, quantity : str
        What is shown; sources have a panel for each kind.

    Returns
    -------
    picture : Picture or None
        None where nothing was scored.
    """
    panels = _panels(book, scenario, quantity)
    methods = book.in_order(score.method for scores in panels.values() for score in scores)
    if not methods:
        return None
    rows = _rows(book, methods)
    with drawing_style():
        figure = Figure(figsize=(_WIDTH, 0.85 + _ROW * len(rows)), layout="constrained")
        grid = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
        for axes, (kind, scores) in zip(grid, panels.items(), strict=True):
            axes.set_title(f"{QUANTITIES[quantity]}{'' if kind == 'all' else f', {kind}'}")
            _draw_ground(axes, rows)
            _draw_limit(axes, book, scores)
            for score in scores:
                draw_score(axes, score, rows.index(score.method), look_of(book, score.method))
        grid[0].set_xlim(*limits([score for scores in panels.values() for score in scores]))
        _label(grid[0], book, rows)
        against = "the true source" if quantity.startswith("source") else "what was measured"
        figure.supxlabel(f"Pearson r over time with {against}", fontsize=8)
        limits_shown = any(book.best(scores, "oracle") for scores in panels.values())
        words = f"{scenario}. {caption(book, with_limit=limits_shown)}"
        return picture_of(figure, alt=_alt(scenario, quantity, panels), caption=words)


def _panels(book: Book, scenario: str, quantity: str) -> dict[str, tuple[Score, ...]]:
    """Return the scores of each kind; all together only where kinds are not told apart."""
    found = {
        kind: tuple(
            score
            for score in book.found(scenario, quantity, kind)
            if book.role(score.method) != "ablation"
        )
        for kind in ("evoked", "oscillatory", "all")
    }
    if found["evoked"] or found["oscillatory"]:
        del found["all"]
    return {kind: scores for kind, scores in found.items() if scores}


def _rows(book: Book, methods: Sequence[str]) -> list[str]:
    """Return what stands on the lines: heads of roles, '#' before them, and methods."""
    rows: list[str] = []
    for method in methods:
        head = f"#{PARTS.get(book.role(method), OTHER.capitalize())}"
        if head not in rows:
            rows.append(head)
        rows.append(method)
    return rows


def _draw_ground(axes: Axes, rows: Sequence[str]) -> None:
    """Draw a line at r = 0, and one above each role."""
    for place, row in enumerate(rows):
        if row.startswith("#"):
            axes.axhspan(place - 0.5, place + 0.5, color="#F0F0F0", lw=0, zorder=0)
        else:
            axes.axhline(place, color="#E4E4E4", lw=0.5, zorder=0)
    axes.axvline(0.0, color="#333333", lw=0.7, zorder=1)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.xaxis.set_major_locator(MultipleLocator(0.25))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.grid(axis="x", color="#E4E4E4", lw=0.4, zorder=0)
    axes.tick_params(axis="y", length=0)


def _draw_limit(axes: Axes, book: Book, scores: Sequence[Score]) -> None:
    """Draw the best oracle as a dashed line through the panel."""
    best = book.best(scores, "oracle")
    if best is not None:
        axes.axvline(best.r, color=GREEN, lw=0.9, ls=(0, (4, 3)), zorder=2)


def _label(axes: Axes, book: Book, rows: Sequence[str]) -> None:
    """Write the names: heads of roles grey and bold, ours bold."""
    labels = [row[1:] if row.startswith("#") else short_name(row) for row in rows]
    axes.set_yticks(range(len(rows)), labels)
    for text, row in zip(axes.get_yticklabels(), rows, strict=True):
        if row.startswith("#"):
            text.set(color=GREY, fontstyle="italic")
        elif book.role(row) == "transcoder":
            text.set_fontweight("bold")


def caption(book: Book, *, with_limit: bool) -> str:
    """Return what a chart of all methods shows."""
    limit = " The dashed line is the best oracle: a limit, no rival." if with_limit else ""
    return (
        f"Mean r over geometry seeds of every method. {interval_words(book)}{limit} A bar that "
        "leaves the panel is cut. Ablations are in a table of their own."
    )


def _alt(scenario: str, quantity: str, panels: dict[str, tuple[Score, ...]]) -> str:
    """Return all scores in words."""
    parts = [
        f"{kind}: " + ", ".join(f"{name_of(score.method)} {score.r:.2f}" for score in scores)
        for kind, scores in panels.items()
    ]
    return f"{QUANTITIES[quantity]} in {scenario}, Pearson r. {'; '.join(parts)}."
