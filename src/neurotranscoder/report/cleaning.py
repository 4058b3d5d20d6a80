"""The page of a study that was preprocessed: what each step did to each run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, NullFormatter

from neurotranscoder.io.store import write_text
from neurotranscoder.preprocess.clean_facts import RunFacts
from neurotranscoder.report.cleaning_summary import CleaningSummary
from neurotranscoder.report.figures import (
    BLUE,
    GREY,
    MOST_BYTES,
    VERMILLION,
    Picture,
    drawing_style,
    picture_of,
)
from neurotranscoder.report.templates import template


@dataclass(frozen=True, slots=True)
class RunPage:
    """What the page shows of one run.

    Parameters
    ----------
    facts : RunFacts
        Of its EEG.
    steps : tuple of str
        What was done to its images; empty where they were left as they were.
    images : tuple of Picture
        Of its images.
    """

    facts: RunFacts
    steps: tuple[str, ...] = ()
    images: tuple[Picture, ...] = ()

    @property
    def subject(self) -> str:
        """Whose it is, as 'sub-01'."""
        return self.facts.label.partition("_")[0]


@dataclass(frozen=True, slots=True)
class _Block:
    """A run as a page shows it, with the pictures of its EEG drawn."""

    run: RunPage
    pictures: tuple[Picture, ...]

    @property
    def size(self) -> int:
        """Bytes of its pictures."""
        return sum(one.n_bytes for one in (*self.pictures, *self.run.images))


def write_cleaning_page(
    path: Path,
    runs: Sequence[RunPage],
    summary: CleaningSummary,
    *,
    name: str,
    simulated: bool = False,
    most_bytes: int = MOST_BYTES,
) -> None:
    """Write what was done to every run as one HTML page; equal facts give equal bytes.

    Where pictures are too much for one page, each subject has its own beside it,
    ``STEM_SUBJECT.html``, and the page has the table, which links them. Such pages of earlier
    commands that are not needed are removed.

    Parameters
    ----------
    path : Path
        Where the page goes.
    runs : sequence of RunPage
        In the order in which they are shown; those of a subject together.
    summary : CleaningSummary
        All runs in one table, and subjects that could not be cleaned.
    name : str
        Of the study.
    simulated : bool
        Whether it was simulated.
    most_bytes : int
        Of pictures that one page holds.
    """
    page, facts = template("cleaning.html.jinja"), {"name": name, "simulated": simulated}
    blocks = [_Block(run, _pictures(run.facts)) for run in runs]
    apart: dict[str, list[_Block]] = {}
    if sum(block.size for block in blocks) > most_bytes:
        grouped = groupby(blocks, lambda block: block.run.subject)
        apart = {f"{path.stem}_{subject}.html": list(own) for subject, own in grouped}
    for earlier in path.parent.glob(f"{path.stem}_sub-*.html"):
        if earlier.name not in apart:
            earlier.unlink()
    places = {block.run.facts.label: f"#{block.run.facts.label}" for block in blocks}
    for file, own in apart.items():
        labels = {block.run.facts.label for block in own}
        rows = tuple(row for row in summary.rows if row.label in labels)
        one = replace(summary, rows=rows, faults=())
        shown = page.render(blocks=own, cleaning=one, places=places, whole=path.name, **facts)
        write_text(path.with_name(file), shown)
    links = {block.run.facts.label: file for file, own in apart.items() for block in own}
    places = {label: f"{links.get(label, '')}{place}" for label, place in places.items()}
    kept = [] if apart else blocks
    write_text(path, page.render(blocks=kept, cleaning=summary, places=places, whole="", **facts))


def _pictures(facts: RunFacts) -> tuple[Picture, ...]:
    """Return the pictures of a run that there are numbers for."""
    clock = () if not facts.residuals_ms else (draw_clock(facts),)
    blinks = () if not facts.lags else (draw_blinks(facts),)
    return (draw_spectra(facts), *clock, *blinks)


def draw_spectra(facts: RunFacts) -> Picture:
    """Draw the spectrum of a typical channel before and after cleaning."""
    with drawing_style():
        figure = Figure(figsize=(4.6, 2.6), layout="constrained")
        axes = figure.subplots()
        for (frequencies, density), colour, label in (
            (facts.before, VERMILLION, "as recorded"),
            (facts.after, BLUE, "clean"),
        ):
            axes.loglog(frequencies, density, color=colour, lw=1.0, label=label)
        axes.set_xlabel("frequency (Hz)")
        axes.set_ylabel("amplitude (µV per √Hz)")
        axes.set_title("EEG, median channel")
        axes.legend(loc="lower left")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FormatStrFormatter("%g"))
            axis.set_minor_formatter(NullFormatter())
        largest = max(facts.before[1]) / max(max(facts.after[1]), np.finfo(float).tiny)
        alt = f"Spectra of {facts.label}; the largest line falls to 1/{largest:.3g}."
        return picture_of(figure, alt=alt, caption=_SPECTRA)


def draw_clock(facts: RunFacts) -> Picture:
    """Draw how far volume triggers lie from the line of the clock."""
    times, residuals = np.asarray(facts.trigger_times), np.asarray(facts.residuals_ms)
    with drawing_style():
        figure = Figure(figsize=(3.2, 2.6), layout="constrained")
        axes = figure.subplots()
        axes.axhline(0, color=GREY, lw=0.7)
        axes.plot(times, residuals, ".", color=BLUE, ms=3)
        axes.set_xlabel("time on the EEG clock (s)")
        axes.set_ylabel("trigger minus clock (ms)")
        axes.set_title("Clock")
        alt = f"Triggers of {facts.label} lie {np.std(residuals):.3g} ms (sd) from the clock."
        return picture_of(figure, alt=alt, caption=_CLOCK)


def draw_blinks(facts: RunFacts) -> Picture:
    """Draw the average blink in every channel before and after the eyes were taken out."""
    before, after = np.asarray(facts.blink_before), np.asarray(facts.blink_after)
    with drawing_style():
        figure = Figure(figsize=(4.6, 2.6), layout="constrained")
        for axes, data, colour, title in zip(
            figure.subplots(1, 2, sharey=True),
            (before, after),
            (VERMILLION, BLUE),
            ("Average blink, before", "After"),
            strict=True,
        ):
            axes.axhline(0, color=GREY, lw=0.7)
            axes.plot(facts.lags, data.T, color=colour, lw=0.6)
            axes.set_xlabel("time after its peak (s)")
            axes.set_title(title)
            axes.label_outer()
        figure.axes[0].set_ylabel("EEG (µV)")
        largest, left = np.max(np.abs(before)), np.max(np.abs(after))
        alt = (
            f"The average blink of {facts.label} has {largest:.3g} µV in the channel with most of "
            f"it; {left:.3g} µV are left at most."
        )
        return picture_of(figure, alt=alt, caption=_BLINKS)


_SPECTRA = (
    "Amplitude spectral density of the median EEG channel, as recorded and after all steps. "
    "Gradients are lines at multiples of slices per TR; drift is what the clean one lacks on the "
    "left."
)
_CLOCK = (
    "Each dot is a volume trigger: its time less that of the fitted line. Rounding to samples is "
    "a band of one sample; a bend would be a clock that does not run evenly."
)
_BLINKS = (
    "Mean EEG around blinks, a line for each channel, less what it begins and ends with. What the "
    "lines on the right have in common is left of the blinks; the rest is brain that did not "
    "average out."
)
