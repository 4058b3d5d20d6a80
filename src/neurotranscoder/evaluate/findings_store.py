"""Findings on disk: two TSV tables, and one set of tensors for the pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from neurotranscoder.core.axes import Montage, VoxelGrid
from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.core.errors import StoreError
from neurotranscoder.core.settings import Settings
from neurotranscoder.evaluate.findings import Findings, Line, Panel, SourceMap, Topography
from neurotranscoder.evaluate.table import (
    MeasureRow,
    MetricRow,
    read_measures,
    read_metrics,
    write_rows,
)
from neurotranscoder.io.weights import load_tensors, save_tensors

_NAME = "findings"


class _PanelText(Settings):
    """Words of a panel."""

    title: str
    x_label: str
    y_label: str
    lines: tuple[str, ...]


class _RowsText(Settings):
    """Words of a source map or a topography."""

    title: str
    labels: tuple[str, ...]


class _Text(Settings):
    """All words of findings, and how many rows its tables have."""

    title: str
    simulated: bool
    facts: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    traces: tuple[_PanelText, ...]
    curves: tuple[_PanelText, ...]
    responses: tuple[_PanelText, ...]
    maps: tuple[_RowsText, ...]
    topographies: tuple[_RowsText, ...]
    channels: tuple[str, ...]
    positions_known: bool
    n_metrics: int
    n_measures: int


def save_findings(folder: Path, findings: Findings) -> None:
    """Write findings: ``metrics.tsv``, ``measures.tsv`` and the tensors ``findings``.

    Parameters
    ----------
    folder : Path
        Where the files go; made when it is missing. A table without rows has no file.
    findings : Findings
        What to keep.
    """
    _write_table(folder / "metrics.tsv", findings.metrics)
    _write_table(folder / "measures.tsv", findings.measures)
    save_tensors(folder, _NAME, _tensors_of(findings), _text_of(findings).model_dump(mode="json"))


def load_findings(folder: Path) -> Findings:
    """Read what `save_findings` wrote.

    Parameters
    ----------
    folder : Path
        Where findings were saved.

    Returns
    -------
    findings : Findings
        The same words and numbers, bit by bit.

    Raises
    ------
    WeightsError
        When the tensors are missing or damaged.
    StoreError
        When tables and tensors do not belong together.
    """
    tensors, metadata = load_tensors(folder, _NAME)
    try:
        text = _Text.model_validate(metadata)
        return _findings_of(folder, text, tensors)
    except (ValidationError, KeyError, ValueError) as error:
        raise StoreError(
            f"{folder / _NAME}.json: got other contents than findings ({error}); need what this "
            "version of `evaluate` writes; run `evaluate` again"
        ) from error


def _write_table(path: Path, rows: Sequence[MetricRow] | Sequence[MeasureRow]) -> None:
    """Write a table, or remove the one of earlier findings where there is no row."""
    if rows:
        write_rows(path, rows)
    else:
        path.unlink(missing_ok=True)


def _panel_text(panel: Panel) -> _PanelText:
    """Return the words of a panel."""
    labels = tuple(line.label for line in panel.lines)
    return _PanelText(
        title=panel.title, x_label=panel.x_label, y_label=panel.y_label, lines=labels
    )


def _rows_text(item: SourceMap | Topography) -> _RowsText:
    """Return the words of a source map or a topography."""
    return _RowsText(title=item.title, labels=item.labels)


def _text_of(findings: Findings) -> _Text:
    """Return the words of findings."""
    return _Text(
        title=findings.title,
        simulated=findings.simulated,
        facts=findings.facts,
        warnings=findings.warnings,
        traces=tuple(map(_panel_text, findings.traces)),
        curves=tuple(map(_panel_text, findings.curves)),
        responses=tuple(map(_panel_text, _responses(findings))),
        maps=tuple(map(_rows_text, findings.maps)),
        topographies=tuple(map(_rows_text, findings.topographies)),
        channels=findings.montage.names,
        positions_known=findings.montage.positions is not None,
        n_metrics=len(findings.metrics),
        n_measures=len(findings.measures),
    )


def _responses(findings: Findings) -> tuple[Panel, ...]:
    """Return the panel of responses, where there is one."""
    return () if findings.responses is None else (findings.responses,)


def _panel_tensors(name: str, panels: Iterable[Panel]) -> dict[str, np.ndarray]:
    """Return the numbers of panels."""
    return {
        f"{name}.{i}.{j}.{axis}": values
        for i, panel in enumerate(panels)
        for j, line in enumerate(panel.lines)
        for axis, values in (("x", line.x), ("y", line.y))
    }


def _tensors_of(findings: Findings) -> dict[str, np.ndarray]:
    """Return the numbers of findings."""
    blocks, positions = findings.blocks, findings.montage.positions
    return {
        **_panel_tensors("traces", findings.traces),
        **_panel_tensors("curves", findings.curves),
        **_panel_tensors("responses", _responses(findings)),
        **{f"maps.{i}": item.values for i, item in enumerate(findings.maps)},
        **{f"topographies.{i}": item.values for i, item in enumerate(findings.topographies)},
        "maps.times": np.array([item.time for item in findings.maps], dtype=np.float64),
        "blocks.shape": np.array(blocks.voxels.shape, dtype=np.int64),
        "blocks.voxel_to_world": blocks.voxels.voxel_to_world,
        "blocks.factors": np.array(blocks.factors, dtype=np.int64),
        "blocks.mask": blocks.mask,
        "blocks.labels": blocks.labels,
        **({} if positions is None else {"positions": positions}),
    }


def _panels_of(
    name: str, texts: Iterable[_PanelText], tensors: dict[str, np.ndarray]
) -> tuple[Panel, ...]:
    """Join words and numbers of panels."""
    panels = []
    for i, text in enumerate(texts):
        lines = tuple(
            Line(label, tensors[f"{name}.{i}.{j}.x"], tensors[f"{name}.{i}.{j}.y"])
            for j, label in enumerate(text.lines)
        )
        panels.append(Panel(text.title, text.x_label, text.y_label, lines))
    return tuple(panels)


def _blocks_of(tensors: dict[str, np.ndarray]) -> BlockMap:
    """Return the block map."""
    x, y, z = (int(size) for size in tensors["blocks.shape"])
    a, b, c = (int(size) for size in tensors["blocks.factors"])
    grid = VoxelGrid((x, y, z), tensors["blocks.voxel_to_world"])
    return BlockMap(grid, (a, b, c), tensors["blocks.mask"], tensors["blocks.labels"])


def _findings_of(folder: Path, text: _Text, tensors: dict[str, np.ndarray]) -> Findings:
    """Join words, numbers and tables."""
    metrics = read_metrics(folder / "metrics.tsv") if text.n_metrics else ()
    measures = read_measures(folder / "measures.tsv") if text.n_measures else ()
    if (len(metrics), len(measures)) != (text.n_metrics, text.n_measures):
        raise StoreError(
            f"{folder}: metrics.tsv and measures.tsv have {len(metrics)} and {len(measures)} "
            f"rows; findings.json needs {text.n_metrics} and {text.n_measures}; "
            "run `evaluate` again"
        )
    responses = _panels_of("responses", text.responses, tensors)
    times = tensors["maps.times"]
    return Findings(
        title=text.title,
        simulated=text.simulated,
        facts=text.facts,
        metrics=metrics,
        measures=measures,
        traces=_panels_of("traces", text.traces, tensors),
        maps=tuple(
            SourceMap(one.title, float(times[i]), one.labels, tensors[f"maps.{i}"])
            for i, one in enumerate(text.maps)
        ),
        responses=responses[0] if responses else None,
        topographies=tuple(
            Topography(one.title, one.labels, tensors[f"topographies.{i}"])
            for i, one in enumerate(text.topographies)
        ),
        curves=_panels_of("curves", text.curves, tensors),
        warnings=text.warnings,
        blocks=_blocks_of(tensors),
        montage=Montage(text.channels, tensors["positions"] if text.positions_known else None),
    )
