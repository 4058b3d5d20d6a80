"""Realism taken apart into words, numbers and a table, and put together again."""

from __future__ import annotations

import numpy as np

from neurotranscoder.core.settings import Settings
from neurotranscoder.evaluate.findings import Realism, Topography, ValueMap
from neurotranscoder.evaluate.findings_words import (
    PanelText,
    RowsText,
    panel_tensors,
    panel_text,
    panels_of,
    rows_text,
)
from neurotranscoder.evaluate.table import RealismRow


class MapText(Settings):
    """Words of a map of values."""

    title: str
    label: str


class RealismText(Settings):
    """All words of realism, and how many rows its table has."""

    run: str
    n_rows: int
    spectra: tuple[PanelText, ...]
    courses: tuple[PanelText, ...]
    maps: tuple[MapText, ...]
    potentials: tuple[RowsText, ...]
    amplitudes: RowsText | None
    limits: tuple[str, ...]


def realism_text(realism: Realism) -> RealismText:
    """Return the words."""
    amplitudes = realism.amplitudes
    return RealismText(
        run=realism.run,
        n_rows=len(realism.rows),
        spectra=tuple(map(panel_text, realism.spectra)),
        courses=tuple(map(panel_text, realism.courses)),
        maps=tuple(MapText(title=one.title, label=one.label) for one in realism.maps),
        potentials=tuple(map(rows_text, realism.potentials)),
        amplitudes=None if amplitudes is None else rows_text(amplitudes),
        limits=realism.limits,
    )


def realism_tensors(realism: Realism) -> dict[str, np.ndarray]:
    """Return the numbers behind the pictures."""
    amplitudes = realism.amplitudes
    return {
        **panel_tensors("realism.spectra", realism.spectra),
        **panel_tensors("realism.courses", realism.courses),
        **{f"realism.maps.{i}": one.values for i, one in enumerate(realism.maps)},
        **{f"realism.potentials.{i}": one.values for i, one in enumerate(realism.potentials)},
        **({} if amplitudes is None else {"realism.amplitudes": amplitudes.values}),
    }


def realism_from(
    text: RealismText, tensors: dict[str, np.ndarray], rows: tuple[RealismRow, ...]
) -> Realism:
    """Join words, numbers and table."""
    words = text.amplitudes
    return Realism(
        run=text.run,
        rows=rows,
        spectra=panels_of("realism.spectra", text.spectra, tensors),
        courses=panels_of("realism.courses", text.courses, tensors),
        maps=tuple(
            ValueMap(one.title, one.label, tensors[f"realism.maps.{i}"])
            for i, one in enumerate(text.maps)
        ),
        potentials=tuple(
            Topography(one.title, one.labels, tensors[f"realism.potentials.{i}"])
            for i, one in enumerate(text.potentials)
        ),
        amplitudes=None
        if words is None
        else Topography(words.title, words.labels, tensors["realism.amplitudes"]),
        limits=text.limits,
    )
