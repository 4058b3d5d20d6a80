"""The page of a model's read-outs: responses, scalp maps, and what the data cannot tell."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurotranscoder.analyse.conventions import ConventionFact, convention_facts
from neurotranscoder.analyse.identifiability import BOLD_ALONE, BOTH, NEITHER
from neurotranscoder.analyse.models import ModelFacts, over_models
from neurotranscoder.analyse.transcoder import Readouts
from neurotranscoder.evaluate.findings import Topography, ValueMap
from neurotranscoder.io.store import write_text
from neurotranscoder.report.brain import draw_value_map
from neurotranscoder.report.cuts import Anatomy
from neurotranscoder.report.figures import BLUE, GREY, Picture, drawing_style, picture_of
from neurotranscoder.report.scalp import OVER_LARGEST, draw_topography
from neurotranscoder.report.templates import template

_SHOWN = 8
_SHOWN_SECONDS = 20.0
_TESTS = {
    "bold_from_eeg": "BOLD from EEG and measured BOLD",
    "sources": "Source from EEG and source from BOLD",
    "shared_bold": "BOLD and what other blocks say about it",
}
_CLASSES = {NEITHER: "by neither", BOLD_ALONE: "by BOLD alone", BOTH: "by both"}


@dataclass(frozen=True, slots=True)
class _Share:
    """How many blocks a test or a class holds."""

    name: str
    n: int
    share: str


def write_readouts_page(
    name: str,
    readouts: Readouts,
    path: Path,
    *,
    anatomy: Anatomy,
    models: tuple[ModelFacts, ...] = (),
) -> None:
    """Write read-outs as one HTML page; equal read-outs give equal bytes.

    Parameters
    ----------
    name : str
        Of the model.
    readouts : Readouts
        What was read out.
    path : Path
        Where the page goes; it is whole or absent.
    anatomy : Anatomy
        What maps are drawn on.
    models : tuple of ModelFacts
        What several models say, where they were compared.
    """
    largest = largest_regions(readouts)
    tests, blocks = readouts.identifiability, readouts.regions.blocks
    maps = [_map_of_seen(readouts)] + [_map_of_test(readouts, test) for test in _TESTS]
    page = template("readouts.html.jinja").render(
        name=name,
        readouts=readouts,
        level=f"{100 * tests.level:g} %",
        tests=[
            _share(words, getattr(tests, test).seen(tests.level), blocks.n_blocks)
            for test, words in _TESTS.items()
        ],
        classes=[
            _share(words, tests.seen == number, blocks.n_blocks)
            for number, words in _CLASSES.items()
        ],
        conventions=[_words_of(fact) for fact in convention_facts_of(readouts)],
        bands=_band_lines(readouts),
        responses=draw_region_responses(readouts, largest),
        peaks=draw_peaks(readouts),
        heads=[
            draw_topography(
                _topography(readouts, region), readouts.trained.montage, unit=OVER_LARGEST
            )
            for region in largest
        ],
        maps=[draw_value_map(one, blocks, anatomy) for one in maps],
        models=models,
        over_models=[_over(models, measure, words) for measure, words in _OVER if models],
    )
    write_text(path, page)


def largest_regions(readouts: Readouts) -> list[int]:
    """Return the regions whose BOLD the EEG explains best, best first."""
    explained = readouts.responses.explained
    return [int(region) for region in np.argsort(-explained, kind="stable")[:_SHOWN]]


def convention_facts_of(readouts: Readouts) -> tuple[ConventionFact, ...]:
    """Return the facts about sign, lag and gain."""
    return convention_facts(readouts.trained, readouts.agreement)


def draw_region_responses(readouts: Readouts, regions: list[int]) -> Picture:
    """Draw the responses of some regions with their bands, the shared one behind each."""
    found, shared = readouts.responses, readouts.trained.response
    names = readouts.regions.names
    shown = found.times <= _SHOWN_SECONDS
    times = found.times[shown]
    with drawing_style():
        columns = min(4, len(regions))
        rows = -(-len(regions) // columns)
        figure = Figure(figsize=(10.6, 0.4 + 1.8 * rows), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False, sharex=True)
        for axes in grid.flat[len(regions) :]:
            axes.set_axis_off()
        for axes, region in zip(grid.flat, regions, strict=False):
            value, low, high = (
                getattr(found.values, part)[region, shown] for part in ("value", "low", "high")
            )
            scale = float(np.max(np.abs(value), initial=0.0)) or 1.0
            behind = shared.values[shown] / (np.max(np.abs(shared.values)) or 1.0)
            axes.plot(times, behind, color=GREY, ls="--", lw=1.0)
            axes.fill_between(times, low / scale, high / scale, color=BLUE, alpha=0.25, lw=0)
            axes.plot(times, value / scale, color=BLUE, lw=1.4)
            axes.axhline(0.0, color="#999999", lw=0.5, zorder=0)
            axes.set_title(f"{names[region]}, peak {found.peak.value[region]:.1f} s")
        for axes in grid[-1]:
            axes.set_xlabel("lag (s)")
        for axes in grid[:, 0]:
            axes.set_ylabel("response (peak 1)")
        alt = f"Hemodynamic responses of {len(regions)} regions with 95 % bands over runs."
        caption = (
            "Regions whose BOLD the EEG explains best. Line and band: the region's own response "
            "with its 95 % interval over training runs. Dashed: the response that all share."
        )
        return picture_of(figure, alt=alt, caption=caption)


def draw_peaks(readouts: Readouts) -> Picture:
    """Draw the peak of each region's response with its interval, in order."""
    found = readouts.responses
    trusted = np.flatnonzero(np.isfinite(found.peak.value) & (found.explained > 0))
    order = trusted[np.argsort(found.peak.value[trusted], kind="stable")]
    with drawing_style():
        figure = Figure(figsize=(10.6, 2.6), layout="constrained")
        axes: Axes = figure.subplots()
        where = np.arange(len(order))
        value, low, high = (getattr(found.peak, part)[order] for part in ("value", "low", "high"))
        axes.vlines(where, low, high, color=BLUE, lw=0.8, alpha=0.6)
        axes.plot(where, value, ls="", marker="o", ms=2.6, color=BLUE)
        axes.axhline(readouts.trained.response.peak, color=GREY, ls="--", lw=1.0)
        axes.set_xlabel("region, in order of its peak")
        axes.set_ylabel("peak (s)")
        limits = axes.get_ylim()
        axes.set_ylim(max(limits[0], 0.0), min(limits[1], 12.0))
        axes.set_title(f"{len(order)} regions whose BOLD the EEG explains at all")
        alt = f"Peaks of the responses of {len(order)} regions with 95 % intervals, in order."
        caption = (
            "Dots: peak of each region's response; lines: 95 % interval over training runs. "
            "Dashed: the peak of the shared response. The order is worth more than the times."
        )
        return picture_of(figure, alt=alt, caption=caption)


