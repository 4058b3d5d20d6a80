"""Responses of a subject's regions as tables with sidecars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from neurotranscoder.analyse.subject_responses import LEAST_SEEN, SubjectResponses
from neurotranscoder.io.derivatives import write_table_with_sources

_SHAPES = {
    "peak": ("s", "Lag of the largest value"),
    "fwhm": ("s", "Width at half the peak"),
    "undershoot": ("1", "Depth of the lowest value after the peak below 0, over the peak"),
    "undershoot_time": ("s", "Lag of that value"),
}
_OVER = {
    "runs": "jackknife over {n} runs",
    "segments": "jackknife over segments of the single run",
    "nothing": "none: a single run, too short for segments",
}


def intervals_of(found: SubjectResponses) -> str:
    """Return what intervals are of, in words."""
    return _OVER[found.over].format(n=len(found.runs))


def write_region_hrfs(
    folder: Path,
    stem: str,
    found: SubjectResponses,
    *,
    sources: Sequence[str] = (),
    metadata: Mapping[str, object] | None = None,
) -> None:
    """Write ``STEM_hrf.tsv`` and ``STEM_hrfcurves.tsv``, each with its sidecar.

    Parameters
    ----------
    folder : Path
        Where they go.
    stem : str
        Such as ``sub-01_res-voxel``.
    found : SubjectResponses
        What to write; what is not known is ``n/a``.
    sources : sequence of str
        Files it was made from.
    metadata : mapping, optional
        Further fields of the sidecars.
    """
    responses, known = found.responses, ~np.isnan(found.seen)
    facts = {"Intervals": f"95 %, {intervals_of(found)}", "Runs": list(found.runs)}
    shapes: dict[str, Sequence[object]] = {
        "region": found.names,
        "n_voxels": found.n_voxels.tolist(),
        "n_used": found.n_used.tolist(),
        "seen_share": found.seen.tolist(),
        "seen": [int(one) if k else "n/a" for one, k in zip(found.trusted, known, strict=True)],
    }
    for name in _SHAPES:
        for end, part in (("", "value"), ("_low", "low"), ("_high", "high")):
            shapes[name + end] = getattr(getattr(responses, name), part).tolist()
    shapes["bold_explained"] = responses.explained.tolist()
    columns = {
        name: {"Units": unit, "Description": text} for name, (unit, text) in _SHAPES.items()
    }
    seen = f"1: in the trust map {LEAST_SEEN:.0%} or more of the voxels with a map are seen"
    words: dict[str, object] = {
        **columns,
        "n_used": {"Description": "Voxels that the model has a map for"},
        "seen": {"Description": seen},
        "bold_explained": {"Description": "Share of the BOLD of voxels, held out, explained"},
        "Shrinkage": responses.shrinkage,
    }
    extra = {**facts, **(metadata or {})}
    write_table_with_sources(
        folder / f"{stem}_hrf.tsv", shapes, sources=sources, metadata={**words, **extra}
    )
    lags = responses.times.tolist()
    curves: dict[str, Sequence[object]] = {
        "region": [name for name in found.names for _ in lags],
        "lag": lags * len(found.names),
    }
    for part in ("value", "low", "high"):
        curves[part] = np.ravel(getattr(responses.values, part)).tolist()
    text = "Response in the unit of the group's, whose area is 1 / s"
    write_table_with_sources(
        folder / f"{stem}_hrfcurves.tsv",
        curves,
        sources=sources,
        metadata={"value": {"Description": text}, "lag": {"Units": "s"}, **extra},
    )
