"""One self-contained HTML page for a benchmark; no network, no script."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from neurotranscoder.io.store import write_bytes, write_text
from neurotranscoder.report.benchmark.book import Book, read_book
from neurotranscoder.report.benchmark.measures import READOUTS, measure_sheets, readout_sheet
from neurotranscoder.report.benchmark.methods import draw_methods
from neurotranscoder.report.benchmark.summary import facts, problems, warnings
from neurotranscoder.report.benchmark.tables import (
    Sheet,
    check_sheet,
    difference_sheet,
    score_sheet,
)
from neurotranscoder.report.benchmark.traces import draw_traces
from neurotranscoder.report.benchmark.transcoding import draw_transcoding, transcoding_sheets
from neurotranscoder.report.figures import Picture
from neurotranscoder.report.templates import template
from neurotranscoder.report.words import QUANTITIES

PAGE = "report.html"
FIGURES = "figures"
_SOURCE = "source_from_eeg"
_OTHERS = ("bold_from_eeg", "eeg_from_bold", "source_from_bold", "source_fused")


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture and the name of its file."""

    name: str
    picture: Picture


@dataclass(frozen=True, slots=True)
class Section:
    """What the page shows of one scenario.

    Parameters
    ----------
    name, key : str
        The scenario, and what links call it.
    n_seeds : int
        Its geometry seeds.
    sources, traces : Figure or None
        All methods that say something about sources from EEG, and example time courses.
    others : tuple of Figure
        All methods, for the other quantities.
    scores, measures : tuple of Sheet
        One for each quantity.
    facts : tuple of Sheet
        Differences and read-outs.
    """

    name: str
    key: str
    n_seeds: int
    sources: Figure | None
    traces: Figure | None
    others: tuple[Figure, ...]
    scores: tuple[Sheet, ...]
    facts: tuple[Sheet, ...]
    measures: tuple[Sheet, ...]


def write_benchmark_page(out: Path) -> Path:
    """Write ``report.html`` and ``figures/`` from the tables of a benchmark beside them.

    Equal tables give equal bytes; nothing is computed again.

    Parameters
    ----------
    out : Path
        Folder of a benchmark.

    Returns
    -------
    page : Path
        What was written.

    Raises
    ------
    StoreError, StudyError
        When the record or a table cannot be read, or the disk refuses to write.
    """
    book = read_book(out)
    overview, sections = _overview(book), _sections(book)
    _write_figures(out / FIGURES, [*overview, *_figures(sections)])
    write_text(out / PAGE, _render(book, overview, sections))
    return out / PAGE


def render_benchmark(book: Book) -> str:
    """Return the page of a benchmark; every text of the user is escaped."""
    return _render(book, _overview(book), _sections(book))


def _render(book: Book, overview: Sequence[Figure], sections: Sequence[Section]) -> str:
    """Return the page from its parts."""
    return template("benchmark.html.jinja").render(
        title=f"Benchmark of {len(book.record.methods)} methods",
        problems=problems(book),
        warnings=warnings(book),
        facts=facts(book),
        overview=[figure.picture for figure in overview],
        numbers=transcoding_sheets(book),
        sections=sections,
        checks=check_sheet(book.tables.checks),
        n_violated=len(book.tables.violated),
    )


def _overview(book: Book) -> list[Figure]:
    """Return the figure over all scenarios, in parts."""
    return [
        Figure(f"transcoding-{number}", picture)
        for number, picture in enumerate(draw_transcoding(book), start=1)
    ]


def _sections(book: Book) -> list[Section]:
    """Return what is shown of each scenario."""
    return [_section(book, name, number) for number, name in enumerate(book.scenarios, start=1)]


def _section(book: Book, scenario: str, number: int) -> Section:
    """Return what is shown of one scenario."""
    sources = draw_methods(book, scenario, _SOURCE)
    traces = draw_traces(book, scenario)
    others = ((quantity, draw_methods(book, scenario, quantity)) for quantity in _OTHERS)
    quantities = (quantity for quantity in QUANTITIES if quantity not in READOUTS)
    scores = (score_sheet(book, scenario, quantity) for quantity in quantities)
    found = (
        difference_sheet(book, scenario, ablations=False),
        difference_sheet(book, scenario, ablations=True),
        readout_sheet(book, scenario),
    )
    return Section(
        scenario,
        f"scenario-{number}",
        len(book.seeds(scenario)),
        Figure(f"{scenario}-{_SOURCE}", sources) if sources else None,
        Figure(f"{scenario}-traces", traces) if traces else None,
        tuple(Figure(f"{scenario}-{name}", picture) for name, picture in others if picture),
        tuple(sheet for sheet in scores if sheet),
        tuple(sheet for sheet in found if sheet),
        tuple(measure_sheets(book, scenario)),
    )


def _figures(sections: Sequence[Section]) -> Iterator[Figure]:
    """Yield all figures of sections."""
    for section in sections:
        yield from (one for one in (section.sources, section.traces) if one is not None)
        yield from section.others


def _write_figures(folder: Path, figures: Sequence[Figure]) -> None:
    """Write each picture as a file, and remove those of an earlier page."""
    written = set()
    for figure in figures:
        head, _, content = figure.picture.source.partition(",")
        suffix = "svg" if "svg" in head else "png"
        name = f"{figure.name}.{suffix}"
        write_bytes(folder / name, base64.b64decode(content))
        written.add(name)
    for path in folder.glob("*"):
        if path.name not in written and re.fullmatch(r".*\.(svg|png)", path.name):
            path.unlink()