def _topography(readouts: Readouts, region: int) -> Topography:
    """Return the leadfield of a region beside its row of the inverse."""
    x, y, z = readouts.regions.centres[region]
    title = f"{readouts.regions.names[region]} at {x:.0f}, {y:.0f}, {z:.0f} mm"
    spatial = readouts.spatial
    patterns = np.stack([spatial.leadfield.value[region], spatial.inverse.value[region]])
    return Topography(title, ("leadfield", "inverse"), patterns)


def _map_of_seen(readouts: Readouts) -> ValueMap:
    """Return the map of which modality sees a block."""
    label = "0 neither, 1 BOLD, 2 both"
    return ValueMap("Seen by", label, readouts.identifiability.seen.astype(float))


def _map_of_test(readouts: Readouts, test: str) -> ValueMap:
    """Return r of one test where it is more than chance."""
    found = getattr(readouts.identifiability, test)
    seen = found.seen(readouts.identifiability.level)
    return ValueMap(
        _TESTS[test], "r where it is more than chance", np.where(seen, found.r, np.nan)
    )


def _share(name: str, chosen: np.ndarray, total: int) -> _Share:
    """Return how many blocks are chosen."""
    n = int(np.sum(chosen))
    return _Share(name, n, f"{n / total:.0%}")


def _words_of(fact: ConventionFact) -> tuple[str, str, str, str]:
    """Return a fact as cells of a table."""
    unit = f" {fact.unit}" if fact.unit else ""
    text = f"{fact.value:.3g}{unit}"
    if np.isfinite(fact.low):
        text += f" [{fact.low:.3g}, {fact.high:.3g}]"
    return fact.quantity, fact.fixed_by, _MEASURES[fact.measure], text


_MEASURES = {
    "opposite_lobe": "largest opposite lobe there, relative to it (0: the sign is clear)",
    "response_peak": "peak of the shared response",
    "bold_estimate_later": "how much later the estimate from BOLD is than that from EEG",
    "response_area": "area of the shared response",
    "bold_estimate_slope": "slope of the estimate from BOLD on that from EEG",
}


_OVER = (("peak", "peak of the response"), ("fwhm", "its width"))


def _over(models: tuple[ModelFacts, ...], measure: str, words: str) -> str:
    """Return the mean of a measure over models with its interval, in words."""
    found = over_models(models, measure)
    return f"{words}: {found.mean:.2f} s [{found.low:.2f}, {found.high:.2f}]"


def _band_lines(readouts: Readouts) -> list[tuple[str, str]]:
    """Return the median agreement over regions in each band."""
    found = readouts.agreement
    lines = [("all", f"{np.nanmedian(found.r.value):.2f}")]
    for (low, high), r in zip(found.bands, found.in_bands.value, strict=True):
        known = r[np.isfinite(r)]
        text = f"{np.median(known):.2f}" if known.size else "n/a"
        lines.append((f"{low:g}-{high:g} Hz", text))
    return lines
