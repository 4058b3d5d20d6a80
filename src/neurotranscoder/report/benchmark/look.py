"""How methods look: one colour and mark for each, the same in all pictures of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from neurotranscoder.report.benchmark.book import Book, Score
from neurotranscoder.report.figures import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    SKY,
    VERMILLION,
)
from neurotranscoder.report.words import name_of

LABEL_WIDTH = 36
_OWN = {
    "transcoder": (VERMILLION, "o"),
    "sparse": (BLACK, "o"),
    "closed_form": (BLUE, "o"),
    "paper": (SKY, "p"),
    "vanilla": (ORANGE, "h"),
}
_BROWN, _MAGENTA = "#7A4E1D", "#AA4499"  # darker than their kin above: text has their colour
_ROLES = {
    "transcoder": (BLACK, "o"),
    "ablation": (BLACK, "v"),
    "rival": (_MAGENTA, "s"),
    "informed": (_BROWN, "D"),
    "oracle": (GREEN, "^"),
    "null": (GREY, "o"),
    "control": (GREY, "s"),
}
_BOUNDS = ("oracle", "null", "control")
BEST = {
    "rival": "best rival",
    "informed": "best given part of the truth",
    "oracle": "best oracle",
    "null": "highest null",
    "control": "highest control",
}
"""The method of a role that stands for all of them, in words."""


@dataclass(frozen=True, slots=True)
class Look:
    """Colour and mark of a method; limits and nulls are open."""

    colour: str
    marker: str
    filled: bool


def look_of(book: Book, method: str) -> Look:
    """Return how a method is drawn: ours one by one, all others by their role."""
    role = book.role(method)
    colour, marker = _ROLES.get(role, (BLACK, "*"))
    if role == "transcoder":
        colour, marker = _OWN.get(method, (colour, marker))
    return Look(colour, marker, role not in _BOUNDS)


def draw_score(axes: Axes, score: Score, height: float, look: Look, *, size: float = 5.0) -> None:
    """Draw r as a mark, and its interval as a bar through it."""
    if score.has_interval:
        axes.plot([score.low, score.high], [height] * 2, color=look.colour, lw=1.3, zorder=3)
    axes.plot(score.r, height, ls="", zorder=4, **_mark(look, size))  # type: ignore[arg-type]


def key_line(look: Look, label: str, size: float = 5.0) -> Line2D:
    """Return the entry of a key."""
    return Line2D([], [], color=look.colour, lw=1.3, label=label, **_mark(look, size))  # type: ignore[arg-type]


def limits(scores: Sequence[Score]) -> tuple[float, float]:
    """Return where the axis of r starts and ends: at 0 or below the lowest mark, at 1."""
    lowest = min((score.r for score in scores), default=0.0)
    return min(-0.08, lowest - 0.06), 1.04


def short_name(method: str) -> str:
    """Return a name that fits beside a chart."""
    name = name_of(method)
    return (
        name if len(name) <= LABEL_WIDTH else f"{name[: LABEL_WIDTH - 1]}\N{HORIZONTAL ELLIPSIS}"
    )


def _mark(look: Look, size: float) -> dict[str, object]:
    """Return the settings of a mark."""
    face = look.colour if look.filled else "white"
    return {"marker": look.marker, "ms": size, "mfc": face, "mec": look.colour, "mew": 1.0}
