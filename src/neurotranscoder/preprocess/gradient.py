"""Remove the gradient artefact of the scanner from raw EEG.

After FASTR (Niazy et al. 2005, https://doi.org/10.1016/j.neuroimage.2005.06.067): templates of
slices at their true places between samples, the amplitude of each, an optimal basis set of what
they leave, adaptive noise cancelling on request. It differs where EEG would be lost: lines that
are no artefact are left alone, patterns of the residual are removed at all frequencies, and the
slow EEG is not touched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field

from neurotranscoder.core.errors import CleaningError
from neurotranscoder.core.settings import Settings
from neurotranscoder.preprocess.checks import refuse_not_finite
from neurotranscoder.preprocess.gradient_anc import adaptive_part
from neurotranscoder.preprocess.gradient_grid import ScanGrid, WayBack
from neurotranscoder.preprocess.gradient_report import (
    GradientReport,
    LineLevels,
    line_frequencies,
    line_levels,
)
from neurotranscoder.preprocess.gradient_residual import (
    following_part,
    high_pass,
    remove_ringing,
)
from neurotranscoder.preprocess.gradient_spans import SliceSpan, spans_of
from neurotranscoder.preprocess.gradient_templates import (
    slice_templates,
    volume_templates,
    without_trend,
)
from neurotranscoder.preprocess.gradient_timing import Timing, measure_timing
from neurotranscoder.preprocess.gradient_triggers import Volumes, volumes_of_triggers

_LOOKED_AT = 8  # volumes, to find the channel with most artefact
_FLAT_TOP = 1e-3  # share of samples at the largest value

Row = Float[ndarray, " times"]


class GradientSettings(Settings):
    """How the gradient artefact is removed."""

    template: Literal["slice", "volume"] = "slice"
    """Whether slices share a template ('slice': volumes add to it where they differ), or all
    slices of a volume make one of their own ('volume'). The first keeps more of the EEG."""
    window: int = Field(default=25, ge=3)
    """Volumes of a template; the window is centred, and shifted inward at both ends."""
    max_components: int = Field(default=6, ge=0, le=50)
    """Largest number of principal components of the residual; how many there are is found in
    the data."""
    adaptive: bool = False
    """Whether adaptive noise cancelling follows, above 70 Hz."""
    min_ratio: float = Field(default=1.0, ge=0)
    """Refuse EEG whose artefact has less power than this, relative to all else above 70 Hz, in
    the strongest channel: there is none, or it was removed already."""
    min_sfreq: float = Field(default=1000.0, gt=0)
    """Refuse EEG sampled more slowly, in Hz: its artefact is no longer whole."""


@dataclass(frozen=True, slots=True, eq=False)
class Channels:
    """Rows of a recording that are read and replaced one at a time.

    Parameters
    ----------
    names : tuple of str
        Their names.
    sfreq : float
        Sampling frequency, in Hz.
    read : callable
        Returns a row by its number, in V.
    write : callable
        Replaces a row.
    """

    names: tuple[str, ...]
    sfreq: float
    read: Callable[[int], Row]
    write: Callable[[int, Row], None]


def clean_channels(
    channels: Channels,
    trigger_times: Float[ndarray, " triggers"],
    *,
    tr: float,
    slice_times: Sequence[float] | Float[ndarray, " slices"] | None = None,
    settings: GradientSettings | None = None,
) -> GradientReport:
    """Remove the gradient artefact from rows of a recording, in place, one after the other.

    Parameters
    ----------
    channels : Channels
        The rows.
    trigger_times : array, shape (triggers,)
        Volume triggers, in seconds after the first sample, with whatever faults they have.
    tr : float
        Time from one volume to the next, in s.
    slice_times : array, shape (slices,), optional
        When slices are acquired within a volume, in s; by default found in the artefact.
    settings : GradientSettings, optional
        How.

    Returns
    -------
    report : GradientReport
        What was removed and repaired. Nothing was replaced when an error is raised.

    Raises
    ------
    CleaningError
        When the sampling is too slow, or there is no artefact.
    ClockError
        When triggers do not follow the TR.
    GridError
        When samples are not finite.
    """
    options = settings or GradientSettings()
    if channels.sfreq < options.min_sfreq:
        raise CleaningError(
            f"EEG is sampled at {channels.sfreq:g} Hz; the gradient artefact needs at least "
            f"{options.min_sfreq:g} Hz (5000 Hz is usual); use the recording as the amplifier "
            "made it, before it was resampled"
        )
    volumes = volumes_of_triggers(np.asarray(trigger_times), tr=tr, sfreq=channels.sfreq)
    span, notes = _span(slice_times, tr, options)
    for number, name in enumerate(channels.names):
        refuse_not_finite(f"channel {name!r}", channels.read(number)[np.newaxis])
    strongest = channels.read(_strongest(channels, volumes, tr))
    timing = measure_timing(
        high_pass(strongest, channels.sfreq),
        volumes,
        tr=tr,
        sfreq=channels.sfreq,
        span=span,
        min_ratio=options.min_ratio,
    )
    return _clean_all(channels, timing, notes, options)


def clean_row(
    row: Row, grid: ScanGrid, way_back: WayBack, sfreq: float, settings: GradientSettings
) -> tuple[Row, int, float]:
    """Return one channel without artefact, the number of components and the amplitude's sd.

    Parameters
    ----------
    row : array, shape (times,)
        The channel, in V.
    grid : ScanGrid
        Where slices are.
    way_back : WayBack
        From the raster to the samples of the channel.
    sfreq : float
        Sampling frequency, in Hz.
    settings : GradientSettings
        How.
    """
    n_times = len(row)
    make = slice_templates if grid.n_slices > 1 else volume_templates
    template = make(without_trend(grid.sample(row), grid), grid, settings.window)
    clean = row - way_back.place_rows(template, n_times)
    remove_ringing(clean, *grid.edges(n_times), sfreq)
    rows = without_trend(grid.sample(clean), grid)
    more = volume_templates(rows, grid, settings.window)
    following = following_part(
        rows - more, template + more, grid, sfreq, most=settings.max_components
    )
    clean -= way_back.place_rows(more + following.rows, n_times)
    if settings.adaptive:
        clean -= adaptive_part(clean, row - clean, sfreq, grid.n_phases)
    return clean, following.n_components, float(np.std(following.amplitude))


def _span(
    slice_times: Sequence[float] | Float[ndarray, " slices"] | None,
    tr: float,
    settings: GradientSettings,
) -> tuple[SliceSpan | None, tuple[str, ...]]:
    """Return the excitations of a volume, None where they are to be found."""
    if settings.template == "volume":
        return SliceSpan(1, tr), ()
    if slice_times is None:
        return None, ()
    span = spans_of(np.asarray(slice_times, dtype=np.float64), tr)
    if span is None:
        return SliceSpan(1, tr), ("slices are not equally spaced: templates are those of volumes",)
    return span, ()


def _strongest(channels: Channels, volumes: Volumes, tr: float) -> int:
    """Return the channel in which successive volumes agree most, in volts, above 70 Hz."""
    n_row = round(tr * channels.sfreq)
    blocks, counts = np.unique(volumes.block, return_counts=True)
    starts = volumes.starts[volumes.block == blocks[np.argmax(counts)]][: _LOOKED_AT + 1]
    first, last = max(0, round(starts[0])), round(starts[-1])
    best, most = 0, -np.inf
    for number in range(len(channels.names)):
        part = high_pass(channels.read(number)[first:last].astype(np.float64), channels.sfreq)
        agreement = float(part[n_row:] @ part[:-n_row])
        if agreement > most:
            best, most = number, agreement
    return best


def _clean_all(
    channels: Channels, timing: Timing, notes: tuple[str, ...], settings: GradientSettings
) -> GradientReport:
    """Clean every row and say what was done."""
    grid, sfreq = timing.grid, channels.sfreq
    n_times = len(channels.read(0))
    way_back = WayBack.of(grid, n_times)
    scan = slice(way_back.first, way_back.first + len(way_back.place))
    lines = line_frequencies(grid, sfreq)
    facts, levels, saturated = [], [], []
    for number, name in enumerate(channels.names):
        row = channels.read(number).astype(np.float64)
        if _is_saturated(row[scan]):
            saturated.append(name)
        clean, n_components, amplitude_sd = clean_row(row, grid, way_back, sfreq, settings)
        before, after = row[scan], clean[scan]
        facts.append((np.std(before), np.std(after), n_components, amplitude_sd))
        levels.append((line_levels(before, lines, sfreq)[0], *line_levels(after, lines, sfreq)))
        channels.write(number, clean)
    if saturated:
        notes = (*notes, f"saturated, so that artefact stays: {', '.join(saturated)}")
    rms_before, rms_after, found, amplitude = map(np.array, zip(*facts, strict=True))
    return GradientReport(
        channels=channels.names,
        rms_before=rms_before,
        rms_after=rms_after,
        lines=LineLevels(lines, *(np.stack(part) for part in zip(*levels, strict=True))),
        n_slices=grid.n_slices,
        n_excitations=int(grid.present.sum()),
        starts=grid.starts,
        block=grid.block,
        drift_ppm=timing.drift_ppm,
        ratio=timing.ratio,
        amplitude_sd=amplitude,
        n_components=found,
        notes=(*timing.notes, *notes),
    )


def _is_saturated(row: Row) -> bool:
    """Return whether more than a thousandth of the samples are at the largest or least value."""
    return bool(max(np.mean(row == row.max()), np.mean(row == row.min())) > _FLAT_TOP)
