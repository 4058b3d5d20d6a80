"""Panels and rows of maps taken apart into words and numbers, and put together again."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from neurotranscoder.core.settings import Settings
from neurotranscoder.evaluate.findings import Line, Panel, SourceMap, Topography


class PanelText(Settings):
    """Words of a panel."""

    title: str
    x_label: str
    y_label: str
    lines: tuple[str, ...]


class RowsText(Settings):
    """Words of a source map or a topography."""

    title: str
    labels: tuple[str, ...]


def panel_text(panel: Panel) -> PanelText:
    """Return the words of a panel."""
    labels = tuple(line.label for line in panel.lines)
    return PanelText(title=panel.title, x_label=panel.x_label, y_label=panel.y_label, lines=labels)


def rows_text(item: SourceMap | Topography) -> RowsText:
    """Return the words of a source map or a topography."""
    return RowsText(title=item.title, labels=item.labels)


def panel_tensors(name: str, panels: Iterable[Panel]) -> dict[str, np.ndarray]:
    """Return the numbers of panels, named after their places."""
    return {
        f"{name}.{i}.{j}.{axis}": values
        for i, panel in enumerate(panels)
        for j, line in enumerate(panel.lines)
        for axis, values in (("x", line.x), ("y", line.y))
    }


def panels_of(
    name: str, texts: Iterable[PanelText], tensors: dict[str, np.ndarray]
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
