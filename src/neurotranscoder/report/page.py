"""One self-contained HTML page; no network, no script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TypeVar

from neurotranscoder.analyse.expected import TIMING
from neurotranscoder.core.axes import Montage
from neurotranscoder.evaluate.findings import Findings, Realism
from neurotranscoder.evaluate.table import MeasureRow, MetricRow
from neurotranscoder.io.store import write_text
from neurotranscoder.report.brain import draw_source_map, draw_value_map
from neurotranscoder.report.cleaning_summary import CleaningSummary
from neurotranscoder.report.cuts import (
    Anatomy,
    mean_bold_anatomy,
    mni_anatomy,
    outline_anatomy,
)
from neurotranscoder.report.figures import Picture
from neurotranscoder.report.measures import measure_table
from neurotranscoder.report.methods.text import Methods
from neurotranscoder.report.panels import draw_loss_curves, draw_responses, draw_time_courses
from neurotranscoder.report.readout_links import ReadoutsOfModel
from neurotranscoder.report.realism import RealismWords, draw_realism, realism_words
from neurotranscoder.report.scalp import OVER_LARGEST, draw_amplitudes, draw_topography
from neurotranscoder.report.scores import draw_scores
from neurotranscoder.report.subjects import SubjectStage
from neurotranscoder.report.tables import (
    KeyResult,
    ResultTable,
    TidyTable,
    key_results,
    result_table,
    tidy_table,
)
from neurotranscoder.report.templates import template

Row = TypeVar("Row", MetricRow, MeasureRow)


@dataclass(frozen=True, slots=True)
class _Scenario:
    """Scores of one scenario, as the page shows them."""

    name: str
    key: tuple[KeyResult, ...]
    chart: Picture | None
    table: ResultTable


@dataclass(frozen=True, slots=True)
class _Realism:
    """How a recording looks, as the page shows it."""

    run: str
    rows: tuple[RealismWords, ...]
    panels: list[Picture]
    maps: list[Picture]
    heads: list[Picture]
    limits: tuple[str, ...]


def write_report(
    findings: Findings,
    path: Path,
    *,
    stage: SubjectStage | None = None,
    methods: Methods | None = None,
    cleaning: CleaningSummary | None = None,
    readouts: Sequence[ReadoutsOfModel] = (),
) -> None:
    """Write findings as one HTML page; equal findings give equal bytes.

    Parameters
    ----------
    findings : Findings
        What an evaluation found.
    path : Path
        Where the page goes; it is whole or absent.
    stage : SubjectStage, optional
        What there is of single subjects.
    methods : Methods, optional
        What was done, as a text for a paper.
    cleaning : CleaningSummary, optional
        What was done to raw recordings.
    readouts : sequence of ReadoutsOfModel
        What there is of the read-outs of models.

    Raises
    ------
    StoreError
        When the disk refuses to write.
    """
    write_text(path, render_report(findings, stage, methods, cleaning, readouts))


def render_report(
    findings: Findings,
    stage: SubjectStage | None = None,
    methods: Methods | None = None,
    cleaning: CleaningSummary | None = None,
    readouts: Sequence[ReadoutsOfModel] = (),
) -> str:
    """Return findings as one HTML page; every text of the user is escaped."""
    anatomy = _anatomy(findings)
    return template("template.html.jinja").render(
        findings=findings,
        scenarios=[_scenario(rows) for rows in _by_scenario(findings.metrics)],
        measures=[measure_table(rows) for rows in _by_scenario(findings.measures)],
        tables=_tidy_tables(findings),
        traces=[draw_time_courses(panel) for panel in findings.traces],
        maps=[draw_source_map(one, findings.blocks, anatomy) for one in findings.maps],
        responses=[draw_responses(findings.responses)] if findings.responses else [],
        topographies=[draw_topography(one, findings.montage) for one in findings.topographies],
        curves=[draw_loss_curves(panel) for panel in findings.curves],
        stage=stage,
        timing=TIMING,
        methods=methods,
        cleaning=cleaning,
        readouts=[(one, _leadfields(one, findings.montage)) for one in readouts],
        realism=_realism(findings.realism, findings, anatomy) if findings.realism else None,
    )


def _anatomy(findings: Findings) -> Anatomy:
    """Return what maps are drawn on: the template only where blocks are in its space."""
    if findings.mni:
        return mni_anatomy()
    if findings.anatomy is not None:
        return mean_bold_anatomy(findings.anatomy, findings.blocks)
    return outline_anatomy(findings.blocks)


def _leadfields(readouts: ReadoutsOfModel, montage: Montage) -> list[Picture]:
    """Return the leadfields of a model, where they are of the channels whose places are known."""
    if readouts.channels != montage.names:
        return []
    return [draw_topography(one, montage, unit=OVER_LARGEST) for one in readouts.leadfields]


def _by_scenario(rows: tuple[Row, ...]) -> list[list[Row]]:
    """Return the rows of each scenario, in the order of their first rows."""
    names = list(dict.fromkeys(row.scenario for row in rows))
    ordered = sorted(rows, key=lambda row: names.index(row.scenario))
    return [list(rows) for _, rows in groupby(ordered, key=lambda row: row.scenario)]


def _scenario(rows: list[MetricRow]) -> _Scenario:
    """Return chart, table and key results of one scenario."""
    return _Scenario(rows[0].scenario, key_results(rows), draw_scores(rows), result_table(rows))


def _realism(realism: Realism, findings: Findings, anatomy: Anatomy) -> _Realism:
    """Return table and pictures of how a recording looks."""
    heads = [draw_topography(one, findings.montage) for one in realism.potentials]
    if realism.amplitudes is not None:
        heads.append(draw_amplitudes(realism.amplitudes, findings.montage))
    return _Realism(
        realism.run,
        realism_words(realism.rows),
        draw_realism(realism),
        [draw_value_map(one, findings.blocks, anatomy) for one in realism.maps],
        heads,
        realism.limits,
    )


def _tidy_tables(findings: Findings) -> list[TidyTable]:
    """Return both tables in full, empty ones left out."""
    tables = [
        tidy_table("metrics.tsv", findings.metrics),
        tidy_table("measures.tsv", findings.measures),
    ]
    return [table for table in tables if table.rows]
