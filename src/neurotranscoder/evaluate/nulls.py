"""What a method scores when the pairing of EEG and BOLD is broken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
from jaxtyping import Complex, Float
from numpy import ndarray

from neurotranscoder.core.errors import GridError
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.scoring import HeldOut

Item = TypeVar("Item")
LEAST_SHIFT = 60.0
"""Seconds by which EEG is shifted at least, either way round: longer than any response."""


def rotated(items: Sequence[Item]) -> list[Item]:
    """Return the items moved on by one place: no item keeps its place when there are two."""
    return [*items[1:], *items[:1]]


def wrong_run_pairs(runs: Sequence[AlignedRun]) -> list[AlignedRun]:
    """Return runs in which each EEG stands beside the BOLD of the next run.

    Where lengths differ both are cut to the shorter one.
    """
    pairs = []
    for run, other in zip(runs, rotated(runs), strict=True):
        n_times = min(run.axis.n_times, other.axis.n_times)
        pairs.append(
            replace(
                run,
                eeg=run.eeg[:, :n_times],
                power=None if run.power is None else run.power[..., :n_times],
                bold=other.bold[:, :n_times],
                cells=other.cells,
                axis=replace(run.axis, n_times=n_times),
            )
        )
    return pairs


def wrong_run_truths(runs: Sequence[HeldOut]) -> list[HeldOut]:
    """Return held-out runs in which everything measured or true is that of the next run.

    Predictions made for a run are then scored against a run with another random design.
    """
    return rotated(runs)


def shifted_pairs(
    runs: Sequence[AlignedRun], rng: np.random.Generator, *, least: float = LEAST_SHIFT
) -> list[AlignedRun]:
    """Return runs whose EEG, with its power, is shifted in a circle against their BOLD.

    Parameters
    ----------
    runs : sequence of AlignedRun
        Runs in pairs.
    rng : Generator
        Draws one shift for each run, evenly between ``least`` and the duration less ``least``.
    least : float
        Smallest shift, in s.

    Raises
    ------
    GridError
        When a run is too short to be shifted that far.
    """
    return [_shifted(run, rng, least) for run in runs]


def _shifted(run: AlignedRun, rng: np.random.Generator, least: float) -> AlignedRun:
    """Return a run whose EEG is shifted."""
    first = int(np.ceil(least * run.axis.sfreq))
    last = run.axis.n_times - first
    if last < first:
        raise GridError(
            f"{run.run} lasts {run.axis.duration:.1f} s; to shift its EEG by {least:g} s "
            f"or more either way round it needs {2 * least:g} s; use longer runs, or leave "
            "null_shifted out"
        )
    shift = int(rng.integers(first, last + 1))
    power = None if run.power is None else np.roll(run.power, shift, axis=-1)
    return replace(run, eeg=np.roll(run.eeg, shift, axis=-1), power=power)


def phase_randomised(runs: Sequence[AlignedRun], rng: np.random.Generator) -> list[AlignedRun]:
    """Return runs whose EEG has random phases, the same in all channels.

    Means and cross-spectra of the channels stay (Prichard and Theiler 1994); what EEG and BOLD
    have in common is gone. The power of such an EEG in bands is not known.

    Parameters
    ----------
    runs : sequence of AlignedRun
        Runs in pairs.
    rng : Generator
        Draws a phase for each frequency of each run.
    """
    return [replace(run, eeg=with_random_phases(run.eeg, rng), power=None) for run in runs]


def with_random_phases(
    series: Float[ndarray, "rows times"], rng: np.random.Generator
) -> Float[ndarray, "rows times"]:
    """Return rows whose Fourier phases are moved by the same random angle in each row."""
    n_times = series.shape[1]
    spectrum = np.fft.rfft(series, axis=1)
    turns: Complex[ndarray, " frequencies"] = np.exp(2j * np.pi * rng.random(spectrum.shape[1]))
    turns[0] = 1.0
    if n_times % 2 == 0:
        turns[-1] = 1.0  # at half the rate a phase has to be 0 or pi
    return np.asarray(np.fft.irfft(spectrum * turns, n_times, axis=1))
