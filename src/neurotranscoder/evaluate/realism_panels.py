"""The pictures of realism: spectra, courses and maps, with reference lines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.evaluate import realism_references as references
from neurotranscoder.evaluate.bold_measures import autocorrelations, bold_spectrum
from neurotranscoder.evaluate.eeg_measures import APERIODIC_BAND
from neurotranscoder.evaluate.findings import (
    REFERENCE,
    Line,
    Panel,
    Realism,
    Topography,
    ValueMap,
)
from neurotranscoder.evaluate.potentials import field_power
from neurotranscoder.evaluate.realism import Coupling, Measured
from neurotranscoder.evaluate.realism_references import Reference
from neurotranscoder.evaluate.realism_table import SLOW_BAND, realism_rows
from neurotranscoder.evaluate.spectra import power_law

_HIGHEST = 45.0  # Hz
_LOWEST = 0.5  # Hz
_BANDS = {"1-4 Hz": (1.0, 4.0), "4-8 Hz": (4.0, 8.0), "8-13 Hz": (8.0, 13.0), "13-30 Hz": (13, 30)}


def realism_of(found: Measured, *, limits: Sequence[str] = ()) -> Realism:
    """Return table and pictures of a recording.

    Parameters
    ----------
    found : Measured
        From `measure`.
    limits : sequence of str
        What is known to be unlike a real recording.
    """
    courses = (
        _autocorrelation_panel(found),
        _displacement_panel(found),
        _potential_panel(found),
        _response_panel(found),
        _coupling_panel(found),
    )
    return Realism(
        found.recording.run.label,
        realism_rows(found),
        (_eeg_spectrum_panel(found), _bold_spectrum_panel(found)),
        tuple(panel for panel in courses if panel is not None),
        _maps(found),
        _potential_topographies(found),
        _amplitudes(found),
        tuple(limits),
    )


def _eeg_spectrum_panel(found: Measured) -> Panel:
    """Return the median spectrum over channels, beside power laws that meet it at 10 Hz."""
    spectrum = found.eeg_spectrum
    shown = (spectrum.frequencies >= _LOWEST) & (spectrum.frequencies <= _HIGHEST)
    x = spectrum.frequencies[shown]
    quartiles = np.quantile(spectrum.power[:, shown], [0.25, 0.5, 0.75], axis=0)
    names = ("lower quartile of channels", "median of channels", "upper quartile of channels")
    lines = [Line(name, x, y) for name, y in zip(names, quartiles, strict=True)]
    fitted, factor = power_law(spectrum.frequencies, spectrum.median, APERIODIC_BAND)
    if np.isfinite(fitted):
        level = factor / 10**fitted
        ends = references.EEG_EXPONENT.low, references.EEG_EXPONENT.high
        lines += [_law(exponent, x, level, at=10.0) for exponent in ends]
    return Panel(
        f"EEG, {found.recording.run}", "frequency (Hz)", "power (µV²/Hz)", _first(lines, 1)
    )


def _bold_spectrum_panel(found: Measured) -> Panel:
    """Return the spectra of blocks and of the global signal, beside a power law."""
    spectrum, tr = found.block_spectrum, found.recording.bold.volumes.tr
    course = bold_spectrum(found.brain.global_signal[np.newaxis], tr)
    unit = "%²" if found.brain.has_baseline else "sd²"
    lines = [
        Line("median of blocks", spectrum.frequencies, spectrum.median),
        Line("global signal", course.frequencies, course.power[0]),
    ]
    fitted, factor = power_law(spectrum.frequencies, spectrum.median, SLOW_BAND)
    if np.isfinite(fitted):
        middle = float(np.sqrt(SLOW_BAND[0] * SLOW_BAND[1]))
        inside = (spectrum.frequencies >= SLOW_BAND[0]) & (spectrum.frequencies <= SLOW_BAND[1])
        x = spectrum.frequencies[inside]
        exponent = references.BOLD_EXPONENT.high
        lines.append(_law(exponent, x, factor / middle**fitted, at=middle))
    title = f"BOLD, {found.recording.run}"
    return Panel(title, "frequency (Hz)", f"power ({unit}/Hz)", tuple(lines))


def _law(exponent: float, x: Float[ndarray, " points"], level: float, *, at: float) -> Line:
    """Return a power law that has a given level at a given frequency."""
    return Line(f"{REFERENCE}exponent {exponent:g}", x, level * (at / x) ** exponent)


def _autocorrelation_panel(found: Measured) -> Panel:
    """Return the memory of voxels and of the global signal."""
    tr, values = found.recording.bold.volumes.tr, found.autocorrelations
    x = tr * np.arange(values.shape[1])
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75], axis=0)
    course = autocorrelations(found.brain.global_signal[np.newaxis], values.shape[1] - 1)[0]
    lines = (
        Line("median voxel", x, middle),
        Line("lower quartile", x, low),
        Line("upper quartile", x, high),
        Line("global signal", x, course),
        _upright("voxels, lag 1", tr, references.VOXEL_AUTOCORRELATION),
        _upright("global signal, lag 1", tr, references.GLOBAL_AUTOCORRELATION),
    )
    title = f"Autocorrelation of BOLD, {found.recording.run}"
    return Panel(title, "lag (s)", "correlation (r)", lines)


def _upright(name: str, x: float, reference: Reference) -> Line:
    """Return a range of values at one place."""
    return Line(f"{REFERENCE}{name}", np.full(2, x), np.array([reference.low, reference.high]))


def _displacement_panel(found: Measured) -> Panel | None:
    """Return framewise displacement over the run, where motion is known."""
    steps, tr = found.displacement, found.recording.bold.volumes.tr
    if steps is None:
        return None
    x = tr * (1.0 + np.arange(len(steps)))
    ends = x[[0, -1]]
    limit = references.DISPLACEMENT_LIMIT
    lines = [Line("this run", x, steps), Line("median of this run", ends, np.full(2, _mid(steps)))]
    for name, value in (
        ("least and largest median of 6 runs", references.DISPLACEMENT.low),
        ("", references.DISPLACEMENT.high),
        (f"limit of Power 2012, {limit:g} mm", limit),
    ):
        lines.append(Line(REFERENCE + name if name else "", ends, np.full(2, value)))
    title = f"Framewise displacement, {found.recording.run}"
    return Panel(title, "time (s)", "displacement (mm)", tuple(lines))


def _mid(values: Float[ndarray, " steps"]) -> float:
    """Return the median."""
    return float(np.median(values))


def _potential_panel(found: Measured) -> Panel | None:
    """Return the strength of the field after each condition, the rarest first."""
    if not found.potentials:
        return None
    rarest = found.potentials[-1]
    lines = [
        Line(f"{one.condition}, {one.n_trials} trials", one.times, 1e6 * field_power(one.average))
        for one in found.potentials[::-1]
    ]
    noise = 1e6 * field_power(rarest.alternating)
    lines.append(Line(f"noise of '{rarest.condition}'", rarest.times, noise))
    if found.rare:
        top = max(float(line.y.max()) for line in lines)
        lines += _borders("P300", references.P300_LATENCY, top)
    title = f"Event-related potentials, {found.recording.run}"
    return Panel(title, "time from the event (s)", "field, sd over channels (µV)", tuple(lines))


def _response_panel(found: Measured) -> Panel | None:
    """Return the mean response of the blocks that respond most, the rarest condition first."""
    responses = found.responses
    if responses is None:
        return None
    named = zip(responses.conditions[::-1], responses.values[::-1], strict=True)
    lines = [Line(name, responses.lags, values) for name, values in named]
    name = lines[0].label
    if len(lines) > 1:
        name = f"'{name}' beyond the others"
        lines.insert(0, Line(name, responses.lags, responses.beyond))
    ends, chance = responses.lags[[0, -1]], np.full(2, responses.chance)
    lines.append(Line(f"{REFERENCE}chance, {name}", ends, chance))
    top = max(float(line.y.max()) for line in lines)
    lines += _borders("latency", references.RESPONSE_LATENCY, top)
    unit = "%" if found.brain.has_baseline else "sd"
    title = f"BOLD responses, {found.recording.run}"
    return Panel(title, "time from the event (s)", f"change ({unit})", tuple(lines))


def _borders(name: str, reference: Reference, top: float) -> list[Line]:
    """Return two upright lines at the borders of a range of times."""
    heights = np.array([0.0, top])
    label = f"{REFERENCE}{name} {reference.low:g}-{reference.high:g} s"
    return [
        Line(label, np.full(2, reference.low), heights),
        Line("", np.full(2, reference.high), heights),
    ]


def _coupling_panel(found: Measured) -> Panel:
    """Return the strongest correlation of EEG and BOLD by lag, beside chance."""
    lines = _coupling_lines("EEG", found.coupling)
    if found.alpha_coupling is not None:
        lines += _coupling_lines("alpha power", found.alpha_coupling)
    title = f"EEG and BOLD by lag, {found.recording.run}"
    return Panel(title, "BOLD after EEG (s)", "strongest |r| over pairs", _first(lines, 0))


def _coupling_lines(name: str, coupling: Coupling) -> list[Line]:
    """Return size of the strongest correlation by lag, and what shifts give."""
    lines = [Line(f"{name}, |r|", coupling.lags, np.abs(coupling.r))]
    if np.isfinite(coupling.chance):
        ends = coupling.lags[[0, -1]]
        chance = np.full(2, coupling.chance)
        lines.append(Line(f"{REFERENCE}chance, {name}", ends, chance))
    return lines


def _first(lines: list[Line], number: int) -> tuple[Line, ...]:
    """Return lines with one of them first."""
    return (lines[number], *lines[:number], *lines[number + 1 :])


def _maps(found: Measured) -> tuple[ValueMap, ...]:
    """Return temporal SNR and autocorrelation, averaged over the voxels of each block."""
    run = found.recording.run
    memory = _block_means(found, found.autocorrelations[:, 1])
    second = ValueMap(f"Lag-1 autocorrelation of BOLD, {run}", "correlation (r)", memory)
    if not found.brain.has_baseline:
        return (second,)
    snr = _block_means(found, found.brain.temporal_snr)
    return ValueMap(f"Temporal SNR of BOLD, {run}", "mean over sd", snr), second


def _block_means(found: Measured, values: Float[ndarray, " voxels"]) -> Float[ndarray, " blocks"]:
    """Return the mean over the voxels of each block, NaN where a block has none."""
    block = found.blocks.labels[found.brain.inside]
    used = block >= 0
    n_blocks = found.blocks.n_blocks
    counts = np.bincount(block[used], minlength=n_blocks)
    sums = np.bincount(block[used], values[used], n_blocks)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _potential_topographies(found: Measured) -> tuple[Topography, ...]:
    """Return the potentials of all conditions when the rarest one's field is strongest."""
    if not found.potentials:
        return ()
    rarest = found.potentials[-1]
    shown = found.potentials[::-1]
    title = f"Potentials {1e3 * rarest.times[rarest.peak]:.0f} ms after the event"
    values = np.stack([one.average[:, rarest.peak] for one in shown])
    return (Topography(title, tuple(one.condition for one in shown), 1e6 * values),)


def _amplitudes(found: Measured) -> Topography | None:
    """Return the root mean square of each band that the sampling allows, in µV."""
    spectrum = found.eeg_spectrum
    bands = {name: b for name, b in _BANDS.items() if spectrum.frequencies[-1] >= b[1]}
    if not bands:
        return None
    values = np.stack([spectrum.amplitude(band) for band in bands.values()])
    return Topography(f"EEG by band, {found.recording.run}", tuple(bands), values)
