"""Findings on disk: up to three TSV tables, and one set of tensors for the pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydantic import ValidationError

from neurotranscoder.core.axes import Montage, VoxelGrid
from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.core.errors import StoreError
from neurotranscoder.core.settings import Settings
from neurotranscoder.evaluate.findings import Findings, Panel, SourceMap, Topography
from neurotranscoder.evaluate.findings_words import (
    PanelText,
    RowsText,
    panel_tensors,
    panel_text,
    panels_of,
    rows_text,
)
from neurotranscoder.evaluate.realism_store import (
    RealismText,
    realism_from,
    realism_tensors,
    realism_text,
)
from neurotranscoder.evaluate.table import (
    Rows,
    read_measures,
    read_metrics,
    read_realism,
    write_rows,
)
from neurotranscoder.io.weights import load_tensors, save_tensors

_NAME = "findings"


class _Text(Settings):
    """All words of findings, and how many rows its tables have."""

    title: str
    simulated: bool
    facts: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    traces: tuple[PanelText, ...]
    curves: tuple[PanelText, ...]
    responses: tuple[PanelText, ...]
    maps: tuple[RowsText, ...]
    topographies: tuple[RowsText, ...]
    channels: tuple[str, ...]
    positions_known: bool
    n_metrics: int
    n_measures: int
    realism: RealismText | None = None
    mni: bool = False


def save_findings(folder: Path, findings: Findings) -> None:
    """Write findings: three tables (metrics, measures, realism) and the tensors ``findings``.

    Parameters
    ----------
    folder : Path
        Where the files go; made when it is missing. A table without rows has no file.
    findings : Findings
        What to keep.
    """
    _write_table(folder / "metrics.tsv", findings.metrics)
    _write_table(folder / "measures.tsv", findings.measures)
    _write_table(folder / "realism.tsv", findings.realism.rows if findings.realism else ())
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


def _write_table(path: Path, rows: Rows) -> None:
    """Write a table, or remove the one of earlier findings where there is no row."""
    if rows:
        write_rows(path, rows)
    else:
        path.unlink(missing_ok=True)


def _text_of(findings: Findings) -> _Text:
    """Return the words of findings."""
    return _Text(
        title=findings.title,
        simulated=findings.simulated,
        facts=findings.facts,
        warnings=findings.warnings,
        traces=tuple(map(panel_text, findings.traces)),
        curves=tuple(map(panel_text, findings.curves)),
        responses=tuple(map(panel_text, _responses(findings))),
        maps=tuple(map(rows_text, findings.maps)),
        topographies=tuple(map(rows_text, findings.topographies)),
        channels=findings.montage.names,
        positions_known=findings.montage.positions is not None,
        n_metrics=len(findings.metrics),
        n_measures=len(findings.measures),
        realism=realism_text(findings.realism) if findings.realism else None,
        mni=findings.mni,
    )


def _responses(findings: Findings) -> tuple[Panel, ...]:
    """Return the panel of responses, where there is one."""
    return () if findings.responses is None else (findings.responses,)


def _tensors_of(findings: Findings) -> dict[str, np.ndarray]:
    """Return the numbers of findings."""
    blocks, positions = findings.blocks, findings.montage.positions
    return {
        **panel_tensors("traces", findings.traces),
        **panel_tensors("curves", findings.curves),
        **panel_tensors("responses", _responses(findings)),
        **{f"maps.{i}": item.values for i, item in enumerate(findings.maps)},
        **{f"topographies.{i}": item.values for i, item in enumerate(findings.topographies)},
        "maps.times": np.array([item.time for item in findings.maps], dtype=np.float64),
        "blocks.shape": np.array(blocks.voxels.shape, dtype=np.int64),
        "blocks.voxel_to_world": blocks.voxels.voxel_to_world,
        "blocks.factors": np.array(blocks.factors, dtype=np.int64),
        "blocks.mask": blocks.mask,
        "blocks.labels": blocks.labels,
        **({} if positions is None else {"positions": positions}),
        **(realism_tensors(findings.realism) if findings.realism else {}),
        **({} if findings.anatomy is None else {"anatomy": findings.anatomy}),
    }


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
    rows = read_realism(folder / "realism.tsv") if text.realism else ()
    needed = text.n_metrics, text.n_measures, text.realism.n_rows if text.realism else 0
    got = len(metrics), len(measures), len(rows)
    if got != needed:
        raise StoreError(
            f"{folder}: metrics.tsv, measures.tsv and realism.tsv have {got[0]}, {got[1]} and "
            f"{got[2]} rows; findings.json needs {needed[0]}, {needed[1]} and {needed[2]}; "
            "run `evaluate` again"
        )
    responses = panels_of("responses", text.responses, tensors)
    times = tensors["maps.times"]
    return Findings(
        title=text.title,
        simulated=text.simulated,
        facts=text.facts,
        metrics=metrics,
        measures=measures,
        traces=panels_of("traces", text.traces, tensors),
        maps=tuple(
            SourceMap(one.title, float(times[i]), one.labels, tensors[f"maps.{i}"])
            for i, one in enumerate(text.maps)
        ),
        responses=responses[0] if responses else None,
        topographies=tuple(
            Topography(one.title, one.labels, tensors[f"topographies.{i}"])
            for i, one in enumerate(text.topographies)
        ),
        curves=panels_of("curves", text.curves, tensors),
        warnings=text.warnings,
        blocks=_blocks_of(tensors),
        montage=Montage(text.channels, tensors["positions"] if text.positions_known else None),
        realism=realism_from(text.realism, tensors, rows) if text.realism else None,
        mni=text.mni,
        anatomy=tensors.get("anatomy"),
    )
