"""Pictures of what a subject's model has learnt: responses of regions, scalp maps of places."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurotranscoder.analyse.places import Place
from neurotranscoder.analyse.subject_maps import SubjectMaps
from neurotranscoder.analyse.subject_responses import SubjectResponses
from neurotranscoder.analyse.subject_responses_store import intervals_of
from neurotranscoder.core.response import Response
from neurotranscoder.evaluate.findings import Topography
from neurotranscoder.io.store import write_bytes
from neurotranscoder.report.figures import (
    BLUE,
    GREY,
    VERMILLION,
    Picture,
    drawing_style,
    picture_of,
    wrapped,
)
from neurotranscoder.report.scalp import OVER_LARGEST, draw_topography

_MOST = 24
_COLUMNS = 6
_SHOWN_SECONDS = 24.0


def draw_region_hrfs(found: SubjectResponses, shared: Response, *, name: str) -> Picture:
    """Draw the responses of up to 24 regions, those that BOLD supports best, with their bands.

    Parameters
    ----------
    found : SubjectResponses
        What was found.
    shared : Response
        Of the group.
    name : str
        Of the subject.
    """
    order = _order(found)
    columns = max(3, min(_COLUMNS, len(order)))
    rows = max(1, -(-len(order) // columns))
    with drawing_style():
        figure = Figure(figsize=(0.4 + 1.7 * columns, 0.7 + 1.6 * rows), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False, sharex=True)
        for axes in grid.flat[len(order) :]:
            axes.set_axis_off()
        for axes, region in zip(grid.flat, order, strict=False):
            _draw_region(axes, found, region, shared)
        for axes in grid.flat[max(0, len(order) - columns) : len(order)]:
            axes.set_xlabel("lag (s)")
            axes.xaxis.set_tick_params(labelbottom=True)
        for axes in grid[:, 0]:
            axes.set_ylabel("response\n(peak 1)")
        title = (
            f"{name}: responses of {len(order)} of {len(found.names)} regions; bands 95 %, "
            f"{intervals_of(found)}; dashed: the group"
        )
        heading = wrapped(title, 20 * columns)
        figure.suptitle(heading, x=0.01, ha="left", fontsize=8.5, fontweight="bold")
        caption = (
            "Line and band: response of a region with its 95 % interval. Dashed: that of the "
            "group. Grey: the model does not see the region in other runs."
        )
        return picture_of(figure, alt=title, caption=caption, dense=True)


def write_region_hrfs_picture(
    path: Path, found: SubjectResponses, shared: Response, *, name: str
) -> None:
    """Write the picture of `draw_region_hrfs` as PNG; equal findings give equal bytes."""
    _write(path, draw_region_hrfs(found, shared, name=name))


def write_place_picture(path: Path, maps: SubjectMaps, place: Place, *, name: str) -> None:
    """Draw what electrodes see of a place, beside the weights that it is read with, as PNG.

    Parameters
    ----------
    path : Path
        Where it goes.
    maps : SubjectMaps
        Of the subject.
    place : Place
        From `place_at` or `region_place`.
    name : str
        Of the subject.
    """
    forward, inverse = maps.topography(place), maps.reading_of(place)
    labels = (
        f"forward, {1e6 * np.max(np.abs(forward)):.2g} \u00b5V",
        f"inverse, {np.max(np.abs(inverse)):.2g} /V",
    )
    topography = Topography(f"{name}, {place.name}", labels, np.stack([forward, inverse]))
    _write(path, draw_topography(topography, maps.montage, dense=True, unit=OVER_LARGEST))


def _order(found: SubjectResponses) -> list[int]:
    """Return the regions to show: seen ones first, then by how much of BOLD they explain."""
    drawn = np.flatnonzero(np.isfinite(found.responses.peak.value))
    known = found.trusted[drawn].astype(int)
    best = np.lexsort((-found.responses.explained[drawn], -known))
    return [int(region) for region in drawn[best][:_MOST]]


def _draw_region(axes: Axes, found: SubjectResponses, region: int, shared: Response) -> None:
    """Draw one response; grey where a trust map does not see the region."""
    responses = found.responses
    unseen = bool(np.isfinite(found.seen[region]) and not found.trusted[region])
    colour = GREY if unseen else BLUE
    shown = responses.times <= _SHOWN_SECONDS
    times = responses.times[shown]
    value, low, high = (
        getattr(responses.values, part)[region, shown] for part in ("value", "low", "high")
    )
    scale = float(np.max(np.abs(value))) or 1.0
    behind = shared.values / (np.max(np.abs(shared.values)) or 1.0)
    axes.plot(times, behind[shown], color=VERMILLION, ls="--", lw=0.9)
    axes.fill_between(times, low / scale, high / scale, color=colour, alpha=0.25, lw=0)
    axes.plot(times, value / scale, color=colour, lw=1.4)
    axes.axhline(0.0, color="#999999", lw=0.5, zorder=0)
    peak = f"peak {responses.peak.value[region]:.1f} s"
    words = f"{peak}, NOT SEEN" if unseen else peak
    axes.set_title(f"{wrapped(found.names[region], 24)}\n{words}", fontsize=7)


def _write(path: Path, picture: Picture) -> None:
    """Write a PNG picture."""
    write_bytes(path, base64.b64decode(picture.source.partition(",")[2]))
