"""The table of realism: each measure beside its reference."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.evaluate import realism_references as references
from neurotranscoder.evaluate.bold_measures import autocorrelations, slow_share
from neurotranscoder.evaluate.eeg_measures import (
    APERIODIC_BAND,
    alpha_peak,
    n_components,
)
from neurotranscoder.evaluate.potentials import field_power
from neurotranscoder.evaluate.realism import Measured
from neurotranscoder.evaluate.realism_references import NONE, Reference
from neurotranscoder.evaluate.spectra import exponents
from neurotranscoder.evaluate.table import RealismRow

SLOW_BAND = (0.01, 0.1)
_NAN = float("nan")


def realism_rows(found: Measured) -> tuple[RealismRow, ...]:
    """Return all measures of a recording with their references.

    Parameters
    ----------
    found : Measured
        From `measure`.
    """
    parts: tuple[Callable[[Measured], list[RealismRow]], ...] = (
        _bold_rows,
        _global_rows,
        _motion_rows,
        _eeg_rows,
        _potential_rows,
        _response_rows,
        _coupling_rows,
    )
    return tuple(row for part in parts for row in part(found))


def _row(measure: str, value: float | np.floating, unit: str, reference: Reference) -> RealismRow:
    """Return one row."""
    return RealismRow(
        measure,
        float(value),
        unit,
        reference.low,
        reference.high,
        reference.basis,
        reference.source,
    )


def _median(values: Float[ndarray, " rows"]) -> float:
    """Return the median of those that are known (a reference channel has no spectrum)."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else _NAN


def _bold_rows(found: Measured) -> list[RealismRow]:
    """Return noise, memory and spectrum of BOLD."""
    brain, volumes = found.brain, found.recording.bold.volumes
    known = brain.has_baseline
    snr = np.median(brain.temporal_snr) if known else _NAN
    change = np.median(brain.temporal_change) if known else _NAN
    share = np.median(slow_share(brain.data, 1 / volumes.tr))
    exponent = _median(exponents(found.block_spectrum, SLOW_BAND))
    memory = np.median(found.autocorrelations[:, 1])
    return [
        _row("temporal SNR, median voxel", snr, "1", references.TEMPORAL_SNR),
        _row("DVARS, median", change, "%", references.DVARS),
        _row("lag-1 autocorrelation, median voxel", memory, "1", references.VOXEL_AUTOCORRELATION),
        _row("variance up to 0.1 Hz, median voxel", 100 * share, "%", NONE),
        _row("BOLD exponent, 0.01-0.1 Hz", exponent, "1", references.BOLD_EXPONENT),
    ]


def _global_rows(found: Measured) -> list[RealismRow]:
    """Return size, memory and spectrum of the global signal."""
    course = found.brain.global_signal[np.newaxis]
    rate = 1 / found.recording.bold.volumes.tr
    size = course.std() if found.brain.has_baseline else _NAN
    memory, share = autocorrelations(course, 1)[0, 1], slow_share(course, rate)[0]
    return [
        _row("global signal, sd", size, "%", references.GLOBAL_SD),
        _row(
            "global signal, lag-1 autocorrelation", memory, "1", references.GLOBAL_AUTOCORRELATION
        ),
        _row(
            "global signal, variance up to 0.1 Hz", 100 * share, "%", references.GLOBAL_SLOW_SHARE
        ),
    ]


def _motion_rows(found: Measured) -> list[RealismRow]:
    """Return framewise displacement, without a value where motion is not known."""
    steps = np.array([_NAN]) if found.displacement is None else found.displacement
    limit = references.DISPLACEMENT_LIMIT
    large = 100 * np.mean(np.where(np.isnan(steps), _NAN, steps > limit))
    return [
        _row(
            "framewise displacement, median",
            float(np.median(steps)),
            "mm",
            references.DISPLACEMENT,
        ),
        _row(
            f"framewise displacement above {limit:g} mm", large, "%", references.DISPLACEMENT_SHARE
        ),
    ]


def _eeg_rows(found: Measured) -> list[RealismRow]:
    """Return size, spectrum and dimension of the EEG."""
    data, spectrum = found.recording.eeg.data, found.eeg_spectrum
    centred = data - data.mean(axis=1, keepdims=True)
    rms = 1e6 * np.sqrt(np.mean(centred**2))
    low, high = APERIODIC_BAND
    exponent = _median(exponents(spectrum, APERIODIC_BAND))
    return [
        _row("EEG, root mean square", rms, "µV", references.EEG_RMS),
        _row(f"EEG exponent, {low:g}-{high:g} Hz", exponent, "1", references.EEG_EXPONENT),
        _row("alpha peak", alpha_peak(spectrum), "Hz", references.ALPHA_PEAK),
        _row("EEG components for 90 % of variance", n_components(data), "1", NONE),
    ]


def _potential_rows(found: Measured) -> list[RealismRow]:
    """Return size, latency and single-trial ratio of the rarest condition's potential."""
    if not found.potentials:
        return []
    one = found.potentials[-1]
    size = 1e6 * field_power(one.average)[one.peak]
    latency = references.P300_LATENCY if found.rare else NONE
    name = f"potential to '{one.condition}'"
    return [
        _row(f"{name}, peak of the field", size, "µV", NONE),
        _row(f"{name}, latency", one.times[one.peak], "s", latency),
        _row(f"{name}, single-trial SNR", one.trial_snr_db, "dB", NONE),
    ]


def _response_rows(found: Measured) -> list[RealismRow]:
    """Return size and latency of the rarest condition's BOLD response."""
    if found.responses is None:
        return []
    lag, size = found.responses.peak
    *others, rarest = found.responses.conditions
    name = f"BOLD response to '{rarest}'" + (" beyond the others" if others else "")
    unit = "%" if found.brain.has_baseline else "sd"
    return [
        _row(f"{name}, peak", size, unit, references.response_beyond(found.responses.chance)),
        _row(f"{name}, latency", lag, "s", references.RESPONSE_LATENCY),
    ]


def _coupling_rows(found: Measured) -> list[RealismRow]:
    """Return strength and lag of both kinds of coupling."""
    eeg, alpha = found.coupling, found.alpha_coupling
    rows = [
        _row(
            "EEG and BOLD, strongest |r|",
            abs(eeg.strongest),
            "1",
            references.beyond_chance(eeg.chance),
        ),
        _row("EEG and BOLD, lag", eeg.lag, "s", references.RESPONSE_LATENCY),
    ]
    if alpha is None:
        return rows
    return [
        *rows,
        _row(
            "alpha power and BOLD, strongest r",
            alpha.strongest,
            "1",
            references.negative_alpha(alpha.chance),
        ),
        _row("alpha power and BOLD, lag", alpha.lag, "s", references.ALPHA_LAG),
    ]
