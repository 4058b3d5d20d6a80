"""Responses of a subject's regions as tables with sidecars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from neurotranscoder.analyse.subject_responses import LEAST_SEEN, SubjectResponses
from neurotranscoder.io.derivatives import Column, write_columns_with_sources

_SHAPES = {
    "peak": ("s", "Lag of the largest value"),
    "fwhm": ("s", "Width at half the peak"),
    "undershoot": ("1", "Depth of the lowest value after the peak below 0, over the peak"),
    "undershoot_time": ("s", "Lag of that value"),
}
_REGION = "Region of the atlas"
_LOW, _HIGH = "Lower end of the interval", "Upper end of the interval"
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
    facts = {"Intervals": f"95 %, {intervals_of(found)}", "Runs": list(found.runs)}
    extra = {**facts, **(metadata or {})}
    write_columns_with_sources(
        folder / f"{stem}_hrf.tsv",
        _shapes(found),
        sources=sources,
        metadata={
            "Shrinkage": found.responses.shrinkage,
            "ShareOfInstruments": found.instrument_share,
            **extra,
        },
    )
    lags = found.responses.times.tolist()
    ends = {
        part: np.ravel(getattr(found.responses.values, part)).tolist()
        for part in ("value", "low", "high")
    }
    write_columns_with_sources(
        folder / f"{stem}_hrfcurves.tsv",
        {
            "region": Column([name for name in found.names for _ in lags], _REGION),
            "lag": Column(lags * len(found.names), "After the activity", "s"),
            "value": Column(ends["value"], "Response in the unit of the group's, of area 1 / s"),
            "low": Column(ends["low"], _LOW),
            "high": Column(ends["high"], _HIGH),
        },
        sources=sources,
        metadata=extra,
    )


def _shapes(found: SubjectResponses) -> dict[str, Column]:
    """Return what is known of the response of each region."""
    known = ~np.isnan(found.seen)
    seen = [int(one) if k else "n/a" for one, k in zip(found.trusted, known, strict=True)]
    share = "Share of the voxels with a map that the trust map sees"
    columns = {
        "region": Column(found.names, _REGION),
        "n_voxels": Column(found.n_voxels.tolist(), "Voxels of the region"),
        "n_used": Column(found.n_used.tolist(), "Voxels that the model has a map for"),
        "seen_share": Column(found.seen.tolist(), share),
        "seen": Column(seen, f"1 where that share is {LEAST_SEEN:.0%} or more"),
    }
    for name, (unit, words) in _SHAPES.items():
        banded = getattr(found.responses, name)
        columns[name] = Column(banded.value.tolist(), words, unit)
        columns[f"{name}_low"] = Column(banded.low.tolist(), _LOW, unit)
        columns[f"{name}_high"] = Column(banded.high.tolist(), _HIGH, unit)
    explained = "Share of the BOLD of voxels, held out, explained"
    columns["bold_explained"] = Column(found.responses.explained.tolist(), explained)
    return columns
