"""Faults of volume triggers, as they are met in real recordings."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int
from numpy import ndarray
from pydantic import Field

from neurotranscoder.core.settings import Settings

_DOUBLED_AFTER = (2e-4, 4e-3)  # seconds


class TriggerSettings(Settings):
    """Which faults volume triggers have."""

    missing: float = Field(default=0.0, ge=0, le=1)
    """Share of triggers that are lost."""
    doubled: float = Field(default=0.0, ge=0, le=1)
    """Share of the remaining triggers that come again, 0.2 to 4 ms later."""
    jitter: float = Field(default=0.0, ge=0, le=1)
    """Standard deviation of their times, in seconds."""
    extra: int = Field(default=0, ge=0)
    """Number of spurious triggers, anywhere in the run."""


def faulty_triggers(
    samples: Int[ndarray, " volumes"],
    settings: TriggerSettings,
    rng: np.random.Generator,
    *,
    sfreq: float,
    n_times: int,
) -> Int[ndarray, " triggers"]:
    """Return the samples of triggers as an amplifier with faults would note them.

    Each fault has a stream of chance of its own, so one can be switched off without changing
    the draws of another.

    Parameters
    ----------
    samples : array of int, shape (volumes,)
        Samples at which volumes start.
    settings : TriggerSettings
        Which faults.
    rng : Generator
        Source of chance.
    sfreq : float
        Sampling frequency of the EEG, in Hz.
    n_times : int
        Its number of samples; no trigger lies outside.

    Returns
    -------
    triggers : array of int, shape (triggers,)
        Ascending; two may share a sample.
    """
    of_missing, of_jitter, of_doubled, of_extra = rng.spawn(4)
    moved = settings.jitter * sfreq * of_jitter.standard_normal(len(samples))
    times = samples + np.rint(moved).astype(np.int64)
    n_lost = round(settings.missing * len(times))
    times = np.delete(times, of_missing.permutation(len(times))[:n_lost])
    again = of_doubled.permutation(len(times))[: round(settings.doubled * len(times))]
    later = np.rint(sfreq * of_doubled.uniform(*_DOUBLED_AFTER, len(again))).astype(np.int64)
    spurious = of_extra.integers(0, n_times, settings.extra)
    triggers = np.concatenate([times, times[again] + np.maximum(later, 1), spurious])
    return np.sort(np.clip(triggers, 0, n_times - 1))
