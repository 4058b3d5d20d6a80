"""The numbers in a report of a step of cleaning, by name: what a methods section quotes."""

from __future__ import annotations

from functools import singledispatch

import numpy as np

from neurotranscoder.preprocess.channels import BadChannels, ReferenceReport
from neurotranscoder.preprocess.eeg import FilterReport, ResampleReport
from neurotranscoder.preprocess.gradient_report import GradientReport
from neurotranscoder.preprocess.ocular import OcularReport
from neurotranscoder.preprocess.pulse_found import PulseReport

Numbers = dict[str, float | str]

_DIGITS = 6


@singledispatch
def numbers_of(_: object) -> Numbers:
    """Return the numbers of a report as JSON has them; none of one that is not known.

    Parameters
    ----------
    _ : object
        What a step returned beside the corrected copy. Signals are in uV, times in s, frequencies
        in Hz; where channels differ, the median one counts.
    """
    return {}


@numbers_of.register
def _gradient(report: GradientReport) -> Numbers:
    """Return the numbers of a gradient artefact that was removed."""
    return {
        "before_uv": _short(1e6 * np.median(report.rms_before)),
        "after_uv": _short(1e6 * np.median(report.rms_after)),
        "components": _short(np.median(report.n_components)),
        "volumes": len(report.starts),
        "slices": report.n_slices,
    }


@numbers_of.register
def _resampled(report: ResampleReport) -> Numbers:
    """Return the numbers of a recording that was resampled."""
    return {"from_hz": _short(report.sfreq_before), "to_hz": _short(report.sfreq)}


@numbers_of.register
def _pulse(report: PulseReport) -> Numbers:
    """Return the numbers of a pulse that was removed."""
    return {
        "beats": len(report.beats.times),
        "per_minute": _short(report.beats.per_minute),
        "found_in": report.beats.source,
        "components": report.n_components,
        "removed": _short(np.median(report.removed)),
    }


@numbers_of.register
def _bad(report: BadChannels) -> Numbers:
    """Return how many channels were replaced, and which."""
    return {"channels": len(report.names), "names": ", ".join(report.names)}


@numbers_of.register
def _ocular(report: OcularReport) -> Numbers:
    """Return the numbers of blinks and eye movements that were removed."""
    found: Numbers = {"removed": _short(np.median(report.removed))}
    for part in report.parts:
        name = part.kind.replace(" ", "_")
        found |= {
            f"{name}_per_minute": _short(part.per_minute),
            f"{name}_seen_in": ", ".join(part.seen_in),
            f"{name}_correlation_before": _short(part.correlation_before),
            f"{name}_correlation_after": _short(part.correlation_after),
        }
    return found


@numbers_of.register
def _filtered(report: FilterReport) -> Numbers:
    """Return what filters let through."""
    return {
        "half_power_hz": _short(report.passband.low_cut),
        "removed": _short(np.median(report.removed)),
    }


@numbers_of.register
def _referenced(report: ReferenceReport) -> Numbers:
    """Return the numbers of a reference."""
    return {"channels": report.n_channels}


def _short(value: float) -> float:
    """Return a number with few digits: records stay small, and equal on all machines."""
    return float(f"{value:.{_DIGITS}g}")
