"""What all pictures share: colours, type, and how a drawing becomes a data URI."""

from __future__ import annotations

import base64
import io
import re
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.style
from matplotlib.figure import Figure

from neurotranscoder.io.store import write_bytes

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILLION, PURPLE, GREY = "#0072B2", "#D55E00", "#CC79A7", "#6B6B6B"
# Okabe and Ito, Color universal design, 2008; without yellow, too pale for lines on white

DIVERGING = "RdBu_r"
SEQUENTIAL = "viridis"
MOST_BYTES = 15_000_000
"""Of the files of pictures that one page holds; what is more goes to pages of subjects."""
_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 8.0,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.edgecolor": "#333333",
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "lines.solid_capstyle": "round",
    "text.parse_math": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "neurotranscoder",
}
_PIXELS_PER_INCH = 96
_DOTS = 200


def file_bytes(source: str) -> int:
    """Return the size of the file that a data URI holds; as text it is a third larger."""
    return 3 * len(source) // 4


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure as the page embeds it.

    Parameters
    ----------
    source : str
        Data URI of an SVG or PNG image.
    alt : str
        What is seen, for readers who cannot see it.
    caption : str
        What is shown and how to read it.
    width, height : int
        Natural size, in CSS pixels.
    """

    source: str
    alt: str
    caption: str
    width: int
    height: int

    @property
    def n_bytes(self) -> int:
        """Size of its file."""
        return file_bytes(self.source)


@contextmanager
def drawing_style() -> Iterator[None]:
    """Draw in the style of the report, whatever the user's matplotlib settings are."""
    with mpl.style.context(["default", _STYLE]):
        yield


def wrapped(text: str, width: int) -> str:
    """Return text broken into lines of at most ``width`` characters."""
    return textwrap.fill(text, width)


def picture_of(
    figure: Figure, *, alt: str, caption: str, dense: bool = False, dpi: int = 180
) -> Picture:
    """Return a figure as a picture: SVG, or PNG where it is dense.

    Parameters
    ----------
    figure : Figure
        What was drawn inside `drawing_style`.
    alt, caption : str
        See `Picture`.
    dense : bool
        Whether vectors would be larger than pixels.
    dpi : int
        Pixels per inch where it is dense.
    """
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # scripts that DejaVu lacks show as boxes; the page says the same in its own words
        warnings.filterwarnings("ignore", message="Glyph")
        if dense:
            figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
        else:
            figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    content = buffer.getvalue() if dense else _plain(buffer.getvalue())
    kind = "png" if dense else "svg+xml"
    width, height = (round(inches * _PIXELS_PER_INCH) for inches in figure.get_size_inches())
    source = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    return Picture(source, alt, caption, width, height)


def write_figure(path: Path, figure: Figure) -> None:
    """Write a figure as ``PATH.png`` at 200 dpi and as ``PATH.svg``; equal ones give equal bytes.

    The solver of layouts differs in the last digits, which names in SVG hold: places are rounded.

    Parameters
    ----------
    path : Path
        Without an ending.
    figure : Figure
        What was drawn inside `drawing_style`.
    """
    facts: dict[str, dict[str, Any]] = {
        "png": {"Software": None},
        "svg": {"Date": None, "Creator": None},
    }
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # as in `picture_of`
        _lay_out(figure)
        for kind, metadata in facts.items():
            buffer = io.BytesIO()
            figure.savefig(buffer, format=kind, dpi=_DOTS, metadata=metadata)
            write_bytes(path.with_name(f"{path.name}.{kind}"), buffer.getvalue())


def _lay_out(figure: Figure) -> None:
    """Place the axes of a figure, with rounded places."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        left, bottom, width, height = axes.get_position(original=True).bounds
        axes.set_position((round(left, 5), round(bottom, 5), round(width, 5), round(height, 5)))


def _plain(svg: bytes) -> bytes:
    """Return an SVG without its DOCTYPE and RDF metadata, which only name remote addresses."""
    text = re.sub(rb"<!DOCTYPE.*?>\s*", b"", svg, flags=re.DOTALL)
    return re.sub(rb"<metadata>.*?</metadata>\s*", b"", text, flags=re.DOTALL)
